"""Tickets for media sockets: each lets one socket into one call, once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import ENDED
from parley.domain.errors import Conflict
from parley.domain.secrets import Secret
from parley.services.defaults import Clock
from parley.storage import calls
from parley.storage.tables import CallRow

_LIFE = timedelta(seconds=60)


class StreamTokens:
    """Everything happens in the caller's transaction. A token is good for 60 s, and only its SHA-256 is kept."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    async def new(self, session: AsyncSession, call: CallRow) -> Secret:
        """Raises Conflict when the call is over."""
        if call.status in ENDED:
            raise Conflict("This call is over.")
        token, now = secrets.token_urlsafe(32), self.clock()
        await calls.add_token(session, call.id, _hash(token), now, now + _LIFE)
        return Secret(token)

    async def redeem(self, session: AsyncSession, token: str) -> CallRow | None:
        """The call the token opens, for the first who shows it; None for everybody else, and once the call is over.

        What was to follow on the call's last stream follows on this one.
        """
        call_id = await calls.use_token(session, _hash(token), self.clock())
        if call_id is None:
            return None
        call = await calls.get_known(session, call_id, lock=True)
        if call.status in ENDED:
            return None
        call.is_handed_on = False
        return call


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
