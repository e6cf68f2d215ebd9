"""Calls that the carrier forwards to a human: while it rings, when they speak, and when nobody answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from parley.domain.errors import Conflict
from parley.domain.stages import Forwarding, TakingMessage
from parley.providers.protocols import CallReport, ForwardOutcome
from parley.schemas.routing import NumberRoutingPut
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.plans import stage_of
from parley.services.routing import Routing
from parley.services.watch import FORWARDED_AT_MOST, LOST_AFTER, RUNG_AT_MOST, CallWatch
from parley.storage.tables import CallRow
from tests.services.world import World, ringing

HUMAN = "+15105550177"
HOOK, SUBSCRIBER = "https://project.example", "https://subscriber.example"
BUSY = ForwardOutcome("busy")
GIVEN_UP = ForwardOutcome("canceled", is_caller_gone=True)


async def forwarded(world: World, project_id: str, fallback: str = "voicemail", name: str = "CA-1") -> CallRow:
    """A call that rang, and that the carrier was told to forward to a human."""
    await world.webhooks.put(project_id, None, WebhookPut(url=HOOK))
    number = await world.number(project_id)
    rule = {"condition": "always", "action": "route_to_number", "phone_number": HUMAN, "fallback": fallback}
    routing = Routing(world.database, world.cipher, world.numbers, world.clock)
    await routing.put_on_number(project_id, number.id, NumberRoutingPut.model_validate({"routing_rules": [rule]}))
    plan, _ = await world.calls.ring_inbound(number.id, ringing(name, number.phone_number))
    assert plan.stage == Forwarding(HUMAN)
    return await world.calls.get(project_id, plan.call_id)


async def read(world: World, call: CallRow) -> CallRow:
    return await world.calls.get(call.project_id, call.id)


async def told(world: World) -> list[dict[str, Any]]:
    while await world.worker.send_due():
        pass
    return [json.loads(body) for _, _, body in world.sender.sent]


async def test_a_human_who_answers_makes_it_a_good_call(world: World, mine: str) -> None:
    call = await forwarded(world, mine)
    await world.subscriptions.create(
        mine, SubscriptionCreate(url=SUBSCRIBER, events=["call_transferred"], secret="s" * 24)
    )
    assert call.status == "ringing"
    world.clock.advance(7)
    await world.calls.forwarded(call.id)
    assert (await read(world, call)).status == "in-progress"
    world.clock.advance(42)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, ForwardOutcome(talked_s=42))
    ended = await read(world, call)
    assert (ended.status, ended.end_reason, ended.duration_seconds) == ("completed", "transferred", 42)
    events = {each["event"]: each for each in await told(world)}  # between two targets there is no order
    assert sorted(events) == ["call.ended", "call.started", "call.transferred", "call_transferred"]
    assert events["call_transferred"]["transfer_number"] == HUMAN
    assert events["call.ended"]["data"]["durationSeconds"] == 42


async def test_how_long_they_spoke_is_known_without_hearing_that_they_began(world: World, mine: str) -> None:
    call = await forwarded(world, mine)
    world.clock.advance(50)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, ForwardOutcome(talked_s=30))
    ended = await read(world, call)
    assert (ended.status, ended.duration_seconds) == ("completed", 30)


async def test_a_human_of_whom_only_the_end_is_told_has_answered(world: World, mine: str) -> None:
    """A call that rang until then cannot have completed otherwise."""
    call = await forwarded(world, mine)
    world.clock.advance(30)
    await world.calls.report(CallReport("CA-1", "completed", duration_s=20), number_id=call.number_id)
    ended = await read(world, call)
    [tried] = ended.tried_transfers
    assert (ended.end_reason, tried.outcome, tried.ring_seconds, tried.talk_seconds) == (
        "transferred",
        "answered",
        10,
        20,
    )
    assert [each["event"] for each in await told(world)] == ["call.started", "call.transferred", "call.ended"]


async def test_a_busy_human_leads_to_voicemail(world: World, mine: str) -> None:
    call = await forwarded(world, mine)
    plan, _ = await world.calls.after(call.id, BUSY)
    assert isinstance(plan.stage, TakingMessage)
    again, _ = await world.calls.after(call.id, BUSY)
    assert again.stage == plan.stage, "whoever is told twice decides once"
    assert (await read(world, call)).ended_at is None


@pytest.mark.parametrize("failure", ["busy", "no_answer", "carrier_failed"])
async def test_without_voicemail_a_human_who_is_not_reached_ends_the_call(
    world: World, mine: str, failure: Any
) -> None:
    call = await forwarded(world, mine, "hangup")
    with pytest.raises(Conflict):
        await world.calls.after(call.id, ForwardOutcome(failure))
    ended = await read(world, call)
    assert (ended.status, ended.end_reason, ended.duration_seconds) == ("failed", failure, 0)


async def test_a_caller_who_was_connected_before_has_had_a_call_all_the_same(world: World, mine: str) -> None:
    """From a queue, say: the end is told with its reason, also where a live session would wait for another one."""
    call = await forwarded(world, mine, "hangup")
    await world.log.connected(call.id)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, ForwardOutcome("no_answer"))
    ended = await read(world, call)
    assert (ended.status, ended.end_reason) == ("completed", "no_answer")


async def test_a_caller_who_gives_up_while_it_rings_is_asked_for_nothing(world: World, mine: str) -> None:
    call = await forwarded(world, mine)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, GIVEN_UP)
    ended = await read(world, call)
    assert (ended.status, ended.end_reason) == ("failed", "caller_hangup")
    assert isinstance(stage_of(ended), Forwarding)


@pytest.mark.parametrize("is_answered", [True, False])
async def test_the_carriers_report_may_come_before_its_question(world: World, mine: str, is_answered: bool) -> None:
    call = await forwarded(world, mine)
    report = CallReport("CA-1", "completed", duration_s=20)
    if is_answered:
        await world.calls.forwarded(call.id)
    else:  # connected before, by a queue; then the human's phone rang, and the caller hung up
        await world.log.connected(call.id)
    world.clock.advance(20)
    await world.calls.report(report, number_id=call.number_id)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, ForwardOutcome(talked_s=20) if is_answered else GIVEN_UP)
    ended = await read(world, call)
    assert (ended.status, ended.duration_seconds) == ("completed", 20)
    assert ended.end_reason == ("transferred" if is_answered else "caller_hangup")
    between = "call.transferred" if is_answered else "call.transfer_failed"
    assert [each["event"] for each in await told(world)] == ["call.started", between, "call.ended"]


async def test_a_call_that_is_with_a_human_is_not_lost(world: World, mine: str) -> None:
    call = await forwarded(world, mine)
    await world.calls.forwarded(call.id)
    watch = CallWatch(world.database, world.log, list, world.clock)
    world.clock.advance(LOST_AFTER.total_seconds() * 10)
    assert await watch.close_lost() == 0
    world.clock.advance(FORWARDED_AT_MOST.total_seconds())
    assert await watch.close_lost() == 1
    assert (await read(world, call)).end_reason == "media_lost"


async def test_a_human_of_whom_nothing_was_heard_holds_no_place_for_hours(world: World, mine: str) -> None:
    """The carrier told of it while this server was away, and tells it once."""
    call = await forwarded(world, mine)
    watch = CallWatch(world.database, world.log, list, world.clock)
    world.clock.advance(LOST_AFTER.total_seconds() * 2)
    assert await watch.close_lost() == 0
    world.clock.advance(RUNG_AT_MOST.total_seconds())
    assert await watch.close_lost() == 1
    assert (await read(world, call)).status == "failed"


async def test_an_outcome_that_is_told_twice_at_once_ends_nothing(world: World, mine: str) -> None:
    call = await forwarded(world, mine)
    told_twice = await asyncio.gather(*(world.calls.after(call.id, BUSY) for _ in range(2)))
    assert [type(plan.stage) for plan, _ in told_twice] == [TakingMessage] * 2
    await world.calls.redeem_stream_token(told_twice[0][1].reveal())
    assert await world.desk.hand_on(call.id, "unanswered"), "read before, and written after all of that"
    assert (await read(world, call)).status == "ringing"


async def test_a_breakdown_that_is_told_late_ends_no_message(world: World, mine: str) -> None:
    call = await forwarded(world, mine)
    _, token = await world.calls.after(call.id, BUSY)
    await world.calls.redeem_stream_token(token.reveal())
    assert await world.desk.hand_on(call.id, "agent_failed")
    assert isinstance(stage_of(await read(world, call)), TakingMessage)
