"""What a project has used, added up by the database: one statement a question.

Deliveries are counted as long as they are kept. A call counts where it began, and lasts until now while it lives. Test
calls do not count.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import CTE, ColumnElement, FromClause, Select, Subquery, func, literal, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.usage import minutes
from parley.storage.limits import TALKS
from parley.storage.tables import AgentRow, CallRow, DeliveryRow, MessageRow, NumberRow

Unit = Literal["day", "month"]
Columns = dict[str, ColumnElement[Any]]
DAY = timedelta(hours=24)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts until now, and of the last 24 hours, 7 days and 30 days. `seconds_last_30d` is time spent talking."""

    numbers: int
    live_calls: int
    messages_sent_last_24h: int
    total_messages: int
    messages_last_24h: int
    messages_last_7d: int
    messages_last_30d: int
    total_calls: int
    calls_last_24h: int
    calls_last_7d: int
    calls_last_30d: int
    seconds_last_30d: float
    total_webhook_deliveries: int
    successful_webhook_deliveries: int
    failed_webhook_deliveries: int

    @property
    def minutes_last_30d(self) -> int:
        return minutes(self.seconds_last_30d)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What falls into one bucket."""

    messages: int = 0
    calls: int = 0
    seconds: float = 0.0
    webhooks: int = 0


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """What one number, or one agent, was used for; `name` is the phone number or the agent's name."""

    id: str
    name: str
    messages: int
    calls: int
    seconds: float

    @property
    def minutes(self) -> int:
        return minutes(self.seconds)


async def totals(session: AsyncSession, project_id: str, now: datetime) -> Totals:
    """All of the project's figures in one statement."""
    is_live = CallRow.status.in_(("queued", "ringing", "in-progress"))
    sent = func.count().filter(MessageRow.direction == "outbound")
    parts = (
        select(func.count().label("numbers")).where(NumberRow.project_id == project_id, NumberRow.status == "active"),
        select(func.count().label("live_calls")).where(_of(CallRow, project_id), is_live, TALKS),
        _recent(MessageRow, "messages", project_id, now),
        _recent(CallRow, "calls", project_id, now),
        select(sent.label("messages_sent_last_24h")).where(*_since(MessageRow, project_id, now - DAY)),
        select(_seconds(now).label("seconds_last_30d")).where(*_since(CallRow, project_id, now - 30 * DAY)),
        select(
            func.count().label("total_webhook_deliveries"),
            func.count().filter(DeliveryRow.status == "success").label("successful_webhook_deliveries"),
            func.count().filter(DeliveryRow.status == "failed").label("failed_webhook_deliveries"),
        ).where(DeliveryRow.project_id == project_id),
    )
    first, *rest = [part.subquery() for part in parts]
    beside: FromClause = first
    for part in rest:
        beside = beside.join(part, true())
    row = (await session.execute(select(first, *rest).select_from(beside))).mappings().one()
    return msgspec.convert({**row, "seconds_last_30d": float(row["seconds_last_30d"])}, Totals)


async def by_time(
    session: AsyncSession, project_id: str, unit: Unit, since: datetime, until: datetime
) -> dict[datetime, Counts]:
    """By the UTC day or month in which things happened, from `since` to before `until`; empty ones are left out."""
    nothing: Columns = {name: literal(0) for name in ("messages", "calls", "seconds", "webhooks")}
    counted: tuple[tuple[type[MessageRow | CallRow | DeliveryRow], Columns], ...] = (
        (MessageRow, {"messages": func.count()}),
        (CallRow, {"calls": func.count(), "seconds": _seconds(until)}),
        (DeliveryRow, {"webhooks": func.count()}),
    )
    parts = []
    for table, own in counted:
        columns = nothing | own
        bucket = func.date_trunc(unit, table.created_at, "UTC").label("bucket")
        parts.append(
            select(bucket, *(column.label(name) for name, column in columns.items()))
            .where(_of(table, project_id), table.created_at >= since, table.created_at < until)
            .group_by("bucket")
        )
    each = union_all(*parts).subquery()
    added = (func.sum(each.c[name]).label(name) for name in nothing)
    rows = await session.execute(select(each.c.bucket, *added).group_by(each.c.bucket))
    return {
        row["bucket"]: Counts(
            messages=int(row["messages"]),
            calls=int(row["calls"]),
            seconds=float(row["seconds"]),
            webhooks=int(row["webhooks"]),
        )
        for row in rows.mappings()
    }


