"""A supervisor's end of the live view: a websocket, and the words that can be heard on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from parley.audio.g711 import mulaw_to_pcm16, pcm16_to_mulaw
from parley.audio.watermark import WatermarkReader, speak
from tests.journeys.world import API_KEY, Json

KEY = {"authorization": f"Bearer {API_KEY}"}
_FRAME_BYTES = 800  # 50 ms of 16-bit samples at 8 kHz


@dataclass
class Supervisor:
    """Collects what comes, and may be asked about it at any time."""

    socket: ClientConnection
    events: list[Json] = field(default_factory=list)
    acks: dict[str, Json] = field(default_factory=dict)
    sound: bytearray = field(default_factory=bytearray)
    close_code: int | None = None

    async def follow(self) -> None:
        async for message in self.socket:
            if isinstance(message, bytes):
                self.sound += message
                continue
            event = json.loads(message)
            if event["event"] == "ack":
                self.acks[event["id"]] = event
            else:
                self.events.append(event)
        self.close_code = self.socket.close_code

    async def ask(self, do: str, **fields: object) -> Json:
        """Send a command and return its acknowledgement."""
        name = f"{do}-{len(self.acks)}"
        await self.socket.send(json.dumps({"id": name, "do": do, **fields}))
        await until(lambda: name in self.acks)
        return self.acks[name]

    async def speak(self, text: str) -> None:
        """Say it, in real time."""
        voice = mulaw_to_pcm16(speak(text))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(-(-len(voice) // _FRAME_BYTES)):
            await asyncio.sleep(began + number * 0.05 - loop.time())  # by the clock: a late frame delays no other
            await self.socket.send(voice[number * _FRAME_BYTES : (number + 1) * _FRAME_BYTES])

    def named(self, name: str) -> list[Json]:
        return [event["data"] for event in self.events if event["event"] == name]

    def words(self) -> str:
        """The caller's settled words; a machine too busy to speak evenly may have settled a sentence in two parts."""
        return " ".join(told["text"] for told in self.named("words") if told.get("isFinal", told.get("is_final")))

    def said(self, speaker: str) -> str:
        """The finished rows of one speaker."""
        return " ".join(turn["transcript"] for turn in self.named("turn") if turn["speaker"] == speaker)

    def states(self) -> list[str]:
        return [told["state"] for told in self.named("state")]

    def heard(self, side: int) -> list[str]:
        """The words on one channel: 0 the caller, 1 our side."""
        samples = np.frombuffer(bytes(self.sound), dtype="<i2").reshape(-1, 2)[:, side]
        return WatermarkReader().feed(pcm16_to_mulaw(samples.tobytes()))


@asynccontextmanager
async def supervising(url: str, path: str, headers: dict[str, str] | None = None) -> AsyncIterator[Supervisor]:
    """Watch over a websocket until the block ends or the server closes it."""
    address = f"ws{url.removeprefix('http')}{path}"
    async with connect(address, additional_headers=KEY if headers is None else headers, proxy=None) as socket:
        supervisor = Supervisor(socket)
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(supervisor.follow())
            await until(lambda: supervisor.events)
            yield supervisor
            await socket.close()
            await following


async def until(holds: Callable[[], object], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.01)
