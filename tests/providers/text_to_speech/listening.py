"""A voice under test with its ear: collects what a voice emits and says which words its audio carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import WatermarkReader
from parley.conversation.facts import PartFailed, PartLost, PartRestored
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed, Voice, VoiceFact


class Ear:
    """What came out of a voice."""

    def __init__(self) -> None:
        self.facts: list[VoiceFact] = []
        self._more = asyncio.Event()

    def emit(self, fact: VoiceFact) -> None:
        self.facts.append(fact)
        self._more.set()

    async def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                self._more.clear()
                await self._more.wait()

    async def done(self, utterance: int, within_s: float = 60.0) -> None:
        await self.until(lambda: UtteranceDone(utterance) in self.facts, within_s)

    def pieces(self, utterance: int) -> list[SpokenAudio]:
        return [fact for fact in self.facts if isinstance(fact, SpokenAudio) and fact.utterance == utterance]

    def audio(self, utterance: int) -> bytes:
        return b"".join(piece.audio for piece in self.pieces(utterance))

    def words(self, utterance: int) -> list[str]:
        return WatermarkReader().feed(self.audio(utterance))

    def text(self, utterance: int) -> str:
        """The characters told with the audio."""
        return "".join(piece.chars for piece in self.pieces(utterance))

    def char_ends_ms(self, utterance: int) -> list[float]:
        """When each told character has ended, from the utterance's first sample."""
        ends, before = [], 0
        for piece in self.pieces(utterance):
            ends += [MULAW_8K.duration_ms(before) + end for end in piece.char_end_ms]
            before += len(piece.audio)
        return ends

    @property
    def failures(self) -> list[UtteranceFailed]:
        return [fact for fact in self.facts if isinstance(fact, UtteranceFailed)]

    @property
    def parts(self) -> list[PartLost | PartRestored | PartFailed]:
        return [fact for fact in self.facts if isinstance(fact, PartLost | PartRestored | PartFailed)]


@asynccontextmanager
async def running(voice: Voice) -> AsyncIterator[Voice]:
    """The voice as a child of a task group, closed at the end; `run` must then return by itself."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(voice.run())
        try:
            yield voice
        finally:
            voice.close()
            async with asyncio.timeout(60):
                await task


async def eventually(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait until something outside of the voice is so."""
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.005)
