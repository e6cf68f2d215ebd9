"""Alerts: the rules a project has, what they fired, and what a rule would have fired."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.alerts import Firing, firings
from parley.domain.errors import BadInput, Conflict, FieldError
from parley.domain.ids import new_id
from parley.schemas.alerts import AlertBacktest, AlertChannel, AlertCreate, AlertUpdate, FiringQuery
from parley.schemas.pages import CursorQuery
from parley.services.alert_facts import Watched, occurrences, read, watched
from parley.services.defaults import Clock, utc_now
from parley.services.webhooks import Webhooks
from parley.storage import agents, alerts, projects
from parley.storage.database import Database
from parley.storage.lookup import Slice
from parley.storage.tables import AlertFiringRow, AlertRuleRow

MOST_RULES = 100
"""A project's bound: each is looked at every few seconds."""


class Backtest(msgspec.Struct, frozen=True):
    """What a rule would have fired in [since, until), in order, and for each firing when somebody would have been told;
    None where quiet hours drop it."""

    since: datetime
    until: datetime
    fired: tuple[Firing, ...]
    told_at: tuple[datetime | None, ...]


class Alerts:
    """A foreign or unknown id is NotFound everywhere. `sends_mail` says whether the operator has set up mail."""

    def __init__(
        self, database: Database, webhooks: Webhooks, *, sends_mail: bool = False, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._sends_mail = sends_mail
        self._clock = clock

    # ------------------------------------------------------------ rules

    async def create(self, project_id: str, wanted: AlertCreate) -> AlertRuleRow:
        """Raises BadInput for a channel that cannot be told, Conflict when the project has all it may have."""
        now = self._clock()
        row = AlertRuleRow(id=new_id("alert"), project_id=project_id, created_at=now, condition={})
        async with self._database.transaction() as session:
            await projects.get(session, project_id, lock=True)  # so that nobody else counts meanwhile
            if await alerts.count(session, project_id) >= MOST_RULES:
                raise Conflict(f"A project has at most {MOST_RULES} alerts; delete one first.")
            await self._apply(session, row, wanted.model_dump(exclude_none=True) | {"agent_id": wanted.agent_id})
            self._begin(row, now)
            session.add(row)
        return row

    async def get(self, project_id: str, rule_id: str) -> AlertRuleRow:
        async with self._database.read() as session:
            return await alerts.get(session, project_id, rule_id)

    async def list(self, project_id: str, query: CursorQuery) -> Slice[AlertRuleRow]:
        """One page, newest first."""
        async with self._database.read() as session:
            return await alerts.list_after(session, project_id, query.after_id, query.count)

    async def update(self, project_id: str, rule_id: str, change: AlertUpdate) -> AlertRuleRow:
        """Change what was sent; unless it was only the name or who is told, the rule begins anew."""
        sent = {name: value for name, value in change.model_dump().items() if name in change.model_fields_set}
        async with self._database.transaction() as session:
            row = await alerts.get(session, project_id, rule_id, lock=True)
            await self._apply(session, row, sent)
            if sent.keys() - {"name", "channels", "quiet_hours"}:
                self._begin(row, self._clock())
            row.updated_at = self._clock()
        return row

    async def delete(self, project_id: str, rule_id: str) -> None:
        """Its firings go with it."""
        async with self._database.transaction() as session:
            await session.delete(await alerts.get(session, project_id, rule_id, lock=True))

    # ------------------------------------------------------------ firings

    async def get_firing(self, project_id: str, firing_id: str) -> tuple[AlertFiringRow, AlertRuleRow]:
        """A firing and its rule."""
        async with self._database.read() as session:
            firing = await alerts.get_firing(session, project_id, firing_id)
            return firing, await alerts.get(session, project_id, firing.rule_id)

    async def list_firings(
        self, project_id: str, query: FiringQuery
    ) -> tuple[Sequence[tuple[AlertFiringRow, AlertRuleRow]], Slice[AlertFiringRow]]:
        """One page, newest first, each with its rule, and the slice it was made of."""
        async with self._database.read() as session:
            if query.alert_id is not None:
                await alerts.get(session, project_id, query.alert_id)
            page = await alerts.firings_after(session, project_id, query.alert_id, query.after_id, query.count)
            rules = {row.rule_id: await alerts.get(session, project_id, row.rule_id) for row in page.rows}
        return [(row, rules[row.rule_id]) for row in page.rows], page

    # ------------------------------------------------------------ backtests

    async def backtest(self, project_id: str, wanted: AlertBacktest) -> Backtest:
        """What a rule that need not exist would have fired in the last days. Nobody is told."""
        stored = _condition(wanted.model_dump(exclude_none=True))
        quiet = wanted.quiet_hours.model_dump() if wanted.quiet_hours is not None else None
        what = read(project_id, wanted.agent_id, stored, wanted.window_seconds, wanted.dedupe_seconds, quiet)
        now = self._clock()
        async with self._database.read() as session:
            if wanted.agent_id is not None:
                await agents.get(session, project_id, wanted.agent_id)
            return await _tried(session, what, now - timedelta(days=wanted.days), now)

    async def backtest_rule(self, project_id: str, rule_id: str, days: int) -> Backtest:
        """What the rule, as it is now, would have fired in the last days."""
        now = self._clock()
        async with self._database.read() as session:
            row = await alerts.get(session, project_id, rule_id)
            return await _tried(session, watched(row), now - timedelta(days=days), now)

    # ------------------------------------------------------------ steps

    async def _apply(self, session: AsyncSession, row: AlertRuleRow, sent: Mapping[str, Any]) -> None:
        if sent.get("agent_id") is not None:
            await agents.get(session, row.project_id, sent["agent_id"])
        columns = {"window_seconds": "window_s", "dedupe_seconds": "dedupe_s", "active": "is_active"}
        for name in ("name", "agent_id", "quiet_hours", *columns):
            if name in sent:
                setattr(row, columns.get(name, name), sent[name])
        if "channels" in sent:
            row.channels = [self._channel(place, each) for place, each in enumerate(sent["channels"])]
        row.condition = {**row.condition, **_condition(sent)}

    def _channel(self, place: int, channel: Mapping[str, Any]) -> dict[str, Any]:
        read = AlertChannel.model_validate(channel)
        if read.type == "email" and not self._sends_mail:
            field = f"channels.{place}.type"
            why = "cannot be email: this server has no mail server; its operator sets PARLEY_SMTP_URL"
            raise BadInput(f"`{field}` {why}.", [FieldError(field, why)])
        if read.url is not None and read.type == "webhook":
            self._webhooks.require_url(read.url, f"channels.{place}.url")
        return read.model_dump(exclude_none=True)

    def _begin(self, row: AlertRuleRow, now: datetime) -> None:
        row.effective_from = row.evaluated_until = row.updated_at = now


def _condition(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What of a rule is stored in one object."""
    found = dict(sent.get("condition") or {})
    return found | {name: sent[name] for name in ("least_count", "dedupe_by") if name in sent}


async def _tried(session: AsyncSession, what: Watched, since: datetime, until: datetime) -> Backtest:
    seen = await occurrences(session, what, since - what.rule.looks_back, until)
    found = await asyncio.to_thread(firings, what.rule, seen, since, {})
    told = tuple(told_at(what, each.at) for each in found)
    return Backtest(since, until, tuple(found), told)


def told_at(what: Watched, fired_at: datetime) -> datetime | None:
    """When somebody is told of what fired then; None where quiet hours drop it."""
    if what.quiet is None:
        return fired_at
    ends = what.quiet.until(fired_at)
    return fired_at if ends is None else ends if what.quiet.mode == "delay" else None
