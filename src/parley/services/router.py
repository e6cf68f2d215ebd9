"""Where a ringing call goes: gathers what routing looks at, and decides."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.decisions import Considered, Decision
from parley.providers.protocols import RingingCall
from parley.storage import projects
from parley.storage.tables import NumberRow


class Router:
    """It holds nothing: what has been decided is kept with the call."""

    async def decide(self, session: AsyncSession, number: NumberRow, ringing: RingingCall, at: datetime) -> Decision:
        """Where this call goes at that moment, with why; everything is read in the caller's transaction.

        `at` has a time zone. Nothing is locked, and nothing is written.
        """
        if number.agent_id is not None:
            why = "The number is assigned to this agent."
            return Decision(
                action="agent",
                matched="number_agent",
                agent_id=number.agent_id,
                considered=(Considered("number_agent", "", "matched", why),),
            )
        project = await projects.get(session, number.project_id)
        config = {**((project.routing or {}).get("routing_config") or {})}
        config |= (number.routing or {}).get("routing_config") or {}
        default = config.get("default_agent")
        if default is not None:
            return Decision(action="agent", matched="default_agent", agent_id=default)
        return Decision(action="voicemail", matched="fallback")
