"""What is explained is what was done: on a thousand generated routings and calls, afterwards and from the record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import update

from parley.domain.decisions import read_decision, stored_decision
from parley.domain.ids import new_id
from parley.domain.routing.facts import shown_number
from parley.providers.protocols import RingingCall
from parley.schemas.base import parse
from parley.schemas.routing import NumberRoutingPut
from parley.schemas.routing_explained import PastRoutingExplain, RoutingExplain
from parley.services.router import Router
from parley.services.routing_explained import RoutingExplanations
from parley.storage.tables import CallRow, NumberRow, ProjectRow
from tests.routings import CALLERS, Case, Cast, case
from tests.services.routed import a_call, a_queue, waits
from tests.services.world import CARRIER, World

CASES, PROJECTS = 1000, 5


@dataclass
class Tried:
    """A case, the number that it is about, and the call that was routed."""

    case: Case
    number: NumberRow
    call: CallRow | None = None


async def test_what_is_explained_is_what_was_done(world: World) -> None:
    random = Random(20_260_115)
    explanations = RoutingExplanations(world.database, world.clock)
    actions = set()
    for _ in range(PROJECTS):
        project_id, cast_of = await furnished(world)
        tried = await numbers_for(world, random, project_id, cast_of)
        await routed(world, tried)
        for each in tried:
            assert each.call is not None
            assert each.call.routing is not None
            stored = read_decision(each.call.routing)
            world.clock.now = each.case.at
            sent = {"from": shown_number(each.case.caller) or None, "to": each.number.phone_number}
            told = await explanations.explain(project_id, parse(RoutingExplain, sent))
            assert told.decision == stored
            actions.add(stored.action)
        await matches_the_record(world, explanations, project_id, tried)
    assert actions == {"agent", "number", "queue", "voicemail", "announcement", "reject"}


async def furnished(world: World) -> tuple[str, Cast]:
    """Before everything else: agents that are available, busy, offline and gone, queues with and without callers, and
    callers who spoke to the project before."""
    world.clock.now = datetime(2026, 1, 2, tzinfo=UTC)
    project_id = await world.project(new_id("proj"))
    free = await world.agent(project_id)
    busy = await world.agent(project_id, max_concurrent_calls=1)
    offline = await world.agent(project_id, voice_mode="webhook")
    empty, full = await a_queue(world, project_id, "empty"), await a_queue(world, project_id, "full")
    number = NumberRow(
        id=new_id("num"), project_id=project_id, phone_number="+15550000000", country="US", provider=CARRIER
    )
    number.status = "released"
    async with world.database.transaction() as session:
        session.add(number)
    await a_call(world, number, busy.id)
    for _ in range(3):
        await waits(world, number, full, held_until=None)
    for caller, language in zip(CALLERS[:4], ("es-MX", "fr", "en-GB", "multi"), strict=True):
        had = {"status": "completed", "snapshot": {"listen": {"language": language}}, "from_number": caller}
        await a_call(world, number, free.id, started_at=world.clock(), **had)
    gone = (new_id("agent"), new_id("queue"))
    return project_id, Cast((free.id, busy.id, offline.id, gone[0]), (empty, full, gone[1]))


async def numbers_for(world: World, random: Random, project_id: str, cast_of: Cast) -> list[Tried]:
    """A number with routing of its own for each case; the project's routing is that of the first."""
    cases = [case(random, cast_of) for _ in range(CASES // PROJECTS)]
    tried = []
    async with world.database.transaction() as session:
        kept = parse(NumberRoutingPut, cases[0].project).routing_sent()
        await session.execute(update(ProjectRow).where(ProjectRow.id == project_id).values(routing=kept))
        for each in cases:
            number = NumberRow(
                id=new_id("num"),
                project_id=project_id,
                phone_number=f"+1555{random.randrange(10**7):07}",
                country="US",
                provider=CARRIER,
                agent_id=each.agent_id if each.agent_id in cast_of.agents[:3] else None,
                routing=parse(NumberRoutingPut, each.number).routing_sent(),
            )
            session.add(number)
            tried.append(Tried(each, number))
    return tried


async def routed(world: World, tried: list[Tried]) -> None:
    """The calls are routed, and recorded with their decisions, in one transaction."""
    router = Router()
    async with world.database.transaction() as session:
        for each in tried:
            ringing = RingingCall(new_id("call"), each.case.caller, each.number.phone_number)
            decision = await router.decide(session, each.number, ringing, each.case.at)
            each.call = CallRow(
                id=new_id("call"),
                project_id=each.number.project_id,
                number_id=each.number.id,
                carrier=CARRIER,
                direction="inbound",
                status="completed",
                from_number=each.case.caller,
                to_number=each.number.phone_number,
                snapshot={},
                created_at=each.case.at,
                routing=stored_decision(decision),
            )
        session.add_all(each.call for each in tried)


async def matches_the_record(
    world: World, explanations: RoutingExplanations, project_id: str, tried: list[Tried]
) -> None:
    """Nothing would have changed, for nothing was changed: whatever is so by now, the facts are those on record."""
    calls = [each.call.id for each in tried if each.call is not None]
    last = max(each.case.at for each in tried) + timedelta(hours=1)
    async with world.database.transaction() as session:
        await session.execute(update(CallRow).where(CallRow.id.in_(calls)).values(created_at=last))
    world.clock.now = last + timedelta(days=1)
    past = await explanations.explain_past(project_id, PastRoutingExplain())
    assert (past.looked_at, past.changed, past.changes) == (len(calls), 0, [])
    assert past.before == past.after
