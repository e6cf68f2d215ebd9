"""Links to recordings: whoever holds one may listen, for four hours."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Final

from parley.domain.errors import Forbidden
from parley.services.defaults import Clock, utc_now

LINK_LIFE: Final = timedelta(hours=4)


class RecordingLinks:
    """`public_url` is this server's address as clients reach it; `key` is the same on every replica."""

    def __init__(self, public_url: str, key: bytes, clock: Clock = utc_now) -> None:
        self._base = public_url.rstrip("/")
        self._key = key
        self._clock = clock

    def url(self, call_id: str) -> str:
        """A link that opens this call's recording until it expires."""
        expires = int((self._clock() + LINK_LIFE).timestamp())
        return f"{self._base}/recordings/{call_id}.wav?expires={expires}&signature={self._signature(call_id, expires)}"

    def check(self, call_id: str, expires: str, signature: str) -> None:
        """Raises Forbidden for a link that we did not make, or that has expired."""
        is_number = expires.isascii() and expires.isdigit() and len(expires) <= 12
        is_ours = is_number and hmac.compare_digest(self._signature(call_id, int(expires)).encode(), signature.encode())
        if not is_ours:
            raise Forbidden("This link to a recording is not valid. Read the call again for a fresh one.")
        if int(expires) < self._clock().timestamp():
            raise Forbidden("This link to a recording has expired. Read the call again for a fresh one.")

    def _signature(self, call_id: str, expires: int) -> str:
        return hmac.digest(self._key, f"{call_id}/{expires}".encode(), "sha256").hex()
