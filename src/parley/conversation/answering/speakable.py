"""What of a generated text may be spoken: words yes, mark-up and machine talk no.

Models leak tool calls, thoughts, code and Markdown into their text, and a voice would read all of it aloud. `Speakable`
takes the text as it streams and gives back what may be said. How the text was cut into chunks never changes the result,
and ordinary words are given back at once: only what may still turn out to be mark-up waits, and never for long.

- Dropped with their content: tool-call and thinking elements, fenced code, JSON objects, comments, `<script>` and the
  like. One that is never closed ends after `MAX_DROPPED` characters.
- Dropped themselves, the content kept: other tags, `**bold**`, headings, bullets, quotes, back-ticks, table bars.
- `[text](url)` becomes `text`; a bare URL becomes its host name.
- Kept: `a < b`, `I <3 you`, `2 * 3`, `snake_case`, `press *`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from parley.conversation.answering.unspoken import Element, Fence, Json, Unspoken, Until

MAX_TAG = 512
MAX_LINK_TEXT = 120
MAX_URL = 2048
MAX_JSON_KEY = 80
MAX_RULE = 64
_SLICE = 1024

# Where something may begin, so that all before it is spoken at once. The last branch is a URL cut off by the chunk.
_SPECIAL = re.compile(r"[<`*_\[{|\n]|(?<!\w)https?://|(?<!\w)h(?:t(?:t(?:p(?:s?(?::/?)?)?)?)?)?\Z")
_NAME = r"[A-Za-z][\w:.\-]*"
_ATTRIBUTE = r"""\s+[\w:.\-]+=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
_TAG = re.compile(rf"<(/?)({_NAME})(?:=[^\s<>]*)?(?:{_ATTRIBUTE})*\s*(/?)>")
_TAG_BEGUN = re.compile(
    rf"""<(?:/?(?:{_NAME}(?:=[^\s<>]*)?(?:{_ATTRIBUTE})*"""
    r"""(?:\s+(?:[\w:.\-]+(?:=(?:"[^"<>]*|'[^'<>]*|[^\s"'<>]*))?)?)?/?)?)?"""
)
_MACHINE_NAME = re.compile(
    r"(?:tool|function)\w*|antml:\w+|invoke|parameters?|arguments|think(?:ing)?|thoughts?|reasoning|scratchpad"
    r"|reflection|observation|script|style|pre",
    re.IGNORECASE,
)
_BLOCK_NAME = re.compile(r"br|p|div|li|tr|td|h[1-6]", re.IGNORECASE)
# Control tokens of chat templates, such as <|im_end|>; some models write them with wide bars and low blocks.
_TOKEN = re.compile(r"<[|\uff5c][\w\- \u2581]{1,64}[|\uff5c]>")
_TOKEN_BEGUN = re.compile(r"<[|\uff5c][\w\- \u2581]{0,64}[|\uff5c]?")
_JSON = re.compile(r"""(?:\[\s*)?\{\s*(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*')\s*:""")
_JSON_BEGUN = re.compile(r"""\[\s*|(?:\[\s*)?\{\s*(?:"(?:[^"\\\n]|\\.)*(?:\\|"\s*)?|'[^'\n]*(?:'\s*)?)?""")
_LINK_TEXT = re.compile(r"\[([^\[\]\n]*)\]")
_LINK_TEXT_BEGUN = re.compile(r"\[[^\[\]\n]*")
_MACHINE_BRACKET = re.compile(r"\^\d{1,3}|/?INST|TOOL_CALLS|/?TOOL_RESULTS|/?AVAILABLE_TOOLS")
_LINK_TARGET = re.compile(r"\((?:[^()\n]|\([^()\n]*\))*\)")
_LINK_TARGET_BEGUN = re.compile(r"\((?:[^()\n]|\([^()\n]*\))*(?:\([^()\n]*)?")
_URL = re.compile(r"https?://(?:www\.)?([^\s<>()\[\]\"'`*/?#]*)([^\s<>()\[\]\"'`*]*)")
_HEADING = re.compile(r"#{1,6}(?=[ \t\n])")
_BULLET = re.compile(r"[-+*](?=[ \t\n])|[•◦▪‣]")
_RULE = re.compile(r"-{3,64}|\*{3,64}|_{3,64}")


