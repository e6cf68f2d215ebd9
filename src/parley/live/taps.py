"""Listening in on a phone's leg, in both directions: a tape hears everything the session and the phone tell each other.

What is passed on is passed on unchanged. The order matters: a tape hears the caller's frame, and a mark, before the
session acts on it, so that whatever it does next (say, silencing the agent) lies behind it on the tape too.
"""

from __future__ import annotations

from collections.abc import Callable

from parley.audio.formats import AudioFormat
from parley.audio.tape import StereoTape
from parley.providers.protocols import LegEvents, MediaLeg


class LegTap:
    """A `MediaLeg`: what the session sends to the phone. `is_current` says whether this leg is still recorded."""

    __slots__ = ("_is_current", "_leg", "_now", "_tape")

    def __init__(
        self, leg: MediaLeg, tape: StereoTape, now: Callable[[], float], is_current: Callable[[MediaLeg], bool]
    ) -> None:
        self._leg = leg
        self._tape = tape
        self._now = now
        self._is_current = is_current

    @property
    def audio_format(self) -> AudioFormat:
        return self._leg.audio_format

    def play(self, audio: bytes) -> None:
        if self._is_current(self):
            self._tape.play(audio, self._now())
        self._leg.play(audio)

    def flush(self) -> None:
        if self._is_current(self):
            self._tape.flush(self._now())
        self._leg.flush()

    def close(self) -> None:
        self._leg.close()


class SideTap:
    """The `LegEvents` of one leg: what comes from the phone."""

    __slots__ = ("_is_current", "_leg", "_now", "_side", "_tape")

    def __init__(
        self,
        leg: MediaLeg,
        side: LegEvents,
        tape: StereoTape,
        now: Callable[[], float],
        is_current: Callable[[MediaLeg], bool],
    ) -> None:
        self._leg = leg
        self._side = side
        self._tape = tape
        self._now = now
        self._is_current = is_current

    def on_audio(self, audio: bytes) -> None:
        if self._is_current(self._leg):
            self._tape.hear(audio, self._now())
        self._side.on_audio(audio)

    def on_played(self, position: int) -> None:
        if self._is_current(self._leg):
            self._tape.played(position, self._now())
        self._side.on_played(position)

    def on_key(self, digit: str) -> None:
        self._side.on_key(digit)

    def on_closed(self, reason: str) -> None:
        self._side.on_closed(reason)
