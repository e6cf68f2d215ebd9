"""Whose turn it is, counted where it cannot change meanwhile: under the project's lock, which is taken last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zlib import crc32

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.queueing import Assignment, Waiter, assign
from parley.services.limits import Limits
from parley.storage import queues
from parley.storage.tables import QueueEntryRow

NEWCOMER = ""
"""Stands for the entry of a caller who has none yet."""


class Turns:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def agent_for(
        self,
        session: AsyncSession,
        project_id: str,
        agent_ids: Sequence[str],
        priority: int,
        now: datetime,
        *,
        call_id: str,
    ) -> str | None:
        """Which of the agents takes a caller who comes now; None where the caller has to wait behind others.

        The call `call_id` is in this transaction already, and is not counted. Where neither the project nor any of the
        agents has a limit, nothing is locked or counted.
        """
        rooms = await self._limits.room(session, project_id, agent_ids, except_for=call_id)
        if rooms is None:
            return agent_ids[crc32(call_id.encode()) % len(agent_ids)]  # spread over all of them, without counting
        waiting = await queues.in_turn(session, project_id, now)
        before = [each for each in waiting if each.priority >= priority]
        behind = [each for each in waiting if each.priority < priority]
        order = [*_waiters(before), Waiter(NEWCOMER, tuple(agent_ids)), *_waiters(behind)]
        if waiting:
            rooms = await self._limits.room(session, project_id, _agents(order), except_for=call_id) or rooms
        found = assign(order, rooms.project, rooms.agents)
        return next((each.agent_id for each in found if each.entry_id == NEWCOMER), None)

    async def first(
        self, session: AsyncSession, project_id: str, now: datetime, *, but: str = ""
    ) -> tuple[QueueEntryRow, str] | None:
        """Who is next and with which agent, at this moment and with nothing locked. The call `but` is not counted."""
        waiting = await queues.in_turn(session, project_id, now)
        if not waiting:
            return None
        order = list(_waiters(waiting))
        rooms = await self._limits.room_now(session, project_id, _agents(order), except_for=but)
        found = assign(order, rooms.project, rooms.agents)
        if not found:
            return None
        return next(each for each in waiting if each.id == found[0].entry_id), found[0].agent_id

    async def is_still_first(
        self, session: AsyncSession, project_id: str, turn: Assignment, now: datetime, *, but: str = ""
    ) -> bool:
        """The same, decided: nobody takes a place or a turn until this transaction ends."""
        await self._limits.hold(session, project_id)
        first = await self.first(session, project_id, now, but=but)
        return first is not None and (first[0].id, first[1]) == turn

    async def has_room(self, session: AsyncSession, project_id: str, agent_id: str | None, *, call_id: str) -> bool:
        """Whether one more call fits, with this agent or with a human; held until this transaction ends."""
        rooms = await self._limits.room(session, project_id, [agent_id] if agent_id else [], except_for=call_id)
        if rooms is None:
            return True
        return rooms.project.is_free and (agent_id is None or rooms.agents[agent_id].is_free)


def _waiters(entries: Iterable[QueueEntryRow]) -> Iterable[Waiter]:
    return (Waiter(each.id, tuple(each.agent_ids)) for each in entries)


def _agents(order: Iterable[Waiter]) -> list[str]:
    return sorted({agent_id for waiter in order for agent_id in waiter.agent_ids})
