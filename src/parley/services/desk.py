"""The front desk: where a call goes when a stage of it is over, and the caller is still there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import ENDED, EndReason
from parley.domain.decisions import Decision, read_decision
from parley.domain.errors import BadInput
from parley.domain.phone_numbers import require_dialable
from parley.domain.queueing import QueueSettings
from parley.domain.stages import Forwarding, StageEnd, Waiting
from parley.domain.transfers import MOST_TRANSFERS, Told
from parley.services.defaults import Clock, utc_now
from parley.services.lanes import HELD_FOR, Lanes
from parley.services.plans import stage_of
from parley.services.queue_log import QueueLog
from parley.services.stages import Stages
from parley.storage import agents, calls, queues
from parley.storage.database import Database
from parley.storage.tables import CallRow, QueueEntryRow

# Calls that were taken before decisions were kept, and calls that parley placed, have nothing to fall back on.
_NO_DECISION = Decision(action="agent", matched="", fallback="hangup")


class Desk:
    """What is decided here is written with the call, before the caller's stream is closed; any replica may go on."""

    def __init__(
        self, database: Database, lanes: Lanes, stages: Stages, queue_log: QueueLog, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._stages = stages
        self._queue_log = queue_log
        self._clock = clock

    async def hand_on(self, call_id: str, end: StageEnd) -> bool:
        """Decide what comes next, and write it down. False: nothing does, and the call is to be ended.

        Where it was written already, by whoever called the waiting caller, it stays.
        """
        async with self._database.transaction() as session:
            call, entry = await self.held(session, call_id)
            if call.status in ENDED:
                return False
            is_written = call.is_handed_on and not (entry is None and isinstance(stage_of(call), Waiting))
            goes_on = is_written or await self._next(session, call, entry, end)
        self._queue_log.wake()
        return goes_on

    async def transfer(self, call_id: str, to_number: str, whispers: Sequence[Told] = ()) -> bool:
        """The agent hands its caller to a human: the carrier will ring that number. False: the agent keeps them.

        `whispers` are what the agent was told during the call, and is to know still if the caller comes back.
        """
        async with self._database.transaction() as session:
            call, _ = await self.held(session, call_id)
            stage = stage_of(call)
            if isinstance(stage, Forwarding) and call.is_handed_on and stage.phone_number == to_number:
                return call.status not in ENDED
            if call.status in ENDED or stage is not None or len(call.transfers or ()) >= MOST_TRANSFERS:
                return False
            try:
                self._stages.transfer(call, require_dialable(to_number, "transferNumber"), self._clock(), whispers)
            except BadInput:
                return False
        return True

    async def lead_on(self, call_id: str) -> EndReason | None:
        """See that a caller who waits has a place. One who has none any more is led to what follows a wait.

        That is so where a place was given up because nobody renewed it, and where whoever ended the wait could not
        tell the process with the caller. Returns why the call is to be ended, where it is.
        """
        async with self._database.read() as session:
            waits = isinstance(stage_of(await calls.get_known(session, call_id)), Waiting)
            if not waits or await queues.has_place(session, call_id, "waiting"):
                return None
            is_promised = await queues.has_place(session, call_id, "callback")
        if await self.hand_on(call_id, "overflowed"):
            return None
        return "callback_wanted" if is_promised else "overflowed"

    async def has_come_again(self, call_id: str, within_s: float) -> bool:
        """Whether a stream of this call was let in so short a time ago."""
        async with self._database.read() as session:
            return await calls.came_in_since(session, call_id, self._clock() - timedelta(seconds=within_s))

    async def held(self, session: AsyncSession, call_id: str) -> tuple[CallRow, QueueEntryRow | None]:
        """The call, locked, and its place if it waits. The agents it may go to are locked first, as everywhere."""
        known = await calls.get_known(session, call_id)
        for agent_id in sorted({each for each in await self._agents(session, known) if each}):
            await agents.hold(session, known.project_id, agent_id)
        call = await calls.get_known(session, call_id, lock=True)
        entry = await queues.open_of_call(session, call_id) if isinstance(stage_of(call), Waiting) else None
        return call, entry

    async def overflow(self, session: AsyncSession, call: CallRow, entry: QueueEntryRow) -> bool:
        """The caller of this place has waited long enough; both are locked. False: the call is to be ended."""
        await self._queue_log.leave(session, entry, "overflowed", self._clock(), call=call)
        return await self._lanes.overflow(session, call, settings_of_entry(entry).overflow)

    async def _agents(self, session: AsyncSession, call: CallRow) -> Sequence[str | None]:
        if not isinstance(stage_of(call), Waiting):
            return [call.agent_id]
        settings = await self._settings(session, call)
        return [call.agent_id, settings.overflow.agent_id]

    async def _settings(self, session: AsyncSession, call: CallRow) -> QueueSettings:
        """How this caller waits, or waited."""
        return msgspec.convert(await queues.settings_of_call(session, call.id) or {}, QueueSettings)

    async def _next(self, session: AsyncSession, call: CallRow, entry: QueueEntryRow | None, end: StageEnd) -> bool:
        stage = stage_of(call)
        if isinstance(stage, Waiting):
            return await self._after_waiting(session, call, entry, end)
        decision = _NO_DECISION if call.routing is None else read_decision(call.routing)
        if end == "unanswered" and isinstance(stage, Forwarding) and stage.returns_to_agent:
            self._stages.give_back(call)
            return True
        if end == "unanswered" and isinstance(stage, Forwarding):
            return await self._stages.fall_back(session, call, decision, "unanswered")
        if end == "agent_failed" and stage is None:
            return await self._stages.fall_back(session, call, decision, "agent_failed", has_failed=True)
        if end in ("message_taken", "announced"):
            return False
        self._stages.again(call)  # what comes next was written before, by whoever told of the end first
        return True

    async def _after_waiting(
        self, session: AsyncSession, call: CallRow, entry: QueueEntryRow | None, end: StageEnd
    ) -> bool:
        if entry is None:
            if await queues.has_place(session, call.id, "callback"):
                return False
            # The place was given up, because the process that held it stood still; the caller is there all the same.
            return await self._lanes.overflow(session, call, (await self._settings(session, call)).overflow)
        if end == "callback_wanted":
            await self._promise(session, call, entry)
            return False
        if end == "overflowed":
            return await self.overflow(session, call, entry)
        entry.held_until = self._clock() + HELD_FOR
        self._stages.again(call)
        return True

    async def _promise(self, session: AsyncSession, call: CallRow, entry: QueueEntryRow) -> None:
        """A phone that is to be called already is not called twice, whoever shows its number, and however often."""
        if await queues.is_promised_to(session, call.project_id, entry.lane, call.from_number):
            await self._queue_log.leave(session, entry, "abandoned", self._clock(), call=call)
        else:
            await self._queue_log.promise(session, call, entry, self._clock())


def settings_of_entry(entry: QueueEntryRow) -> QueueSettings:
    """The queue as it was when this caller came."""
    return msgspec.convert(entry.settings, QueueSettings)
