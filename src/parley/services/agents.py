"""Agents: who answers, and on which numbers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from parley.domain.errors import BadInput, Conflict, FieldError, NotFound
from parley.domain.ids import new_id
from parley.domain.phone_numbers import normalise, require_dialable
from parley.schemas.agents import AgentCreate, AgentList, AgentUpdate
from parley.schemas.conduct import ConductSettings
from parley.services.defaults import Clock, utc_now
from parley.services.numbers import attach
from parley.storage import agents, numbers, outbox, webhooks
from parley.storage.database import Database
from parley.storage.tables import AgentRow, NumberRow


class Agents:
    """Rows come back with `numbers` loaded. A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def create(self, project_id: str, wanted: AgentCreate) -> AgentRow:
        """Raises BadInput for a hosted agent without a prompt, or a transfer number that must not be dialled."""
        now = self._clock()
        row = AgentRow(id=new_id("agent"), project_id=project_id, created_at=now, updated_at=now)
        _apply(row, wanted, set(type(wanted).model_fields))
        async with self._database.transaction() as session:
            session.add(row)
            await session.flush()
            return await agents.get(session, project_id, row.id)

    async def get(self, project_id: str, agent_id: str) -> AgentRow:
        async with self._database.read() as session:
            return await agents.get(session, project_id, agent_id)

    async def update(self, project_id: str, agent_id: str, change: AgentUpdate) -> AgentRow:
        """Change only the fields that were sent. Calls in mid-air keep the agent they began with."""
        async with self._database.transaction() as session:
            row = await agents.get(session, project_id, agent_id, lock=True)
            _apply(row, change, change.model_fields_set)
            row.updated_at = self._clock()
        return row

    async def delete(self, project_id: str, agent_id: str) -> list[str]:
        """Delete the agent and its webhook; returns the ids of the numbers that are now without an agent."""
        async with self._database.transaction() as session:
            await agents.get(session, project_id, agent_id, lock=True)
            unassigned = await numbers.unassign_all(session, project_id, agent_id)
            webhook = await webhooks.get(session, project_id, agent_id, lock=True)
            if webhook is not None:
                await outbox.fail_waiting(session, webhook, "webhook_deleted")
            await agents.remove(session, project_id, agent_id)
        return unassigned

    async def attach_number(self, project_id: str, agent_id: str, number_id: str) -> NumberRow:
        """Let the agent answer this number; taken from another agent of the project if it had one.

        Raises Conflict for a released number.
        """
        async with self._database.transaction() as session:
            await agents.get(session, project_id, agent_id, lock=True)
            number = await numbers.get(session, project_id, number_id, lock=True)
            if number.status != "active":
                raise Conflict("This number was released; attach one that is still active.")
            attach(number, agent_id, self._clock())
        return number

    async def detach_number(self, project_id: str, agent_id: str, number_id: str) -> NumberRow:
        """Raises NotFound when the number is not this agent's."""
        async with self._database.transaction() as session:
            await agents.get(session, project_id, agent_id)
            number = await numbers.get(session, project_id, number_id, lock=True)
            if number.agent_id != agent_id:
                raise NotFound("This number is not attached to this agent.")
            number.agent_id = number.attached_at = None
        return number

    async def list(self, project_id: str, query: AgentList) -> tuple[list[AgentRow], int]:
        """One page, newest first, and how many there are in all."""
        async with self._database.read() as session:
            return await agents.list_page(session, project_id, query.limit, query.offset)


def _apply(row: AgentRow, wanted: AgentCreate | AgentUpdate, fields: set[str]) -> None:
    conduct = fields & ConductSettings.model_fields.keys()
    if conduct:
        sent = wanted.model_dump(include=conduct, exclude_unset=True)
        kept = {**(row.conduct or {}), **sent}
        row.conduct = {name: value for name, value in kept.items() if value is not None} or None
    for name in fields - conduct:
        value: Any = getattr(wanted, name)
        if isinstance(value, BaseModel):
            value = value.model_dump(exclude_none=True) or None
        elif name == "transfer_number":
            value = require_dialable(normalise(value, "transferNumber"), "transferNumber") if value else None
        setattr(row, name, value)
    if row.voice_mode == "hosted" and not (row.system_prompt or "").strip():
        sentence = "is required when `voiceMode` is `hosted`"
        raise BadInput(f"`systemPrompt` {sentence}.", [FieldError("systemPrompt", sentence)])
