"""A SIP server on loopback that answers OPTIONS over UDP and TCP, or TLS, on one port, and misbehaves on demand.

Written from RFC 3261 and not from the probe that is tested with it: it reads requests by itself, and answers only what
is one. `requests` holds the text of each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext
from types import TracebackType
from typing import Literal, Self

Lie = Literal["", "another_call", "garbage", "provisional_only", "twice"]


@dataclass
class Behaviour:
    """Switches; may be changed while the emulator runs. `drops` says of each request, counted from 1, whether it is."""

    status: int = 200
    reason: str = "OK"
    delay_s: float = 0.0
    drops: Callable[[int], bool] = lambda _: False
    lie: Lie = ""


class SipEmulator:
    """Use as an async context manager. With `tls` it speaks that on its TCP port and nothing on UDP."""

    def __init__(self, tls: SSLContext | None = None, *, speaks_udp: bool = True) -> None:
        self.behaviour = Behaviour()
        self.requests: list[str] = []
        self._tls = tls
        self._speaks_udp = speaks_udp and tls is None
        self._tasks = asyncio.TaskGroup()
        self._server: asyncio.Server | None = None
        self._datagrams: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        assert self._server is not None, "enter the emulator first"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        while not await self._listens():
            assert self._server is not None
            self._server.close()
        return self

    async def _listens(self) -> bool:
        """On a port that is free for both; False where UDP's was taken."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        if self._speaks_udp:
            loop, here = asyncio.get_running_loop(), ("127.0.0.1", self.port)
            try:
                self._datagrams, _ = await loop.create_datagram_endpoint(lambda: _Door(self), local_addr=here)
            except OSError:
                return False
        return True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        if self._datagrams is not None:
            self._datagrams.close()
        await self._tasks.__aexit__(kind, error, trace)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.take(await reader.readuntil(b"\r\n\r\n"), writer.write)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    def take(self, data: bytes, answer: Callable[[bytes], None]) -> None:
        """A request came."""
        text = data.decode()
        self.requests.append(text)
        if not self.behaviour.drops(len(self.requests)):
            self._tasks.create_task(self._answer(text, answer))

    async def _answer(self, request: str, answer: Callable[[bytes], None]) -> None:
        if self.behaviour.delay_s:
            await asyncio.sleep(self.behaviour.delay_s)
        if self.behaviour.lie == "garbage":
            answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        if self.behaviour.lie == "provisional_only":
            answer(self._response(request, 100, "Trying"))
            return
        if self.behaviour.lie == "another_call":
            request = request.replace("Call-ID: ", "Call-ID: somebody-elses-")
        for _ in range(2 if self.behaviour.lie == "twice" else 1):
            answer(self._response(request, self.behaviour.status, self.behaviour.reason))

    def _response(self, request: str, status: int, reason: str) -> bytes:
        first, *lines = request.split("\r\n\r\n")[0].split("\r\n")
        assert first.startswith("OPTIONS sip") and first.endswith(" SIP/2.0"), first
        headers = dict(line.split(": ", 1) for line in lines)
        for required in ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Length"):
            assert required in headers, f"a request without {required} (RFC 3261, 8.1.1)"
        kept = [f"{name}: {headers[name]}" for name in ("Via", "From", "Call-ID", "CSeq")]
        told = [f"SIP/2.0 {status} {reason}", *kept, f"To: {headers['To']};tag=emu", "Server: Emulator/1", "l: 0"]
        return ("\r\n".join(told) + "\r\n\r\n").encode()


class _Door(asyncio.DatagramProtocol):
    def __init__(self, server: SipEmulator) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports do not derive from asyncio's

    def datagram_received(self, data: bytes, addr: object) -> None:
        transport = self._transport
        assert transport is not None
        self._server.take(data, lambda answer: transport.sendto(answer, addr))  # type: ignore[arg-type]  # as it came
