"""One utterance's audio, how its characters lie in it, and how much of it was heard."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from parley.audio.formats import AudioFormat

# Where a voice gives no alignment: how fast voices speak, only until the utterance's real length is known.
_CHARS_PER_S = 14.0


class Utterance:
    """Audio arrives in pieces and is kept until it was heard, so that speech can resume where it stopped.

    `sent` and `heard` are byte positions in `audio`. `number` 0 is sound that is no speech (pressed keys).
    """

    __slots__ = (
        "_audio_format",
        "_char_ends",
        "_sounding",
        "audio",
        "heard",
        "is_done",
        "is_held_back",
        "number",
        "said",
        "sent",
        "was_finished",
    )

    def __init__(self, number: int, audio_format: AudioFormat) -> None:
        self.number = number
        self.audio = bytearray()
        self.sent = 0
        self.heard = 0
        self.said = 0
        self.is_done = False
        self.is_held_back = False
        self.was_finished = False
        self._sounding = 0  # characters said up to the last that has a sound: no voice owes audio for a space
        self._char_ends = array("q")
        self._audio_format = audio_format

    @property
    def is_over(self) -> bool:
        """Every byte there will ever be was heard."""
        return self.is_done and self.heard >= len(self.audio)

    @property
    def owes_audio(self) -> bool:
        """The voice was given text whose audio has not arrived."""
        if self.is_done:
            return False
        return self.was_finished or not self._char_ends or len(self._char_ends) < self._sounding

    def say(self, text: str) -> None:
        """More text was given to the voice."""
        solid = text.rstrip()
        if solid:
            self._sounding = self.said + len(solid)
        self.said += len(text)

    def add(self, audio: bytes, chars: str, char_end_ms: tuple[float, ...]) -> None:
        """Append a piece; its characters end at these milliseconds after its first sample."""
        start = len(self.audio)
        self.audio += audio
        bytes_per_ms = self._audio_format.bytes_per_second / 1000.0
        self._char_ends.extend(start + int(end * bytes_per_ms) for end in char_end_ms[: len(chars)])

    def chars_heard(self) -> int:
        """How many characters of the text the heard audio covers, never more than were said."""
        if self.is_over:
            return self.said
        if self._char_ends:
            return min(bisect_right(self._char_ends, self.heard), self.said)
        if self.is_done:
            return self.said * self.heard // max(len(self.audio), 1)
        return min(int(self._audio_format.duration_ms(self.heard) / 1000.0 * _CHARS_PER_S), self.said)

    def rewind(self) -> None:
        """Play again from where the caller stopped hearing."""
        self.sent = self.heard
