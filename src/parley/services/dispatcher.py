"""Gives free places to those who wait: one turn at a time, each in a transaction of its own.

Who is next is read first, with nothing locked. Then everything the turn touches is locked in the order that all of
parley keeps (agents, the call, its place, the project last), and the turn counts only if it still is the next one. Two
replicas that do the same at once come to the same turn, and one of them finds it taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import ENDED
from parley.domain.errors import ParleyError, QuotaExceeded, Unavailable
from parley.domain.queueing import Assignment
from parley.schemas.calls import CallCreate
from parley.services.defaults import Clock, utc_now
from parley.services.desk import Desk
from parley.services.drafts import CallDrafts
from parley.services.queue_log import ENTRY_KEY, QueueLog
from parley.services.stages import Stages, was_with_agent
from parley.services.turns import Turns
from parley.storage import agents, calls, queues
from parley.storage.database import Database
from parley.storage.tables import QueueEntryRow

log = structlog.get_logger()

_MOST_TRIES = 20
"""How often in a row another replica may be faster before this one leaves the rest to the next round."""

PUT_OFF_FOR = timedelta(seconds=60)
"""A call back that cannot be made now, because the phone or the day's last call is in use, is tried after this."""

Change = Literal["goes_on", "is_over", "is_called", "is_settled"]
"""The caller's stream is to be handed on; the call is to be ended; the call is to be dialled; nothing is to be done."""


class Moved(NamedTuple):
    """What is to be done about a call, now that it is written."""

    call_id: str
    change: Change


class _Overtaken(Exception):
    """Another replica was faster: nothing is changed."""


