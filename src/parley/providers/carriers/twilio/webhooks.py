"""Requests from Twilio: is it really Twilio, and what does it say?

Source: twilio.com/docs/usage/security (signature), twilio.com/docs/voice/twiml (request parameters),
twilio.com/docs/voice/api/call-resource (statuses), twilio.com/docs/voice/twiml/dial (what became of a <Dial>).
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from parley.domain.calls import ENDED, CallStatus, EndReason
from parley.domain.errors import BadInput, Forbidden
from parley.domain.secrets import Secret
from parley.providers.protocols import CallReport, ForwardOutcome, RingingCall

MAX_BODY_BYTES: Final = 65_536
MAX_FIELDS: Final = 500
MAX_VALUE_CHARS: Final = 512

_CALL_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}

_STATUSES: Final[dict[str, tuple[CallStatus, EndReason | None]]] = {
    "queued": ("queued", None),
    "initiated": ("queued", None),
    "ringing": ("ringing", None),
    "in-progress": ("in-progress", None),
    "completed": ("completed", None),
    "busy": ("failed", "busy"),
    "no-answer": ("failed", "no_answer"),
    "canceled": ("failed", "canceled"),
    "failed": ("failed", "carrier_failed"),
}

# Words in a caller's place, and the same spelled on a phone's keys (ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN,
# UNAVAILABLE), which look like numbers: support.twilio.com, "Why am I getting calls from these strange numbers?".
_WITHHELD: Final = frozenset(
    {"anonymous", "restricted", "blocked", "unknown", "unavailable"}
    | {"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"}
)

_DIALLED: Final[dict[str, EndReason | None]] = {
    "completed": None,
    "answered": None,
    "busy": "busy",
    "no-answer": "no_answer",
    "canceled": "canceled",
    "failed": "carrier_failed",
}


def signature(token: str, url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Twilio's signature of a request: HMAC-SHA1 over the URL and its form fields, sorted, each value once."""
    fields = "".join(name + value for name, value in sorted(set(pairs)))
    return b64encode(hmac.digest(token.encode(), (url + fields).encode(), "sha1")).decode("ascii")


def verify(token: Secret, url: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise Forbidden unless the holder of `token` sent `body` to `url`.

    Twilio signs the URL sometimes with and sometimes without its port, so both spellings are tried. Webhooks signed
    with a shared key (HMAC-SHA256) instead of the account's auth token are refused too: parley has no such key.
    """
    try:
        is_genuine = _is_genuine(token.reveal(), url, headers, body)
    except Exception:  # noqa: BLE001 - whatever a stranger's bytes can break here means that it was not Twilio
        is_genuine = False
    if not is_genuine:
        raise Forbidden("The request is not signed by the carrier account that owns this number.")


def _is_genuine(token: str, url: str, headers: Mapping[str, str], body: bytes) -> bool:
    shown = next((value for name, value in headers.items() if name.lower() == "x-twilio-signature"), "")
    if not token or not shown or len(body) > MAX_BODY_BYTES:
        return False
    pairs = _pairs(body)
    # Compare both, always: the time this takes says nothing about which one was near.
    matches = [hmac.compare_digest(signature(token, each, pairs).encode(), shown.encode()) for each in _spellings(url)]
    return any(matches)


def _spellings(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host, separator, _ = parts.netloc.rpartition(":")
    bare = host if separator and parts.port is not None else parts.netloc
    port = parts.port if parts.port is not None else _DEFAULT_PORTS[parts.scheme]
    return parts._replace(netloc=bare).geturl(), parts._replace(netloc=f"{bare}:{port}").geturl()


def _pairs(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a webhook; of a repeated one the last value. Raises BadInput."""
    try:
        return dict(_pairs(body))
    except ValueError:  # also UnicodeDecodeError and too many fields
        raise BadInput("The carrier's request is not a form.") from None


def _fields(body: bytes) -> dict[str, str]:
    fields = read_form(body)
    if any(len(fields.get(name, "")) > MAX_VALUE_CHARS for name in ("From", "To")):
        raise BadInput("The carrier's request has a number of impossible length.")
    if not _CALL_ID.fullmatch(fields.get("CallSid", "")):
        raise BadInput("The carrier's request names no call.")
    return fields


def read_ringing(body: bytes) -> RingingCall:
    """Who calls whom. `from_number` is empty for a caller who withholds it. Raises BadInput."""
    fields = _fields(body)
    if not fields.get("To"):
        raise BadInput("The carrier's request does not say which number was called.")
    shown = fields.get("From", "")
    return RingingCall(fields["CallSid"], "" if shown.lower() in _WITHHELD else shown, fields["To"])


def read_report(body: bytes) -> CallReport:
    """What became of a call. Raises BadInput for a status this version does not know."""
    fields = _fields(body)
    known = _STATUSES.get(fields.get("CallStatus", ""))
    if known is None:
        raise BadInput("The carrier reports a call status that is not known here.")
    return CallReport(fields["CallSid"], known[0], known[1], _seconds(fields.get("CallDuration", "")))


def read_forwarded(body: bytes) -> ForwardOutcome | None:
    """What became of a <Dial>; None for a request that follows none. Raises BadInput for an outcome not known here.

    The number that was rung is no matter here: `CallStatus` is the caller's call, over where the caller hung up.
    """
    fields = _fields(body)
    dialled = fields.get("DialCallStatus")
    if dialled is None:
        return None
    if dialled not in _DIALLED:
        raise BadInput("The carrier reports an outcome of a forwarded call that is not known here.")
    known = _STATUSES.get(fields.get("CallStatus", ""))
    is_caller_gone = known is not None and known[0] in ENDED
    return ForwardOutcome(_DIALLED[dialled], _seconds(fields.get("DialCallDuration", "")), is_caller_gone)


def _seconds(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if is_number else None