class Step(NamedTuple):
    """What the waiting text begins with: `consumed` characters that say `spoken`.

    `again` is put back in front of the rest to be read once more; `drop` says that a stretch to be dropped follows.
    """

    consumed: int
    spoken: str = ""
    drop: Unspoken | None = None
    again: str = ""


class Speakable:
    """A filter for one reply. Feed it the text, then finish it; both give back what may be spoken."""

    __slots__ = ("_at_line_start", "_before", "_drop", "_gap", "_last", "_waiting")

    def __init__(self) -> None:
        self._waiting = ""
        self._before = "\n"  # the last character read
        self._last = ""  # the last character spoken
        self._at_line_start = True
        self._gap = False  # something was dropped since the last spoken character
        self._drop: Unspoken | None = None

    def feed(self, text: str) -> str:
        """Take the next piece of generated text."""
        # In slices, so that a giant text full of marks is not copied as a whole at each of them.
        spoken = []
        for start in range(0, len(text), _SLICE):
            self._waiting += text[start : start + _SLICE]
            spoken.append(self._read(final=False))
        return "".join(spoken)

    def finish(self) -> str:
        """No more text will come: decide about what waited."""
        return self._read(final=True)

    def _read(self, *, final: bool) -> str:
        spoken: list[str] = []
        while self._waiting:
            if self._drop is not None:
                self._waiting, ended = self._drop.skip(self._waiting, final=final)
                self._gap = True
                if not ended:
                    break
                self._drop, self._before = None, " "
                continue
            step = self._plain() or self._step(final)
            if step is None:
                break
            self._take(step, spoken)
        return "".join(spoken)

    def _take(self, step: Step, spoken: list[str]) -> None:
        self._before = self._waiting[step.consumed - 1]
        self._waiting = step.again + self._waiting[step.consumed :]
        self._drop = step.drop
        text = step.spoken
        if self._gap and (not self._last or self._last.isspace()):
            text = text.lstrip(" \t")
        if text:
            spoken.append(text)
            self._last, self._gap = text[-1], False
        elif not step.spoken:
            self._gap = True

    def _plain(self) -> Step | None:
        """Everything up to the next character that may begin something."""
        if self._at_line_start:
            return None
        found = _SPECIAL.search(self._before + self._waiting, 1)
        end = found.start() - 1 if found else len(self._waiting)
        return Step(end, self._waiting[:end]) if end else None

    def _step(self, final: bool) -> Step | None:
        """Decide about what the waiting text begins with; None = more text is needed to know."""
        text = self._waiting
        if self._at_line_start:
            if text[0] in " \t\n|>":
                return Step(1, "" if text[0] in "|>" else text[0])
            step = _line_start(text, final)
            if step is None:
                return None
            self._at_line_start = False
            if step.consumed:
                return step
        self._at_line_start = text[0] == "\n"
        reader = _READERS.get(text[0])
        return reader(text, self._before, final) if reader else Step(1, text[0])


def _line_start(text: str, final: bool) -> Step | None:
    """A heading's, bullet's or rule's mark; a step of nothing when it is none."""
    kind = text[0]
    run = len(text) - len(text.lstrip(kind))
    if kind in "#-+*_" and run == len(text) and run <= MAX_RULE and not final:
        return None
    marked = _RULE.match(text) or _HEADING.match(text) or _BULLET.match(text)
    if marked is None and final and run == len(text) and kind in "#-+*":
        return Step(run)
    return Step(marked.end()) if marked else Step(0)


