"""Alerts at work: rules looked at every few seconds, what they fire stored with its evidence, and somebody told.

Several processes may do it: a rule is looked at by one at a time, and a firing is told by one at a time. What is told
to webhooks and subscriptions goes through the outbox, in the transaction that notes it. Mails are `alert_mails`'.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import alert_events
from parley.domain.alert_events import FiredAlert
from parley.domain.alerts import Firing, firings
from parley.domain.errors import Unavailable
from parley.domain.events import timestamp
from parley.domain.ids import new_id
from parley.services.alert_facts import Watched, occurrences, watched
from parley.services.alerts import told_at
from parley.services.announcements import Announcements, Subject
from parley.services.defaults import Clock, utc_now
from parley.storage import alerts
from parley.storage.database import Database
from parley.storage.tables import AlertFiringRow, AlertRuleRow

log = structlog.get_logger()

LOOK_EVERY_S = 5.0
SETTLED = timedelta(seconds=2)
"""What happened less than this ago may not be written down yet, and is looked at the next time."""
LATE = timedelta(minutes=10)
"""What is written down no later than this after it happened is still found."""
_LOOKED_AT_LATELY = timedelta(seconds=0.8 * LOOK_EVERY_S)
PUT_OFF = timedelta(minutes=1)
"""A rule that could not be looked at is looked at again after this; what happened meanwhile is still found."""
_MOST_RULES = 10_000
_FIRINGS_AT_ONCE = 20
_TROUBLE = (Unavailable, SQLAlchemyError)


class AlertWatch:
    """`run` is its work; `look` and `announce` are its two steps, for whoever moves the clock."""

    def __init__(self, database: Database, announcements: Announcements, clock: Clock = utc_now) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._put_off: dict[str, datetime] = {}

    async def run(self) -> None:
        """Look and announce until cancelled. Start it as a child of the server's TaskGroup."""
        while True:
            try:
                await self.look()
                while await self.announce() == _FIRINGS_AT_ONCE:
                    pass
            except _TROUBLE as trouble:
                log.warning("alerts_put_off", reason=type(trouble).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    # ------------------------------------------------------------ looking

    async def look(self) -> int:
        """Look, once, at what happened since the last time, for the rules whose time has come; returns how many were
        looked at here. One that could not be is put off for a while, and no other one with it."""
        now = self._clock()
        until = now - SETTLED
        self._put_off = {rule_id: moment for rule_id, moment in self._put_off.items() if moment > now}
        async with self._database.read() as session:
            due = await alerts.due(session, until - _LOOKED_AT_LATELY, _MOST_RULES)
        return sum([await self._looked(rule_id, until) for rule_id in due if rule_id not in self._put_off])

    async def _looked(self, rule_id: str, until: datetime) -> bool:
        try:
            async with self._database.transaction() as session:
                row = await alerts.claim(session, rule_id, until - _LOOKED_AT_LATELY)
                if row is not None:
                    await self._look_for(session, row, until)
                return row is not None
        except Exception as failed:  # noqa: BLE001 - the edge of one rule: whatever it trips over must not stop the others
            await self._database.ping()  # raises where it is not the rule's fault
            self._put_off[rule_id] = self._clock() + PUT_OFF
            log.error("alert_not_looked_at", alert_id=rule_id, reason=type(failed).__name__)
            return False

    async def _look_for(self, session: AsyncSession, row: AlertRuleRow, until: datetime) -> None:
        what = watched(row)
        since = max(row.effective_from, row.evaluated_until - LATE)
        seen = await occurrences(session, what, max(row.effective_from, since - what.rule.looks_back), until)
        if seen:
            dedupe = timedelta(seconds=what.rule.dedupe_s)
            before = await alerts.fired(session, row.id, since - dedupe)
            for met in await asyncio.to_thread(firings, what.rule, seen, since, before):
                session.add(_stored(row, what, met))
                log.info("alert_fired", alert_id=row.id, call_id=met.call_id, kind=what.rule.kind)
        row.evaluated_until = until

    # ------------------------------------------------------------ telling

    async def announce(self) -> int:
        """Tell webhooks and subscriptions, once, of what has fired and nobody was told of yet, in the transaction that
        notes it; returns how many firings were taken. Mails wait from then on for whoever sends them."""
        now = self._clock()
        async with self._database.transaction() as session:
            taken = await alerts.untold(session, now, _FIRINGS_AT_ONCE)
            for firing, rule in taken:
                await self._announce(session, rule, fired_alert(firing, rule), now)
                firing.told = [_first_told(channel) for channel in rule.channels]
                firing.next_at = now if any(each["status"] == "waiting" for each in firing.told) else None
        if taken:
            self._announcements.wake()
        return len(taken)

    async def _announce(self, session: AsyncSession, rule: AlertRuleRow, alert: FiredAlert, now: datetime) -> None:
        subject = Subject(project_id=rule.project_id, agent_id=alert.agent_id, channel="alert", call_id=alert.call_id)
        told = alert_events.fired(alert, now)
        for channel in rule.channels:
            if channel["type"] == "webhook":
                to = msgspec.structs.replace(subject, own_url=channel.get("url"))
                await self._announcements.tell_webhook(session, to, alert_events.ALERT_FIRED, now, lambda limit: told)
        await self._announcements.tell_subscriptions(session, subject, now, alert_events.fired_flat(alert, now))


def _stored(row: AlertRuleRow, what: Watched, met: Firing) -> AlertFiringRow:
    tell_at = told_at(what, met.at)
    return AlertFiringRow(
        id=new_id("fire"),
        project_id=row.project_id,
        rule_id=row.id,
        call_id=met.call_id,
        subject=met.subject,
        value=met.value,
        evidence=evidence(met),
        told=[] if tell_at is not None else [{**_first_told(each), "status": "dropped"} for each in row.channels],
        attempts=0,
        next_at=tell_at,
        fired_at=met.at,
    )


def evidence(met: Firing) -> dict[str, Any]:
    """What a rule was met by, ready for JSON."""
    shown = [
        {
            "at": timestamp(each.at),
            "call_id": each.call_id,
            "agent_id": each.agent_id,
            "value": each.value,
            "detail": dict(each.detail),
        }
        for each in met.occurrences
    ]
    return {"count": met.count, "occurrences": shown}


def _first_told(channel: dict[str, Any]) -> dict[str, Any]:
    """A webhook's part is done once the outbox has the event."""
    is_mail = channel["type"] == "email"
    address = channel.get("to" if is_mail else "url")
    return {"type": channel["type"], "address": address, "status": "waiting" if is_mail else "sent", "reason": None}


def fired_alert(firing: AlertFiringRow, rule: AlertRuleRow) -> FiredAlert:
    """A stored firing, as it is told."""
    newest = firing.evidence["occurrences"][-1]
    return FiredAlert(
        firing_id=firing.id,
        alert_id=rule.id,
        name=rule.name,
        kind=rule.condition["kind"],
        value=firing.value,
        count=firing.evidence["count"],
        least_count=rule.condition["least_count"],
        window_s=rule.window_s,
        call_id=firing.call_id,
        agent_id=newest["agent_id"],
        evidence=firing.evidence,
        fired_at=firing.fired_at,
    )
