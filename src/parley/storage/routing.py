"""What routing looks at: who waits where, which agents could take a call, what a caller speaks, and past calls."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    String,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from parley.storage.tables import AgentRow, CallRow, NumberRow, ProjectRow, QueueEntryRow, QueueRow, WebhookRow

# No wait and no conversation is longer; what began before need not be looked through.
_LONGEST = timedelta(days=1)
# Spelled out, so that the index of unfinished calls is seen to fit.
_UNFINISHED: ColumnElement[bool] = literal_column("calls.status NOT IN ('completed', 'failed')")
# Who waits, hears an announcement or leaves a message has no conversation; who was put through to a human has.
_TALKS = or_(CallRow.stage.is_(None), CallRow.stage["type"].astext == "forwarding")
# Who speaks with a human already keeps no agent busy; when a human answered is not known afterwards.
_WITH_AGENT: ColumnElement[bool] = literal_column("(calls.stage->>'is_answered' = 'true') IS NOT TRUE")
# A recogniser of many languages says nothing about which one it heard.
_ANY_LANGUAGE = "multi"


class AgentFacts(msgspec.Struct, frozen=True):
    """An agent as routing sees it. `answers` is whether there is anybody to answer for it: a chat model or a webhook.

    `live` are the calls it holds, of at most `limit`; without one only the project's limit holds.
    """

    answers: bool
    live: int
    limit: int | None


class World(msgspec.Struct, frozen=True):
    """Those of the agents and queues that there are, each queue with how many calls wait in it."""

    agents: dict[str, AgentFacts]
    queues: dict[str, int]
    waiting_for_number: int
    language: str | None


async def world(
    session: AsyncSession,
    number: NumberRow,
    caller: str,
    at: datetime,
    *,
    agent_ids: Collection[str],
    queue_ids: Collection[str],
    is_past: bool = False,
) -> World:
    """All that routing may ask about one number's call at that moment, in one round trip.

    `at` is now, or `is_past`: then it is who waited and talked at that moment, as far as their rows still tell. An
    empty `caller` has no language.
    """
    wanted = {"number_id": number.id, "agent_ids": [*agent_ids], "queue_ids": [*queue_ids], "caller": caller}
    moments = {"at": at, "earliest": at - _LONGEST}
    statement = _WORLD_THEN if is_past else _WORLD_NOW
    found = await session.execute(statement, {"project_id": number.project_id, **wanted, **moments})
    agents, queues, waiting, language = found.one()
    return World(msgspec.convert(agents or {}, dict[str, AgentFacts]), queues or {}, waiting, language)


_PROJECT, _NUMBER, _CALLER = (bindparam(name, type_=String) for name in ("project_id", "number_id", "caller"))
_AT = bindparam("at", type_=DateTime(timezone=True))
_EARLIEST = bindparam("earliest", type_=DateTime(timezone=True))


def _agents(is_past: bool) -> Select[Any]:
    """A JSON object of `AgentFacts` by id."""
    owner = or_(WebhookRow.agent_id.is_(None), WebhookRow.agent_id == AgentRow.id)
    # An agent's own webhook that is disabled does not let the project's in.
    webhook = select(WebhookRow.status == "active").where(WebhookRow.project_id == _PROJECT, owner)
    has_webhook = webhook.order_by(WebhookRow.agent_id.is_(None)).limit(1).scalar_subquery()
    talks = _talking(is_past).where(CallRow.agent_id == AgentRow.id)
    held = (talks if is_past else talks.where(_WITH_AGENT)).scalar_subquery()
    facts = func.jsonb_build_object(
        literal_column("'answers'"),
        or_(AgentRow.voice_mode == "hosted", func.coalesce(has_webhook, literal_column("false"))),
        literal_column("'live'"),
        held,
        literal_column("'limit'"),
        AgentRow.max_concurrent_calls,
        type_=JSONB,
    )
    named = AgentRow.id.in_(bindparam("agent_ids", expanding=True))
    return select(func.jsonb_object_agg(AgentRow.id, facts, type_=JSONB)).where(AgentRow.project_id == _PROJECT, named)


def _queues(is_past: bool) -> Select[Any]:
    """A JSON object of how many wait in each, by id."""
    inside = _waiting(is_past).where(QueueEntryRow.queue_id == QueueRow.id).scalar_subquery()
    named = QueueRow.id.in_(bindparam("queue_ids", expanding=True))
    return select(func.jsonb_object_agg(QueueRow.id, inside, type_=JSONB)).where(QueueRow.project_id == _PROJECT, named)


def _talking(is_past: bool) -> Select[int]:
    """How many conversations there are, queued and ringing ones too; tests hold nobody up."""
    talks = select(func.count()).select_from(CallRow)
    talks = talks.where(CallRow.project_id == _PROJECT, CallRow.is_test.is_(False), _TALKS)
    if not is_past:
        return talks.where(_UNFINISHED)
    then = (CallRow.created_at < _AT, CallRow.created_at > _EARLIEST)
    return talks.where(*then, or_(CallRow.ended_at > _AT, _UNFINISHED))


def _waiting(is_past: bool) -> Select[int]:
    """How many calls wait. Who hung up to be called back keeps a place, but is no call that waits."""
    waits = select(func.count()).select_from(QueueEntryRow).where(QueueEntryRow.project_id == _PROJECT)
    held = or_(QueueEntryRow.held_until.is_(None), QueueEntryRow.held_until > _AT)
    now = and_(QueueEntryRow.status == "waiting", held)
    if not is_past:
        return waits.where(now)
    then = (QueueEntryRow.entered_at <= _AT, QueueEntryRow.entered_at > _EARLIEST)
    left = and_(QueueEntryRow.status.not_in(("waiting", "callback", "called_back")), QueueEntryRow.left_at > _AT)
    return waits.where(*then, or_(now, left))


def _language() -> Select[str]:
    """What was spoken in the last conversation with the caller before that moment, whoever had called whom."""
    spoken = CallRow.snapshot["listen"]["language"].astext
    with_caller = or_(
        and_(CallRow.direction == "inbound", CallRow.from_number == _CALLER),
        and_(CallRow.direction == "outbound", CallRow.to_number == _CALLER),
    )
    had = (CallRow.project_id == _PROJECT, CallRow.created_at < _AT, CallRow.started_at.is_not(None), with_caller)
    statement = select(spoken).where(*had, CallRow.is_test.is_(False), spoken != _ANY_LANGUAGE, _CALLER != "")
    return statement.order_by(CallRow.created_at.desc()).limit(1)


def _world(*, is_past: bool) -> Select[Any]:
    """Put together once: taking so large a statement apart again takes longer than the database needs for it."""
    for_number = and_(QueueEntryRow.call_id == CallRow.id, CallRow.number_id == _NUMBER)
    waiting = _waiting(is_past).join(CallRow, for_number)
    return select(*(each.scalar_subquery() for each in (_agents(is_past), _queues(is_past), waiting, _language())))


_WORLD_NOW, _WORLD_THEN = _world(is_past=False), _world(is_past=True)


async def project_routing(session: AsyncSession, project_id: str) -> dict[str, Any] | None:
    """What holds for all numbers of the project."""
    statement = select(ProjectRow.routing).where(ProjectRow.id == project_id)
    found: dict[str, Any] | None = await session.scalar(statement)
    return found


async def known_queues(session: AsyncSession, project_id: str, queue_ids: Collection[str]) -> set[str]:
    """Which of these are the project's queues."""
    statement = select(QueueRow.id).where(QueueRow.project_id == project_id, QueueRow.id.in_(queue_ids))
    return set(await session.scalars(statement))


async def past_calls(
    session: AsyncSession, project_id: str, number_id: str | None, since: datetime, until: datetime, limit: int
) -> tuple[list[CallRow], int]:
    """The newest calls that came in on the project's numbers in this time, and how many there were; no tests."""
    came_in = select(CallRow).where(
        CallRow.project_id == project_id,
        CallRow.direction == "inbound",
        CallRow.is_test.is_(False),
        CallRow.created_at >= since,
        CallRow.created_at < until,
    )
    if number_id is not None:
        came_in = came_in.where(CallRow.number_id == number_id)
    total = await session.scalar(select(func.count()).select_from(came_in.subquery()))
    newest = came_in.order_by(CallRow.created_at.desc(), CallRow.id.desc()).limit(limit)
    return list(await session.scalars(newest)), total or 0
