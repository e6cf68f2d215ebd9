"""Recognisers, voices and models that do what a test says, one behind another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

from parley.audio.formats import MULAW_8K
from parley.conversation.facts import Part, PartReplaced
from parley.providers.failover.breaker import Breakers
from parley.providers.failover.hearing import SparedHearing
from parley.providers.failover.succession import Succession
from parley.providers.failover.voice import SparedVoice
from parley.providers.protocols import HearingFact, VoiceFact

NAMES = ("first", "second", "third")
Told = list[HearingFact | VoiceFact | PartReplaced]


def now() -> float:
    return asyncio.get_running_loop().time()


def succession(part: Part, count: int, breakers: Breakers | None = None) -> Succession:
    return Succession(part, NAMES[:count], breakers or Breakers(), now())


class Ear:
    """A recogniser's stream: what it was given, and `emit` for what it says."""

    def __init__(self, emit: Callable[[HearingFact], None]) -> None:
        self.emit = emit
        self.audio = b""
        self.settled = 0
        self.answered_at = float("-inf")
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    async def run(self) -> None:
        await self._closed.wait()

    def hear(self, audio: bytes) -> None:
        self.audio += audio

    def close(self) -> None:
        self._closed.set()

    def answer(self) -> None:
        """Show a sign of life, without words."""
        self.answered_at = now()


class Ears:
    """A hearing over recognisers of the test's; `streams` are those that were opened, with their providers' numbers."""

    def __init__(self, count: int, breakers: Breakers | None = None) -> None:
        self.streams: list[tuple[int, Ear]] = []
        self.told: Told = []
        listens = [partial(self._listen, index) for index in range(count)]
        line = succession("speech_to_text", count, breakers)
        self.hearing = SparedHearing(listens, line, MULAW_8K, self.told.append)

    def _listen(self, index: int, emit: Callable[[HearingFact], None]) -> Ear:
        ear = Ear(emit)
        self.streams.append((index, ear))
        return ear

    def __getitem__(self, at: int) -> Ear:
        return self.streams[at][1]

    def hear(self, seconds: float) -> None:
        """The caller's audio, in which every second is different."""
        for second in range(round(seconds)):
            self.hearing.hear(bytes([len(self[0].audio) // 8000 % 250 + second % 1]) * 8000)


class Mouth:
    """A voice: what it was asked to say, and `emit` for what it says."""

    def __init__(self, emit: Callable[[VoiceFact], None]) -> None:
        self.emit = emit
        self.text: dict[int, str] = {}
        self.finished: set[int] = set()
        self.cancelled: list[int] = []
        self.retried: list[int] = []
        self._closed = asyncio.Event()

    async def run(self) -> None:
        await self._closed.wait()

    def say(self, utterance: int, text: str) -> None:
        self.text[utterance] = self.text.get(utterance, "") + text

    def finish(self, utterance: int) -> None:
        self.finished.add(utterance)

    def cancel(self, utterance: int) -> None:
        self.cancelled.append(utterance)

    def retry(self, utterance: int) -> None:
        self.retried.append(utterance)

    def close(self) -> None:
        self._closed.set()


class Mouths:
    """A voice over voices of the test's."""

    def __init__(self, count: int, breakers: Breakers | None = None) -> None:
        self.opened: dict[int, Mouth] = {}
        self.told: Told = []
        speaks = [partial(self._speak, index) for index in range(count)]
        self.voice = SparedVoice(speaks, succession("text_to_speech", count, breakers), MULAW_8K, self.told.append)

    def _speak(self, index: int, emit: Callable[[VoiceFact], None]) -> Mouth:
        self.opened[index] = Mouth(emit)
        return self.opened[index]

    def __getitem__(self, index: int) -> Mouth:
        return self.opened[index]


@asynccontextmanager
async def running(*parts: SparedHearing | SparedVoice) -> AsyncIterator[None]:
    """Run them, and close them at the end."""
    async with asyncio.TaskGroup() as tasks:
        for part in parts:
            tasks.create_task(part.run())
        await asyncio.sleep(0)
        yield
        for part in parts:
            part.close()


def kinds(told: Sequence[object]) -> list[str]:
    return [type(fact).__name__ for fact in told]
