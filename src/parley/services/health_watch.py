"""Keeps what is known of a project's health fresh: beside the calls, for those who ask and those who have calls.

One process looks at a project at a time, whichever replica it is, and at most every few minutes. What has failed since
the last look is told to the project's subscriptions, once.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from parley.domain.errors import ParleyError
from parley.domain.health import system_error
from parley.services.announcements import Announcements, Subject
from parley.services.defaults import Clock, utc_now
from parley.services.health_look import HealthLook
from parley.storage import health
from parley.storage.database import Database

log = structlog.get_logger()

EVERY = timedelta(minutes=5)
REFRESH_EVERY = timedelta(seconds=15)
ASKED_LATELY = timedelta(hours=24)
CALLED_LATELY = timedelta(hours=1)
BEAT_S = 30.0
AT_ONCE = 2
_MOST_A_BEAT = 20


class HealthWatch:
    """`run` is the one part that runs; `refresh` needs it."""

    def __init__(
        self, database: Database, look: HealthLook, announcements: Announcements, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._look = look
        self._announcements = announcements
        self._clock = clock
        self._wake = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Look at whom it is due, every half minute and when somebody asks, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                while True:
                    await self._beat()
            finally:
                self._tasks = None

    async def _beat(self) -> None:
        try:
            async with asyncio.timeout(BEAT_S):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
        try:
            await self.look_at_due()
        except ParleyError as away:
            log.warning("health_not_watched", code=away.code)

    async def look_at_due(self) -> int:
        """One round over the projects that are due; returns how many were looked at here."""
        now = self._clock()
        async with self._database.read() as session:
            due = await health.due(
                session,
                asked_since=now - ASKED_LATELY,
                called_since=now - CALLED_LATELY,
                not_since=now - EVERY,
                limit=_MOST_A_BEAT,
            )
        places = asyncio.Semaphore(AT_ONCE)

        async def one(project_id: str) -> bool:
            async with places:
                return await self._looked(project_id, EVERY)

        async with asyncio.TaskGroup() as tasks:
            looked = [tasks.create_task(one(project_id)) for project_id in due]
        return sum(task.result() for task in looked)

    async def asked(self, project_id: str) -> None:
        """Somebody wants to know of this project: it is looked at soon, and from time to time for a day."""
        async with self._database.transaction() as session:
            await health.note_asked(session, project_id, self._clock())
        self._wake.set()

    async def refresh(self, project_id: str, timeout_s: float) -> None:
        """Look now, unless somebody did a moment ago; what takes longer than `timeout_s` goes on without the caller."""
        if self._tasks is None:
            return
        looking = self._tasks.create_task(self._looked(project_id, REFRESH_EVERY))
        await asyncio.wait((looking,), timeout=timeout_s)

    async def _looked(self, project_id: str, every: timedelta) -> bool:
        try:
            return await self.look_at(project_id, every)
        except ParleyError as away:
            log.warning("health_not_looked_at", project_id=project_id, code=away.code)
        except Exception:  # The edge of one look: a bug in it must not end the calls beside it.
            log.exception("health_look_failed", project_id=project_id)
        return False

    async def look_at(self, project_id: str, every: timedelta) -> bool:
        """Look at one project, unless it was looked at within that time; whether it was."""
        now = self._clock()
        async with self._database.transaction() as session:
            if not await health.claim(session, project_id, now, now - every):
                return False
        findings = await self._look.findings(project_id)
        subject = Subject(project_id=project_id, agent_id=None, channel="system")
        async with self._database.transaction() as session:
            fallen = await health.write(session, project_id, findings, self._clock())
            told = [system_error(each, self._clock()) for each in fallen]
            if told:
                await self._announcements.tell_subscriptions(session, subject, self._clock(), told)
        if fallen:
            log.warning("health_failed", project_id=project_id, codes=[f"{each.kind}:{each.code}" for each in fallen])
            self._announcements.wake()
        return True
