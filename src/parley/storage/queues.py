"""Queries about queues and the callers who wait in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import ENDED
from parley.storage.lookup import Slice, find, page_after
from parley.storage.tables import CallRow, QueueEntryRow, QueueRow

# Spelled out, so that the index of open entries is seen to fit.
_OPEN: ColumnElement[bool] = literal_column("queue_entries.status IN ('waiting', 'callback')")
_ORDER = (QueueEntryRow.priority.desc(), QueueEntryRow.entered_at, QueueEntryRow.id)
_MEAN_OF_CALLS = 50


# ---------------------------------------------------------------- queues


async def get(session: AsyncSession, project_id: str, queue_id: str, *, lock: bool = False) -> QueueRow:
    statement = select(QueueRow).where(QueueRow.project_id == project_id, QueueRow.id == queue_id)
    return await find(session, statement.with_for_update() if lock else statement, "queue", queue_id)


async def list_after(session: AsyncSession, project_id: str, after_id: str | None, limit: int) -> Slice[QueueRow]:
    """Newest first."""
    statement = select(QueueRow).where(QueueRow.project_id == project_id)
    return await page_after(session, statement, QueueRow.id, after_id, limit)


# ---------------------------------------------------------------- who waits


async def in_turn(session: AsyncSession, project_id: str, now: datetime) -> list[QueueEntryRow]:
    """Everybody in the project whose turn it could be now, in their order: all that wait, and call backs that are due.
    Nobody is called back who is still on the line.

    A queue's length is bounded, so these are never more than a process can hold.
    """
    has_hung_up = select(CallRow.id).where(CallRow.id == QueueEntryRow.call_id, CallRow.status.in_(ENDED)).exists()
    is_due = and_(QueueEntryRow.callback_call_id.is_(None), QueueEntryRow.due_at <= now, has_hung_up)
    turn = or_(QueueEntryRow.status == "waiting", and_(QueueEntryRow.status == "callback", is_due))
    statement = select(QueueEntryRow).where(QueueEntryRow.project_id == project_id, _OPEN, turn).order_by(*_ORDER)
    return list(await session.scalars(statement.execution_options(populate_existing=True)))


async def locked(session: AsyncSession, entry_id: str) -> QueueEntryRow | None:
    """The entry as it is now, until this transaction ends."""
    statement = select(QueueEntryRow).where(QueueEntryRow.id == entry_id).with_for_update()
    return await session.scalar(statement.execution_options(populate_existing=True))


async def open_of_call(session: AsyncSession, call_id: str) -> QueueEntryRow | None:
    """The entry in which the call waits, locked. Who has pressed for a call back does not wait in the call any more."""
    statement = select(QueueEntryRow).where(QueueEntryRow.call_id == call_id, QueueEntryRow.status == "waiting")
    return await session.scalar(statement.with_for_update().execution_options(populate_existing=True))


async def settings_of_call(session: AsyncSession, call_id: str) -> dict[str, Any] | None:
    """How the call waits, or waited, with nothing locked."""
    statement = select(QueueEntryRow.settings).where(QueueEntryRow.call_id == call_id)
    statement = statement.order_by(QueueEntryRow.entered_at.desc()).limit(1)
    found: dict[str, Any] | None = await session.scalar(statement)
    return found


async def called_back_by(session: AsyncSession, call_id: str) -> QueueEntryRow | None:
    """The entry that this call was placed for and that is not settled, locked."""
    statement = select(QueueEntryRow).where(
        QueueEntryRow.callback_call_id == call_id, QueueEntryRow.status == "callback"
    )
    return await session.scalar(statement.with_for_update().execution_options(populate_existing=True))


async def lane_length(session: AsyncSession, project_id: str, lane: str) -> int:
    """How many have a place in the lane now."""
    mine = (QueueEntryRow.project_id == project_id, QueueEntryRow.lane == lane, _OPEN)
    return await session.scalar(select(func.count()).where(*mine)) or 0


async def projects_with_open(session: AsyncSession) -> list[str]:
    """The projects in which somebody has a place in a queue."""
    return list(await session.scalars(select(QueueEntryRow.project_id).where(_OPEN).distinct()))


async def renew(session: AsyncSession, call_ids: Sequence[str], until: datetime) -> None:
    """These callers hear the music here."""
    waiting = (QueueEntryRow.call_id.in_(call_ids), QueueEntryRow.status == "waiting")
    await session.execute(update(QueueEntryRow).where(*waiting).values(held_until=until))


async def is_promised_to(session: AsyncSession, project_id: str, lane: str, phone_number: str) -> bool:
    """Whether a call back to this number is open in the lane."""
    mine = (QueueEntryRow.project_id == project_id, QueueEntryRow.lane == lane, QueueEntryRow.status == "callback")
    promised = select(QueueEntryRow.id).join(CallRow, CallRow.id == QueueEntryRow.call_id)
    found = promised.where(*mine, _OPEN, CallRow.from_number == phone_number).exists()
    return bool(await session.scalar(select(found)))


async def promised_before(session: AsyncSession, call_ids: Sequence[str], moment: datetime) -> list[QueueEntryRow]:
    """Those of the calls whose callers were to be called back since then, and were not yet; locked."""
    open_ = (QueueEntryRow.status == "callback", QueueEntryRow.callback_call_id.is_(None))
    statement = select(QueueEntryRow).where(QueueEntryRow.call_id.in_(call_ids), *open_, QueueEntryRow.due_at < moment)
    return list(await session.scalars(statement.order_by(QueueEntryRow.id).with_for_update()))


async def no_longer_waiting(session: AsyncSession, call_ids: Sequence[str]) -> list[str]:
    """Those of the calls that live and have no place any more, or a stage that is no waiting."""
    placed = select(QueueEntryRow.id).where(QueueEntryRow.call_id == CallRow.id, _OPEN).exists()
    waits = and_(CallRow.stage.is_not(None), CallRow.stage["type"].astext == "waiting", placed)
    statement = select(CallRow.id).where(CallRow.id.in_(call_ids), CallRow.status.not_in(ENDED), not_(waits))
    return list(await session.scalars(statement))


async def has_place(session: AsyncSession, call_id: str, status: Literal["waiting", "callback"]) -> bool:
    """Whether the caller of this call has a place; with `callback`, whether they will be called back."""
    place = (QueueEntryRow.call_id == call_id, QueueEntryRow.status == status)
    return bool(await session.scalar(select(select(QueueEntryRow.id).where(*place).exists())))


async def past_due(session: AsyncSession, now: datetime) -> list[QueueEntryRow]:
    """Open entries whose time is up, or whose caller nobody holds any more; at most 200, the oldest first."""
    unheld = and_(QueueEntryRow.status == "waiting", QueueEntryRow.held_until < now)
    expired = and_(QueueEntryRow.overflows_at <= now, QueueEntryRow.callback_call_id.is_(None))
    statement = select(QueueEntryRow).where(_OPEN, or_(unheld, expired)).order_by(QueueEntryRow.entered_at).limit(200)
    return list(await session.scalars(statement))


class Standing(NamedTuple):
    """A caller's place: `position` 1 is next in the lane."""

    call_id: str
    project_id: str
    agent_ids: tuple[str, ...]
    position: int


