"""Cutting a reply into pieces a voice can begin with: the first small and soon, the others at natural boundaries."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"(?<![\d])[.?!…][\"')\]]*(?:\s+|$)|[。?!।][」』]*|\n+")
_CLAUSE = re.compile(r"[,;:–—](?:\s+|$)")
_LONG_ENOUGH = 60
_LONGEST = 240


class Phraser:
    """Takes text as it comes and gives back the pieces that are ready.

    What is given back, joined, is exactly what was taken. Text behind the last boundary waits for `flush_words` (its
    deadline passed) or `flush` (the reply is complete).
    """

    __slots__ = ("_began", "_is_late", "_waiting")

    def __init__(self) -> None:
        self._waiting = ""
        self._began = False
        self._is_late = False

    @property
    def waiting(self) -> bool:
        """Whether text is held back, so that the owner keeps a deadline for it."""
        return bool(self._waiting)

    @property
    def began(self) -> bool:
        """Whether a piece was given back already: only the first one is in a hurry."""
        return self._began

    def feed(self, text: str) -> str:
        """Take more text; return the piece that is ready now, or an empty string."""
        self._waiting += text
        end = _last_end(_SENTENCE, self._waiting)
        if not self._began or len(self._waiting) >= _LONG_ENOUGH:
            clause = _last_end(_CLAUSE, self._waiting)
            end = max(end, clause if self._began or not _is_lone(self._waiting[:clause]) else 0)
        if end == 0 and self._is_late and not self._began:  # its time has passed already
            whole = _last_space(self._waiting)
            end = whole if not _is_lone(self._waiting[:whole]) else 0
        if end == 0 and len(self._waiting) >= _LONGEST:
            end = self._waiting.rfind(" ") + 1 or len(self._waiting)
        return self._release(end)

    def flush_words(self) -> str:
        """Give back all whole words: up to the last white space, or nothing while a first word is still growing.

        A voice makes something broken of a lone first word: while a second one is growing it is kept once, and goes
        with that as soon as it is whole.
        """
        end = _last_space(self._waiting)
        if not (self._began or self._is_late) and end < len(self._waiting) and _is_lone(self._waiting[:end]):
            self._is_late = True
            return ""
        return self._release(end)

    def flush(self) -> str:
        """Give back everything."""
        return self._release(len(self._waiting))

    def _release(self, end: int) -> str:
        piece, self._waiting = self._waiting[:end], self._waiting[end:]
        if piece:
            self._began = True
        return piece


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    end = 0
    for match in pattern.finditer(text):
        end = match.end()
    return end


def _is_lone(text: str) -> bool:
    return len(text.split(None, 2)) < 2


def _last_space(text: str) -> int:
    for index in range(len(text) - 1, -1, -1):
        if text[index].isspace():
            return index + 1
    return 0
