"""Words as they are compared."""

from __future__ import annotations

import re

# Signs that belong to the letter before them and are no letters themselves: vowels of Hindi, tones of Thai.
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0d83\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_WORD = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}])*(?:['’-](?:[^\W_]|[{_MARKS}])+)*", re.UNICODE)
_WITHOUT_SPACES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0xABFF), (0xF900, 0xFFEF))


def words_of(text: str) -> list[str]:
    """The words of a text, lower-cased, without punctuation."""
    return _WORD.findall(text.lower().replace("’", "'"))


def word_set(words: str) -> frozenset[str]:
    """The words of a list that is written with spaces."""
    return frozenset(words.split())


def may_part(before: str, after: str) -> bool:
    """Whether a text may be cut between two characters: at white space, or where a script has none between words."""
    return any(
        char.isspace() or any(first <= ord(char) <= last for first, last in _WITHOUT_SPACES) for char in before + after
    )
