"""Queues: set up, looked at, and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import BadInput, FieldError, NotFound
from parley.domain.ids import new_id
from parley.domain.queueing import Overflow
from parley.schemas.pages import CursorQuery
from parley.schemas.queues import QueueCreate, QueueEntryList, QueueUpdate
from parley.services.defaults import Clock, utc_now
from parley.services.limits import Limits
from parley.storage import agents, diagnostics, queues
from parley.storage.database import Database
from parley.storage.lookup import Slice
from parley.storage.queues import Counts, Place
from parley.storage.tables import QueueRow

# The wire's names for what the row keeps under others.
_COLUMNS: Mapping[str, str] = {
    "name": "name",
    "agent_ids": "agent_ids",
    "max_wait_time": "max_wait_s",
    "max_length": "max_length",
    "queue_music": "music",
    "position_announcements": "announces_position",
    "estimated_wait_announcements": "announces_wait",
    "callback_offer": "offers_callback",
}
_OVERFLOW: Mapping[str, str] = {
    "overflow_behavior": "action",
    "overflow_agent_id": "agent_id",
    "overflow_message": "text",
}


class Status(NamedTuple):
    """A queue at this moment."""

    queue_id: str
    counts: Counts
    available_agents: int


class Queues:
    """A foreign or unknown queue is NotFound everywhere, and so is an agent that is named in one."""

    def __init__(self, database: Database, limits: Limits, clock: Clock = utc_now) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock

    async def create(self, project_id: str, wanted: QueueCreate) -> QueueRow:
        """Raises BadInput where an agent is needed and none is named."""
        now = self._clock()
        row = QueueRow(id=new_id("queue"), project_id=project_id, overflow={}, created_at=now, updated_at=now)
        async with self._database.transaction() as session:
            await self._apply(session, row, {name: getattr(wanted, name) for name in type(wanted).model_fields})
            session.add(row)
        return row

    async def get(self, project_id: str, queue_id: str) -> QueueRow:
        async with self._database.read() as session:
            return await queues.get(session, project_id, queue_id)

    async def update(self, project_id: str, queue_id: str, change: QueueUpdate) -> QueueRow:
        """Change only what was sent. Who waits already goes on waiting as they began. Raises like `create`."""
        async with self._database.transaction() as session:
            row = await queues.get(session, project_id, queue_id, lock=True)
            await self._apply(session, row, {name: getattr(change, name) for name in change.model_fields_set})
            row.updated_at = self._clock()
        return row

    async def delete(self, project_id: str, queue_id: str) -> None:
        """Who waits in it goes on waiting, for the agents it had; nobody else gets in."""
        async with self._database.transaction() as session:
            await session.delete(await queues.get(session, project_id, queue_id, lock=True))

    async def status(self, project_id: str, queue_id: str) -> Status:
        """Who waits, who could answer, and what became of today's callers."""
        now = self._clock()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._database.read() as session:
            queue = await queues.get(session, project_id, queue_id)
            counts = await queues.counts(session, project_id, queue_id, today, now)
            rooms = await self._limits.room_now(session, project_id, queue.agent_ids)
            answered = await diagnostics.answered_for(session, project_id, queue.agent_ids)
        free = sum(rooms.agents[each].is_free for each in answered) if rooms.project.is_free else 0
        if rooms.project.limit is not None:
            free = min(free, rooms.project.limit - rooms.project.live)
        return Status(queue_id, counts, max(0, free))

    async def entries(self, project_id: str, queue_id: str, query: QueueEntryList) -> tuple[list[Place], int]:
        """Those who have a place in the queue now, in their order, and how many there are."""
        async with self._database.read() as session:
            await queues.get(session, project_id, queue_id)
            return await queues.places_page(session, project_id, queue_id, query.limit, query.offset)

    async def list(self, project_id: str, query: CursorQuery) -> Slice[QueueRow]:
        """One page, newest first."""
        async with self._database.read() as session:
            return await queues.list_after(session, project_id, query.after_id, query.count)

    async def _apply(self, session: AsyncSession, row: QueueRow, sent: Mapping[str, Any]) -> None:
        for name, column in _COLUMNS.items():
            if name in sent:
                value = sent[name]
                setattr(row, column, list(dict.fromkeys(value)) if name == "agent_ids" else value)
        changes = {field: sent[name] for name, field in _OVERFLOW.items() if name in sent}
        changes["text"] = changes.get("text", row.overflow.get("text")) or ""
        overflow = msgspec.convert(row.overflow | changes, Overflow)
        if overflow.action == "agent" and overflow.agent_id is None:
            sentence = "is required when `overflowBehavior` is `agent`"
            raise BadInput(f"`overflowAgentId` {sentence}.", [FieldError("overflowAgentId", sentence)])
        row.overflow = msgspec.to_builtins(overflow)
        await self._check_agents(session, row, sent)

    async def _check_agents(self, session: AsyncSession, row: QueueRow, sent: Mapping[str, Any]) -> None:
        named = set(sent.get("agent_ids") or ()) | {each for each in [sent.get("overflow_agent_id")] if each}
        missing = named - await agents.known_ids(session, row.project_id, named)
        if missing:
            raise NotFound("This queue names an agent that is not in this project; take ids from the list of agents.")
