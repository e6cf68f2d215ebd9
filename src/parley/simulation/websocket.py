"""A websocket client without a task: the sans-I/O protocol of `websockets` on a bare asyncio transport.

A benchmark runs eighty phones in one process, four thousand frames a second; a task and a queue per phone would be most
of its work. Sending never waits: a server that does not read makes the transport's buffer grow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from parley.providers.tls import socket_trust

MAX_MESSAGE_BYTES: Final = 1_048_576


class PhoneSocket(asyncio.Protocol):
    """One open socket. `on_text` gets each text message, `on_closed` is called once, however the socket ended.

    `opened` is done when the handshake is, with a ConnectionError if it failed; `open` waits for it.
    """

    def __init__(self, url: str, on_text: Callable[[bytes], None], on_closed: Callable[[], None]) -> None:
        self._protocol = ClientProtocol(parse_uri(url), max_size=MAX_MESSAGE_BYTES)
        self._on_text = on_text
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parts: list[bytes] = []

    @classmethod
    async def open(
        cls, url: str, on_text: Callable[[bytes], None], on_closed: Callable[[], None], timeout_s: float = 5.0
    ) -> PhoneSocket:
        """Connect and shake hands. Raises OSError when the server cannot be reached or declines."""
        uri = parse_uri(url)
        tls = socket_trust() if uri.secure else None
        try:
            async with asyncio.timeout(timeout_s):
                _, socket = await asyncio.get_running_loop().create_connection(
                    lambda: cls(url, on_text, on_closed), uri.host, uri.port, ssl=tls
                )
                await socket.opened
        except TimeoutError:
            raise ConnectionError("The media server did not answer the websocket handshake in time.") from None
        return socket

    @property
    def is_open(self) -> bool:
        """Whether what is sent may arrive. Where a connection broke, the protocol still believes that it is open."""
        return self._protocol.state is State.OPEN and self._transport is not None

    def send(self, text: str) -> None:
        """Send one text message; nothing happens on a socket that is not open."""
        if self.is_open:
            self._protocol.send_text(text.encode())
            self._flush()

    def close(self, code: int = 1000) -> None:
        """Begin the closing handshake; the server has a second to finish it."""
        if self.is_open:
            self._protocol.send_close(code)
            self._flush()
            asyncio.get_running_loop().call_later(1.0, self.cut)

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Stop reading, as a peer does that hangs."""
        if self._transport is not None:
            self._transport.pause_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._flush()
        self._deliver()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._flush()
        self._deliver()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("The media server closed the websocket before it was open."))
            return
        self._on_closed()

    def _flush(self) -> None:
        if self._transport is None:
            return
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()

    def _deliver(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take(event)

    def _shake_hands(self, response: Response) -> None:
        if self._protocol.handshake_exc is None:
            self.opened.set_result(None)
        else:
            message = f"The media server declined the websocket with HTTP {response.status_code}."
            self.opened.set_exception(ConnectionError(message))
            self.cut()

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                message = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
                self._parts = []
                self._on_text(message)
