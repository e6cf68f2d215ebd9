"""What a recogniser would make of audio whose words are marked (`audio.watermark`): words, pauses and gaps, in order.

Everything is measured in audio, never by a clock, so that audio sent late, early or all at once gives the same events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from parley.audio.formats import AudioFormat
from parley.audio.g711 import pcm16_to_mulaw
from parley.audio.voice_activity import VoiceActivity
from parley.audio.watermark import MarkedWord, WatermarkReader

_STEP_MS = 20
_SCRIPTED_WORD_MS = 10.0


class SoundBegan(NamedTuple):
    """The speaker began to sound; times are milliseconds of audio since the listener was made."""

    at_ms: float


class WordSaid(NamedTuple):
    word: str
    start_ms: float
    end_ms: float


class PauseReached(NamedTuple):
    """After something was said it has been quiet for `pause_ms`. Told once a pause, `at_ms` into the audio."""

    at_ms: float


class GapReached(NamedTuple):
    """No word has ended for `gap_ms` since the one that ended at `last_word_ms`, and it is quiet. Told once a gap."""

    at_ms: float
    last_word_ms: float


ListenerEvent = SoundBegan | WordSaid | PauseReached | GapReached


class WordListener:
    """Listens to one speaker, in pieces of any size.

    Marks are read from 8 kHz mu-law and 16-bit samples; other formats cannot carry them. Sound in which no mark was
    found is taken for the next of `lines`, until there is none left: so an unmarked recording stands for known words.
    `pause_ms` or `gap_ms` None means never to tell of one.
    """

    def __init__(
        self,
        audio: AudioFormat,
        *,
        pause_ms: float | None = 300.0,
        gap_ms: float | None = 1000.0,
        lines: Iterable[str] = (),
    ) -> None:
        self._audio = audio
        self._pause_ms = pause_ms
        self._gap_ms = gap_ms
        self._lines = iter(lines)
        self._activity = VoiceActivity(audio)
        self._marks = WatermarkReader()
        self._heard_ms = 0.0
        self._quiet_since_ms = 0.0
        self._unpaused: bool | None = None  # words (True) or only sound (False) since the last pause; None is neither
        self._last_word_ms: float | None = None  # None once its gap was told

    def feed(self, audio: bytes) -> list[ListenerEvent]:
        return [event for piece in self.steps(audio) for event in self._step(piece)]

    def steps(self, audio: bytes) -> list[bytes]:
        """The audio in the pieces of 20 ms in which it is listened to."""
        size = self._audio.bytes_in(_STEP_MS)
        return [audio] if len(audio) <= size else [audio[at : at + size] for at in range(0, len(audio), size)]

    @property
    def heard_ms(self) -> float:
        """How much audio was given."""
        return self._heard_ms

    def _step(self, audio: bytes) -> Iterator[ListenerEvent]:
        self._heard_ms += self._audio.duration_ms(len(audio))
        for change in self._activity.feed(audio):
            if change.step == "began":
                self._unpaused = self._unpaused or False
                yield SoundBegan(self._heard_ms - change.ago_ms)
        if self._activity.is_sounding:
            self._quiet_since_ms = self._heard_ms
        for mark in self._marks.read(self._marked(audio)):
            yield self._said(mark)
        yield from self._quiet()

    def _marked(self, audio: bytes) -> bytes:
        if self._audio.sample_rate_hz != 8000 or self._audio.encoding == "alaw":
            return b""
        return audio if self._audio.encoding == "mulaw" else pcm16_to_mulaw(audio[: len(audio) & ~1])

    def _said(self, mark: MarkedWord) -> WordSaid:
        said = WordSaid(mark.word, mark.start / 8, mark.end / 8)
        self._unpaused, self._last_word_ms = True, said.end_ms
        return said

    def _quiet(self) -> Iterator[ListenerEvent]:
        quiet_ms = self._heard_ms - self._quiet_since_ms
        if self._pause_ms is not None and self._unpaused is not None and quiet_ms >= self._pause_ms:
            if not self._unpaused:
                yield from self._scripted()
            self._unpaused = None
            yield PauseReached(self._heard_ms)
        if self._gap_ms is not None and self._last_word_ms is not None and quiet_ms >= self._gap_ms:
            yield GapReached(self._heard_ms, self._last_word_ms)
            self._last_word_ms = None

    def _scripted(self) -> Iterator[ListenerEvent]:
        words = next(self._lines, "").split()
        for index, word in enumerate(words, start=1 - len(words)):
            end_ms = self._quiet_since_ms + index * _SCRIPTED_WORD_MS
            self._last_word_ms = end_ms
            yield WordSaid(word, end_ms - _SCRIPTED_WORD_MS, end_ms)
