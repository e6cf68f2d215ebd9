"""A text message: its status and how it may move, the words that stop texts, and what may be sent at all. Pure.

The words are those US carriers act on themselves (twilio.com/en-us/blog/update-to-fcc-s-sms-opt-out-keywords and
help.twilio.com, "SMS STOP filtering"): the carrier answers them and blocks further texts, so nobody else should.
"""

from __future__ import annotations

from typing import Literal

from parley.domain.errors import BadInput, FieldError

MessageStatus = Literal["queued", "sending", "sent", "delivered", "undelivered", "failed", "received"]
MessageDirection = Literal["inbound", "outbound"]
OptOut = Literal["stop", "start", "help"]

MAX_BODY_CHARS = 1600
"""What carriers take in one message, however many segments it becomes (twilio.com/docs/api/errors/21617)."""

MAX_MEDIA = 10

FAILED: frozenset[str] = frozenset({"undelivered", "failed"})

# A status only ever moves to a higher rank; all ends share the top one, so the first end to arrive stays.
_RANK: dict[str, int] = {
    "queued": 0,
    "sending": 1,
    "sent": 2,
    "delivered": 3,
    "undelivered": 3,
    "failed": 3,
    "received": 3,
}

_KEYWORDS: dict[str, OptOut] = {
    **dict.fromkeys(("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"), "stop"),
    **dict.fromkeys(("start", "unstop", "yes"), "start"),
    **dict.fromkeys(("help", "info"), "help"),
}
# Asks for texts again only where they were stopped; anywhere else it is what people answer to a question.
_ORDINARY_UNLESS_STOPPED = "yes"

_PREVIEW_CHARS = 160


def may_advance(current: str, proposed: str) -> bool:
    """Whether a message may move from `current` to `proposed`: reports come twice and in disorder."""
    return _RANK[proposed] > _RANK[current]


def keyword(body: str, *, is_opted_out: bool) -> OptOut | None:
    """What the message asks of the carrier if it is nothing but one of its keywords, in any case; else None.

    `is_opted_out` says whether the sender has stopped texts before: only then YES means that they may come again.
    """
    word = body.strip().casefold()
    if word == _ORDINARY_UNLESS_STOPPED and not is_opted_out:
        return None
    return _KEYWORDS.get(word)


def preview(body: str, media_count: int) -> str:
    """The message as a list of conversations shows it: the beginning of its text, else what it is."""
    text = " ".join(body.split())[:_PREVIEW_CHARS]
    return text or ("[media]" if media_count else "")


def require_content(body: str, media_count: int) -> None:
    """Raises BadInput for a message with neither text nor media, or with more of either than carriers take."""
    if not body.strip() and not media_count:
        _refuse("body", "is required: send the text, or `mediaUrls`")
    if len(body) > MAX_BODY_CHARS:
        _refuse("body", f"must have 1 to {MAX_BODY_CHARS} characters")
    if media_count > MAX_MEDIA:
        _refuse("mediaUrls", f"must name at most {MAX_MEDIA} files")


def _refuse(field: str, sentence: str) -> None:
    raise BadInput(f"`{field}` {sentence}.", [FieldError(field, sentence)])
