"""How a customer's answer to a voice turn is read: bytes in, chunks out. No socket and no clock.

The answer is one JSON object, or one JSON object a line. Which of the two it is is seen in the text and not in its
Content-Type, because servers label both wrongly. Each object counts as soon as it is whole, whether or not its line or
the connection has ended.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from parley.providers.protocols import DigitsPart, HangupPart, ReplyPart, SilencePart, TextPart, TransferPart

MAX_OBJECT_BYTES = 32 * 1024
MAX_REPLY_BYTES = 1024 * 1024
MAX_DIGITS = 64
_MAX_TRIES = 64
_QUIET_S = 0.3
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOT_A_KEY = re.compile(r"[^0-9*#wW]")
_NOTHING = object()


class ReplyTooLarge(Exception):
    """The answer passed a bound; nothing more of it is read."""


class Chunk(NamedTuple):
    """One object of the answer. `closes` ends the turn."""

    text: str
    digits: str
    leave: HangupPart | TransferPart | None
    closes: bool
    is_protected: bool = False
    is_silent: bool = False

    def parts(self, before: str, quiet_s: float) -> list[ReplyPart]:
        """What to do, in order: keys, text, leaving. `before` is this turn's text so far, `quiet_s` the pause since."""
        parts: list[ReplyPart] = [DigitsPart(self.digits)] if self.digits else []
        if self.text:
            parts.append(TextPart(joined(before, self.text, quiet_s), self.is_protected))
        if self.leave is not None:
            parts.append(self.leave)
        return parts or ([SilencePart()] if self.is_silent else [])


def read_chunk(fields: dict[str, Any]) -> Chunk:
    """The meaning of one object; fields of a wrong type say nothing."""
    text = fields.get("text")
    action = str(fields.get("action") or "").strip().lower()
    leave: HangupPart | TransferPart | None = None
    if action == "transfer":
        leave = TransferPart()
    elif action == "hangup" or fields.get("hangup") is True:
        leave = HangupPart()
    return Chunk(
        text=text if isinstance(text, str) else "",
        digits=_digits(fields),
        leave=leave,
        closes=fields.get("interim") is not True,
        is_protected=fields.get("protected") is True,
        is_silent=fields.get("silent") is True or action == "silent",
    )


def _digits(fields: dict[str, Any]) -> str:
    for name in ("digits", "press_digit", "pressDigit", "dtmf"):
        value = fields.get(name)
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            keys = _NOT_A_KEY.sub("", str(value))
            if keys:
                return keys[:MAX_DIGITS]
    return ""


def joined(before: str, text: str, quiet_s: float) -> str:
    """`text`, with a space in front of it if it does not go on with the word `before` ended with.

    Chunks are sentences ("One moment." "Your order ...") or a model's tokens passed on ("Hel" "lo," " wor" "ld"). A
    pause before the chunk, punctuation, or a capital behind a small letter tells that a new word begins.
    """
    if not before or not text or before[-1].isspace() or not (text[0].isalnum() or text[0] in "\"'(“¿¡"):
        return text
    last, has_words = before[-1], " " in text.strip()
    sentence_ends = last in "!?…" or (last == "." and text[0].isupper() and before[-2:-1].islower())
    begins = (
        quiet_s >= _QUIET_S
        or sentence_ends
        or (has_words and last in '.:;,)”"')
        or (has_words and last.islower() and text[0].isupper())
    )
    return " " + text if begins else text


class ReplyReader:
    """Cuts an answer into its JSON objects. Lines that are not objects are skipped."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._total = 0
        self._in_document = False
        self._looked_at = 0
        self._tries = 0
        self._objects = 0
        self._problem = "empty"

    @property
    def problem(self) -> str | None:
        """Why there was nothing to act on: `empty`, `not_json` or `not_an_object`; None if there was an object."""
        return None if self._objects else self._problem

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes, return the objects they complete. Raises ReplyTooLarge."""
        self._total += len(data)
        self._waiting += data
        if self._waiting.startswith(_BYTE_ORDER_MARK):
            del self._waiting[: len(_BYTE_ORDER_MARK)]
        if self._total > MAX_REPLY_BYTES:
            raise ReplyTooLarge
        found: list[dict[str, Any]] = []
        while (line := self._next_line()) is not None:
            self._read_line(line, found)
        if len(self._waiting) > MAX_OBJECT_BYTES:
            raise ReplyTooLarge
        self._read_rest(found)
        return found

    def finish(self) -> list[dict[str, Any]]:
        """The stream ended: what is left counts as a line."""
        found: list[dict[str, Any]] = []
        self._keep(self._waiting, found)
        self._waiting.clear()
        return found

    def _next_line(self) -> bytes | None:
        """Take the next whole line away; inside a document only one that shows that it is none."""
        if self._in_document:
            return self._escape_document()
        end = self._waiting.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._waiting[:end])
        del self._waiting[: end + 1]
        return line

    def _read_line(self, line: bytes, found: list[dict[str, Any]]) -> None:
        if len(line) > MAX_OBJECT_BYTES:
            raise ReplyTooLarge
        if self._keep(line, found) or self._objects:
            return
        if line.lstrip()[:1] in (b"{", b"["):
            # The first line of a document that was printed over several lines, or a broken line.
            self._in_document = True
            self._waiting[:0] = line.lstrip() + b"\n"

    def _escape_document(self) -> bytes | None:
        """A later line that is an object by itself shows that the first one was broken. In an array it does not."""
        while self._waiting[:1] == b"{" and (start := self._waiting.find(b"\n{", self._looked_at) + 1) > 0:
            end = self._waiting.find(b"\n", start)
            if end < 0:
                return None
            self._looked_at = end
            line = bytes(self._waiting[start:end])
            if isinstance(_decode(line), dict):
                self._in_document = False
                del self._waiting[: end + 1]
                return line
        return None

    def _read_rest(self, found: list[dict[str, Any]]) -> None:
        """An object may be whole although its line, or the stream, has not ended."""
        rest = self._waiting.strip()
        if rest[:1] == b"{" and rest[-1:] == b"}" and self._tries < _MAX_TRIES:
            self._tries += 1
            if isinstance(_decode(rest), dict):
                self._keep(rest, found)
                self._waiting.clear()
                self._in_document = False

    def _keep(self, text: bytes | bytearray, found: list[dict[str, Any]]) -> bool:
        """Note what a whole line is; False if it is not JSON."""
        if not text.strip():
            return True
        value = _decode(text)
        if isinstance(value, dict):
            found.append(value)
            self._objects += 1
            self._tries = 0
        elif value is not _NOTHING:
            self._problem = "not_an_object"
        elif self._problem == "empty":
            self._problem = "not_json"
        return value is not _NOTHING


def _decode(text: bytes | bytearray) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _NOTHING
