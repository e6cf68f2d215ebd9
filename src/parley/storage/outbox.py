"""The outbox: events recorded in the transaction of the change they tell of, then claimed by workers.

A claim is a lease: a worker that dies keeps nothing, because its rows may be claimed again when the lease is over. So
an event is delivered at least once, and twice when a worker died, or was too slow, between sending and settling.

Order: of the events of one call, or of one conversation, for one target, a later one waits while an earlier one is
being sent or has not been tried twice. After that the receiver counts as down and nothing waits for it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from parley.storage.tables import DeliveryRow, SubscriptionRow, WebhookRow

MOST_TO_ONE_TARGET = 4

_TRIES_THAT_KEEP_ORDER = 2
_NOTHING: Mapping[str, int] = MappingProxyType({})

_Moment = datetime | BindParameter[datetime]


def record(session: AsyncSession, delivery: DeliveryRow) -> None:
    """Add one event for one target to the transaction that makes it true."""
    session.add(delivery)


async def claim(
    session: AsyncSession,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    most_each: int = MOST_TO_ONE_TARGET,
    on_their_way: Mapping[str, int] = _NOTHING,
) -> list[DeliveryRow]:
    """Take up to `limit` due rows for the length of the lease, the longest due first; what others hold is passed over.

    No target gets more than `most_each`, what is `on_their_way` to it (by `target_key`) included: one that is slow to
    answer keeps nobody else from being told.
    """
    places = {key: most_each - count for key, count in on_their_way.items()}
    chosen: list[str] = []
    full = [key for key, left in places.items() if left <= 0]
    asked = {"now": now, "most_each": most_each, "most": limit * most_each, "full": full}
    for found in await session.execute(_first_of_each_target(), asked):
        left = places.get(found.target_key, most_each)
        if left > 0 and len(chosen) < limit:
            places[found.target_key] = left - 1
            chosen.append(found.id)
    if not chosen:
        return []
    free = select(DeliveryRow.id).where(DeliveryRow.id.in_(chosen), _is_due(now)).with_for_update(skip_locked=True)
    taken = (
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(free))
        .values(attempts=DeliveryRow.attempts + 1, lease_until=now + lease, last_attempt_at=now)
        .returning(DeliveryRow)
        .execution_options(synchronize_session=False)
    )
    return sorted(await session.scalars(taken), key=lambda row: row.seq)


@cache
def _first_of_each_target() -> Select[tuple[str, str]]:
    """The id and target of what may be sent, at most `most_each` for each target but the `full` ones, longest due
    first. Built once: that takes longer than asking it, and every event asks it.

    It steps from target to target in the index of what is pending and reads the beginning of each, so that it costs as
    much as there are targets that something waits for, however much waits for one of them and was ever sent.
    """
    pending, now = aliased(DeliveryRow), bindparam("now", type_=DeliveryRow.next_at.type)
    smallest = select(func.min(pending.target_key).label("key")).where(pending.status == "pending")
    targets = smallest.cte("targets", recursive=True)
    following = smallest.where(pending.target_key > targets.c.key).scalar_subquery()
    targets = targets.union_all(select(following).where(targets.c.key.is_not(None)))
    first = (
        select(DeliveryRow.id, DeliveryRow.target_key, DeliveryRow.next_at, DeliveryRow.seq)
        .where(DeliveryRow.target_key == targets.c.key, _is_due(now))
        .where(~_waits_behind(DeliveryRow.call_id, now), ~_waits_behind(DeliveryRow.conversation_id, now))
        .order_by(DeliveryRow.next_at, DeliveryRow.seq)
        .limit(bindparam("most_each", type_=Integer))
        .lateral("first")
    )
    found = select(first.c.id, first.c.target_key).select_from(targets.join(first, true()))
    found = found.where(targets.c.key.not_in(bindparam("full", [], String, expanding=True)))
    return found.order_by(first.c.next_at, first.c.seq).limit(bindparam("most", type_=Integer))


def _is_due(now: _Moment) -> ColumnElement[bool]:
    return and_(
        DeliveryRow.status == "pending",
        DeliveryRow.next_at <= now,
        or_(DeliveryRow.lease_until.is_(None), DeliveryRow.lease_until <= now),
    )


def _waits_behind(subject: InstrumentedAttribute[str | None], now: _Moment) -> ColumnElement[bool]:
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
