"""Where a ringing call goes: gathers what routing looks at, and asks the pure router."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.decisions import Decision
from parley.domain.routing.facts import Facts, asked_by, shown_number
from parley.domain.routing.languages import languages_of
from parley.domain.routing.router import route
from parley.domain.routing.shapes import Availability, Routing, read_routing
from parley.providers.protocols import RingingCall
from parley.storage import routing as queries
from parley.storage.tables import NumberRow


class Router:
    """It holds nothing: what has been decided is kept with the call, and editing routing changes the next one."""

    async def decide(self, session: AsyncSession, number: NumberRow, ringing: RingingCall, at: datetime) -> Decision:
        """Where this call goes at that moment, with why; everything is read in the caller's transaction.

        `at` has a time zone. Nothing is locked, and nothing is written. Only what the routing asks about is looked up:
        one round trip for the project's routing, and one more where rules or defaults name anything.
        """
        projects = await queries.project_routing(session, number.project_id)
        routing = routing_of(number, number.routing, projects)
        return route(routing, ringing.from_number, await gather(session, number, routing, ringing.from_number, at))


def routing_of(number: NumberRow, own: Mapping[str, Any] | None, projects: Mapping[str, Any] | None) -> Routing:
    """What holds for the number's calls; `own` and `projects` are as they are kept, or would be."""
    return Routing(number.agent_id, read_routing(own), read_routing(projects))


async def gather(
    session: AsyncSession,
    number: NumberRow,
    routing: Routing,
    caller: str,
    at: datetime,
    *,
    is_past: bool = False,
    known: Facts | None = None,
) -> Facts:
    """The facts that the routing asks about; what is `known` of them is taken as it is, and all the rest of it kept.

    An `is_past` moment is one that is over: then it is what was so, as far as that can still be found out.
    """
    asked = asked_by(routing)
    if asked.is_nothing:
        return known or Facts(at=at)
    spoken_by = shown_number(caller) if asked.language else ""
    found = await queries.world(
        session, number, spoken_by, at, agent_ids=asked.agents, queue_ids=asked.queues, is_past=is_past
    )
    gone = (asked.agents - found.agents.keys()) | (asked.queues - found.queues.keys())
    spoken = (found.language,) if found.language else languages_of(caller)
    facts = Facts(
        at=at,
        waiting_for_number=found.waiting_for_number if asked.waiting_for_number else None,
        waiting_in={each: found.queues[each] for each in sorted(asked.waiting_in & found.queues.keys())},
        availability={each: _availability(found.agents[each]) for each in sorted(asked.availability_of - gone)},
        languages=spoken if asked.language else None,
        gone=tuple(sorted(gone)),
    )
    return facts if known is None else _laid_over(facts, known)


async def availability(
    session: AsyncSession, number: NumberRow, agent_id: str | None, at: datetime, *, is_past: bool = False
) -> Availability:
    """Whether the agent could take a call at that moment; `available` where there is none to ask about."""
    if agent_id is None:
        return "available"
    found = await queries.world(session, number, "", at, agent_ids=[agent_id], queue_ids=[], is_past=is_past)
    return _availability(found.agents[agent_id]) if agent_id in found.agents else "available"


def _availability(agent: queries.AgentFacts) -> Availability:
    if not agent.answers:
        return "offline"
    return "busy" if agent.limit is not None and agent.live >= agent.limit else "available"


def _laid_over(found: Facts, known: Facts) -> Facts:
    """What is known stays. Only what is gone is so now: a routing that names it leads nowhere from here on."""
    return msgspec.structs.replace(
        known,
        waiting_for_number=found.waiting_for_number if known.waiting_for_number is None else known.waiting_for_number,
        waiting_in={**found.waiting_in, **known.waiting_in},
        availability={**found.availability, **known.availability},
        languages=found.languages if known.languages is None else known.languages,
        gone=found.gone,
    )
