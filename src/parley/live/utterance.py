"""One utterance's audio, how its text lies in it, and how much of it was heard."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from parley.audio.formats import AudioFormat
from parley.audio.quiet_spot import quiet_spot
from parley.conversation.words import may_part

# Where a voice gives no alignment: how fast voices speak, only until the utterance's real length is known.
_CHARS_PER_S = 14.0
# No line is so long; a voice that says otherwise, or says no number at all, is not believed.
_LONGEST_MS = 3_600_000.0
# The slowest voice takes less than this; one that goes on for longer does not know where to end.
_MOST_MS, _MOST_MS_A_CHAR = 30_000.0, 1000.0


class Utterance:
    """Audio arrives in pieces and is kept until it was heard, so that speech can resume where it stopped.

    `text` is what the voice was given to say, `sent` and `heard` are byte positions in `audio`. `number` 0 is sound
    that is no speech (pressed keys).
    """

    __slots__ = (
        "_audio_format",
        "_char_ends",
        "audio",
        "heard",
        "is_done",
        "is_held_back",
        "number",
        "sent",
        "text",
        "was_finished",
    )

    def __init__(self, number: int, audio_format: AudioFormat) -> None:
        self.number = number
        self.text = ""
        self.audio = bytearray()
        self.sent = 0
        self.heard = 0
        self.is_done = False
        self.is_held_back = False
        self.was_finished = False
        self._char_ends = array("q")
        self._audio_format = audio_format

    @property
    def is_over(self) -> bool:
        """Every byte there will ever be was heard."""
        return self.is_done and self.heard >= len(self.audio)

    @property
    def owes_audio(self) -> bool:
        """The voice was given text whose audio has not arrived; none owes any for a space at the end."""
        if self.is_done:
            return False
        return self.was_finished or not self._char_ends or len(self._char_ends) < len(self.text.rstrip())

    @property
    def is_endless(self) -> bool:
        """There is far more audio than its text can take."""
        return self._audio_format.duration_ms(len(self.audio)) > _MOST_MS + len(self.text) * _MOST_MS_A_CHAR

    def say(self, text: str) -> None:
        """More text was given to the voice."""
        self.text += text

    def add(self, audio: bytes, chars: str, char_end_ms: tuple[float, ...]) -> None:
        """Append a piece; its characters end at these milliseconds after its first sample, or in a later piece."""
        start = last = len(self.audio)
        self.audio += audio
        bytes_per_ms = self._audio_format.bytes_per_second / 1000.0
        for end_ms in char_end_ms[: len(chars)]:  # what is no number counts as 0, what goes back as where it was
            last = max(last, start + int(min(max(0.0, end_ms), _LONGEST_MS) * bytes_per_ms))
            self._char_ends.append(last)

    def chars_heard(self) -> int:
        """How many characters of the text the heard audio covers, never more than were said."""
        if self.is_over:
            return len(self.text)
        if self._char_ends:
            return min(bisect_right(self._char_ends, self.heard), len(self.text))
        if self.is_done:
            return len(self.text) * self.heard // max(len(self.audio), 1)
        return min(int(self._audio_format.duration_ms(self.heard) / 1000.0 * _CHARS_PER_S), len(self.text))

    def end_of(self, chars: int) -> int | None:
        """Where in the audio the first `chars` characters end; None while that is not known, or not there yet.

        Never beyond the audio: a voice may tell of the end before it has sent it. Without alignment it is wherever the
        audio pauses because all there is was heard.
        """
        if chars <= len(self._char_ends):
            end = self._char_ends[chars - 1] if chars else 0
            if end <= len(self.audio):
                return end
        if self.is_done:
            return len(self.audio)
        return len(self.audio) if not self._char_ends and 0 < len(self.audio) <= self.heard else None

    def heard_for_s(self) -> float:
        """How much of it was heard."""
        return self._audio_format.duration_ms(self.heard) / 1000.0

    def rewind(self) -> None:
        """Play again from the word the caller stopped hearing in: nobody understands the second half of a word."""
        self.sent = self.heard
        if self.number and 0 < self.heard < len(self.audio):
            self.sent = (
                self._word_start() if self._char_ends else quiet_spot(self.audio, self.heard, self._audio_format)
            )

    def _word_start(self) -> int:
        """Where the sound of the word at `heard` begins."""
        place = self.chars_heard()
        while place > 0 and (place >= len(self.text) or not may_part(self.text[place - 1], self.text[place])):
            place -= 1
        return min(self._char_ends[place - 1], self.heard) if place else 0