class Dispatcher:
    def __init__(
        self,
        database: Database,
        desk: Desk,
        turns: Turns,
        stages: Stages,
        queue_log: QueueLog,
        drafts: CallDrafts,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._desk = desk
        self._turns = turns
        self._stages = stages
        self._queue_log = queue_log
        self._drafts = drafts
        self._clock = clock

    async def dispatch(self, project_id: str, *, dials: bool = True) -> list[Moved]:
        """Give away every place that is free in the project now, in order.

        A process that `dials` nobody leaves the rest to others as soon as it is the turn of a call back.
        """
        moved, tries = list[Moved](), 0
        while tries < _MOST_TRIES:
            async with self._database.read() as session:
                first = await self._turns.first(session, project_id, self._clock())
            if first is None or (first[0].status == "callback" and not dials):
                break
            entry, agent_id = first
            try:
                move = self._call_back if entry.status == "callback" else self._connect
                moved.append(await move(project_id, entry, agent_id))
                tries = 0
            except _Overtaken:
                tries += 1
        return moved

    async def keep(self, call_ids: Sequence[str], held_for: timedelta) -> Sequence[str]:
        """Renew the places of callers who hear the music; returns those of them that have none any more."""
        now = self._clock()
        async with self._database.transaction() as session:
            await self._queue_log.keep(session, call_ids, now, now + held_for)
            return await queues.no_longer_waiting(session, call_ids)

    async def settle(self) -> list[Moved]:
        """See to every place whose time is up, or whose caller is gone."""
        async with self._database.read() as session:
            due = await queues.past_due(session, self._clock())
        moved = []
        for entry in due:
            change = await self._settle(entry)
            if change is not None:
                moved.append(Moved(entry.call_id, change))
        return moved

    # ------------------------------------------------------------ steps

    async def _connect(self, project_id: str, found: QueueEntryRow, agent_id: str) -> Moved:
        async with self._database.transaction() as session:
            await agents.hold(session, project_id, agent_id)
            call, entry = await self._desk.held(session, found.call_id)
            if entry is None or entry.id != found.id:
                raise _Overtaken
            await self._require_first(session, project_id, Assignment(entry.id, agent_id))
            [agent] = await agents.named(session, project_id, [agent_id])
            await self._stages.converse(session, call, agent)
            await self._queue_log.leave(session, entry, "answered", self._clock(), agent_id=agent_id, call=call)
        log.info("queue_turn", call_id=call.id, agent_id=agent_id)
        return Moved(call.id, "goes_on")

    async def _call_back(self, project_id: str, found: QueueEntryRow, agent_id: str) -> Moved:
        """Record the call back, as a call of the agent's own; it is dialled when that is committed."""
        if await self._has_called_again(found):
            return Moved(found.call_id, "is_settled")
        try:
            return Moved(await self._recorded(project_id, found, agent_id), "is_called")
        except QuotaExceeded:
            await self._put_off(project_id, found, agent_id)
            return Moved(found.call_id, "is_settled")
        except Unavailable:
            raise
        except ParleyError as refused:
            log.warning("callback_not_possible", entry_id=found.id, code=refused.code)
            async with self._database.transaction() as session:
                if (entry := await self._promised(session, found.id)) is not None:
                    await self._queue_log.leave(session, entry, "overflowed", self._clock())
            return Moved(found.call_id, "is_settled")

    async def _has_called_again(self, found: QueueEntryRow) -> bool:
        """Whether that phone is on the line with us now, or was answered since by somebody who could call it back."""
        now = self._clock()
        async with self._database.transaction() as session:
            entry = await self._promised(session, found.id)
            if entry is None:
                raise _Overtaken
            caller = await calls.get_known(session, entry.call_id)
            since = await calls.from_phone(
                session, entry.project_id, caller.from_number, caller.created_at, but=caller.id
            )
            if any(call.status not in ENDED for call in since):
                entry.due_at = now + PUT_OFF_FOR
                return True
            for call in since:
                if call.started_at is not None and was_with_agent(call) and call.agent_id in entry.agent_ids:
                    await self._queue_log.leave(session, entry, "answered", now, agent_id=call.agent_id)
                    return True
        return False

    async def _put_off(self, project_id: str, found: QueueEntryRow, agent_id: str) -> None:
        """The day's calls are used up, which holds up nobody behind who is on the line already. Where somebody took
        the room instead, it is somebody else's turn: raises _Overtaken."""
        now = self._clock()
        async with self._database.transaction() as session:
            entry = await self._promised(session, found.id)
            first = await self._turns.first(session, project_id, now)
            if entry is None or first is None or (first[0].id, first[1]) != (entry.id, agent_id):
                raise _Overtaken
            entry.due_at = now + PUT_OFF_FOR

    async def _recorded(self, project_id: str, found: QueueEntryRow, agent_id: str) -> str:
        async with self._database.transaction() as session:
            await agents.get(session, project_id, agent_id, lock=True)
            entry = await self._promised(session, found.id)
            if entry is None:
                raise _Overtaken
            caller = await calls.get_known(session, entry.call_id)
            wanted = CallCreate(
                agent_id=agent_id,
                to_number=caller.from_number,
                from_number=caller.to_number,
                metadata={ENTRY_KEY: entry.id, "callbackOf": caller.id},
            )
            call = await self._drafts.outbound(session, project_id, wanted, caller.dialect)
            await self._require_first(session, project_id, Assignment(entry.id, agent_id), but=call.id)
            entry.callback_call_id, entry.attempts = call.id, entry.attempts + 1
        return call.id

    async def _promised(self, session: AsyncSession, entry_id: str) -> QueueEntryRow | None:
        """The place, locked, if a call back was promised and none is being made."""
        entry = await queues.locked(session, entry_id)
        is_open = entry is not None and entry.status == "callback" and entry.callback_call_id is None
        return entry if is_open else None

    async def _require_first(self, session: AsyncSession, project_id: str, turn: Assignment, *, but: str = "") -> None:
        if not await self._turns.is_still_first(session, project_id, turn, self._clock(), but=but):
            raise _Overtaken

    async def _settle(self, found: QueueEntryRow) -> Change | None:
        now = self._clock()
        async with self._database.transaction() as session:
            if found.status == "callback":
                if (entry := await self._promised(session, found.id)) is not None:
                    await self._queue_log.leave(session, entry, "overflowed", now)
                return None
            call, entry = await self._desk.held(session, found.call_id)
            if entry is None or entry.id != found.id:
                return None
            if entry.held_until is not None and entry.held_until < now:
                await self._queue_log.leave(session, entry, "abandoned", now, call=call)
            elif entry.overflows_at <= now:
                return "goes_on" if await self._desk.overflow(session, call, entry) else "is_over"
        return None
