"""The stretches of a generated text that are dropped with their content, and where each of them ends.

None of them keeps what it drops, so that a stretch which is never closed costs no memory; each gives up after
`MAX_DROPPED` characters, so that a stray opening mark cannot silence an agent for good.
"""

from __future__ import annotations

import re
from typing import Protocol

MAX_DROPPED = 20_000


class Unspoken(Protocol):
    """One stretch being dropped."""

    def skip(self, text: str, *, final: bool) -> tuple[str, bool]:
        """Drop from the beginning of `text`; return what is left of it, and whether the stretch has ended.

        While it has not, what is left is only what may be the beginning of its end.
        """
        ...


class Until:
    """Ends behind a fixed mark."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._room = MAX_DROPPED

    def skip(self, text: str, *, final: bool) -> tuple[str, bool]:
        found = text.find(self._mark, 0, self._room)
        if found >= 0:
            return text[found + len(self._mark) :], True
        if len(text) >= self._room:
            return text[self._room :], True
        keep = 0 if final else _overlap(text, self._mark)
        self._room -= len(text) - keep
        return text[len(text) - keep :], False


class Fence(Until):
    """Fenced code: ends behind three back-ticks."""

    def __init__(self) -> None:
        super().__init__("```")


class Element:
    """An element with all that is in it, others of the same name included."""

    def __init__(self, name: str) -> None:
        self._tag = re.compile(rf"<(/?){re.escape(name)}(?:[\s=][^<>]*?)?(/?)>", re.IGNORECASE)
        self._longest = len(name) + 64
        self._depth = 1
        self._room = MAX_DROPPED

    def skip(self, text: str, *, final: bool) -> tuple[str, bool]:
        at = 0
        while self._room > 0:
            start = text.find("<", at, at + self._room)
            if start < 0:
                end = min(len(text), at + self._room)
                self._room -= end - at
                return text[end:], self._room <= 0
            self._room -= start - at
            end = text.find(">", start, start + self._longest)
            again = text.find("<", start + 1, start + self._longest)
            if end < 0 and again < 0 and len(text) < start + self._longest and not final:
                return text[start:], False
            tag = self._tag.match(text, start) if end >= 0 else None
            at = tag.end() if tag and tag.end() <= start + self._longest else start + 1
            self._room -= at - start
            if tag and at > start + 1 and not tag[2]:
                self._depth += -1 if tag[1] else 1
                if self._depth == 0:
                    return text[at:], True
        return text[at:], True


class Json:
    """A JSON value whose `depth` opening brackets were read already; ends behind the last closing one."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._quoted = False
        self._escaped = False
        self._room = MAX_DROPPED

    def skip(self, text: str, *, final: bool) -> tuple[str, bool]:
        for at, char in enumerate(text[: self._room], 1):
            if self._quoted:
                if self._escaped:
                    self._escaped = False
                elif char == "\\":
                    self._escaped = True
                elif char == '"':
                    self._quoted = False
            elif char == '"':
                self._quoted = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth <= 0:
                    return text[at:], True
        dropped = min(len(text), self._room)
        self._room -= dropped
        return text[dropped:], self._room <= 0


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of `text` may be the beginning of `mark`."""
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)
