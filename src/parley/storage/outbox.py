"""The outbox: events recorded in the transaction of the change they tell of, then claimed by workers.

A claim is a lease: a worker that dies keeps nothing, because its rows may be claimed again when the lease is over. So
an event is delivered at least once, and twice when a worker died, or was too slow, between sending and settling.

Order: of the events of one call for one target, a later one waits while an earlier one is being sent or has not been
tried twice. After that the receiver counts as down and nothing waits for it any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from parley.storage.tables import DeliveryRow

_TRIES_THAT_KEEP_ORDER = 2


def record(session: AsyncSession, delivery: DeliveryRow) -> None:
    """Add one event for one target to the transaction that makes it true."""
    session.add(delivery)


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[DeliveryRow]:
    """Take up to `limit` due rows for the length of the lease, oldest first; what others hold is passed over."""
    earlier = aliased(DeliveryRow)
    must_wait = exists().where(
        earlier.call_id == DeliveryRow.call_id,
        earlier.webhook_id.is_not_distinct_from(DeliveryRow.webhook_id),
        earlier.seq < DeliveryRow.seq,
        earlier.status == "pending",
        or_(earlier.attempts < _TRIES_THAT_KEEP_ORDER, earlier.lease_until > now),
    )
    due = and_(
        DeliveryRow.status == "pending",
        DeliveryRow.next_at <= now,
        or_(DeliveryRow.lease_until.is_(None), DeliveryRow.lease_until <= now),
        ~must_wait,
    )
    free = select(DeliveryRow.id).where(due).order_by(DeliveryRow.seq).limit(limit).with_for_update(skip_locked=True)
    taken = (
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(free))
        .values(attempts=DeliveryRow.attempts + 1, lease_until=now + lease, last_attempt_at=now)
        .returning(DeliveryRow)
        .execution_options(synchronize_session=False)
    )
    return sorted(await session.scalars(taken), key=lambda row: row.seq)


async def settle(session: AsyncSession, row: DeliveryRow, **outcome: Any) -> None:
    """Write what came of a claimed row and end the lease.

    A success counts whoever reports it. Anything else counts only from the worker that holds the row: if the lease was
    lost to another one, that one's outcome is the later truth.
    """
    mine = [DeliveryRow.id == row.id, DeliveryRow.status == "pending"]
    if outcome.get("status") != "success":
        mine.append(DeliveryRow.attempts == row.attempts)
    await session.execute(update(DeliveryRow).where(*mine).values(lease_until=None, **outcome))


async def fail_waiting(session: AsyncSession, webhook_id: str, reason: str) -> None:
    """Everything still waiting for this webhook fails: it was deleted or disabled."""
    waiting = update(DeliveryRow).where(DeliveryRow.webhook_id == webhook_id, DeliveryRow.status == "pending")
    await session.execute(waiting.values(status="failed", error_message=reason, lease_until=None, next_at=None))
