"""Every error parley raises on purpose, in one tree.

The branch says what the reader can do about it; the leaf says what happened.

    ParleyError
    ├── BadInput            change the request            (400)
    ├── Unauthorized        send a valid key              (401)
    ├── QuotaExceeded       free something up, or pay     (402)
    ├── Forbidden           you may not do this           (403)
    ├── NotFound            check the id                  (404)
    ├── Conflict            read the current state first  (409)
    │   ├── KeyReused           the Idempotency-Key stands for another request: use a new one
    │   ├── KeyInUse            its first request is still running: wait, then repeat
    │   └── OutcomeUnknown      its first request broke off: look what it did, then use a new one
    ├── TooLarge            send less                     (413)
    ├── WrongContentType    send JSON                     (415)
    ├── RangeNotSatisfiable ask for bytes that exist      (416)
    ├── TooManyRequests     wait, then repeat             (429)
    ├── Draining            ask another replica           (503)
    ├── Unavailable         try again in a moment         (503)
    ├── ProviderError       something outside failed; `retryable` says whether to try again
    │   ├── CarrierRefused      the carrier said no, in its own words (502)
    │   └── ProviderUnavailable unreachable, too slow, or broke off
    ├── TargetBlocked       an outbound URL leads where it must not
    └── ConfigurationError  the operator has to change a setting; raised at start-up

Messages are sentences for the person who has to act on them. They never carry a secret, a phone number or spoken words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class FieldError(NamedTuple):
    """One invalid field, in the spelling the caller used."""

    field: str
    message: str


class ParleyError(Exception):
    """Root of the tree. `code` is the stable word clients may branch on; `status` the HTTP status of an API answer."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadInput(ParleyError):
    """The request itself is wrong; `errors` names the fields when they are known."""

    code = "invalid_request"
    status = 400

    def __init__(self, message: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class Unauthorized(ParleyError):
    code = "unauthorized"
    status = 401


class QuotaExceeded(ParleyError):
    code = "quota_exceeded"
    status = 402


class Forbidden(ParleyError):
    code = "forbidden"
    status = 403


class NotFound(ParleyError):
    code = "not_found"
    status = 404


class Conflict(ParleyError):
    code = "conflict"
    status = 409


class KeyReused(Conflict):
    code = "idempotency_key_reused"


class KeyInUse(Conflict):
    """`retry_after_s` becomes the Retry-After header."""

    code = "idempotency_in_progress"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(Conflict):
    code = "idempotency_outcome_unknown"


class TooLarge(ParleyError):
    code = "too_large"
    status = 413


class WrongContentType(ParleyError):
    code = "unsupported_media_type"
    status = 415


class RangeNotSatisfiable(ParleyError):
    """Nothing of what was asked for exists; `size` (bytes) becomes the Content-Range header."""

    code = "range_not_satisfiable"
    status = 416

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


class TooManyRequests(ParleyError):
    """`retry_after_s` becomes the Retry-After header."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Draining(ParleyError):
    code = "draining"
    status = 503


class Unavailable(ParleyError):
    """Something of our own, the database, does not answer now; nothing was changed, and the same may work soon."""

    code = "unavailable"
    status = 503


class ProviderError(ParleyError):
    """A carrier, recogniser, model, voice or webhook failed.

    `retryable` tells whether the same request may succeed soon; `reason` is a short stable word for notes and metrics.
    """

    code = "provider_error"
    status = 502

    def __init__(self, provider: str, message: str, *, retryable: bool, reason: str = "provider_failed") -> None:
        super().__init__(message)
        self.provider = provider
        self.retryable = retryable
        self.reason = reason


class CarrierRefused(ProviderError):
    """The carrier answered and declined; the message quotes its own words."""

    code = "carrier_refused"


class ProviderUnavailable(ProviderError):
    code = "provider_unavailable"


class TargetBlocked(ParleyError):
    """An outbound URL resolves to an address this server must not call."""

    code = "target_blocked"
    status = 400


class ConfigurationError(ParleyError):
    code = "configuration_error"
