"""How a customer can trust a webhook request, and how long parley keeps trying to deliver it. No clock, no socket.

Every request is signed twice with one secret, first of all as Standard Webhooks (https://www.standardwebhooks.com):
`webhook-id`, `webhook-timestamp`, and `webhook-signature` = `v1,` + base64 HMAC-SHA256 over `{id}.{timestamp}.{body}`.
A secret that parley made (`whsec_` + base64 of 32 random bytes) is the key that its base64 stands for; a subscriber's
own secret may be any text, and then its UTF-8 bytes are the key. Beside it stands

- for a webhook, `X-Webhook-ID`, `X-Webhook-Timestamp`, and `X-Webhook-Signature` = `sha256=` + hex HMAC-SHA256 over
  `{timestamp}.{body}`, keyed with the whole secret string;
- for a subscription, a header whose name its dialect gives = `sha256=` + hex HMAC-SHA256 over the body alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec

from parley.domain.errors import BadInput, Forbidden
from parley.domain.secrets import Secret

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every secret, not one
TOLERANCE_S = 300
"""How far a receiver lets a timestamp be off; the Standard Webhooks libraries use the same five minutes."""

RETRY_DELAYS_S: tuple[int, ...] = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600)
"""The pause after the first, second, ... failed attempt: eight attempts over about 32 hours."""

_JITTER_SHARE = 0.2
_LONGEST_RETRY_AFTER_S = 24 * 3600

Outcome = Literal["delivered", "disable", "retry"]
TargetKind = Literal["project", "agent", "call", "subscription"]
"""Whose target a request is for: the project's webhook, an agent's own, one call's own URL, or a subscription."""


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one delivery attempt.

    `status` is None when there was no answer, and then `error` says why in a stable word: `timeout`, `connect_failed`,
    `broke_off`, `target_blocked`, `bad_url`. `excerpt` is the beginning of the answer's body, `retry_after` that header
    as it came (see `read_retry_after`), `response_ms` the wait for the status or for the failure.
    """

    status: int | None
    error: str | None = None
    excerpt: str = ""
    retry_after: str | None = None
    response_ms: int = 0


def new_secret() -> Secret:
    """A fresh signing secret, valid for the Standard Webhooks libraries."""
    return Secret(SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode())


def sign(secret: Secret, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The six signature headers of one request.

    `message_id` stays the same over all attempts of a delivery, so that the receiver can drop repeats; `timestamp_s`
    (unix seconds) is that of the attempt. Raises BadInput for a secret that is not `whsec_` and base64.
    """
    stamp = str(timestamp_s)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": _signature(_made_key(secret), message_id, stamp, body),
        "X-Webhook-ID": message_id,
        "X-Webhook-Timestamp": stamp,
        "X-Webhook-Signature": _native_signature(secret, stamp, body),
    }


def sign_for_subscriber(
    secret: Secret, message_id: str, timestamp_s: int, body: bytes, body_header: str
) -> dict[str, str]:
    """The four signature headers of a request to a subscription, whose secret may be any text.

    `body_header` is the name of the header that signs the body alone. Raises BadInput for an empty secret.
    """
    stamp = str(timestamp_s)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": _signature(_own_key(secret), message_id, stamp, body),
        body_header: body_signature(secret, body),
    }


def body_signature(secret: Secret, body: bytes) -> str:
    """`sha256=` + hex HMAC-SHA256 over the body alone. It does not say when the request was made."""
    return "sha256=" + hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()


