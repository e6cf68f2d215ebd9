"""What Express puts on the wire for `res.write(line)` twice and `res.end()`, byte for byte, without Node.

Recorded from Node 20's http module: the head leaves together with the first line, in one segment; each write is a chunk
of its own; the last line and the end of the body leave together; the connection stays open.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

from tests.journeys.handlers import FILLER, Event, answer_to

_LINES = "Content-Type: application/x-ndjson"
_OK = 'Content-Type: text/html; charset=utf-8\r\nContent-Length: 2\r\nETag: W/"2-nOO9QiTIwXgNtWtBJezz8kv3SLc"'


class ExpressWire:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_thinking = False
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with request after request."""
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
                length = next(int(line.split(":")[1]) for line in head if line.startswith("content-length"))
                await self._answer(json.loads(await reader.readexactly(length)), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left
        finally:
            self._writers.discard(writer)
            writer.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _answer(self, event: Event, writer: asyncio.StreamWriter) -> None:
        self.events.append(event)
        if event.get("channel") != "voice":
            writer.write(_head(_OK) + b"OK")
            return
        writer.write(_head(_LINES, chunked=True) + _chunk({"text": FILLER, "interim": True}))
        while self.is_thinking:
            await asyncio.sleep(0.01)
        writer.write(_chunk({"text": answer_to(event)}) + b"0\r\n\r\n")


def _head(own: str, *, chunked: bool = False) -> bytes:
    last = "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
    last += "Transfer-Encoding: chunked\r\n" if chunked else ""
    date = formatdate(usegmt=True)
    return f"HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\n{own}\r\nDate: {date}\r\n{last}\r\n".encode("latin-1")


def _chunk(line: dict[str, Any]) -> bytes:
    data = (json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n").encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def express_wire() -> AsyncIterator[ExpressWire]:
    handler = ExpressWire()
    server = await asyncio.start_server(handler.serve, "127.0.0.1", 0)
    handler.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhook"
    try:
        yield handler
    finally:
        server.close()
        handler.close()
