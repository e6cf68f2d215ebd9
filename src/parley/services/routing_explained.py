"""Routing explained: where one call would go, and what would have become of the calls of the last days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.decisions import Decision, read_decision
from parley.domain.errors import NotFound
from parley.domain.phone_numbers import normalise
from parley.domain.routing.facts import Asked, Facts, asked_by
from parley.domain.routing.router import route
from parley.domain.routing.shapes import Routing
from parley.schemas.routing_explained import PastRoutingExplain, RoutingExplain
from parley.services.defaults import Clock, utc_now
from parley.services.router import gather, routing_of
from parley.services.routing_checks import checked, merged
from parley.storage import agents, calls, numbers
from parley.storage import routing as queries
from parley.storage.database import Database
from parley.storage.tables import CallRow, NumberRow

MOST_CALLS = 1000
MOST_CHANGES = 100
_PAST = (
    "That moment is over: queue lengths and availability are what their records still tell of it, with today's limits."
)
_FUTURE = "That moment is to come: queue lengths, availability and languages are those of now."


class Explained(NamedTuple):
    """A decision about a call to this number, and what could not be known for certain, in sentences."""

    number_id: str | None
    decision: Decision
    assumed: list[str]


class Change(NamedTuple):
    """A call that would go elsewhere."""

    call: CallRow
    then: Decision
    now: Decision


class PastExplained(NamedTuple):
    """What would have become of the calls since `since`; `changes` are the newest of the `changed` ones.

    `before` and `after` count the calls that went, and would go, to each destination.
    """

    since: datetime
    until: datetime
    calls: int
    looked_at: int
    changed: int
    before: Counter[Decision]
    after: Counter[Decision]
    changes: list[Change]
    assumed: list[str]


def destination(decision: Decision) -> Decision:
    """The decision without anything but where it leads."""
    return Decision(
        action=decision.action,
        matched="",
        agent_id=decision.agent_id,
        phone_number=decision.phone_number,
        queue_id=decision.queue_id,
    )


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
        return Explained(number.id, route(routing, caller, facts), _assumed_at(asked_by(routing), at, now))

    async def of_call(self, project_id: str, call_id: str) -> Explained:
        """What was decided of a call when it rang. Raises NotFound where nothing was."""
        async with self._database.read() as session:
            call = await calls.get(session, project_id, call_id)
        if call.routing is None:
            raise NotFound("No routing decision is on record for this call: only calls that come in are routed.")
        decision = read_decision(call.routing)
        facts = decision.facts or Facts(at=call.created_at)
        return Explained(call.number_id, msgspec.structs.replace(decision, facts=facts), [])

    async def explain_past(self, project_id: str, wanted: PastRoutingExplain) -> PastExplained:
        """What would have become of past calls, now or with a proposal. Raises NotFound for a foreign number.

        What was looked at when a call was routed is on record, and is used again; so the same routing gives the same
        decisions.
        """
        until = self._clock()
        since = until - timedelta(days=wanted.days)
        async with self._database.read() as session:
            if wanted.number_id is not None:
                await numbers.get(session, project_id, wanted.number_id)
            rows, total = await queries.past_calls(session, project_id, wanted.number_id, since, until, MOST_CALLS)
            routings = await self._routings(session, project_id, wanted, rows)
            judged, assumptions = await _judged(session, rows, routings)
        changes = [each for each in judged if destination(each.then) != destination(each.now)]
        return PastExplained(
            since=since,
            until=until,
            calls=total,
            looked_at=len(judged),
            changed=len(changes),
            before=Counter(destination(each.then) for each in judged),
            after=Counter(destination(each.now) for each in judged),
            changes=changes[:MOST_CHANGES],
            assumed=list(assumptions.sentences(left_out=total - len(judged))),
        )

    async def _routings(
        self, session: AsyncSession, project_id: str, wanted: PastRoutingExplain, rows: Sequence[CallRow]
    ) -> dict[str, _Tried]:
        """What is tried, by the id of each number that is still there."""
        proposal: Mapping[str, Any] = {}
        if wanted.routing is not None:
            proposal = await checked(session, project_id, wanted.routing.routing_sent())
        for_number, for_project = (proposal, {}) if wanted.number_id is not None else ({}, proposal)
        projects = merged(await queries.project_routing(session, project_id), for_project)
        tried = {}
        for number in await numbers.known(session, project_id, {row.number_id for row in rows if row.number_id}):
            routing = routing_of(number, merged(number.routing, for_number), projects)
            asked = asked_by(routing)
            there = await agents.known_ids(session, project_id, asked.agents) if asked.agents else set()
            there |= await queries.known_queues(session, project_id, asked.queues) if asked.queues else set()
            gone = tuple(sorted((asked.agents | asked.queues) - there))
            tried[number.id] = _Tried(number, routing, asked, gone)
        return tried


class _Tried(NamedTuple):
    """A number's routing, what it asks about, and the ids it names that are nobody's."""

    number: NumberRow
    routing: Routing
    asked: Asked
    gone: tuple[str, ...]

    def lacks(self, known: Facts) -> set[str]:
        """Which kinds of facts it asks about and that are not known."""
        asked, kinds = self.asked, set()
        if asked.waiting_for_number and known.waiting_for_number is None:
            kinds.add("waiting")
        if asked.waiting_in - known.waiting_in.keys() - set(self.gone):
            kinds.add("waiting")
        if asked.availability_of - known.availability.keys() - set(self.gone):
            kinds.add("availability")
        if asked.language and known.languages is None:
            kinds.add("language")
        return kinds


class _Assumptions(Counter[str]):
    """How many calls lacked which kind of fact."""

    def sentences(self, left_out: int) -> Iterator[str]:
        if self["recorded"]:
            yield "Queue lengths, availability and languages are those that were recorded when a call rang."
        if self["waiting"]:
            yield (
                f"With {_calls(self['waiting'])} it was not recorded how many waited; they were counted from the"
                " records of who waited when."
            )
        if self["availability"]:
            yield (
                f"With {_calls(self['availability'])} it was not recorded which agents were available; it was worked"
                " out from the calls they held, with the limits and webhooks of now."
            )
        if self["language"]:
            yield f"With {_calls(self['language'])} the caller's language was not recorded; it was looked up again."
        if self["decision"]:
            yield f"{_calls(self['decision'])} had no decision on record, and count as routed to their agent."
        if left_out:
            yield (
                f"{_calls(left_out)} were left out: beyond the newest {MOST_CALLS}, on a number that is gone, or"
                " without a record of where they went."
            )


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _assumed_at(asked: Asked, at: datetime, now: datetime) -> list[str]:
    if not (asked.waiting_for_number or asked.waiting_in or asked.availability_of or asked.language) or at == now:
        return []
    return [_PAST if at < now else _FUTURE]


async def _judged(
    session: AsyncSession, rows: Sequence[CallRow], routings: Mapping[str, _Tried]
) -> tuple[list[Change], _Assumptions]:
    judged, assumptions = [], _Assumptions()
    for row in rows:
        tried, then = routings.get(row.number_id or ""), _decided(row)
        if tried is None or then is None:
            continue
        known = then.facts or Facts(at=row.created_at)
        lacking = tried.lacks(known)
        if lacking:
            caller = row.from_number
            facts = await gather(session, tried.number, tried.routing, caller, known.at, is_past=True, known=known)
        else:
            facts = msgspec.structs.replace(known, gone=tried.gone)
        assumptions.update(lacking)
        assumptions.update({"decision": row.routing is None, "recorded": then.facts is not None and _says(then.facts)})
        judged.append(Change(row, then, route(tried.routing, row.from_number, facts)))
    return judged, assumptions


def _decided(row: CallRow) -> Decision | None:
    if row.routing is not None:
        return read_decision(row.routing)
    return None if row.agent_id is None else Decision(action="agent", matched="number_agent", agent_id=row.agent_id)


def _says(facts: Facts) -> bool:
    return bool(facts.waiting_in or facts.availability or facts.languages or facts.waiting_for_number is not None)