def verify(
    secret: Secret, headers: Mapping[str, str], body: bytes, *, now_s: float, tolerance_s: float = TOLERANCE_S
) -> str:
    """Check a received request and return its message id. What a customer's server does, in one call.

    The Standard Webhooks headers count where they are present, else the native ones. `webhook-signature` may hold
    several signatures, separated by spaces, while a secret is being changed. Raises Forbidden if there is no valid
    signature or the timestamp is more than `tolerance_s` off.
    """
    given = {name.lower(): value for name, value in headers.items()}
    standard = "webhook-signature" in given
    prefix = "webhook-" if standard else "x-webhook-"
    message_id, stamp = given.get(prefix + "id", ""), given.get(prefix + "timestamp", "")
    signatures = given.get(prefix + "signature", "").split()
    if not (message_id and stamp and signatures):
        raise Forbidden("The request carries no webhook signature; send it through parley, which signs every request.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Forbidden("The webhook timestamp is not a number of unix seconds.")
    if abs(now_s - int(stamp)) > tolerance_s:
        raise Forbidden("The webhook timestamp is too old or too new: a replay, or a clock that is off.")
    if standard:
        expected = _signature(_own_key(secret), message_id, stamp, body)
    else:
        expected = _native_signature(secret, stamp, body)
    if not any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in signatures):
        raise Forbidden("The webhook signature does not match; check that the secret is the one shown last.")
    return message_id


def classify(status: int | None) -> Outcome:
    """What an attempt's HTTP status means for the delivery; None = there was no answer.

    2xx ends it; 410 says the endpoint is gone for good and disables the webhook; everything else is tried again.
    """
    if status is not None and 200 <= status < 300:
        return "delivered"
    return "disable" if status == 410 else "retry"


def doubling_delays(max_retries: int, first_delay_s: float) -> tuple[float, ...]:
    """A schedule of `max_retries` pauses in seconds, each twice the one before, none longer than 14 hours."""
    return tuple(min(first_delay_s * 2**retry, RETRY_DELAYS_S[-1]) for retry in range(max_retries))


def next_attempt_at(
    attempt: int,
    now: datetime,
    jitter: float,
    *,
    retry_after_s: float | None = None,
    delays_s: Sequence[float] = RETRY_DELAYS_S,
) -> datetime | None:
    """When to try again after failed attempt number `attempt` (the first is 1), or None when it was the last.

    `delays_s` are the pauses after the first, second, ... failed attempt. `jitter` in [0, 1) is drawn by the caller and
    stretches the pause by up to a fifth, so that deliveries that failed together do not come back together. A
    receiver's own wish (`retry_after_s`) is honoured when it is the longer one.
    """
    if not 1 <= attempt <= len(delays_s):
        return None
    delay_s = delays_s[attempt - 1] * (1 + _JITTER_SHARE * jitter)
    if retry_after_s is not None:
        delay_s = max(delay_s, min(retry_after_s, _LONGEST_RETRY_AFTER_S))
    return now + timedelta(seconds=delay_s)


def read_retry_after(status: int, header: str | None, now: datetime) -> float | None:
    """Seconds for which a 429 or 503 asks to be left alone, or None when it does not say.

    RFC 9110 §10.2.3 allows a number of seconds and an HTTP date.
    """
    if status not in (429, 503) or not header:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def _signature(key: bytes, message_id: str, stamp: str, body: bytes) -> str:
    digest = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def _native_signature(secret: Secret, stamp: str, body: bytes) -> str:
    mac = hmac.new(secret.reveal().encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return "sha256=" + mac.hexdigest()


def _own_key(secret: Secret) -> bytes:
    """The key a secret stands for, whoever made it. Raises BadInput for an empty one."""
    if not secret:
        raise BadInput("There is no secret to sign or verify with; set one.")
    try:
        return _made_key(secret)
    except BadInput:
        return secret.reveal().encode()


def _made_key(secret: Secret) -> bytes:
    text = secret.reveal()
    try:
        if not text.startswith(SECRET_PREFIX):
            raise ValueError
        encoded = text[len(SECRET_PREFIX) :]
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        if not key:
            raise ValueError
    except (ValueError, binascii.Error):
        raise BadInput("A webhook secret is `whsec_` and base64; set the webhook again to get a new one.") from None
    return key
