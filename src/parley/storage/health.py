"""Queries about what was found of the things a project's calls depend on.

A row of kind `round` is no finding: it says when somebody last asked (`since`) and when the project was last looked at
(`checked_at`), and claims the next look for one process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import cast, delete, func, literal, or_, select, tuple_, union, union_all
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH, insert
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.health import Finding
from parley.storage.tables import (
    AgentRow,
    CallRow,
    CredentialRow,
    DeliveryRow,
    HealthStateRow,
    NumberRow,
    SubscriptionRow,
    TrunkRow,
    WebhookRow,
)

_ROUND = "round"
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)
_KEYS = [HealthStateRow.project_id, HealthStateRow.kind, HealthStateRow.subject_id]
_LAST = 10


async def states(session: AsyncSession, project_id: str) -> list[HealthStateRow]:
    """What was found last, the worst first."""
    statement = select(HealthStateRow).where(HealthStateRow.project_id == project_id, HealthStateRow.kind != _ROUND)
    worst = func.array_position(["failed", "warning", "unknown", "ok"], HealthStateRow.status)
    return list(await session.scalars(statement.order_by(worst, HealthStateRow.kind, HealthStateRow.subject_id)))


async def note_asked(session: AsyncSession, project_id: str, now: datetime) -> None:
    """Somebody wants to know: the project is looked at from time to time for a while."""
    noted = insert(HealthStateRow).values(_round(project_id, now, _NEVER))
    await session.execute(noted.on_conflict_do_update(index_elements=_KEYS, set_={"since": now}))


async def claim(session: AsyncSession, project_id: str, now: datetime, not_since: datetime) -> bool:
    """Whether the caller is to look at the project now: nobody has since then."""
    begun = insert(HealthStateRow).values(_round(project_id, _NEVER, _NEVER))
    await session.execute(begun.on_conflict_do_nothing())
    statement = select(HealthStateRow).where(
        HealthStateRow.project_id == project_id, HealthStateRow.kind == _ROUND, HealthStateRow.checked_at <= not_since
    )
    row = await session.scalar(statement.with_for_update().execution_options(populate_existing=True))
    if row is None:
        return False
    row.checked_at = now
    return True


def _round(project_id: str, asked_at: datetime, checked_at: datetime) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "kind": _ROUND,
        "subject_id": "",
        "status": "unknown",
        "code": "",
        "detail": "",
        "since": asked_at,
        "checked_at": checked_at,
    }


async def due(
    session: AsyncSession, *, asked_since: datetime, called_since: datetime, not_since: datetime, limit: int
) -> list[str]:
    """Projects somebody asked about or that had calls lately, and that nobody has looked at since `not_since`."""
    asked = select(HealthStateRow.project_id).where(HealthStateRow.kind == _ROUND, HealthStateRow.since > asked_since)
    called = select(CallRow.project_id).where(CallRow.created_at > called_since, CallRow.is_test.is_(False))
    wanted = union(asked, called).subquery()
    looked = select(HealthStateRow.project_id).where(
        HealthStateRow.kind == _ROUND, HealthStateRow.checked_at > not_since
    )
    statement = select(wanted.c.project_id).where(wanted.c.project_id.not_in(looked)).limit(limit)
    return list(await session.scalars(statement))


async def write(session: AsyncSession, project_id: str, findings: Sequence[Finding], now: datetime) -> list[Finding]:
    """Keep what was found and forget what is no more; returns what has become `failed`, or failed in another way."""
    known = {(row.kind, row.subject_id): row for row in await states(session, project_id)}
    fallen = []
    for each in findings:
        before = known.pop((each.kind, each.subject_id), None)
        if before is None:
            session.add(HealthStateRow(project_id=project_id, **_columns(each), since=now, checked_at=now))
        else:
            if (before.status, before.code) != (each.status, each.code):
                before.since = now
            before.checked_at = now
            before.detail = each.detail
        if each.status == "failed" and (before is None or (before.status, before.code) != ("failed", each.code)):
            fallen.append(each)
        if before is not None:
            before.status, before.code = each.status, each.code
    if known:
        gone = tuple_(HealthStateRow.kind, HealthStateRow.subject_id).in_(list(known))
        await session.execute(delete(HealthStateRow).where(HealthStateRow.project_id == project_id, gone))
    return fallen


def _columns(each: Finding) -> dict[str, str]:
    return {
        "kind": each.kind,
        "subject_id": each.subject_id,
        "status": each.status,
        "code": each.code,
        "detail": each.detail,
    }


class Named(NamedTuple):
    """What a subject is called by its owner, and whose it is: the carrier's or provider's name, where it has one."""

    name: str
    provider: str


async def names(session: AsyncSession, project_id: str) -> dict[str, Named]:
    """By id, for everything that can be looked at and has a name of its own."""
    nobody = literal("")
    parts = (
        select(NumberRow.id, NumberRow.phone_number, NumberRow.provider).where(NumberRow.project_id == project_id),
        select(CredentialRow.id, CredentialRow.name, CredentialRow.provider).where(
            CredentialRow.project_id == project_id
        ),
        select(TrunkRow.id, TrunkRow.name, nobody).where(TrunkRow.project_id == project_id),
        select(WebhookRow.id, WebhookRow.url, nobody).where(WebhookRow.project_id == project_id),
        select(SubscriptionRow.id, SubscriptionRow.url, nobody).where(SubscriptionRow.project_id == project_id),
    )
    rows = await session.execute(union_all(*parts))
    return {subject_id: Named(name, provider) for subject_id, name, provider in rows}


# ---------------------------------------------------------------- what there is to look at


async def numbers(session: AsyncSession, project_id: str, limit: int) -> list[NumberRow]:
    """Active ones, the newest first."""
    statement = select(NumberRow).where(NumberRow.project_id == project_id, NumberRow.status == "active")
    return list(await session.scalars(statement.order_by(NumberRow.id.desc()).limit(limit)))


async def credentials(session: AsyncSession, project_id: str, limit: int) -> list[CredentialRow]:
    statement = select(CredentialRow).where(CredentialRow.project_id == project_id)
    return list(await session.scalars(statement.order_by(CredentialRow.id.desc()).limit(limit)))


async def trunks(session: AsyncSession, project_id: str, limit: int) -> list[TrunkRow]:
    statement = select(TrunkRow).where(TrunkRow.project_id == project_id)
    return list(await session.scalars(statement.order_by(TrunkRow.id.desc()).limit(limit)))


async def targets(session: AsyncSession, project_id: str) -> list[tuple[str, bool]]:
    """(id, whether it is switched off) of every webhook and subscription."""
    hooks = select(WebhookRow.id, WebhookRow.status).where(WebhookRow.project_id == project_id)
    wanted = select(SubscriptionRow.id, SubscriptionRow.active).where(SubscriptionRow.project_id == project_id)
    by_hook = [(target_id, status != "active") for target_id, status in await session.execute(hooks)]
    return by_hook + [(target_id, not active) for target_id, active in await session.execute(wanted)]


async def last_outcomes(session: AsyncSession, project_id: str, target_id: str) -> list[bool]:
    """Whether the last deliveries to it arrived, newest first; those that were not tried yet do not count."""
    to = or_(DeliveryRow.webhook_id == target_id, DeliveryRow.subscription_id == target_id)
    statement = select(DeliveryRow.status).where(DeliveryRow.project_id == project_id, to, DeliveryRow.attempts > 0)
    rows = await session.scalars(statement.order_by(DeliveryRow.last_attempt_at.desc()).limit(_LAST))
    return [status == "success" for status in rows]


class PartsInUse(NamedTuple):
    """Providers an agent uses; None where it has the server's default. `asks_model`: a model answers or judges its
    calls. `spares` are those that take over for its ears and voice, `spare_models` for its model."""

    listen: str | None
    voice: str | None
    model: str | None
    asks_model: bool
    spares: list[str]
    spare_models: list[str]


async def parts_in_use(session: AsyncSession, project_id: str) -> list[PartsInUse]:
    """Each combination that agents of the project have, once."""
    asks_model = or_(
        AgentRow.voice_mode == "hosted", func.coalesce(AgentRow.analysis["enabled"].astext == "true", False)
    )
    columns = (
        AgentRow.speech_to_text["provider"].astext,
        AgentRow.text_to_speech["provider"].astext,
        AgentRow.language_model["provider"].astext,
        asks_model,
        _spares(AgentRow.speech_to_text).op("||")(_spares(AgentRow.text_to_speech)),
        _spares(AgentRow.language_model),
    )
    rows = await session.execute(select(*columns).where(AgentRow.project_id == project_id).distinct())
    return [PartsInUse(*row) for row in rows]


def _spares(part: Any) -> Any:
    """The providers that a part's fallbacks name, as a JSON array."""
    empty = literal([], type_=JSONB)
    return func.coalesce(func.jsonb_path_query_array(part, cast("$.fallbacks[*].provider", JSONPATH)), empty)
