"""A small, cheap HTTP/1.1 server on loopback for emulators: it shows each answer's bytes and breaks on purpose.

What an answer is made of: pieces of the body, pauses between them in seconds, and how it ends. A web framework would
hide all three, and costs more than the program under test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ssl import SSLContext
from types import TracebackType
from typing import Literal, Self, cast

Ending = Literal["complete", "cut", "hang"]

_REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 410: "Gone"}


@dataclass(frozen=True)
class Request:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True)
class Answer:
    """Status and headers after `delay_s`, then the pieces (bytes) and pauses (seconds), then the ending.

    `complete` ends the body properly, `cut` drops the connection, `hang` sends nothing more until the client leaves.
    With `sends_head` off nothing at all is sent before the ending.
    """

    pieces: Sequence[bytes | float] = ()
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    ending: Ending = "complete"
    sends_head: bool = True


Handler = Callable[[Request], Awaitable[Answer]]


class HttpServer:
    """Serves until left. `abandoned` counts the answers the client walked away from before they were complete."""

    def __init__(self, handler: Handler, tls: SSLContext | None = None) -> None:
        self.handler = handler
        self.connections = 0
        self.abandoned = 0
        self.open: set[_Connection] = set()
        self.left = asyncio.Event()
        self._tls = tls
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None, "enter the emulator first"
        port = self._server.sockets[0].getsockname()[1]
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, ssl=self._tls, backlog=512)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self.open):
            connection.abort()

    async def drop_all(self) -> None:
        """Close every connection, as a server does that restarts."""
        for connection in list(self.open):
            connection.abort()
        await self.left.wait()


class _Connection(asyncio.Protocol):
    """One client: its requests are answered one after the other, each by a task that ends when the client leaves."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._number = 0
        self._is_malformed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not derive from it
        self._server.open.add(self)
        self._server.left.clear()
        self._server.connections += 1
        self._number = self._server.connections

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self)
        if not self._server.open:
            self._server.left.set()
        if self._answering is not None:
            self._server.abandoned += 1
            self._answering.cancel()

    def abort(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None
        if self._transport is not None:
            self._transport.abort()

    def _next(self) -> None:
        if self._answering is None and (request := self._take()) is not None:
            self._answering = asyncio.get_running_loop().create_task(self._answer(request))

    def _take(self) -> Request | None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        # As strict as the strictest receivers: a header that comes twice is refused before anybody sees the request.
        self._is_malformed = len(headers) < len(lines)
        total = end + 4 + int(headers.get("content-length", "0"))
        if len(self._received) < total:
            return None
        body = bytes(self._received[end + 4 : total])
        del self._received[:total]
        return Request(method, path, headers, body, self._number)

    async def _answer(self, request: Request) -> None:
        transport = self._transport
        assert transport is not None
        answer = Answer(status=400) if self._is_malformed else await self._server.handler(request)
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        whole = answer.ending == "complete" and all(isinstance(piece, bytes) for piece in answer.pieces)
        if answer.sends_head:
            transport.write(
                _head(answer, sum(len(p) for p in answer.pieces if isinstance(p, bytes)) if whole else None)
            )
        for piece in answer.pieces if request.method != "HEAD" else ():
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            elif piece:
                transport.write(piece if whole else b"%x\r\n%b\r\n" % (len(piece), piece))
        if answer.ending == "hang":
            await asyncio.get_running_loop().create_future()
        self._answering = None
        if answer.ending == "cut":
            transport.close()
            return
        if not whole:
            transport.write(b"0\r\n\r\n")
        self._next()


def _head(answer: Answer, length: int | None) -> bytes:
    headers = {"content-type": answer.content_type} if answer.content_type else {}
    headers |= answer.headers
    headers |= {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}\r\n{lines}\r\n".encode("latin-1")
