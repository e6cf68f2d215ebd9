"""Whether a caller is in the middle of dictating: a number, a spelled name, an e-mail address.

Looks at the last words only, and at the agent's question before them. Recognisers write digits as words or as
numerals, one by one or in groups, and put full stops behind any of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from parley.conversation.turns import dictation_words as known
from parley.conversation.turns.dictation_words import Length

_TOKEN = re.compile(r"[^\W\d_]{2,}-\d+|\d+(?:[.,:/]\d+)+|\d+|[^\W\d_]+(?:['’][^\W\d_]+)*")
_GROUPS = re.compile(r"\d+(?:[./]\d+){2,}")
_TAIL_TOKENS = 24
_TAIL_CHARS = 500  # nobody dictates more in one breath, and expressions over any length of text would take any time
_QUESTION_CHARS = 160
_WRITTEN_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[a-z]{2,}")


class Missing(IntEnum):
    """How much there is to come of what is being dictated."""

    NOTHING = 0
    PERHAPS = 1
    MORE = 2


def missing(text: str, question: str = "", language: str = "") -> Missing:
    """What is still missing at the end of `text`, said in answer to `question`; nothing if nothing is dictated."""
    text = text.rstrip()[-_TAIL_CHARS:].lower()
    if text.endswith(("?", "？")):
        return Missing.NOTHING
    tokens = _tokens(text)
    if not tokens:
        return Missing.NOTHING
    asked = _tokens(question.lower()[-_QUESTION_CHARS:])
    return max(
        _of_address(text, tokens, frozenset(asked), language),
        _of_letters(tokens, frozenset(asked), language),
        _of_digits(tokens, asked, language, is_international="+" in text),
    )


def _tokens(text: str) -> list[str]:
    """The last words and numbers, lower-cased; dotted groups ("06.12.34") count as so many numbers."""
    parted = _GROUPS.sub(lambda found: re.sub(r"\D", " ", found[0]), text)
    return _TOKEN.findall(parted)[-_TAIL_TOKENS:]


# ---------------------------------------------------------------- numbers


def _of_digits(tokens: Sequence[str], asked: Sequence[str], language: str, *, is_international: bool) -> Missing:
    groups, begins = _digit_groups(tokens, known.digits(language))
    if not groups:
        return Missing.NOTHING
    before = tokens[:begins]
    count = sum(len(group) for group in groups)
    length = known.kind_of_number(before[-4:], language) or known.kind_of_number(asked, language)
    if length is not None and not is_international and _is_announced(before, groups):
        return _of_known_length(groups, count, length)
    if not _are_dictated(groups, is_international) or "".join(groups) in known.SHORT_NUMBERS:
        return Missing.NOTHING
    most = 11 if is_international else known.phone_digits(language)
    if count >= most:
        return Missing.NOTHING
    is_code = count == 4 and groups[0] != "0"
    return Missing.MORE if count < 7 and not is_code else Missing.PERHAPS


def _digit_groups(tokens: Sequence[str], digits: dict[str, str]) -> tuple[list[str], int]:
    """The digits at the end, as they were grouped, and where they begin."""
    groups: list[str] = []
    at = len(tokens)
    while at and (token := tokens[at - 1]) is not None:
        if token.isdecimal():
            groups.insert(0, token)
        elif token in digits:
            groups.insert(0, digits[token])
        elif token in known.TIMES and groups and len(groups[0]) == 1:
            groups[:1] = groups[:1] * known.TIMES[token]
        elif token not in known.BETWEEN_DIGITS:
            break
        at -= 1
    return groups, at


def _is_announced(before: Sequence[str], groups: Sequence[str]) -> bool:
    """Whether these are the digits asked for: not "room number 204", and not "a table for 2"."""
    if len(groups) > 1 or not before or before[-1] in known.ANNOUNCING:
        return True
    return len(groups[0]) > 2 and before[-1] not in known.NUMBER_NOUNS


def _of_known_length(groups: Sequence[str], count: int, length: Length) -> Missing:
    if length.most:
        if count >= length.most:
            return Missing.NOTHING
        return Missing.PERHAPS if count >= length.least else Missing.MORE
    if len(groups) == 1 and count >= 3:
        return Missing.NOTHING  # of unknown length, and said in one go
    return Missing.MORE if count < 4 else Missing.PERHAPS


def _are_dictated(groups: Sequence[str], is_international: bool) -> bool:
    """Whether digits that nothing announced are being dictated, rather than counted, dated or priced."""
    if is_international or (groups[0].startswith("0") and sum(map(len, groups)) >= 3):
        return True
    if all(len(group) == 1 for group in groups):
        return len(groups) >= 3
    is_dated = len(groups) <= 2 and groups[-1][:2] in ("19", "20") and len(groups[-1]) == 4
    return len(groups) >= 2 and all(len(group) >= 3 for group in groups) and not is_dated


# ---------------------------------------------------------------- letters


def _of_letters(tokens: Sequence[str], cues: frozenset[str], language: str) -> Missing:
    spelled, begins = _spelled(tokens)
    before = tokens[:begins]
    is_announced = bool(known.SPELLING.intersection(before) or known.SPELLING & cues)
    least = 1 if is_announced else 2 if known.primary(language) in known.FEW_ONE_LETTER_WORDS else 3
    name = "".join(one for one in spelled if not one.isdecimal())
    if len(name) < least:
        return Missing.NOTHING
    if name in known.ABBREVIATIONS or name in before:
        return Missing.NOTHING
    return Missing.MORE if len(spelled) < 3 else Missing.PERHAPS


def _spelled(tokens: Sequence[str]) -> tuple[list[str], int]:
    """The letters at the end ("S as in Sam, M, double L, oscar"), and where they begin."""
    letters: list[str] = []
    explained = words = 0
    at = len(tokens)
    while at:
        token = tokens[at - 1]
        if at >= 4 and tokens[at - 3 : at - 1] == ["as", "in"] and len(tokens[at - 4]) == 1:
            letters.insert(0, tokens[at - 4])
            explained, at = explained + 1, at - 4
        elif at >= 3 and tokens[at - 2] in known.LIKE and len(tokens[at - 3]) == 1 and len(token) > 1:
            letters.insert(0, tokens[at - 3])
            explained, at = explained + 1, at - 3
        elif len(token) == 1:
            letters.insert(0, token)
            at -= 1
        elif token in known.TIMES and letters:
            letters[0] *= known.TIMES[token]
            at -= 1
        elif token in known.ALPHABET:
            letters.insert(0, token[0])
            words, at = words + 1, at - 1
        else:
            break
    if explained and len(letters) == 1:
        return letters * 2, at  # nobody explains a single letter but to go on
    if words == 1 and len(letters) < 3 and not explained:
        return [], len(tokens)  # "a hotel"
    return letters, at


# ---------------------------------------------------------------- addresses


def _of_address(text: str, tokens: Sequence[str], cues: frozenset[str], language: str) -> Missing:
    written = text.split()[-1].strip(".,;:!")
    if "@" in written:
        is_whole = _WRITTEN_ADDRESS.fullmatch(written) and not written.endswith(".co")
        return Missing.NOTHING if is_whole else Missing.MORE
    tail = list(tokens[-12:])
    at_words, dot_words = known.at_words(language), known.dot_words(language)
    is_address = bool(
        known.ADDRESS & (cues | frozenset(tail))
        or known.SURE_AT.intersection(tail)
        or known.MAIL_HOSTS.intersection(tail)
        or ("dot" in tail and "dot" in dot_words and tail[tail.index("dot") - 1 :][:1] != ["the"])
    )
    if not is_address:
        return Missing.NOTHING
    ats = [place for place, token in enumerate(tail) if token in at_words]
    dots = [place for place, token in enumerate(tail) if token in dot_words]
    if not ats:
        is_open = dots and dots[-1] >= len(tail) - 4 and tail[-1] not in known.ADDRESS_ENDS
        return Missing.MORE if is_open else Missing.NOTHING
    if ats[-1] == len(tail) - 1:
        return Missing.MORE
    if not known.MAIL_HOSTS.intersection(tail) and not dots:
        return Missing.NOTHING  # "my mail is at home"
    ends = [place for place in dots if place > ats[-1]]
    is_whole = bool(ends) and ends[-1] < len(tail) - 1 and tail[-1] != "co"
    return Missing.NOTHING if is_whole else Missing.MORE
