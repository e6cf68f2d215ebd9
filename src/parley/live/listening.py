"""Letting supervisors hear a call: both sides as both hear them, some tenths of a second later.

What is heard is put together as a recording is (`audio.tape`), from the moment somebody listens. Until then all it
costs a call is one question a frame.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from parley.audio.conversion import Converter
from parley.audio.formats import AudioFormat
from parley.audio.tape import StereoTape
from parley.live.speaker import Speaker
from parley.providers.protocols import MediaLeg
from parley.services.audience import LISTENED_FORMAT

# Frames of the caller are the clock: one piece is told for every 100 ms of them.
_FRAMES_A_PIECE = 5


class Listening:
    """Opened and closed while the call goes on. `clock` is the session's own; pieces go to `tell`."""

    def __init__(
        self, audio_format: AudioFormat, speaker: Speaker, clock: Callable[[], float], tell: Callable[[bytes], None]
    ) -> None:
        self.is_open = False
        self._format = audio_format
        self._speaker = speaker
        self._clock = clock
        self._tell = tell
        self._frames = 0
        self._began = 0.0
        self._base = 0  # how much the phone had been sent and had played when the tape began, or since a flush
        self._begin()

    def _begin(self) -> None:
        self._tape = StereoTape(self._format)
        self._sides = [Converter(self._format, LISTENED_FORMAT) for _ in range(2)]

    def set_open(self, is_open: bool) -> None:
        """Begin with what the phone was sent and has not played: a sentence that is being said is heard at once."""
        if is_open == self.is_open:
            return
        self.is_open = is_open
        self._begin()
        if is_open:
            self._began = self._clock()
            self._tape.join(0.0)
            pending, self._base = self._speaker.at_phone()
            self._tape.play(pending, 0.0)

    def through(self, leg: MediaLeg) -> MediaLeg:
        """The same phone; what it is sent is listened to while it is the call's phone."""
        if self.is_open:
            self._tape.join(self._now())
        self._base = 0
        return _OverheardLeg(leg, self)

    def hear(self, frame: bytes) -> None:
        """The caller's audio, while this is open."""
        self._tape.hear(frame, self._now())
        self._frames += 1
        if self._frames % _FRAMES_A_PIECE == 0:
            stretch = self._tape.take(self._now())
            if stretch.caller:
                both = zip(self._sides, stretch, strict=True)
                sides = [np.frombuffer(side.feed(track), dtype="<i2") for side, track in both]
                self._tell(np.column_stack(sides).tobytes())

    def played(self, position: int) -> None:
        if position > self._base:
            self._tape.played(position - self._base, self._now())

    def play(self, audio: bytes) -> None:
        self._tape.play(audio, self._now())

    def flush(self) -> None:
        self._base = 0
        self._tape.flush(self._now())

    def _now(self) -> float:
        return self._clock() - self._began


class _OverheardLeg:
    """A `MediaLeg` that is listened to now and then."""

    __slots__ = ("_leg", "_listening")

    def __init__(self, leg: MediaLeg, listening: Listening) -> None:
        self._leg = leg
        self._listening = listening

    @property
    def audio_format(self) -> AudioFormat:
        return self._leg.audio_format

    def play(self, audio: bytes) -> None:
        if self._listening.is_open:
            self._listening.play(audio)
        self._leg.play(audio)

    def flush(self) -> None:
        if self._listening.is_open:
            self._listening.flush()
        self._leg.flush()

    def close(self) -> None:
        self._leg.close()
