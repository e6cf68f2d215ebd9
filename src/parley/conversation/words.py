"""Words as they are compared and counted."""

from __future__ import annotations

import re
import unicodedata

# Signs that belong to the letter before them and are no letters themselves: vowels of Hindi, tones of Thai.
_MARKS = (
    "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963"
    "\u0981-\u0d83\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u200d"
)
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
_WORD = re.compile(rf"[^\W_]{_LETTER}*(?:['-]{_LETTER}+)*")
# Scripts without spaces between words, as a character class of a regular expression.
WITHOUT_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\uabff\uf900-\uffef"
_HAS_NO_SPACES = re.compile(f"[{WITHOUT_SPACES}]")
_CHARS_PER_WORD = 2


def words_of(text: str) -> list[str]:
    """The words of a text, lower-cased, without punctuation."""
    return _WORD.findall(unicodedata.normalize("NFC", text.lower().replace("’", "'")))


def count_words(text: str) -> int:
    """How many words a text has; where a script has no spaces between them, two characters count as one."""
    return sum(
        -(-len(word) // _CHARS_PER_WORD) if _HAS_NO_SPACES.match(word) is not None else 1 for word in words_of(text)
    )


def word_set(words: str) -> frozenset[str]:
    """The words of a list that is written with spaces."""
    return frozenset(words.split())


def may_part(before: str, after: str) -> bool:
    """Whether a text may be cut between two characters: at white space, or where a script has none between words."""
    return any(char.isspace() or _HAS_NO_SPACES.match(char) is not None for char in before + after)
