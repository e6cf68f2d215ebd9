"""Housekeeping: what nobody can ask for any more is deleted, little by little, beside everything else.

Several replicas may do it at once: then they delete less each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import Unavailable
from parley.services.defaults import Clock, utc_now
from parley.services.idempotency import KEPT_FOR
from parley.storage import pruning
from parley.storage.database import Database

log = structlog.get_logger()

EVERY_S = 600.0
BATCH = 500
PAUSE_S = 0.2
"""Between two batches, so that a large backlog does not take the database for itself."""

Prune = Callable[[AsyncSession, datetime, int], Awaitable[int]]


class Pruning:
    """`deliveries_for` is how long deliveries are kept after they were recorded; open ones are never deleted."""

    def __init__(self, database: Database, deliveries_for: timedelta, clock: Clock = utc_now) -> None:
        self._database = database
        self._deliveries_for = deliveries_for
        self._clock = clock

    async def run(self) -> None:
        """Prune every ten minutes until cancelled. Start it as a child of the server's TaskGroup."""
        while True:
            try:
                await self.prune()
            except (Unavailable, SQLAlchemyError) as trouble:  # it is tried again, and must not end the server
                log.warning("pruning_put_off", reason=type(trouble).__name__)
            await asyncio.sleep(EVERY_S)

    async def prune(self, *, batch: int = BATCH, pause_s: float = PAUSE_S) -> dict[str, int]:
        """Delete all that has had its time, `batch` rows a transaction; returns how many rows of each kind went."""
        now = self._clock()
        work: dict[str, tuple[Prune, datetime]] = {
            "idempotency_keys": (pruning.idempotency_keys, now - KEPT_FOR),
            "stream_tokens": (pruning.stream_tokens, now),
            "deliveries": (pruning.deliveries, now - self._deliveries_for),
        }
        gone = dict.fromkeys(work, 0)
        for kind, (prune, before) in work.items():
            while True:
                async with self._database.transaction() as session:
                    deleted = await prune(session, before, batch)
                gone[kind] += deleted
                if deleted < batch:
                    break
                await asyncio.sleep(pause_s)
        if any(gone.values()):
            log.info("pruned", **gone)
        return gone
