"""Mails of alerts: sent beside everything else, because a mail server may be slow, each noted as soon as it is gone.

Several processes may do it: a firing's mails are one process's at a time. A process that dies between sending a mail
and noting it is the one way for a mail to be sent twice.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from parley.domain import alert_events
from parley.domain.alert_events import FiredAlert
from parley.domain.errors import ProviderError, Unavailable
from parley.services.alert_watch import fired_alert
from parley.services.defaults import Clock, utc_now
from parley.storage import alerts
from parley.storage.database import Database
from parley.storage.tables import AlertFiringRow

log = structlog.get_logger()

LOOK_EVERY_S = 5.0
LEASE = timedelta(minutes=5)
"""Longer than one mail may take; each that was sent begins it anew."""
DELAYS_S = (30, 300, 1800, 7200)
"""After the first try, the second, and so on: five tries in all."""
MOST_A_DAY = 200
"""A project's bound, so that nobody's mail server is made to send without end."""
_NO_SERVER = "This server has no mail server. Its operator sets PARLEY_SMTP_URL."


class Mailer(Protocol):
    """Sends mail through the operator's server."""

    async def send(self, to: str, subject: str, text: str) -> None:
        """Raises ProviderError; `retryable` says whether it may work later."""
        ...


class AlertMails:
    """`run` is its work; `send_due` its one step. Without a `mailer` e-mail channels fail."""

    def __init__(self, database: Database, mailer: Mailer | None = None, clock: Clock = utc_now) -> None:
        self._database = database
        self._mailer = mailer
        self._clock = clock

    async def run(self) -> None:
        """Send until cancelled. Start it as a child of the server's TaskGroup."""
        while True:
            try:
                while await self.send_due():
                    pass
            except (Unavailable, SQLAlchemyError) as trouble:
                log.warning("alert_mails_put_off", reason=type(trouble).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    async def send_due(self) -> bool:
        """Take one firing whose mails wait, and try each of them once. False if there is none."""
        async with self._database.transaction() as session:
            taken = await alerts.unmailed(session, self._clock())
            if taken is None:
                return False
            firing, rule = taken
            firing.attempts += 1
            firing.next_at = self._clock() + LEASE
        waiting = [place for place, each in enumerate(firing.told) if each["status"] == "waiting"]
        for place in waiting:
            outcome = await self._sent(firing, fired_alert(firing, rule), firing.told[place]["address"])
            if not await self._note(firing, place, outcome, is_last=place == waiting[-1]):
                break
        return True

    async def _sent(self, firing: AlertFiringRow, alert: FiredAlert, to: str) -> dict[str, Any]:
        if self._mailer is None:
            return {"status": "failed", "reason": _NO_SERVER}
        async with self._database.read() as session:
            sent = await alerts.mails_since(session, firing.project_id, self._clock() - timedelta(days=1))
        if sent >= MOST_A_DAY:
            return {"status": "failed", "reason": f"The project was sent {MOST_A_DAY} mails within a day."}
        try:
            await self._mailer.send(to, *alert_events.mail(alert))
        except ProviderError as failed:
            is_last = not failed.retryable or firing.attempts > len(DELAYS_S)
            log.warning("alert_mail_failed", firing_id=firing.id, attempt=firing.attempts, is_last=is_last)
            return {"status": "failed" if is_last else "waiting", "reason": failed.message}
        return {"status": "sent", "reason": None}

    async def _note(self, taken: AlertFiringRow, place: int, outcome: dict[str, Any], *, is_last: bool) -> bool:
        """Write down what came of one mail. False if the firing is somebody else's now, or is gone."""
        now = self._clock()
        delay_s = DELAYS_S[min(taken.attempts, len(DELAYS_S)) - 1] * (1 + 0.2 * random.random())
        async with self._database.transaction() as session:
            firing = await session.get(AlertFiringRow, taken.id, with_for_update=True)
            if firing is None or firing.attempts != taken.attempts:
                return False
            told: list[dict[str, Any]] = [dict(each) for each in firing.told]
            told[place] |= outcome
            firing.told, firing.next_at = told, now + LEASE
            if is_last:
                waits = any(each["status"] == "waiting" for each in told)
                firing.next_at = now + timedelta(seconds=delay_s) if waits else None
        return True
