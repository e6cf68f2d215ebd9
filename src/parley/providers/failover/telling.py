"""One utterance on its way through several voices: which of its characters were told with audio. No I/O, no clock."""

from __future__ import annotations

from parley.audio.formats import AudioFormat
from parley.providers.protocols import SpokenAudio

# Where a voice tells no characters: as fast as most speak, rather a little too slow, so that no word is left out.
_CHARS_PER_S = 13.0


class Attempt:
    """One voice's: it was given the text from `begin` on, and has told `told` characters of that."""

    __slots__ = ("begin", "has_spoken", "index", "told", "unaligned_ms")

    def __init__(self, index: int, begin: int) -> None:
        self.index = index
        self.begin = begin
        self.told = 0
        self.unaligned_ms = 0.0
        self.has_spoken = False


class Telling:
    """`given` is the whole text so far; `tried` are the voices that were asked, ever."""

    __slots__ = ("_format", "_told", "attempts", "given", "is_finished", "number", "tried")

    def __init__(self, number: int, audio_format: AudioFormat) -> None:
        self.number = number
        self.given = ""
        self.is_finished = False
        self.attempts: list[Attempt] = []
        self.tried: set[int] = set()
        self._told = 0
        self._format = audio_format

    def attempt_of(self, index: int) -> Attempt | None:
        return next((one for one in self.attempts if one.index == index), None)

    def begin(self, index: int) -> SpokenAudio | None:
        """Let this voice say the rest too, from the first word whose audio did not all come.

        Where the one before told no characters with its audio, how far it came is estimated, and what is returned tells
        of that first.
        """
        estimated = None
        places = (one.begin + int(one.unaligned_ms / 1000.0 * _CHARS_PER_S) for one in self.attempts)
        place = min(max(places, default=0), len(self.given))
        if place > self._told:
            place = _word_start(self.given, place)
        if place > self._told:
            chars = self.given[self._told : place]
            self._told = place
            estimated = SpokenAudio(self.number, b"", chars, (0.0,) * len(chars))
        self.tried.add(index)
        self.attempts.append(Attempt(index, _word_start(self.given, self._told)))
        return estimated

    def rest_for(self, attempt: Attempt) -> str:
        """What this voice has to say of the text so far."""
        return self.given[attempt.begin :]

    def spoken(self, attempt: Attempt, spoken: SpokenAudio) -> SpokenAudio:
        """The same audio, with those of its characters that nobody has told of yet."""
        attempt.has_spoken = attempt.has_spoken or bool(spoken.audio)
        if not spoken.chars:
            if not attempt.told:
                attempt.unaligned_ms += self._format.duration_ms(len(spoken.audio))
            return spoken
        known = max(0, self._told - attempt.begin - attempt.told)
        attempt.told += len(spoken.chars)
        self._told = max(self._told, attempt.begin + attempt.told)
        return SpokenAudio(self.number, spoken.audio, spoken.chars[known:], spoken.char_end_ms[known:])


def _word_start(text: str, place: int) -> int:
    """Where the word begins that is not whole before `place`; `place` itself where none is broken there."""
    if place >= len(text) or text[place].isspace() or place == 0 or text[place - 1].isspace():
        return place
    return place - len(text[:place].split()[-1])
