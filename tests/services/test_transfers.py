"""A caller whom an agent hands to a human: what becomes of it, in every order in which that may be told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.domain.calls import CallPlan, Continuation
from parley.domain.errors import Conflict
from parley.domain.stages import Forwarding, Waiting
from parley.domain.transfers import MOST_TRANSFERS, ReturnedTransfer, Told, Transfer
from parley.providers.protocols import CallReport, ForwardOutcome
from parley.schemas.calls import CallDetail
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.plans import stage_of
from parley.services.watch import LOST_AFTER, RUNG_AT_MOST, CallWatch
from parley.storage import agents, limits, numbers, routing
from parley.storage.tables import CallRow
from tests.services.world import World, ringing

HUMAN, OTHER = "+15105550177", "+15105550178"
BUSY = ForwardOutcome("busy")
GIVEN_UP = ForwardOutcome("canceled", is_caller_gone=True)


async def talking(world: World, project_id: str, **fields: Any) -> CallRow:
    """A call that an agent has answered, and that no session of this process holds."""
    await world.webhooks.put(project_id, None, WebhookPut(url="https://project.example"))
    agent = await world.agent(project_id, begin_message="Hello.", **fields)
    number = await world.number(project_id, agent.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing("CA-1", number.phone_number))
    world.switchboard.held.clear()
    await world.log.connected(plan.call_id)
    turn = NoteTurn(0, 1.0, "A human, please.", "One moment.", False, 0.9, "One moment.", TurnLatencies())
    await world.log.note_turn(plan.call_id, turn)
    return await world.calls.get(project_id, plan.call_id)


async def rings(world: World, project_id: str, **fields: Any) -> CallRow:
    """The same, handed to a human whose phone the carrier was told to ring."""
    call = await talking(world, project_id, **fields)
    assert await world.desk.transfer(call.id, HUMAN)
    plan, _ = await world.calls.after(call.id)
    assert plan.stage == Forwarding(HUMAN, returns_to_agent=True)
    return call


async def read(world: World, call: CallRow) -> CallRow:
    return await world.calls.get(call.project_id, call.id)


async def tried(world: World, call: CallRow) -> list[Transfer]:
    return (await read(world, call)).tried_transfers


async def comes_in(world: World, call: CallRow, outcome: ForwardOutcome | None) -> tuple[CallPlan, Continuation]:
    """The carrier asks what comes next and connects what it is told to."""
    _, token = await world.calls.after(call.id, outcome)
    plan = await world.calls.redeem_stream_token(token.reveal())
    assert plan.continues is not None
    return plan, plan.continues


async def told(world: World) -> list[dict[str, Any]]:
    while await world.worker.send_due():
        pass
    return [json.loads(body) for _, _, body in world.sender.sent]


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [("busy", "busy"), ("no_answer", "no_answer"), ("carrier_failed", "failed"), ("canceled", "failed")],
)
async def test_whoever_is_not_reached_gives_the_caller_back_to_the_agent(
    world: World, mine: str, failure: Any, outcome: Any
) -> None:
    call = await rings(world, mine)
    world.clock.advance(24)
    plan, before = await comes_in(world, call, ForwardOutcome(failure))
    assert (plan.stage, plan.agent.id, plan.agent.greeting) == (None, call.agent_id, "")
    assert [(line.role, line.text) for line in before.lines] == [
        ("caller", "A human, please."),
        ("agent", "One moment."),
    ]
    assert (before.transfer, before.is_back) == (ReturnedTransfer(HUMAN, outcome), True)
    assert plan.agent.max_call_duration_s == world.plans.defaults.max_call_duration_s - 24
    row = await read(world, call)
    assert (row.status, row.stage, row.is_handed_on) == ("in-progress", None, False)
    [failed] = [each for each in await told(world) if each["event"] == "call.transfer_failed"]
    assert failed["data"]["transfer"] == {
        "to": HUMAN,
        "at": "2026-01-02T03:04:05.000Z",
        "outcome": outcome,
        "ringSeconds": 24,
        "talkSeconds": None,
    }
    assert failed["data"]["id"] == call.id


async def test_the_agent_is_told_once_that_its_caller_is_back_and_remembers_why(world: World, mine: str) -> None:
    call = await talking(world, mine)
    whispered = Told("Be quick.", world.clock())
    assert await world.desk.transfer(call.id, HUMAN, [whispered])
    await world.calls.after(call.id)
    _, first = await comes_in(world, call, BUSY)
    world.presence.held.add(call.id)
    _, broken = await comes_in(world, call, None)
    assert (first.is_back, broken.is_back) == (True, False)
    assert broken.transfer == ReturnedTransfer(HUMAN, "busy")
    assert first.whispers == broken.whispers == (whispered,)


async def test_a_human_who_answers_has_the_caller_until_they_have_spoken(world: World, mine: str) -> None:
    call = await rings(world, mine)
    await world.subscriptions.create(
        mine, SubscriptionCreate(url="https://subscriber.example", events=["call_transferred"], secret="s" * 24)
    )
    world.clock.advance(7)
    await world.calls.forwarded(call.id)
    [begun] = [each for each in await told(world) if each["event"] == "call.transferred"]
    assert (begun["data"]["transfer"]["outcome"], begun["data"]["transfer"]["talkSeconds"]) == ("answered", None)
    world.clock.advance(43)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, ForwardOutcome(talked_s=42))
    ended = await read(world, call)
    assert (ended.status, ended.end_reason, ended.duration_seconds) == ("completed", "transferred", 50)
    [seen] = world.switchboard.watchers_told
    assert (seen.event, seen.seq, seen.data) == ("call.ended", 50_000, {"end_reason": "transferred"})
    [shown] = CallDetail.model_validate(ended).model_dump(by_alias=True)["transfers"]
    assert shown == {"to": HUMAN, "outcome": "answered", "ringSeconds": 7, "talkSeconds": 42} | {"at": shown["at"]}
    events = await told(world)
    assert sorted(each["event"] for each in events) == [
        "call.ended",
        "call.started",
        "call.transferred",
        "call_transferred",
    ]
    [end] = [each for each in events if each["event"] == "call.ended"]
    assert [(each["outcome"], each["talkSeconds"]) for each in end["data"]["transfers"]] == [("answered", 42)]
    [flat] = [each for each in events if each["event"] == "call_transferred"]
    assert (flat["transfer_number"], flat["outcome"]) == (HUMAN, "answered")


async def test_a_human_who_hangs_up_at_once_has_answered(world: World, mine: str) -> None:
    """Though the report of the answering was lost, or is slower than the question after the call."""
    call = await rings(world, mine)
    world.clock.advance(5)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, ForwardOutcome(talked_s=0))
    await world.calls.forwarded(call.id)
    ended = await read(world, call)
    assert (ended.status, ended.end_reason) == ("completed", "transferred")
    [one] = ended.tried_transfers
    assert (one.outcome, one.ring_seconds, one.talk_seconds) == ("answered", 5, 0)
    assert [each["event"] for each in await told(world)].count("call.transferred") == 1


@pytest.mark.parametrize("reported_first", [True, False])
async def test_a_caller_who_hangs_up_while_it_rings_cancels_it(world: World, mine: str, reported_first: bool) -> None:
    call = await rings(world, mine)
    world.clock.advance(3)
    if reported_first:
        await world.calls.report(CallReport("CA-1", "completed", duration_s=9), number_id=call.number_id)
    with pytest.raises(Conflict):
        await world.calls.after(call.id, GIVEN_UP)
    ended = await read(world, call)
    assert (ended.status, ended.end_reason) == ("completed", "caller_hangup")
    [one] = ended.tried_transfers
    assert (one.outcome, one.ring_seconds, one.is_news) == ("canceled", 3, False)
    assert [each["event"] for each in await told(world)] == ["call.started", "call.transfer_failed", "call.ended"]
    assert len(world.switchboard.watchers_told) == 1


async def test_a_call_that_is_ended_while_it_rings_is_hung_up_at_the_carrier(world: World, mine: str) -> None:
    call = await rings(world, mine)
    ended = await world.calls.end(mine, call.id)
    assert world.carrier.asked[-1][0] == "end"
    assert (ended.end_reason, ended.tried_transfers[0].outcome) == ("api_request", "canceled")
    with pytest.raises(Conflict):
        await world.calls.after(call.id, BUSY)


async def test_a_second_transfer_may_follow_a_failed_one_but_not_for_ever(world: World, mine: str) -> None:
    call = await talking(world, mine)
    for _ in range(MOST_TRANSFERS):
        assert await world.desk.transfer(call.id, HUMAN)
        await world.calls.after(call.id)
        await comes_in(world, call, BUSY)
    assert not await world.desk.transfer(call.id, HUMAN)
    assert [one.outcome for one in await tried(world, call)] == ["busy"] * MOST_TRANSFERS
    assert stage_of(await read(world, call)) is None


async def test_what_cannot_be_begun_leaves_the_caller_with_the_agent(world: World, mine: str) -> None:
    call = await talking(world, mine)
    for number in ("+1911", "", "nobody"):
        assert not await world.desk.transfer(call.id, number)
    assert (stage_of(await read(world, call)), await tried(world, call)) == (None, [])
    await world.log.finished(call.id, "caller_hangup")
    assert not await world.desk.transfer(call.id, HUMAN)


async def test_a_transfer_that_is_asked_for_twice_at_once_is_one(world: World, mine: str) -> None:
    call = await talking(world, mine)
    assert await asyncio.gather(*(world.desk.transfer(call.id, HUMAN) for _ in range(3))) == [True] * 3
    assert len(await tried(world, call)) == 1
    assert not await world.desk.transfer(call.id, OTHER), "the phone that rings is not this one"


async def test_an_outcome_that_is_told_again_says_nothing_about_the_next_attempt(world: World, mine: str) -> None:
    call = await rings(world, mine)
    plans = await asyncio.gather(*(world.calls.after(call.id, BUSY) for _ in range(2)))
    assert [plan.stage for plan, _ in plans] == [None, None]
    await world.calls.redeem_stream_token(plans[0][1].reveal())
    assert await world.desk.transfer(call.id, OTHER)
    plan, _ = await world.calls.after(call.id, BUSY)
    assert plan.stage == Forwarding(OTHER, returns_to_agent=True)
    assert [one.outcome for one in await tried(world, call)] == ["busy", "ringing"]
    assert [each["event"] for each in await told(world)] == ["call.started", "call.transfer_failed"]


async def test_a_stream_that_comes_in_late_is_led_to_the_human(world: World, mine: str) -> None:
    """It had broken, and the carrier was told to connect it again, the moment before the agent handed over."""
    call = await talking(world, mine)
    world.presence.held.add(call.id)
    _, token = await world.calls.after(call.id)
    assert await world.desk.transfer(call.id, HUMAN)
    plan = await world.calls.redeem_stream_token(token.reveal())
    assert plan.stage == Forwarding(HUMAN, returns_to_agent=True)
    world.presence.held.clear()  # nobody takes it in, and whoever held the call is dead
    plan, _ = await world.calls.after(call.id)
    assert plan.stage == Forwarding(HUMAN, returns_to_agent=True)
    _, before = await comes_in(world, call, BUSY)
    assert before.is_back


async def test_a_carrier_that_never_asks_keeps_no_place_for_long(world: World, mine: str) -> None:
    call = await talking(world, mine)
    watch = CallWatch(world.database, world.log, list, world.clock)
    assert await world.desk.transfer(call.id, HUMAN)
    await world.calls.after(call.id)
    world.clock.advance(LOST_AFTER.total_seconds() * 2)
    assert await watch.close_lost() == 0
    world.clock.advance(RUNG_AT_MOST.total_seconds())
    assert await watch.close_lost() == 1
    assert [one.outcome for one in await tried(world, call)] == ["canceled"]


async def test_the_agents_place_is_its_own_until_a_human_has_the_caller(world: World, mine: str) -> None:
    call = await rings(world, mine)
    assert call.agent_id is not None
    async with world.database.transaction() as session:
        (await agents.get(session, mine, call.agent_id, lock=True)).max_concurrent_calls = 1

    async def held() -> tuple[int, int]:
        async with world.database.read() as session:
            live = await limits.live_calls(session, mine)
            number = await numbers.get(session, mine, call.number_id or "")
            ids: list[str] = [call.agent_id or ""]
            seen = await routing.world(session, number, "", world.clock(), agent_ids=ids, queue_ids=[])
        assert seen.agents[ids[0]].live == live.get(call.agent_id, 0), "rules see it as limits do"
        return live.get(call.agent_id, 0), sum(live.values())

    assert await held() == (1, 1)
    next_caller, _ = await world.calls.ring_inbound(call.number_id or "", ringing("CA-2", call.to_number))
    assert isinstance(next_caller.stage, Waiting), "the caller may come back to the agent"
    await comes_in(world, call, BUSY)
    assert await held() == (1, 1)
    assert await world.desk.transfer(call.id, OTHER)
    await world.calls.after(call.id)
    await world.calls.forwarded(call.id)
    assert await held() == (0, 1)
    await world.runner.tick()
    assert await held() == (1, 2), "somebody else's turn has come"


@pytest.mark.parametrize("is_draining", [True, False])
async def test_the_agent_warms_up_while_the_carrier_connects(world: World, mine: str, is_draining: bool) -> None:
    call = await rings(world, mine)
    world.switchboard.is_draining = is_draining
    plan, token = await world.calls.after(call.id, BUSY)
    assert plan.stage is None
    held = world.switchboard.held.get(call.id)
    if not is_draining:
        assert held is not None and held.continues is not None
        assert (held.continues.is_back, len(held.continues.lines)) == (True, 2)
        await world.calls.report(CallReport("CA-1", "completed"), number_id=call.number_id)
        assert world.switchboard.ended == [("hang_up", call.id, "caller_hangup")], "it is told that the caller is gone"
    redeemed = await world.calls.redeem_stream_token(token.reveal())
    assert redeemed.continues is not None and redeemed.continues.is_back, "another replica may be given the stream"