async def by_number(
    session: AsyncSession, project_id: str, now: datetime, since: datetime, limit: int, offset: int
) -> tuple[list[Owned], int]:
    """The active numbers and the used ones, the most used first: one page, and how many there are."""
    calls, messages = (
        _calls_by(CallRow.number_id, project_id, now, since),
        _messages_by(MessageRow.number_id, project_id, since),
    )
    statement = _owned(NumberRow.id, NumberRow.phone_number, calls, messages).where(
        NumberRow.project_id == project_id,
        or_(NumberRow.status == "active", calls.c.owner.is_not(None), messages.c.owner.is_not(None)),
    )
    return await _page(session, statement.cte("owned"), limit, offset)


async def by_agent(
    session: AsyncSession, project_id: str, now: datetime, since: datetime, limit: int, offset: int
) -> tuple[list[Owned], int]:
    """All agents there are, the most used first: one page, and how many there are."""
    calls, messages = (
        _calls_by(CallRow.agent_id, project_id, now, since),
        _messages_by(MessageRow.agent_id, project_id, since),
    )
    statement = _owned(AgentRow.id, AgentRow.name, calls, messages).where(AgentRow.project_id == project_id)
    return await _page(session, statement.cte("owned"), limit, offset)


# ---------------------------------------------------------------- pieces


def _seconds(now: datetime) -> ColumnElement[Any]:
    talked = func.extract("epoch", func.coalesce(CallRow.ended_at, now) - CallRow.started_at)
    return func.coalesce(func.sum(func.greatest(talked, 0)), 0)


def _of(table: type[MessageRow | CallRow | DeliveryRow], project_id: str) -> ColumnElement[bool]:
    """The project's rows that count: its tests are no calls that anybody made."""
    own = table.project_id == project_id
    return own & CallRow.is_test.is_(False) if table is CallRow else own


def _since(table: type[MessageRow] | type[CallRow], project_id: str, moment: datetime) -> tuple[Any, Any]:
    return _of(table, project_id), table.created_at > moment


def _recent(table: type[MessageRow] | type[CallRow], name: str, project_id: str, now: datetime) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [func.count().label(f"total_{name}")]
    for label, span in (("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)):
        columns.append(func.count().filter(table.created_at > now - span).label(f"{name}_last_{label}"))
    return select(*columns).where(_of(table, project_id))


def _calls_by(owner: Any, project_id: str, now: datetime, since: datetime) -> Subquery:
    columns = (owner.label("owner"), func.count().label("number"), _seconds(now).label("seconds"))
    return select(*columns).where(*_since(CallRow, project_id, since)).group_by(owner).subquery()


def _messages_by(owner: Any, project_id: str, since: datetime) -> Subquery:
    columns = (owner.label("owner"), func.count().label("number"))
    return select(*columns).where(*_since(MessageRow, project_id, since)).group_by(owner).subquery()


def _owned(row_id: Any, name: Any, calls: Subquery, messages: Subquery) -> Select[Any]:
    columns = {
        "id": row_id,
        "name": name,
        "messages": func.coalesce(messages.c.number, 0),
        "calls": func.coalesce(calls.c.number, 0),
        "seconds": func.coalesce(calls.c.seconds, 0),
    }
    return (
        select(*(column.label(label) for label, column in columns.items()))
        .outerjoin(calls, calls.c.owner == row_id)
        .outerjoin(messages, messages.c.owner == row_id)
    )


async def _page(session: AsyncSession, owned: CTE, limit: int, offset: int) -> tuple[list[Owned], int]:
    """The count hangs on a row of its own, so that it is there beyond the last page too."""
    most_used = (owned.c.calls + owned.c.messages).desc()
    page = select(owned).order_by(most_used, owned.c.id).limit(limit).offset(offset).subquery("page")
    anchor = select(literal(1).label("one")).subquery("anchor")
    total = select(func.count()).select_from(owned).scalar_subquery().label("total")
    statement = select(total, page).select_from(anchor.outerjoin(page, true()))
    ordered = statement.order_by((page.c.calls + page.c.messages).desc(), page.c.id)
    rows = (await session.execute(ordered)).mappings().all()
    found = [row for row in rows if row["id"] is not None]
    return [_one(row) for row in found], rows[0]["total"]


def _one(row: Any) -> Owned:
    return Owned(
        id=row["id"], name=row["name"], messages=row["messages"], calls=row["calls"], seconds=float(row["seconds"])
    )
