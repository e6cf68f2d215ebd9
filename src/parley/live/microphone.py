"""A human's voice in a call: played to the caller in the agent's place, and heard by a recogniser of its own.

The human's words become rows of the transcript, so that the agent knows them when it goes on. They are not the agent's:
what was said here is known from what was recognised, not from what was meant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from parley.audio.conversion import Converter
from parley.audio.formats import AudioFormat
from parley.conversation.facts import AnyFact, HumanHeard, PartFailed, WordsHeard
from parley.live.speaker import Speaker
from parley.providers.protocols import Hearing, HearingFact
from parley.services.audience import SPOKEN_FORMAT

log = structlog.get_logger()

# After the microphone was closed its last words are waited for.
_LAST_WORDS_S = 2.0
# Somebody who presses to talk sends nothing in between; a recogniser settles words only when it hears silence.
_QUIET_AFTER_S = 0.3
# A voice that begins is held back so long: the phone plays what it has, and frames do not come evenly.
_CUSHION_MS = 120.0
_SETTLING_MS = 1000.0

Listen = Callable[[Callable[[HearingFact], None]], Hearing]


class Microphone:
    """One for a call, closed until somebody takes the call over. `listen` opens a recogniser for the human.

    `by` is who may be heard, empty while nobody is. Recognisers run in `tasks`, the session's own.
    """

    def __init__(
        self,
        audio_format: AudioFormat,
        speaker: Speaker,
        listen: Listen,
        tasks: asyncio.TaskGroup,
        emit: Callable[[AnyFact], None],
        on_change: Callable[[bool], None],
        clock: Callable[[], float],
    ) -> None:
        self.by = ""
        self._format = audio_format
        self._speaker = speaker
        self._listen = listen
        self._tasks = tasks
        self._emit = emit
        self._on_change = on_change
        self._clock = clock
        self._ear: _Ear | None = None
        self._timer: asyncio.TimerHandle | None = None  # until silence is heard, or the last words were waited for

    def open(self, by: str) -> None:
        self.end()
        self.by = by
        self._ear = ear = _Ear(self._format, self._listen, self._emit)
        self._tasks.create_task(ear.hearing.run())
        self._on_change(True)

    def close(self) -> None:
        """Nobody is heard any more; the last words may still be recognised."""
        self.by = ""
        self._on_change(False)
        if self._ear is not None:
            self._fall_silent()
            self._in(_LAST_WORDS_S, self.end)

    def end(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ear is not None:
            ear, self._ear = self._ear, None
            ear.close()

    def hear(self, by: str, audio: bytes) -> None:
        """The human speaks (`SPOKEN_FORMAT`). Whoever has not taken the call over is not heard."""
        if not self.by or by != self.by or self._ear is None:
            return
        now = self._clock()
        self._ear.held += self._ear.convert(audio)
        is_cushion = len(self._ear.held) >= self._format.bytes_in(_CUSHION_MS)
        if is_cushion or not self._speaker.has_played_all(now):
            self._play(self._ear, now)
        self._in(_QUIET_AFTER_S, self._fall_silent)

    def _play(self, ear: _Ear, now: float) -> None:
        frame = bytes(ear.held)
        ear.held.clear()
        if frame and self._speaker.relay(frame, now):
            ear.hearing.hear(frame)

    def _fall_silent(self) -> None:
        if self._ear is not None:
            self._play(self._ear, self._clock())
            self._ear.settle()

    def _in(self, delay_s: float, act: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, act)


class _Ear:
    """A recogniser that hears one human. `held` is what the caller is to hear soon."""

    def __init__(self, audio_format: AudioFormat, listen: Listen, emit: Callable[[AnyFact], None]) -> None:
        self._format = audio_format
        self._converter = Converter(SPOKEN_FORMAT, audio_format)
        self._emit = emit
        self._unsettled = ""
        self.held = bytearray()
        self.hearing = listen(self._on_hearing)

    def convert(self, audio: bytes) -> bytes:
        return self._converter.feed(audio)

    def settle(self) -> None:
        self.hearing.hear(self._format.silence_byte * self._format.bytes_in(_SETTLING_MS))

    def close(self) -> None:
        """Words that were never settled are taken as they are."""
        self.hearing.close()
        if self._unsettled:
            self._emit(HumanHeard(self._unsettled))
            self._unsettled = ""

    def _on_hearing(self, fact: HearingFact) -> None:
        if isinstance(fact, WordsHeard):
            text = fact.text.strip()
            self._unsettled = "" if fact.is_final else text
            if fact.is_final and text:
                self._emit(HumanHeard(text))
        elif isinstance(fact, PartFailed):  # the caller still hears the human; only the transcript misses the words
            log.warning("human_not_recognised", reason=fact.reason)
