"""What the demo prints: who says what and when, and what to know about it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

_BOLD, _DIM, _GREEN, _RED, _CYAN = "1", "2", "32", "31", "36"
_COLOUR_OF = {"caller": _CYAN, "agent": _GREEN}
_LABEL_WIDTH = 18
_ITEM_WIDTH = 14
_MARK_WIDTH = 11


class Screen:
    """Coloured only on a terminal that wants it."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._width = max(60, min(shutil.get_terminal_size((110, 24)).columns, 120))

    def heading(self, text: str) -> None:
        print(f"\n{self._paint(_BOLD, text)}", flush=True)

    def text(self, text: str) -> None:
        """A paragraph of explanation."""
        print(f"\n{textwrap.fill(text, self._width)}", flush=True)

    def spoken(self, at_s: float, speaker: str, words: str) -> None:
        """A line of the conversation, which began `at_s` seconds into the call."""
        label = f"{at_s:6.1f} s  {speaker}"
        self._entry(self._paint(_COLOUR_OF.get(speaker, _BOLD), label.ljust(_LABEL_WIDTH)), words)

    def note(self, words: str) -> None:
        """What there is to know about the line above."""
        self._entry(" " * _LABEL_WIDTH, words, _DIM)

    def item(self, name: str, value: str) -> None:
        """A thing that remains of the call."""
        self._entry("  " + self._paint(_DIM, name.ljust(_ITEM_WIDTH - 2)), value, width=_ITEM_WIDTH)

    def command(self, line: str) -> None:
        """A line to copy: never wrapped."""
        print(f"  {line}", flush=True)

    def verdict(self, is_good: bool, words: str) -> None:
        mark = self._paint(_GREEN, "  ok  ") if is_good else self._paint(_RED, "FAILED")
        self._entry(f"  [{mark}] ", words, width=_MARK_WIDTH)

    def _entry(self, label: str, words: str, style: str = "", width: int = _LABEL_WIDTH) -> None:
        """`words` beside a label of this `width`; what has no space to break at, such as a path, stays whole."""
        beside = self._width - width
        first, *rest = textwrap.wrap(words, beside, break_long_words=False, break_on_hyphens=False) or [""]
        print(label + self._paint(style, first), flush=True)
        for line in rest:
            print(" " * width + self._paint(style, line), flush=True)

    def _paint(self, style: str, text: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and self._coloured else text
