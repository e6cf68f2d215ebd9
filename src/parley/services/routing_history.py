"""What would have become of past calls: each is decided again, with what was looked at when it rang."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.decisions import Decision, read_decision
from parley.domain.routing.facts import Asked, Facts, asked_by
from parley.domain.routing.router import route
from parley.domain.routing.shapes import Routing
from parley.services.router import gather, routing_of
from parley.services.routing_checks import merged
from parley.storage import agents, numbers
from parley.storage import routing as queries
from parley.storage.tables import CallRow, NumberRow

MOST_CALLS = 1000
MOST_CHANGES = 100


class Change(NamedTuple):
    """A call, where it went, and where it would go."""

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

    @classmethod
    def of(
        cls, since: datetime, until: datetime, calls: int, judged: Sequence[Change], assumed: list[str]
    ) -> PastExplained:
        """Of that many calls these were judged, changed or not, newest first."""
        changes = [each for each in judged if destination(each.then) != destination(each.now)]
        return cls(
            since=since,
            until=until,
            calls=calls,
            looked_at=len(judged),
            changed=len(changes),
            before=Counter(destination(each.then) for each in judged),
            after=Counter(destination(each.now) for each in judged),
            changes=changes[:MOST_CHANGES],
            assumed=assumed,
        )


def destination(decision: Decision) -> Decision:
    """The decision without anything but where it leads."""
    return Decision(
        action=decision.action,
        matched="",
        agent_id=decision.agent_id,
        phone_number=decision.phone_number,
        queue_id=decision.queue_id,
    )


class Tried(NamedTuple):
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


class Assumptions(Counter[str]):
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


async def tried_on(
    session: AsyncSession,
    project_id: str,
    rows: Sequence[CallRow],
    proposal: Mapping[str, Any],
    *,
    is_for_number: bool,
) -> dict[str, Tried]:
    """What is tried on these calls, by the id of each of their numbers that is still there.

    The proposal stands in for the routing of the numbers, or for that of the project.
    """
    for_number, for_project = (proposal, {}) if is_for_number else ({}, proposal)
    projects = merged(await queries.project_routing(session, project_id), for_project)
    tried = {}
    for number in await numbers.known(session, project_id, {row.number_id for row in rows if row.number_id}):
        routing = routing_of(number, merged(number.routing, for_number), projects)
        asked = asked_by(routing)
        there = await agents.known_ids(session, project_id, asked.agents) if asked.agents else set()
        there |= await queries.known_queues(session, project_id, asked.queues) if asked.queues else set()
        gone = tuple(sorted((asked.agents | asked.queues) - there))
        tried[number.id] = Tried(number, routing, asked, gone)
    return tried


async def decided_again(
    session: AsyncSession, rows: Sequence[CallRow], routings: Mapping[str, Tried]
) -> tuple[list[Change], Assumptions]:
    """Where each of the calls went and would go, as far as that is known, and what had to be assumed."""
    judged, assumptions = [], Assumptions()
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
