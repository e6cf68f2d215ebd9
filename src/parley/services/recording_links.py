"""Links to audio, of calls and of messages: whoever holds one may listen, for four hours."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Final

from parley.domain.errors import Forbidden
from parley.services.defaults import Clock, utc_now

LINK_LIFE: Final = timedelta(hours=4)


class RecordingLinks:
    """`public_url` is this server's address as clients reach it; `key` is the same on every replica.

    `folder` is where the links lead, `noun` what they open and `owner` what has to be read for a fresh one. Ids are
    unique over all kinds, so a signature opens nothing else.
    """

    def __init__(
        self,
        public_url: str,
        key: bytes,
        clock: Clock = utc_now,
        *,
        folder: str = "recordings",
        noun: str = "recording",
        owner: str = "call",
    ) -> None:
        self._base = f"{public_url.rstrip('/')}/{folder}"
        self._key = key
        self._clock = clock
        self._noun = noun
        self._fresh = f"Read the {owner} again for a fresh one."

    def url(self, row_id: str) -> str:
        """A link that opens the audio of the row with this id until it expires."""
        expires = int((self._clock() + LINK_LIFE).timestamp())
        return f"{self._base}/{row_id}.wav?expires={expires}&signature={self._signature(row_id, expires)}"

    def check(self, row_id: str, expires: str, signature: str) -> None:
        """Raises Forbidden for a link that we did not make, or that has expired."""
        is_number = expires.isascii() and expires.isdigit() and len(expires) <= 12
        is_ours = is_number and hmac.compare_digest(self._signature(row_id, int(expires)).encode(), signature.encode())
        if not is_ours:
            raise Forbidden(f"This link to a {self._noun} is not valid. {self._fresh}")
        if int(expires) < self._clock().timestamp():
            raise Forbidden(f"This link to a {self._noun} has expired. {self._fresh}")

    def _signature(self, row_id: str, expires: int) -> str:
        return hmac.digest(self._key, f"{row_id}/{expires}".encode(), "sha256").hex()