def _angle(text: str, _before: str, final: bool) -> Step | None:
    if text.startswith("<!--"):
        return Step(4, drop=Until("-->"))
    if text.startswith(("<!D", "<!d", "<?x")):
        return Step(3, drop=Until(">"))
    if token := _TOKEN.match(text):
        return Step(token.end())
    end = text.find(">", 0, MAX_TAG)
    if end >= 0:
        tag = _TAG.fullmatch(text, 0, end + 1)
        if tag is None:
            return Step(1, "<")
        closing, name, alone = tag.groups()
        if not (closing or alone) and _MACHINE_NAME.fullmatch(name):
            return Step(end + 1, drop=Element(name))
        return Step(end + 1, " " if _BLOCK_NAME.fullmatch(name) else "")
    begun = len(text) < MAX_TAG and (
        _TAG_BEGUN.fullmatch(text) or _TOKEN_BEGUN.fullmatch(text) or "<!--".startswith(text) or text in ("<!", "<?")
    )
    if not begun:
        return Step(1, "<")
    if not final:
        return None
    # A mark that the end of the text cut in two; "x <y" at the very end is no such thing.
    cut_off = len(text) > 3 and (len(text.split()) == 1 or "=" in text)
    return Step(len(text)) if cut_off else Step(1, "<")


def _backticks(text: str, _before: str, final: bool) -> Step | None:
    run = len(text) - len(text.lstrip("`"))
    if run >= 3:
        return Step(3, drop=Fence())
    if run == len(text) and not final:
        return None
    return Step(run)


def _emphasis(text: str, before: str, final: bool) -> Step | None:
    """`*` and `_` are dropped where they hug a word from one side, kept between words, digits and on their own."""
    kind = text[0]
    run = len(text) - len(text.lstrip(kind))
    if run >= 2:
        return Step(2)
    if run == len(text) and not final:
        return None
    after = text[1:2] or " "
    opens = not before.isalnum() and (after.isalpha() or after in "\"'“([_*")
    closes = not before.isspace() and not after.isalnum() and not (kind == "*" and before.isdigit())
    return Step(1) if opens or closes else Step(1, kind)


def _bracket(text: str, _before: str, final: bool) -> Step | None:
    if step := _json(text, final):
        return step
    if _may_be_json(text, final):
        return None
    label = _LINK_TEXT.match(text[: MAX_LINK_TEXT + 2])
    if label is None:
        waits = not final and len(text) <= MAX_LINK_TEXT + 1 and _LINK_TEXT_BEGUN.fullmatch(text)
        return None if waits else Step(1, "[")
    if label.end() == len(text) and not final:
        return None
    if text[label.end() : label.end() + 1] == "(":
        limit = label.end() + MAX_URL
        target = _LINK_TARGET.match(text, label.end(), limit)
        if target:
            return Step(target.end(), again=label[1])
        begun = len(text) < limit and _LINK_TARGET_BEGUN.fullmatch(text, label.end())
        if begun:
            return Step(len(text), again=label[1]) if final else None
    return Step(label.end()) if _MACHINE_BRACKET.fullmatch(label[1]) else Step(1, "[")


def _brace(text: str, _before: str, final: bool) -> Step | None:
    return _json(text, final) or (None if _may_be_json(text, final) else Step(1, "{"))


def _bar(_text: str, _before: str, _final: bool) -> Step:
    return Step(1, " ")


def _json(text: str, final: bool) -> Step | None:
    head = _JSON.match(text[:MAX_JSON_KEY])
    if head:
        return Step(head.end(), drop=Json(2 if text[0] == "[" else 1))
    if final and len(text) < MAX_JSON_KEY and len(text) > 1 and _JSON_BEGUN.fullmatch(text) and not text[1:].isspace():
        return Step(len(text))
    return None


def _may_be_json(text: str, final: bool) -> bool:
    return not final and len(text) < MAX_JSON_KEY and bool(_JSON_BEGUN.fullmatch(text))


def _url(text: str, before: str, final: bool) -> Step | None:
    """A URL is said as its host; punctuation that ends the sentence stays."""
    url = _URL.match(text[:MAX_URL])
    if url is None:
        begun = not before.isalnum() and ("http://".startswith(text) or "https://".startswith(text))
        return None if begun and not final else Step(1, "h")
    if url.end() == len(text) and len(text) < MAX_URL and not final:
        return None
    host, rest = url.groups()
    tail = (rest or host)[len((rest or host).rstrip(".,:;!?")) :]
    return Step(url.end(), host.rstrip(".,:;!?") + tail)


_READERS: dict[str, Callable[[str, str, bool], Step | None]] = {
    "<": _angle,
    "`": _backticks,
    "*": _emphasis,
    "_": _emphasis,
    "[": _bracket,
    "{": _brace,
    "|": _bar,
    "h": _url,
}
