"""What happens in queues by itself, in every process: callers are told their places, and get their turns.

Each process sees to the callers who hear music in it; turns are given away by whichever process is first to see them.
Once a second is enough for what nobody tells: what happens in this process rings the bell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import EndReason
from parley.domain.errors import ParleyError, Unavailable
from parley.domain.queueing import estimated_wait_s
from parley.services.defaults import Clock, utc_now
from parley.services.dispatcher import Dispatcher, Moved
from parley.services.limits import Limits
from parley.storage import queues
from parley.storage.database import Database
from parley.storage.presence import AskEnd, HandOn, Presence

log = structlog.get_logger()

TICK_S = 1.0
IDLE_TICK_S = 5.0
"""How often a process looks where nobody waited when it looked last."""
HELD_FOR = timedelta(seconds=30)
"""A place is given up when its caller's process has not renewed it for so long."""
RECOVERY = timedelta(seconds=15)
"""After an outage of the database no place is given up for so long."""


class Waiters(Protocol):
    """The live sessions of this process whose callers wait."""

    def waiting(self) -> Collection[str]:
        """The ids of the calls that wait here."""
        ...

    def tell_place(self, call_id: str, position: int, wait_s: float | None) -> bool:
        """Where the caller stands; 1 is next. False if the call does not wait here."""
        ...

    def hand_on(self, call_id: str) -> bool:
        """What comes next is written. False if the call does not wait here."""
        ...

    def ask_end(self, call_id: str, reason: EndReason) -> bool: ...

    @property
    def is_draining(self) -> bool:
        """Whether this process takes no new calls."""
        ...


class Dialling(Protocol):
    async def place_recorded(self, call_id: str) -> object:
        """Dial a call that is recorded. Raises what it is refused with; then it has failed."""
        ...


class QueueRunner:
    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        limits: Limits,
        waiters: Waiters,
        presence: Presence,
        dialling: Dialling,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._limits = limits
        self._waiters = waiters
        self._presence = presence
        self._dialling = dialling
        self._clock = clock
        self._settles_from: datetime | None = None
        self._bell = asyncio.Event()

    def wake(self) -> None:
        """A place became free, or a caller came: look now."""
        self._bell.set()

    async def run(self) -> None:
        """Look once a second while anybody waits, until cancelled."""
        while True:
            pause_s = TICK_S if await self.tick() else IDLE_TICK_S
            try:
                async with asyncio.timeout(TICK_S if self._waiters.waiting() else pause_s):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()

    async def tick(self) -> bool:
        """Keep the places of those who wait here, settle what is due, give away turns, tell places.

        Returns whether anybody has a place in any queue; False too where the database is away. When it is back, every
        process has time to renew its places before any of them counts as given up.
        """
        try:
            return await self._round()
        except ParleyError as away:
            log.warning("queues_not_served", code=away.code)
            self._settles_from = self._clock() + RECOVERY
            return False

    async def _round(self) -> bool:
        here = list(self._waiters.waiting())
        if here:
            await self._keep(here)
        async with self._database.read() as session:
            projects = await queues.projects_with_open(session)
        if not projects:
            return False
        if self._settles_from is None or self._settles_from <= self._clock():
            await self._act(await self._dispatcher.settle())
        for project_id in projects:
            await self._give_turns(project_id)
        if here:
            await self._tell_places(here)
        return True

    async def _give_turns(self, project_id: str) -> None:
        """What one project's queues cannot do keeps no other project's callers waiting."""
        try:
            dials = not self._waiters.is_draining
            await self._act(await self._dispatcher.dispatch(project_id, dials=dials))
        except Unavailable:
            raise
        except ParleyError as trouble:
            log.error("queues_not_served", project_id=project_id, code=trouble.code)

    async def _keep(self, here: list[str]) -> None:
        """Renew the places; a caller whose call has gone on in the rows is sent after it, whoever forgot to."""
        for call_id in await self._dispatcher.keep(here, HELD_FOR):
            self._waiters.hand_on(call_id)

    async def _act(self, moved: Iterable[Moved]) -> None:
        for call_id, change in moved:
            if change == "goes_on":
                if not self._waiters.hand_on(call_id):
                    await self._presence.tell(call_id, HandOn())
            elif change == "is_over":
                if not self._waiters.ask_end(call_id, "overflowed"):
                    await self._presence.tell(call_id, AskEnd("overflowed"))
            elif change == "is_called":
                await self._call(call_id)

    async def _call(self, call_id: str) -> None:
        try:
            await self._dialling.place_recorded(call_id)
        except ParleyError as refused:  # the call has failed, and its place is kept for another attempt
            log.warning("callback_not_placed", call_id=call_id, code=refused.code)

    async def _tell_places(self, here: list[str]) -> None:
        paces: dict[tuple[str, tuple[str, ...]], tuple[float | None, int | None]] = {}
        async with self._database.read() as session:
            standings = await queues.standings(session, here)
            for each in standings:
                key = (each.project_id, each.agent_ids)
                if key not in paces:
                    paces[key] = await self._pace(session, *key)
        for each in standings:
            mean_s, slots = paces[each.project_id, each.agent_ids]
            self._waiters.tell_place(each.call_id, each.position, estimated_wait_s(each.position, mean_s, slots))

    async def _pace(
        self, session: AsyncSession, project_id: str, agent_ids: tuple[str, ...]
    ) -> tuple[float | None, int | None]:
        """How long a call of these agents lasts, and how many they can hold at once; None where that is not known."""
        rooms = await self._limits.room_now(session, project_id, agent_ids)
        limits = [room.limit for room in rooms.agents.values()]
        own = None if None in limits else sum(limit for limit in limits if limit is not None)
        known = [limit for limit in (own, rooms.project.limit) if limit is not None]
        return await queues.mean_call_s(session, project_id, agent_ids), min(known, default=None)
