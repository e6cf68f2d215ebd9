"""One address in front of several replicas: each request goes where `choose` says, by its path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Balancer:
    """Use as an async context manager. `seen` holds (path, replica) of every request so far.

    A connection carries one request, or a websocket to its end: what follows may go elsewhere.
    """

    def __init__(self, choose: Callable[[str], str]) -> None:
        self.choose = choose
        self.seen: list[tuple[str, str]] = []
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, _, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            path = first.split()[1].decode()
            replica = self.choose(path)
            self.seen.append((path, replica))
            address = urlsplit(replica)
            answer, ask = await asyncio.open_connection(address.hostname, address.port)
            if b"upgrade: websocket" not in rest.lower():
                rest = b"Connection: close\r\n" + b"\r\n".join(
                    line for line in rest.split(b"\r\n") if not line.lower().startswith(b"connection:")
                )
            ask.write(first + b"\r\n" + rest)
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(_pipe(reader, ask))
                await _pipe(answer, writer)
                sending.cancel()
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the end of the stream; a broken connection ends it too."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        return
    finally:
        writer.close()
