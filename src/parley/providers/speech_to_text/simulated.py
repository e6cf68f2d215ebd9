"""A recogniser without a model, a key or a network: it hears the words that simulated callers mark in their audio.

Shipped for the demo and for tests, ours and users' own. It is exact: lost audio is lost words, and a turn ends when the
pause is in the audio, however fast that arrives. A real voice says nothing to it, unless it is given `lines` to hear
instead of speech without marks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from parley.audio.formats import AudioFormat
from parley.audio.word_listener import PauseReached, SoundBegan, WordListener, WordSaid
from parley.conversation.facts import VoiceStarted, WordsHeard
from parley.domain.agents import ListenChoice
from parley.domain.secrets import Secret
from parley.providers.protocols import HearingFact


class SimulatedSpeechToText:
    """Makes hearings that end a turn after `endpointing_ms` of silence.

    `lines` are what each hearing takes unmarked speech for, one line a pause.
    """

    def __init__(self, endpointing_ms: float = 300.0, lines: Sequence[str] = ()) -> None:
        self._endpointing_ms = endpointing_ms
        self._lines = tuple(lines)

    def listen(
        self, choice: ListenChoice, audio: AudioFormat, key: Secret, emit: Callable[[HearingFact], None]
    ) -> SimulatedHearing:
        """`choice` and `key` are not looked at."""
        listener = WordListener(audio, pause_ms=self._endpointing_ms, gap_ms=None, lines=self._lines)
        return SimulatedHearing(listener, emit)


class SimulatedHearing:
    """One call's simulated recogniser. It emits from within `hear`."""

    def __init__(self, listener: WordListener, emit: Callable[[HearingFact], None]) -> None:
        self._listener = listener
        self._emit = emit
        self._words: list[str] = []
        self._closed = asyncio.Event()
        self._heard = self._settled = 0

    @property
    def settled(self) -> int:
        return self._settled

    @property
    def answered_at(self) -> float:
        """Always now: there is nobody who could fall silent."""
        return asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Wait for `close`; there is nothing to connect."""
        await self._closed.wait()

    def hear(self, audio: bytes) -> None:
        if self._closed.is_set():
            return
        self._heard += len(audio)
        for event in self._listener.feed(audio):
            match event:
                case SoundBegan(at_ms):
                    ago_ms = self._listener.heard_ms - at_ms
                    self._emit(VoiceStarted(round(ago_ms / 1000.0, 3)))
                case WordSaid():
                    self._words.append(event.word)
                    self._emit(WordsHeard(" ".join(self._words)))
                case PauseReached():
                    self._settled = self._heard
                    if self._words:
                        self._emit(WordsHeard(" ".join(self._words), is_final=True, ends_turn=True))
                        self._words.clear()

    def close(self) -> None:
        self._closed.set()
