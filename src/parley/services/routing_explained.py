"""Routing explained: where one call would go, where it went, and what would have become of those of the last days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from parley.domain.decisions import Decision, read_decision
from parley.domain.errors import NotFound
from parley.domain.phone_numbers import normalise
from parley.domain.routing.facts import Asked, Facts, asked_by
from parley.domain.routing.outlook import outlook
from parley.domain.routing.router import route
from parley.schemas.routing_explained import PastRoutingExplain, RoutingExplain
from parley.services.defaults import Clock, utc_now
from parley.services.router import availability, gather, routing_of
from parley.services.routing_checks import checked, merged
from parley.services.routing_history import MOST_CALLS, PastExplained, decided_again, tried_on
from parley.storage import calls, numbers
from parley.storage import routing as queries
from parley.storage.database import Database

_PAST = (
    "That moment is over: queue lengths and availability are what their records still tell of it, with today's limits."
)
_FUTURE = "That moment is to come: queue lengths, availability and languages are those of now."


class Explained(NamedTuple):
    """A decision about a call to this number, what the caller would go through, and what is not known for certain."""

    number_id: str | None
    decision: Decision
    outlook: str | None
    assumed: list[str]


class RoutingExplanations:
    """Nothing is stored. What a proposal names has to be the project's own, as if it were to be kept."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def explain(self, project_id: str, wanted: RoutingExplain) -> Explained:
        """Where a call would go. Raises NotFound when `to` is not one of the project's active numbers."""
        now = self._clock()
        at = datetime.fromisoformat(wanted.at) if wanted.at is not None else now
        caller, called = wanted.ends
        caller = normalise(caller, "from") if caller is not None else ""
        async with self._database.read() as session:
            number = await numbers.active_by_phone(session, normalise(called, "to"))
            if number is None or number.project_id != project_id:
                raise NotFound("`to` is not one of this project's active numbers; take one from the list of numbers.")
            projects = await queries.project_routing(session, project_id)
            if wanted.project_routing is not None:
                projects = merged(projects, await checked(session, project_id, wanted.project_routing.routing_sent()))
            own = number.routing
            if wanted.routing is not None:
                own = merged(own, await checked(session, project_id, wanted.routing.routing_sent()))
            routing = routing_of(number, own, projects)
            facts = await gather(session, number, routing, caller, at, is_past=at < now)
            decision = route(routing, caller, facts)
            available = await availability(session, number, decision.agent_id, at, is_past=at < now)
        assumed = _assumed_at(asked_by(routing), at, now)
        return Explained(number.id, decision, outlook(decision, available), assumed)

    async def of_call(self, project_id: str, call_id: str) -> Explained:
        """What was decided of a call when it rang. Raises NotFound where nothing was."""
        async with self._database.read() as session:
            call = await calls.get(session, project_id, call_id)
        if call.routing is None:
            raise NotFound("No routing decision is on record for this call: only calls that come in are routed.")
        decision = read_decision(call.routing)
        facts = decision.facts or Facts(at=call.created_at)
        return Explained(call.number_id, msgspec.structs.replace(decision, facts=facts), None, [])

    async def explain_past(self, project_id: str, wanted: PastRoutingExplain) -> PastExplained:
        """What would have become of past calls, now or with a proposal. Raises NotFound for a foreign number.

        What was looked at when a call was routed is on record, and is used again; so the same routing gives the same
        decisions.
        """
        until = self._clock()
        since = until - timedelta(days=wanted.days)
        proposal: dict[str, Any] = {}
        async with self._database.read() as session:
            if wanted.number_id is not None:
                await numbers.get(session, project_id, wanted.number_id)
            if wanted.routing is not None:
                proposal = await checked(session, project_id, wanted.routing.routing_sent())
            rows, total = await queries.past_calls(session, project_id, wanted.number_id, since, until, MOST_CALLS)
            tried = await tried_on(session, project_id, rows, proposal, is_for_number=wanted.number_id is not None)
            judged, assumptions = await decided_again(session, rows, tried)
        return PastExplained.of(since, until, total, judged, list(assumptions.sentences(total - len(judged))))


def _assumed_at(asked: Asked, at: datetime, now: datetime) -> list[str]:
    if not (asked.waiting_for_number or asked.waiting_in or asked.availability_of or asked.language) or at == now:
        return []
    return [_PAST if at < now else _FUTURE]