async def standings(session: AsyncSession, call_ids: Collection[str]) -> list[Standing]:
    """The places of those of the calls that wait. Who keeps a place for a call back counts among those in front."""
    lanes = select(QueueEntryRow.project_id, QueueEntryRow.lane).where(
        QueueEntryRow.call_id.in_(call_ids), QueueEntryRow.status == "waiting"
    )
    ranked = _ranked().subquery()
    mine = lanes.distinct().subquery()
    statement = (
        select(ranked.c.call_id, ranked.c.project_id, ranked.c.agent_ids, ranked.c.position)
        .join(mine, and_(mine.c.project_id == ranked.c.project_id, mine.c.lane == ranked.c.lane))
        .where(ranked.c.call_id.in_(call_ids), ranked.c.status == "waiting")
    )
    return [Standing(row[0], row[1], tuple(row[2]), row[3]) for row in await session.execute(statement)]


async def position_of(session: AsyncSession, entry: QueueEntryRow) -> int:
    """The entry's place in its lane; 1 is next."""
    ranked = _ranked(entry.project_id, entry.lane).subquery()
    place = await session.scalar(select(ranked.c.position).where(ranked.c.id == entry.id))
    return place or 1


def _ranked(project_id: str | None = None, lane: str | None = None) -> Select[tuple[object, ...]]:
    lane_of = [QueueEntryRow.project_id, QueueEntryRow.lane]
    position = func.row_number().over(partition_by=lane_of, order_by=_ORDER)
    statement = select(
        QueueEntryRow.id,
        QueueEntryRow.call_id,
        QueueEntryRow.project_id,
        QueueEntryRow.lane,
        QueueEntryRow.status,
        QueueEntryRow.agent_ids,
        position.label("position"),
    ).where(_OPEN)
    if project_id is not None:
        statement = statement.where(QueueEntryRow.project_id == project_id, QueueEntryRow.lane == lane)
    return statement


