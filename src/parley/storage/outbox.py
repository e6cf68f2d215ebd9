"""The outbox: events recorded in the transaction of the change they tell of, then claimed by workers.

A claim is a lease: a worker that dies keeps nothing, because its rows may be claimed again when the lease is over. So
an event is delivered at least once, and twice when a worker died, or was too slow, between sending and settling.

Order: of the events of one call, or of one conversation, for one target, a later one waits while an earlier one is
being sent or has not been tried twice. After that the receiver counts as down and nothing waits for it any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from parley.storage.tables import DeliveryRow, SubscriptionRow, WebhookRow

_TRIES_THAT_KEEP_ORDER = 2


def record(session: AsyncSession, delivery: DeliveryRow) -> None:
    """Add one event for one target to the transaction that makes it true."""
    session.add(delivery)


async def claim(session: AsyncSession, now: datetime, lease: timedelta, limit: int) -> list[DeliveryRow]:
    """Take up to `limit` due rows for the length of the lease, the longest due first; what others hold is passed over.

    In this order the index of what is pending can be read from its beginning, however much was ever sent.
    """
    due = and_(
        DeliveryRow.status == "pending",
        DeliveryRow.next_at <= now,
        or_(DeliveryRow.lease_until.is_(None), DeliveryRow.lease_until <= now),
        ~_waits_behind(DeliveryRow.call_id, now),
        ~_waits_behind(DeliveryRow.conversation_id, now),
    )
    in_order = select(DeliveryRow.id).where(due).order_by(DeliveryRow.next_at, DeliveryRow.seq)
    free = in_order.limit(limit).with_for_update(skip_locked=True)
    taken = (
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(free))
        .values(attempts=DeliveryRow.attempts + 1, lease_until=now + lease, last_attempt_at=now)
        .returning(DeliveryRow)
        .execution_options(synchronize_session=False)
    )
    return sorted(await session.scalars(taken), key=lambda row: row.seq)


def _waits_behind(subject: InstrumentedAttribute[str | None], now: datetime) -> ColumnElement[bool]:
    """Whether an earlier event of the same call or conversation (the column) is still to reach the same target.

    A row without webhook and subscription goes to a call's own URL, and a call has one.
    """
    earlier = aliased(DeliveryRow)
    return exists().where(
        getattr(earlier, subject.key) == subject,
        earlier.webhook_id.is_not_distinct_from(DeliveryRow.webhook_id),
        earlier.subscription_id.is_not_distinct_from(DeliveryRow.subscription_id),
        earlier.seq < DeliveryRow.seq,
        earlier.status == "pending",
        or_(earlier.attempts < _TRIES_THAT_KEEP_ORDER, earlier.lease_until > now),
    )


async def settle(session: AsyncSession, row: DeliveryRow, **outcome: Any) -> None:
    """Write what came of a claimed row and end the lease.

    A success counts whoever reports it. Anything else counts only from the worker that holds the row: if the lease was
    lost to another one, that one's outcome is the later truth.
    """
    mine = [DeliveryRow.id == row.id, DeliveryRow.status == "pending"]
    if outcome.get("status") != "success":
        mine.append(DeliveryRow.attempts == row.attempts)
    await session.execute(update(DeliveryRow).where(*mine).values(lease_until=None, **outcome))


async def fail_waiting(session: AsyncSession, target: WebhookRow | SubscriptionRow, reason: str) -> None:
    """Everything still waiting for this webhook or subscription fails, for it was deleted or switched off."""
    column = DeliveryRow.webhook_id if isinstance(target, WebhookRow) else DeliveryRow.subscription_id
    waiting = update(DeliveryRow).where(column == target.id, DeliveryRow.status == "pending")
    await session.execute(waiting.values(status="failed", error_message=reason, lease_until=None, next_at=None))
