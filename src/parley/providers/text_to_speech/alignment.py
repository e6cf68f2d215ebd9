"""Which of an utterance's own characters a piece of audio speaks.

The conversation counts characters of the text it gave. A provider tells times for characters of the text as it saw it:
trimmed, sometimes with numbers spelled out, sometimes repeating what an earlier message had told. This module maps the
second onto the first. Whatever the provider says, three things hold: the characters told over all pieces are the
given text, in order, each exactly once; never more than was given; and times never run backwards within a piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_CHARS_PER_S = 15.0  # ordinary speech; used only where a provider gives no alignment at all
_SUFFIXES = (12, 8, 5, 3)
_SKIP = 32
_END_OF_PHRASE = frozenset(".!?,;:…)]}\"'”’»—。！？、，；：؟۔।")
_FIRST_CJK = 0x2E80  # From here on scripts are mostly written without spaces between words.


class Aligned(NamedTuple):
    """`chars` continue the given text; char i has ended `end_ms[i]` after the first sample of its audio."""

    chars: str
    end_ms: tuple[float, ...]


_NOTHING = Aligned("", ())


class SpokenText:
    """The text of one utterance as it was given, and how far it was handed on and spoken.

    White space belongs to the word before it (white space at the beginning to the first word), so that a text is
    told completely as soon as its last word is.
    """

    def __init__(self) -> None:
        self.given = ""
        self.told = 0  # characters of `given` that went out with audio
        self._sent = 0  # characters of `given` that were handed to the provider
        self._solid = ""  # `given` in small letters without white space, in which the provider's text is searched
        self._places: list[int] = []  # where each character of `_solid` stands in `given`
        self._cursor = 0  # in `_solid`: what the provider's next alignment is expected to begin with

    def add(self, text: str) -> None:
        start = len(self.given)
        self.given += text
        for index, char in enumerate(text, start):
            if not char.isspace():
                self._solid += _small(char)
                self._places.append(index)

    def take(self, *, everything: bool) -> str:
        """The next words to hand to the provider, trimmed; "" if there is none yet.

        A word that may still go on is kept back, because a provider ends every piece it is given with a space;
        `everything` says that no more text will come.
        """
        rest = self.given[self._sent :]
        words = rest if everything or _ends_phrase(rest) else rest[: len(rest) - len(rest.split()[-1])]
        self._sent += len(words)
        return words.strip()

    @property
    def is_wholly_sent(self) -> bool:
        return not self.given[self._sent :].strip()

    @property
    def is_wholly_told(self) -> bool:
        return self.told >= len(self.given.rstrip())

    def restart(self, unaligned_ms: float = 0.0, *, lacks_end: bool = False) -> None:
        """The provider has lost everything: begin again with the first word whose audio was not complete.

        `unaligned_ms` is how much audio went out without any alignment; then the place is estimated. With `lacks_end`
        the last character that was told did not come to its end.
        """
        place = self.told or int(unaligned_ms / 1000.0 * _CHARS_PER_S)
        before = self.given[: min(place, len(self.given))]
        at_word_end = place >= len(self.given) or self.given[place].isspace()
        if lacks_end and before.strip():
            self._sent = len(before.rstrip()) - len(before.split()[-1])
        elif not before or before[-1].isspace() or (self.told and at_word_end):
            self._sent = len(before)
        else:
            self._sent = len(before) - len(before.split()[-1])
        self._cursor = sum(1 for index in self._places if index < self._sent)

    def align(self, chars: Sequence[str], end_ms: Sequence[float]) -> Aligned:
        """What the provider's `chars`, each ended at `end_ms`, newly say of the given text."""
        solid, ends = [], []
        for text, end in zip(chars, end_ms, strict=False):
            for char in text:
                if not char.isspace():
                    solid.append(_small(char))
                    ends.append(end)
        if not solid:
            return _NOTHING
        first, last = self._locate("".join(solid))
        self._cursor = max(self._cursor, last)
        return self._tell(first, last, ends)

    def rest(self) -> str:
        """What no alignment told of; it counts as told after this."""
        rest = self.given[self.told :]
        self.told = len(self.given)
        return rest

    def _locate(self, solid: str) -> tuple[int, int]:
        """The stretch of `_solid` that the provider's text stands for."""
        cursor, length = self._cursor, len(solid)
        if self._solid.startswith(solid, cursor):
            return cursor, cursor + length
        found = self._solid.find(solid, max(0, cursor - length), cursor + length + _SKIP)
        if found >= 0:  # told again, or something was left out
            return min(found, cursor), found + length
        for size in _SUFFIXES:  # spelled differently: find the place again by how the piece ends
            if size < length:
                found = self._solid.find(solid[-size:], cursor, cursor + 3 * length)
                if found >= 0:
                    return cursor, found + size
        return cursor, min(cursor + length, len(self._solid))

    def _tell(self, first: int, last: int, ends: list[float]) -> Aligned:
        until = self._places[last] if last < len(self._places) else len(self.given)
        if until <= self.told or last <= first:
            return _NOTHING
        chars = self.given[self.told : until]
        times: list[float] = []
        time, solid_index = 0.0, first
        while solid_index < last and self._places[solid_index] < self.told:
            solid_index += 1
        for index in range(self.told, until):
            if solid_index < last and self._places[solid_index] == index:
                share = (solid_index - first + 1) * len(ends) // (last - first)
                time = max(time, ends[max(0, share - 1)])
                solid_index += 1
            times.append(time)
        self.told = until
        return Aligned(chars, tuple(times))


def _small(char: str) -> str:
    small = char.lower()
    return small if len(small) == 1 else char


def _ends_phrase(text: str) -> bool:
    """Whether `text` surely ends with a whole word."""
    if not text or text[-1].isspace() or ord(text[-1]) >= _FIRST_CJK:
        return True
    in_number = text[-1] in ".,:" and len(text) > 1 and text[-2].isdigit()
    return text[-1] in _END_OF_PHRASE and not in_number
