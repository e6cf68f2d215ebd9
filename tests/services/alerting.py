"""A project with alerts over calls that are written into its past and present."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from parley.domain.errors import ProviderError
from parley.domain.ids import new_id
from parley.schemas.alerts import AlertCreate, FiringQuery
from parley.schemas.base import parse
from parley.services.alert_mails import AlertMails
from parley.services.alert_watch import AlertWatch
from parley.services.alerts import Alerts
from parley.storage.tables import AlertFiringRow, CallRow, Row
from tests.services.world import World


class Postbox:
    """A mail server's door that keeps what it is given, or fails as it is told."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str, str]] = []
        self.failure: ProviderError | None = None
        self.is_taken, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()

    async def send(self, to: str, subject: str, text: str) -> None:
        self.is_taken.set()
        await self.answers.wait()
        if self.failure is not None:
            raise self.failure
        self.mails.append((to, subject, text))


class AlertDesk:
    """A project with its alerts, and calls written into its past and present."""

    def __init__(self, world: World, project_id: str) -> None:
        self.world, self.project_id, self.post = world, project_id, Postbox()
        self.sends_mails = True
        self.alerts = Alerts(world.database, world.webhooks, sends_mail=True, clock=world.clock)
        self.watch = AlertWatch(world.database, world.announcements, world.clock)
        self.mails = AlertMails(world.database, self.post, world.clock)

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    async def rule(self, kind: str, *, condition: Mapping[str, Any] | None = None, **more: Any) -> str:
        body = {"name": "Too much", "condition": {"kind": kind, **(condition or {})}, "dedupe_seconds": 0, **more}
        return (await self.alerts.create(self.project_id, parse(AlertCreate, body))).id

    async def add(self, *rows: Row) -> None:
        async with self.world.database.transaction() as session:
            for row in rows:
                session.add(row)
                await session.flush()

    def call(self, began: datetime, lasted_s: float | None = None, **more: Any) -> CallRow:
        values: dict[str, Any] = {
            "id": new_id("call"),
            "project_id": self.project_id,
            "carrier": "acme",
            "direction": "inbound",
            "status": "in-progress" if lasted_s is None else "completed",
            "from_number": "+14155559999",
            "to_number": "+14155550001",
            "snapshot": {"id": "", "name": ""},
            "created_at": began,
            "started_at": began,
            "ended_at": None if lasted_s is None else began + timedelta(seconds=lasted_s),
        }
        return CallRow(**values | more)

    async def called(self, began: datetime, lasted_s: float | None = None, **more: Any) -> str:
        row = self.call(began, lasted_s, **more)
        await self.add(row)
        return row.id

    async def pass_time(self, seconds: float, step_s: float = 5.0) -> None:
        """Let the rules be looked at all the while, as a running server does."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.world.clock.advance(min(step_s, (until - self.now).total_seconds()))
            await self.watch.look()
            await self.watch.announce()
            while self.sends_mails and await self.mails.send_due():
                pass

    async def fired(self, rule_id: str | None = None) -> list[AlertFiringRow]:
        """Oldest first."""
        query = FiringQuery(limit=100, alert_id=rule_id)
        pairs, _ = await self.alerts.list_firings(self.project_id, query)
        return sorted((row for row, _ in pairs), key=lambda row: row.fired_at)