async def mean_call_s(session: AsyncSession, project_id: str, agent_ids: Collection[str]) -> float | None:
    """How long the latest calls of these agents lasted on average; None where there were none."""
    lasted = (
        select(func.extract("epoch", CallRow.ended_at - CallRow.started_at).label("seconds"))
        .where(CallRow.project_id == project_id, CallRow.agent_id.in_(agent_ids), CallRow.stage.is_(None))
        .where(CallRow.is_test.is_(False))
        .where(CallRow.status == "completed", CallRow.started_at.is_not(None), CallRow.ended_at.is_not(None))
        .order_by(CallRow.created_at.desc())
        .limit(_MEAN_OF_CALLS)
        .subquery()
    )
    mean = await session.scalar(select(func.avg(lasted.c.seconds)))
    return None if mean is None else float(mean)


# ---------------------------------------------------------------- what is shown


class Counts(NamedTuple):
    """A queue in figures; waits in seconds."""

    waiting: int
    callbacks: int
    longest_wait_s: float
    answered: int
    abandoned: int
    overflowed: int
    average_wait_s: float


async def counts(session: AsyncSession, project_id: str, queue_id: str, since: datetime, now: datetime) -> Counts:
    """Who waits now, and what became of those who left since the moment."""
    entry = QueueEntryRow
    waits = func.extract("epoch", entry.left_at - entry.entered_at)
    served, left = entry.status.in_(("answered", "called_back")), entry.left_at >= since
    row = (
        await session.execute(
            select(
                func.count().filter(entry.status == "waiting"),
                func.count().filter(entry.status == "callback"),
                func.min(entry.entered_at).filter(entry.status == "waiting"),
                func.count().filter(served, left),
                func.count().filter(entry.status == "abandoned", left),
                func.count().filter(entry.status == "overflowed", left),
                func.avg(waits).filter(served, left),
            ).where(entry.project_id == project_id, entry.queue_id == queue_id, or_(_OPEN, left))
        )
    ).one()
    longest_s = max(0.0, (now - row[2]).total_seconds()) if row[2] is not None else 0.0
    return Counts(row[0], row[1], longest_s, row[3], row[4], row[5], float(row[6] or 0.0))


class Place(NamedTuple):
    """Somebody who has a place, where it is, and whose call it is."""

    entry: QueueEntryRow
    position: int
    from_number: str


async def places_page(
    session: AsyncSession, project_id: str, queue_id: str, limit: int, offset: int
) -> tuple[list[Place], int]:
    """Those who have a place in the queue now, in their order, and how many there are."""
    mine = (QueueEntryRow.project_id == project_id, QueueEntryRow.queue_id == queue_id, _OPEN)
    total = await session.scalar(select(func.count()).where(*mine)) or 0
    statement = select(QueueEntryRow, CallRow.from_number).join(CallRow, CallRow.id == QueueEntryRow.call_id)
    rows = await session.execute(statement.where(*mine).order_by(*_ORDER).limit(limit).offset(offset))
    return [Place(row[0], offset + place, row[1]) for place, row in enumerate(rows, 1)], total
