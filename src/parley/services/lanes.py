"""What callers wait for, one agent or a queue of several, and getting in line for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.decisions import Decision
from parley.domain.errors import NotFound
from parley.domain.ids import new_id
from parley.domain.phone_numbers import is_dialable, normalise
from parley.domain.queueing import Overflow, QueueSettings
from parley.services.defaults import Clock, utc_now
from parley.services.plans import Plans
from parley.services.stages import Stages
from parley.services.turns import Turns
from parley.storage import agents, numbers, projects, queues
from parley.storage.tables import AgentRow, CallRow, NumberRow, QueueEntryRow, QueueRow

HELD_FOR = timedelta(seconds=60)
"""How long a place is kept for a caller whose music is about to begin, here or at another replica."""


class Lane(NamedTuple):
    """What a caller waits for: whichever of the `agents` is free first. `name` is the id of the queue or the agent.

    Agents that nobody would answer for are not among them; `nearest` is the first of all, and lends its voice.
    """

    name: str
    queue_id: str | None
    agents: Sequence[AgentRow]
    nearest: AgentRow | None
    settings: QueueSettings
    priority: int

    def with_its_agent(self) -> Lane:
        """The same with the one agent that is waited for, though nobody answers for it; a queue stays as it is."""
        return self if self.queue_id is not None or self.nearest is None else self._replace(agents=(self.nearest,))


class Lanes:
    """Everything happens in the caller's transaction. The lanes' agents stay until it ends."""

    def __init__(self, plans: Plans, turns: Turns, stages: Stages, clock: Clock = utc_now) -> None:
        self._plans = plans
        self._turns = turns
        self._stages = stages
        self._clock = clock

    async def of(self, session: AsyncSession, number: NumberRow, decision: Decision) -> Lane:
        """What a decision for an agent or a queue leads to. A queue that names no agents is served by the number's own
        agent, or the default one. Without `agents` nobody can answer."""
        if decision.action == "agent":
            rows = await self._held(session, number.project_id, [decision.agent_id or ""])
            settings = QueueSettings(
                max_wait_s=decision.max_wait_s, music=decision.queue_music, overflow=Overflow(decision.fallback)
            )
            return await self._lane(session, decision.agent_id or "", None, rows, settings, decision.priority)
        try:
            queue = await queues.get(session, number.project_id, decision.queue_id or "")
        except NotFound:
            return Lane(decision.queue_id or "", None, (), None, QueueSettings(), decision.priority)
        settings = settings_of(queue)
        names = list(queue.agent_ids) or await _own(session, number)
        spare = [settings.overflow.agent_id] if settings.overflow.agent_id is not None else []
        rows = await self._held(session, number.project_id, names + spare)
        serving = [row for row in rows if row.id in names]
        return await self._lane(session, queue.id, queue.id, serving, settings, decision.priority)

    async def join(self, session: AsyncSession, call: CallRow, lane: Lane) -> bool:
        """Let the caller talk to an agent of the lane, or wait behind those who came before.

        Where the lane is full, or nobody may wait in it, what is set for that happens at once. False: nothing is.
        """
        now, ids = self._clock(), [agent.id for agent in lane.agents]
        chosen: str | None = ids[0] if call.is_test else None
        if not call.is_test:
            chosen = await self._turns.agent_for(session, call.project_id, ids, lane.priority, now, call_id=call.id)
        if chosen is not None:
            await self._stages.converse(session, call, next(each for each in lane.agents if each.id == chosen))
            return True
        await self._stages.lend_voice(session, call, lane.nearest, is_its=lane.queue_id is None)
        settings = lane.settings
        length = await queues.lane_length(session, call.project_id, lane.name) if settings.max_wait_s else 0
        if not settings.max_wait_s or length >= settings.max_length:
            return await self.overflow(session, call, settings.overflow)
        offers_callback = settings.offers_callback and await _can_be_called(session, call.from_number)
        settings = msgspec.structs.replace(settings, offers_callback=offers_callback)
        entry = QueueEntryRow(
            id=new_id("wait"),
            project_id=call.project_id,
            call_id=call.id,
            queue_id=lane.queue_id,
            lane=lane.name,
            status="waiting",
            priority=lane.priority,
            agent_ids=ids,
            settings=msgspec.to_builtins(settings),
            entered_at=now,
            overflows_at=now + timedelta(seconds=settings.max_wait_s),
            held_until=now + HELD_FOR,
        )
        session.add(entry)
        self._stages.wait(call, entry.id, settings)
        return True

    async def overflow(self, session: AsyncSession, call: CallRow, overflow: Overflow) -> bool:
        """The caller has waited long enough. False: the call is to be ended."""
        if overflow.action == "hangup":
            if overflow.text:
                self._stages.announce(call, overflow.text)
            return bool(overflow.text)
        if overflow.action == "agent" and overflow.agent_id is not None:
            rows = await self._held(session, call.project_id, [overflow.agent_id])
            if rows and await self._turns.has_room(session, call.project_id, overflow.agent_id, call_id=call.id):
                await self._stages.converse(session, call, rows[0])
                return True
        await self._stages.take_message(session, call, "overflowed", overflow.text)
        return True

    async def _held(self, session: AsyncSession, project_id: str, agent_ids: Sequence[str]) -> list[AgentRow]:
        """Those of the agents that there are, in the order they were named; they are locked in another, always the
        same one."""
        for agent_id in sorted(set(agent_ids)):
            await agents.hold(session, project_id, agent_id)
        return await agents.named(session, project_id, agent_ids)

    async def _lane(
        self,
        session: AsyncSession,
        name: str,
        queue_id: str | None,
        rows: Sequence[AgentRow],
        settings: QueueSettings,
        priority: int,
    ) -> Lane:
        answered = [row for row in rows if await self._plans.is_answered_for(session, row)]
        return Lane(name, queue_id, answered, rows[0] if rows else None, settings, priority)


async def _can_be_called(session: AsyncSession, shown: str) -> bool:
    """Whether somebody who is called there can be a caller. A number of this server's would come back to its queues."""
    return is_dialable(shown) and await numbers.active_by_phone(session, normalise(shown)) is None


async def _own(session: AsyncSession, number: NumberRow) -> list[str]:
    """Whose number it is, else the default agent: the number's, then the project's."""
    if number.agent_id is not None:
        return [number.agent_id]
    project = await projects.get(session, number.project_id)
    for routing in (number.routing, project.routing):
        default = ((routing or {}).get("routing_config") or {}).get("default_agent")
        if default is not None:
            return [default]
    return []


def settings_of(queue: QueueRow) -> QueueSettings:
    """The queue as a caller who comes now finds it."""
    return QueueSettings(
        max_wait_s=queue.max_wait_s,
        max_length=queue.max_length,
        music=queue.music,
        announces_position=queue.announces_position,
        announces_wait=queue.announces_wait,
        offers_callback=queue.offers_callback,
        overflow=msgspec.convert(queue.overflow, Overflow),
    )
