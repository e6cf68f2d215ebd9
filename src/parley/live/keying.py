"""Keys on their way to the phone as tones: never together with speech, and never cut in half.

A phone that is told to drop its audio may drop half a tone, and nobody knows whether the far end counted it. So tones
have the phone to themselves: they leave when it has nothing else to play, nothing follows before they were heard, and
until then it is told to drop nothing. Keys are not speech, so whoever makes the agent fall silent does not stop them.
"""

from __future__ import annotations

from collections import deque

from parley.audio.dtmf import dtmf_keys
from parley.audio.formats import AudioFormat
from parley.live.utterance import Utterance

# Between speech and the first tone: a receiver that has just heard a voice is slower to believe in a key.
_LEAD_MS = 100.0
# So much of a tone counts as a key (ITU-T Q.24), and pressing it again would count twice.
_COUNTED_MS = 40.0
# Strings of keys that wait, each as long as one reply may want; whoever wants more has not listened to any of them.
_MOST_WAITING = 8


class Keying:
    """Holds what is to be pressed, in order. `sounding` is at the phone and not wholly heard."""

    __slots__ = ("_format", "_waiting", "sounding")

    def __init__(self, audio_format: AudioFormat) -> None:
        self.sounding: _Press | None = None
        self._format = audio_format
        self._waiting: deque[_Press] = deque()

    @property
    def is_busy(self) -> bool:
        return self.sounding is not None or bool(self._waiting)

    def add(self, digits: str, behind: Utterance | None) -> None:
        """Press these keys behind what `behind`, which can be heard already, was given to say so far; None: at once.

        Where too many wait already, these are not pressed.
        """
        if len(self._waiting) >= _MOST_WAITING:
            return
        self._waiting.append(_Press(digits, behind, self._format))

    def limit(self, utterance: Utterance) -> int | None:
        """How far of this utterance may be sent before keys are to be pressed, in bytes; None: as far as there is."""
        return self._waiting[0].place_in(utterance) if self._waiting else None

    def next(self, open_ones: deque[Utterance]) -> _Press | None:
        """What is to be pressed as soon as the phone has nothing else to play; None while speech comes before it."""
        if self.sounding is None and self._waiting and self._waiting[0].is_due(open_ones):
            return self._waiting[0]
        return None

    def begin(self) -> _Press:
        """The next one leaves for the phone."""
        self.sounding = self._waiting.popleft()
        return self.sounding

    def settle(self) -> None:
        """Forget what was heard."""
        if self.sounding is not None and self.sounding.tones.is_over:
            self.sounding = None

    def take_back(self) -> None:
        """The phone is gone with what it had not played: press that again, each key from its beginning."""
        if self.sounding is not None:
            self.sounding.start_again()
            self._waiting.appendleft(self.sounding)
            self.sounding = None


class _Press:
    """One string of keys as sound. `tones` is an utterance without a number."""

    __slots__ = ("_behind", "_chars", "_ends", "_format", "tones")

    def __init__(self, digits: str, behind: Utterance | None, audio_format: AudioFormat) -> None:
        self.tones = Utterance(0, audio_format)
        self._format = audio_format
        self._behind = behind
        self._chars = 0 if behind is None else len(behind.text.rstrip())
        self._ends: list[int] = []
        for key in (audio_format.silence_byte * audio_format.bytes_in(_LEAD_MS), *dtmf_keys(digits, audio_format)):
            self.tones.add(key, "", ())
            self._ends.append(len(self.tones.audio))
        self.tones.is_done = self.tones.was_finished = True

    def place_in(self, utterance: Utterance) -> int | None:
        return utterance.end_of(self._chars) if utterance is self._behind else None

    def is_due(self, open_ones: deque[Utterance]) -> bool:
        """Whether all that comes before the keys was heard, or will not be said any more."""
        behind = self._behind
        if behind is None or behind not in open_ones:
            return True
        end = behind.end_of(self._chars)
        return end is not None and behind.heard >= end

    def pieces(self) -> list[bytes]:
        """What is left to be sent, key by key."""
        sent = self.tones.sent
        starts = [0, *self._ends[:-1]]
        audio = self.tones.audio
        return [bytes(audio[start:end]) for start, end in zip(starts, self._ends, strict=True) if start >= sent]

    def start_again(self) -> None:
        """From the first key that cannot have counted."""
        counted = self._format.bytes_in(_COUNTED_MS)
        starts = [0, *self._ends[:-1]]
        begun = [start for start in starts if start > 0 and self.tones.heard >= start + counted]
        place = starts.index(begun[-1]) + 1 if begun else 0
        self.tones.sent = self.tones.heard = starts[place] if place < len(starts) else len(self.tones.audio)
