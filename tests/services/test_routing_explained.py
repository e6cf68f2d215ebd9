"""Where a call would go under what is set or proposed, and what would have become of those of the last days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from parley.domain.decisions import Decision, stored_decision
from parley.domain.errors import BadInput, Conflict, NotFound
from parley.providers.protocols import RingingCall
from parley.schemas.base import parse
from parley.schemas.routing import NumberRoutingPut, ProjectRoutingPut
from parley.schemas.routing_explained import PastRoutingExplain, RoutingExplain
from parley.services.router import Router
from parley.services.routing import Routing
from parley.services.routing_explained import Explained, RoutingExplanations
from parley.services.routing_history import PastExplained
from parley.storage.tables import CallRow, NumberRow
from tests.services.routed import CALLER, a_call, a_queue, waits
from tests.services.world import World

VIP = {"condition": "caller_id_matches", "pattern": CALLER}


@pytest.fixture
def routing(world: World) -> Routing:
    return Routing(world.database, world.cipher, world.numbers, world.clock)


@pytest.fixture
def explanations(world: World) -> RoutingExplanations:
    return RoutingExplanations(world.database, world.clock)


async def explained(told: RoutingExplanations, number: NumberRow, **more: Any) -> Explained:
    wanted = parse(RoutingExplain, {"from": CALLER, "to": number.phone_number} | more)
    return await told.explain(number.project_id, wanted)


async def past(told: RoutingExplanations, project_id: str, **wanted: Any) -> PastExplained:
    return await told.explain_past(project_id, parse(PastRoutingExplain, wanted))


async def came_in(world: World, number: NumberRow, caller: str = CALLER) -> CallRow:
    """A call that was routed as routing is now, and is over."""
    async with world.database.transaction() as session:
        decision = await Router().decide(session, number, RingingCall("CA", caller, "+1"), world.clock())
    fields = {"status": "completed", "ended_at": world.clock(), "from_number": caller}
    row = await a_call(world, number, decision.agent_id, **fields, routing=stored_decision(decision))
    world.clock.advance(60)
    return row


def to_agent(agent_id: str, **condition: Any) -> dict[str, Any]:
    return {"condition": "always", "action": "route_to_agent", "agent_id": agent_id} | condition


# ---------------------------------------------------------------- one call


async def test_a_proposal_is_tried_and_not_kept(
    world: World, mine: str, routing: Routing, explanations: RoutingExplanations
) -> None:
    ann, bob = await world.agent(mine), await world.agent(mine)
    number = await world.number(mine, ann.id)
    assert (await explained(explanations, number)).decision.agent_id == ann.id
    rules = {"routing_rules": [to_agent(bob.id, **VIP)]}
    assert (await explained(explanations, number, routing=rules)).decision.matched == "number_rule.0"
    assert (await explained(explanations, number, project_routing=rules)).decision.matched == "project_rule.0"
    assert (await explained(explanations, number)).decision.agent_id == ann.id
    # What a proposal leaves out is as it is set; what it clears is not.
    await routing.put_on_number(mine, number.id, parse(NumberRoutingPut, rules))
    hours = {"call_routing": {"business_hours": {"timezone": "UTC"}}}
    assert (await explained(explanations, number, routing=hours)).decision.matched == "number_rule.0"
    cleared = hours | {"routing_rules": None}
    assert (await explained(explanations, number, routing=cleared)).decision.matched == "business_hours"


async def test_what_the_caller_would_go_through_is_told(
    world: World, mine: str, explanations: RoutingExplanations
) -> None:
    ann = await world.agent(mine, max_concurrent_calls=1)
    number = await world.number(mine, ann.id)
    assert (await explained(explanations, number)).outlook == f"Agent {ann.id} is available and answers."
    await a_call(world, number, ann.id)
    assert "is busy: the caller waits" in ((await explained(explanations, number)).outlook or "")
    nobody = await world.agent(mine, voice_mode="webhook")
    to_nobody = {"routing_rules": [to_agent(nobody.id)]}
    assert "is offline" in ((await explained(explanations, number, routing=to_nobody)).outlook or "")


async def test_what_a_proposal_names_has_to_be_the_projects_own(
    world: World, mine: str, theirs: str, explanations: RoutingExplanations
) -> None:
    number, foreign = await world.number(mine), await world.agent(theirs)
    queue = await a_queue(world, theirs)
    other_line = {"condition": "always", "action": "route_to_queue", "queue_id": queue}
    for rule, field in ((to_agent(foreign.id), "agent_id"), (other_line, "queue_id")):
        for part in ("routing", "project_routing"):
            with pytest.raises(NotFound, match=rf"`routing_rules\.0\.{field}`"):
                await explained(explanations, number, **{part: {"routing_rules": [rule]}})
        with pytest.raises(NotFound, match=rf"`routing_rules\.0\.{field}`"):
            await past(explanations, mine, routing={"routing_rules": [rule]})


async def test_only_an_active_number_of_the_project_is_explained(
    world: World, mine: str, theirs: str, explanations: RoutingExplanations
) -> None:
    foreign, released = await world.number(theirs), await world.number(mine)
    await world.numbers.release(mine, released.id)
    for phone in (foreign.phone_number, released.phone_number, "+14155550177"):
        with pytest.raises(NotFound, match="`to` is not one of this project's active numbers"):
            await explanations.explain(mine, parse(RoutingExplain, {"from": None, "to": phone}))


async def test_what_cannot_be_known_is_said(world: World, mine: str, explanations: RoutingExplanations) -> None:
    number, queue = await world.number(mine), await a_queue(world, mine)
    await waits(world, number, queue)
    full = {"condition": "queue_length", "queue_id": queue, "threshold": 1, "action": "voicemail"}
    proposal = {"routing_rules": [full]}
    now = await explained(explanations, number, routing=proposal)
    assert (now.decision.matched, now.assumed) == ("number_rule.0", [])
    world.clock.advance(60)
    began = world.clock() - timedelta(hours=1)
    before = await explained(explanations, number, routing=proposal, at=began.isoformat())
    assert before.decision.matched == "fallback"
    assert before.assumed[0].startswith("That moment is over")
    later = await explained(explanations, number, routing=proposal, at="2031-01-01T12:00:00+01:00")
    assert later.assumed[0].startswith("That moment is to come")
    assert (await explained(explanations, number, at="2031-01-01T12:00:00Z")).assumed == []


async def test_a_humans_number_is_kept_as_it_is_dialled(
    world: World, mine: str, routing: Routing, explanations: RoutingExplanations
) -> None:
    number = await world.number(mine)
    rule = {"condition": "always", "action": "route_to_number", "phone_number": "(415) 555-0199"}
    kept = await routing.put(mine, parse(ProjectRoutingPut, {"routing_rules": [rule]}))
    assert kept["routing_rules"][0]["phone_number"] == "+14155550199"
    assert (await explained(explanations, number)).decision.phone_number == "+14155550199"
    emergency = {"routing_rules": [rule | {"phone_number": "+1911"}]}
    with pytest.raises(BadInput) as refused:
        await routing.put(mine, parse(ProjectRoutingPut, emergency))
    assert [each.field for each in refused.value.errors] == ["routingRules.0.phoneNumber"]


async def test_a_released_numbers_routing_stays(world: World, mine: str, routing: Routing) -> None:
    number = await world.number(mine)
    await world.numbers.release(mine, number.id)
    with pytest.raises(Conflict):
        await routing.put_on_number(mine, number.id, parse(NumberRoutingPut, {"routing_rules": None}))


async def test_why_a_call_went_where_it_went_stays_as_it_was(
    world: World, mine: str, theirs: str, routing: Routing, explanations: RoutingExplanations
) -> None:
    ann = await world.agent(mine)
    number = await world.number(mine, ann.id)
    call = await came_in(world, number)
    before = await explanations.of_call(mine, call.id)
    await routing.put(mine, parse(ProjectRoutingPut, {"routing_rules": [{"condition": "always", "action": "reject"}]}))
    assert await explanations.of_call(mine, call.id) == before
    assert (before.decision.matched, before.decision.agent_id) == ("number_agent", ann.id)
    placed = await a_call(world, number, ann.id, direction="outbound", status="completed")
    for project_id, call_id in ((theirs, call.id), (mine, placed.id)):
        with pytest.raises(NotFound):
            await explanations.of_call(project_id, call_id)


# ---------------------------------------------------------------- past calls


async def test_past_calls_tell_what_would_change(
    world: World, mine: str, routing: Routing, explanations: RoutingExplanations
) -> None:
    ann, bob = await world.agent(mine), await world.agent(mine)
    number, other = await world.number(mine, ann.id), await world.number(mine, ann.id)
    first, second = await came_in(world, number), await came_in(world, number, "+14155550100")
    third = await came_in(world, other)

    as_it_is = await past(explanations, mine)
    assert (as_it_is.calls, as_it_is.looked_at, as_it_is.changed) == (3, 3, 0)
    to_ann, to_bob = (Decision(action="agent", matched="", agent_id=each.id) for each in (ann, bob))
    assert as_it_is.before == as_it_is.after == {to_ann: 3}

    rules = {"routing_rules": [to_agent(bob.id, **VIP)]}
    tried = await past(explanations, mine, routing=rules)
    assert [each.call.id for each in tried.changes] == [third.id, first.id]
    assert (tried.before, tried.after) == ({to_ann: 3}, {to_ann: 1, to_bob: 2})
    assert {(each.then.matched, each.now.matched) for each in tried.changes} == {("number_agent", "project_rule.0")}

    on_one = await past(explanations, mine, routing=rules, number_id=number.id)
    assert (on_one.calls, [each.call.id for each in on_one.changes]) == (2, [first.id])
    assert on_one.changes[0].now.matched == "number_rule.0"

    await routing.put_on_number(mine, number.id, parse(NumberRoutingPut, rules))
    kept = await past(explanations, mine)
    assert [each.call.id for each in kept.changes] == [first.id]
    assert (await past(explanations, mine, number_id=other.id)).changed == 0
    assert second.routing == (await world.calls.get(mine, second.id)).routing  # no call is touched by any of this


async def test_what_was_so_then_is_taken_from_the_record_or_found_out(
    world: World, mine: str, explanations: RoutingExplanations
) -> None:
    ann = await world.agent(mine, max_concurrent_calls=1)
    number, queue = await world.number(mine, ann.id), await a_queue(world, mine)
    await waits(world, number, queue, status="abandoned", left_at=world.clock() + timedelta(minutes=30))
    await a_call(world, number, ann.id, status="completed", ended_at=world.clock() + timedelta(seconds=90))
    world.clock.advance(1)
    first, second, _ = [await came_in(world, number) for _ in range(3)]
    full = {"condition": "queue_length", "queue_id": queue, "threshold": 1}
    busy = {"condition": "agent_availability", "agent_id": ann.id, "availability": "busy"}
    spoken = {"condition": "language", "language": "en"}
    rule = {"conditions": [full, busy, spoken], "action": "voicemail"}

    tried = await past(explanations, mine, routing={"routing_rules": [rule]})

    assert [each.call.id for each in tried.changes] == [second.id, first.id]  # the third came when Ann was free again
    found_out = [sentence for sentence in tried.assumed if "was not recorded" in sentence]
    assert len(found_out) == 3
    assert all(sentence.startswith("With 4 calls") for sentence in found_out)


async def test_calls_of_which_too_little_is_known_are_counted_out(
    world: World, mine: str, theirs: str, explanations: RoutingExplanations
) -> None:
    ann = await world.agent(mine)
    number, foreign = await world.number(mine, ann.id), await world.number(theirs)
    await a_call(world, number, ann.id, status="completed")  # from before decisions were recorded
    await a_call(world, number, None, status="failed")
    await a_call(world, number, ann.id, number_id=None)
    await a_call(world, number, ann.id, direction="outbound")
    await a_call(world, number, ann.id, is_test=True)
    await a_call(world, number, ann.id, created_at=world.clock() - timedelta(days=8))
    await came_in(world, foreign)
    found = await past(explanations, mine)
    assert (found.calls, found.looked_at, found.changed) == (3, 1, 0)
    assert [sentence.split()[:2] for sentence in found.assumed] == [["1", "call"], ["2", "calls"]]
    assert (await past(explanations, mine, days=9)).calls == 4
    with pytest.raises(NotFound):
        await past(explanations, mine, number_id=foreign.id)


async def test_an_agent_that_was_deleted_is_no_destination_any_more(
    world: World, mine: str, routing: Routing, explanations: RoutingExplanations
) -> None:
    ann, bob = await world.agent(mine), await world.agent(mine)
    number = await world.number(mine, bob.id)
    await routing.put(mine, parse(ProjectRoutingPut, {"routing_rules": [to_agent(ann.id)]}))
    await came_in(world, number)
    await world.agents.delete(mine, ann.id)
    found = await past(explanations, mine)
    assert [(each.then.agent_id, each.now.agent_id) for each in found.changes] == [(ann.id, bob.id)]
    assert (await explained(explanations, number)).decision.considered[0].outcome == "does_not_apply"
