"""A socket in memory: what a leg reads and writes, without a network."""

from __future__ import annotations

import asyncio


class MemorySocket:
    """A `TextSocket` whose other end is the test. `stalled` makes sending hang, as a full network does."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[str | None] = asyncio.Queue()
        self.sent: list[str] = []
        self.closed_with: int | None = None
        self.room = asyncio.Event()
        self.room.set()

    async def receive(self) -> str | None:
        return await self.incoming.get()

    async def send(self, text: str) -> None:
        await self.room.wait()
        self.sent.append(text)

    async def close(self, code: int = 1000) -> None:
        self.closed_with = code


class Ear:
    """Records what a leg reports."""

    def __init__(self) -> None:
        self.audio: list[bytes] = []
        self.positions: list[int] = []
        self.keys: list[str] = []
        self.closed: list[str] = []

    def on_audio(self, audio: bytes) -> None:
        self.audio.append(audio)

    def on_played(self, position: int) -> None:
        self.positions.append(position)

    def on_key(self, digit: str) -> None:
        self.keys.append(digit)

    def on_closed(self, reason: str) -> None:
        self.closed.append(reason)
