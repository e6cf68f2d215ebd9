"""Agents: who answers, and on which numbers."""

from __future__ import annotations

from parley.schemas.agents import AgentCreate, AgentList, AgentUpdate
from parley.services.defaults import Clock, utc_now
from parley.storage.database import Database
from parley.storage.tables import AgentRow, NumberRow


class Agents:
    """Rows come back with `numbers` loaded. A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def create(self, project_id: str, wanted: AgentCreate) -> AgentRow:
        """Raises BadInput for a hosted agent without a prompt, or a transfer number that must not be dialled."""
        raise NotImplementedError

    async def get(self, project_id: str, agent_id: str) -> AgentRow:
        raise NotImplementedError

    async def list(self, project_id: str, query: AgentList) -> tuple[list[AgentRow], int]:
        """One page, newest first, and how many there are in all."""
        raise NotImplementedError

    async def update(self, project_id: str, agent_id: str, change: AgentUpdate) -> AgentRow:
        """Change only the fields that were sent. Calls in mid-air keep the agent they began with."""
        raise NotImplementedError

    async def delete(self, project_id: str, agent_id: str) -> list[str]:
        """Delete the agent and its webhook; returns the ids of the numbers that are now without an agent."""
        raise NotImplementedError

    async def attach_number(self, project_id: str, agent_id: str, number_id: str) -> NumberRow:
        """Let the agent answer this number; taken from another agent of the project if it had one."""
        raise NotImplementedError

    async def detach_number(self, project_id: str, agent_id: str, number_id: str) -> NumberRow:
        """Raises NotFound when the number is not this agent's."""
        raise NotImplementedError
