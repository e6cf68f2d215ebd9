"""From the times of words to the times of their characters, and to words that a test can hear in the audio."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from parley.audio.formats import MULAW_8K, AudioFormat
from parley.audio.watermark import MAX_WORD_BYTES, embed, mark_length

_WORD = re.compile(r"\S+")
_LONGEST_MS, _LONGEST_MS_A_CHAR = 150.0, 110.0


class TimedWord(NamedTuple):
    """A word of a text: its place there, and when its sound begins and ends in the audio."""

    word: str
    place: int
    start_ms: float
    end_ms: float


def timed_words(text: str, starts: Sequence[tuple[int, float]], duration_ms: float) -> list[TimedWord]:
    """The words of `text`, given `(place in text, start ms)` of some of them in order.

    A word ends where the next one begins, unless it would have to be drawled for that: then there is a pause between.
    One that has no time of its own (a dash, say) takes no time.
    """
    words: list[TimedWord] = []
    next_start = duration_ms
    for match in reversed(list(_WORD.finditer(text))):
        begins = [ms for place, ms in starts if match.start() <= place < match.end()]
        start = min(begins[0], next_start) if begins else next_start
        longest = _LONGEST_MS + _LONGEST_MS_A_CHAR * len(match.group())
        words.append(TimedWord(match.group(), match.start(), start, min(next_start, start + longest)))
        next_start = start
    return words[::-1]


def char_ends_ms(text: str, words: Iterable[TimedWord]) -> tuple[float, ...]:
    """When each character of `text` has ended; inside a word they share its time evenly."""
    ends: list[float] = []
    time = 0.0
    for word in words:
        ends += [time] * (word.place - len(ends))
        step = (word.end_ms - word.start_ms) / len(word.word)
        ends += [word.start_ms + step * (index + 1) for index in range(len(word.word))]
        time = word.end_ms
    return (*ends, *[time] * (len(text) - len(ends)))


def mark_words(audio: bytes, audio_format: AudioFormat, words: Iterable[TimedWord]) -> bytes:
    """The same audio with each word marked where it ends, as far as there is room; only mu-law carries marks."""
    if audio_format != MULAW_8K:
        return audio
    marks: list[tuple[str, int]] = []
    free_from = 0
    for word in words:
        if word.end_ms <= word.start_ms or len(word.word.encode()) > MAX_WORD_BYTES:
            continue
        length = mark_length(word.word)
        end = min(MULAW_8K.bytes_in(word.end_ms), len(audio))
        if end - length >= free_from:
            marks.append((word.word, end - length))
            free_from = end
    return embed(audio, marks)
