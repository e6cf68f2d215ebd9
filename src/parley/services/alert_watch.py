"""Alerts at work: rules looked at every few seconds, what they fire stored with its evidence, and somebody told.

Several processes may do it: a rule is looked at by one at a time, and a firing is told by one at a time. What is told
to webhooks and subscriptions goes through the outbox, in the transaction that notes it.
"""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import alert_events
from parley.domain.alert_events import FiredAlert
from parley.domain.alerts import Firing, firings
from parley.domain.errors import ProviderError, Unavailable
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
MAIL_LEASE = timedelta(seconds=60)
MAIL_DELAYS_S = (30, 300, 1800, 7200)
MOST_MAILS_A_DAY = 200
"""A project's bound, so that nobody's mail server is made to send without end."""
PUT_OFF = timedelta(minutes=1)
"""A rule that could not be looked at is looked at again after this; what happened meanwhile is still found."""
_MOST_RULES = 10_000
_FIRINGS_AT_ONCE = 20
_TROUBLE = (Unavailable, SQLAlchemyError)


class Mailer(Protocol):
    """Sends mail through the operator's server."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Raises ProviderError; `retryable` says whether it may work later."""
        ...


class AlertWatch:
    """`run` is its work; `look` and `tell` are its two steps, for whoever moves the clock. Without a `mailer` e-mail
    channels fail."""

    def __init__(
        self, database: Database, announcements: Announcements, mailer: Mailer | None = None, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._mailer = mailer
        self._clock = clock
        self._put_off: dict[str, datetime] = {}

    async def run(self) -> None:
        """Look and tell until cancelled. Start it as a child of the server's TaskGroup."""
        while True:
            try:
                await self.look()
                while await self.tell() == _FIRINGS_AT_ONCE:
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
        window = timedelta(seconds=what.rule.window_s)
        seen = await occurrences(session, what, max(row.effective_from, since - window), until)
        if seen:
            dedupe = timedelta(seconds=what.rule.dedupe_s)
            before = await alerts.fired(session, row.id, since - dedupe)
            for met in firings(what.rule, seen, since, before):
                session.add(_stored(row, what, met))
                log.info("alert_fired", alert_id=row.id, call_id=met.call_id, kind=what.rule.kind)
        row.evaluated_until = until

    # ------------------------------------------------------------ telling

    async def tell(self) -> int:
        """Tell, once, what has fired and nobody was told of yet; returns how many firings were taken.

        Webhooks and subscriptions are told in the transaction that notes it; mails are sent behind it, one try each.
        """
        now = self._clock()
        mails: list[tuple[str, FiredAlert]] = []
        async with self._database.transaction() as session:
            taken = await alerts.untold(session, now, _FIRINGS_AT_ONCE)
            for firing, rule in taken:
                alert = _fired(firing, rule)
                if firing.attempts == 0:
                    await self._announce(session, rule, alert, now)
                    firing.told = [_first_told(channel) for channel in rule.channels]
                firing.attempts += 1
                has_mail = any(each["status"] == "waiting" for each in firing.told)
                firing.next_at = now + MAIL_LEASE if has_mail else None
                if has_mail:
                    mails.append((firing.id, alert))
        if taken:
            self._announcements.wake()
        for firing_id, alert in mails:
            await self._mail(firing_id, alert)
        return len(taken)

    async def _announce(self, session: AsyncSession, rule: AlertRuleRow, alert: FiredAlert, now: datetime) -> None:
        subject = Subject(project_id=rule.project_id, agent_id=alert.agent_id, channel="alert", call_id=alert.call_id)
        told = alert_events.fired(alert, now)
        for channel in rule.channels:
            if channel["type"] == "webhook":
                to = msgspec.structs.replace(subject, own_url=channel.get("url"))
                await self._announcements.tell_webhook(session, to, alert_events.ALERT_FIRED, now, lambda limit: told)
        await self._announcements.tell_subscriptions(session, subject, now, alert_events.fired_flat(alert, now))

    async def _mail(self, firing_id: str, alert: FiredAlert) -> None:
        """Send the mails that wait, and note what came of each."""
        async with self._database.read() as session:
            firing = await session.get_one(AlertFiringRow, firing_id)
            project_id, attempts = firing.project_id, firing.attempts
            told: list[dict[str, Any]] = [dict(each) for each in firing.told]
            is_over_bound = await alerts.mails_since(session, project_id, self._clock() - timedelta(days=1))
        for each in told:
            if each["status"] == "waiting":
                each |= await self._sent(each["address"], alert, attempts, is_over_bound >= MOST_MAILS_A_DAY)
        waits = any(each["status"] == "waiting" for each in told)
        delay_s = MAIL_DELAYS_S[min(attempts, len(MAIL_DELAYS_S)) - 1] * (1 + 0.2 * random.random())
        async with self._database.transaction() as session:
            firing = await session.get_one(AlertFiringRow, firing_id, with_for_update=True)
            if firing.attempts == attempts:  # else the lease was lost to another process, whose word is the later one
                firing.told = told
                firing.next_at = self._clock() + timedelta(seconds=delay_s) if waits else None

    async def _sent(self, to: str, alert: FiredAlert, attempts: int, is_over_bound: bool) -> dict[str, Any]:
        if self._mailer is None:
            return {"status": "failed", "reason": "This server has no mail server. Its operator sets PARLEY_SMTP_URL."}
        if is_over_bound:
            return {"status": "failed", "reason": f"The project was sent {MOST_MAILS_A_DAY} mails within a day."}
        try:
            await self._mailer.send(to, *alert_events.mail(alert))
        except ProviderError as failed:
            is_last = not failed.retryable or attempts > len(MAIL_DELAYS_S)
            log.warning("alert_mail_failed", firing_id=alert.firing_id, attempt=attempts, is_last=is_last)
            return {"status": "failed" if is_last else "waiting", "reason": failed.message}
        return {"status": "sent", "reason": None}


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


def _fired(firing: AlertFiringRow, rule: AlertRuleRow) -> FiredAlert:
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
