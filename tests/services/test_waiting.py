"""Callers who wait: their order, their turns, and everything else that ends a wait. Time is moved, never waited for."""

from __future__ import annotations

import asyncio
import json

import pytest

from parley.domain.stages import Announcing, TakingMessage, Waiting
from parley.schemas.calls import CallOut
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.plans import stage_of
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.presence import AskEnd, HandOn
from parley.storage.tables import NumberRow
from tests.services.queueing import HOOK, SUBSCRIBER, entry_of, lead, limited, queue_of, read, ring, stage, told
from tests.services.routed import a_call
from tests.services.world import World


@pytest.fixture
async def number(world: World, mine: str) -> NumberRow:
    """The number of an agent that holds one call at a time, whose webhook is told of everything."""
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    return await world.number(mine, (await limited(world, mine)).id)


# ---------------------------------------------------------------- turns


async def test_callers_wait_for_a_busy_agent_and_are_called_in_their_order(world: World, number: NumberRow) -> None:
    first, second, third = [await ring(world, number, f"CA-{place}") for place in range(3)]
    assert await stage(world, first) is None
    assert await stage(world, second) == Waiting(entry_id=(await entry_of(world, second)).id)

    assert [each.stage for each in (CallOut.model_validate(call) for call in (first, second))] == [
        "conversation",
        "waiting",
    ]

    await world.runner.tick()
    assert world.switchboard.handed_on == []
    assert [world.switchboard.places[call.id] for call in (second, third)] == [(1, None), (2, None)]

    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert world.switchboard.handed_on == [second.id]
    called = await read(world, second)
    assert (stage_of(called), called.is_handed_on, called.agent_id) == (None, True, number.agent_id)
    assert isinstance(await stage(world, third), Waiting)
    assert world.switchboard.places[third.id] == (1, 3.0), "the one call so far lasted three seconds"


async def test_a_test_call_says_nothing_of_how_long_a_wait_lasts(world: World, number: NumberRow) -> None:
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    now = world.clock()
    await a_call(world, number, number.agent_id, status="completed", started_at=now, ended_at=now, is_test=True)
    await world.runner.tick()
    assert world.switchboard.places[second.id] == (1, None)


async def test_the_next_stream_is_the_agents(world: World, number: NumberRow) -> None:
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await world.desk.hand_on(second.id, "moved")

    plan, token = await world.calls.after(second.id)
    assert plan.stage is None
    joined = await world.calls.redeem_stream_token(token.reveal())
    assert (joined.call_id, joined.agent.id) == (second.id, number.agent_id)
    assert not (await read(world, second)).is_handed_on


async def test_nobody_overtakes_even_when_a_place_is_free(world: World, number: NumberRow) -> None:
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    await world.log.finished(first.id, "caller_hangup")  # and nobody has looked yet
    third = await ring(world, number, "CA-3")
    assert isinstance(await stage(world, third), Waiting)
    await world.runner.tick()
    assert (await stage(world, second), (await entry_of(world, second)).status) == (None, "answered")


async def test_priority_comes_first(world: World, mine: str, number: NumberRow) -> None:
    agent = await world.agents.get(mine, number.agent_id or "")
    other = await world.number(mine)
    await lead(world, other, action="route_to_agent", agent_id=agent.id, priority=5)
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    important = await ring(world, other, "CA-important", to_number=other.phone_number)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await stage(world, important) is None
    assert isinstance(await stage(world, second), Waiting)


async def test_a_queue_takes_whichever_agent_is_free(world: World, mine: str, number: NumberRow) -> None:
    ann, ben = await limited(world, mine), await limited(world, mine)
    queue = await queue_of(world, mine, ann, ben)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    first, second, third = [await ring(world, number, f"CA-{place}") for place in range(3)]
    assert [(await read(world, call)).agent_id for call in (first, second, third)] == [ann.id, ben.id, None]
    await world.log.finished(second.id, "caller_hangup")
    await world.runner.tick()
    assert (await read(world, third)).agent_id == ben.id


async def test_a_queue_without_agents_is_served_by_the_numbers_own(world: World, mine: str, number: NumberRow) -> None:
    queue = await queue_of(world, mine)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    assert (await ring(world, number, "CA-1")).agent_id == number.agent_id


async def test_the_projects_limit_makes_callers_wait_too(world: World, mine: str) -> None:
    await world.projects.set_named("mine", {"concurrent_call_limit": 1})
    number = await world.number(mine, (await world.agent(mine)).id)
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    assert isinstance(await stage(world, second), Waiting)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await stage(world, second) is None


async def test_without_a_limit_nobody_waits_and_nothing_is_locked(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    async with world.database.transaction() as session:
        await world.limits.hold(session, mine)  # a lock would wait here for ever
        async with asyncio.timeout(4):
            calls = [await ring(world, number, f"CA-{place}") for place in range(3)]
    assert [await stage(world, call) for call in calls] == [None] * 3


async def test_a_caller_held_by_another_replica_is_handed_on_there(world: World, number: NumberRow) -> None:
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    del world.switchboard.held[second.id]
    world.presence.held.add(second.id)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert world.presence.told == [(second.id, HandOn())]


async def test_a_replica_that_was_not_told_finds_out_itself(world: World, number: NumberRow) -> None:
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    await world.log.finished(first.id, "caller_hangup")
    await world.dispatcher.dispatch(number.project_id)
    assert world.switchboard.handed_on == []
    await world.runner.tick()
    assert world.switchboard.handed_on == [second.id]


# ---------------------------------------------------------------- other ends of a wait


async def test_a_caller_who_has_waited_long_enough_may_leave_a_message(world: World, number: NumberRow) -> None:
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    for _ in range(15):
        await world.runner.tick()
        assert isinstance(await stage(world, second), Waiting)
        world.clock.advance(20)
    await world.runner.tick()
    assert isinstance(await stage(world, second), TakingMessage)
    assert world.switchboard.handed_on == [second.id]
    assert await world.desk.hand_on(second.id, "overflowed")
    assert (await entry_of(world, second)).status == "overflowed"


async def test_a_full_queue_overflows_at_once(world: World, mine: str, number: NumberRow) -> None:
    agent, spare = await limited(world, mine), await limited(world, mine)
    queue = await queue_of(world, mine, agent, max_length=1, overflow_behavior="agent", overflow_agent_id=spare.id)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    calls = [await ring(world, number, f"CA-{place}") for place in range(4)]
    found = [await read(world, call) for call in calls]
    assert [call.agent_id for call in found] == [agent.id, None, spare.id, None]
    assert [type(stage_of(call)) for call in found[1:]] == [Waiting, type(None), TakingMessage]


async def test_nobody_waits_where_waiting_is_switched_off(world: World, mine: str, number: NumberRow) -> None:
    agent = await limited(world, mine)
    queue = await queue_of(
        world, mine, agent, max_wait_time=0, overflow_behavior="hangup", overflow_message="Please call tomorrow."
    )
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    assert await stage(world, second) == Announcing("Please call tomorrow.")
    assert not await world.desk.hand_on(second.id, "announced")


async def test_a_wait_that_ends_in_nothing_ends_the_call(world: World, mine: str, number: NumberRow) -> None:
    queue = await queue_of(world, mine, await limited(world, mine), max_wait_time=10, overflow_behavior="hangup")
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    world.switchboard.held.clear()
    world.clock.advance(10)
    await world.runner.tick()
    assert world.presence.told == [(second.id, AskEnd("overflowed"))]


async def test_a_caller_who_hangs_up_leaves_the_queue(world: World, number: NumberRow) -> None:
    await world.subscriptions.create(number.project_id, SubscriptionCreate(url=SUBSCRIBER, events=["agent_busy"]))
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    world.clock.advance(30)
    await world.log.finished(second.id, "caller_hangup")
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert world.switchboard.handed_on == []

    events = [event for event in await told(world) if second.id in json.dumps(event)]
    assert [event["event"] for event in events] == ["call.started", "queue.entered", "queue.left", "call.ended"]
    entered, left = events[1]["data"], events[2]["data"]
    assert (entered["position"], left["how"], left["waitedSeconds"]) == (1, "abandoned", 31)
    [busy] = await told(world, SUBSCRIBER)
    assert (busy["event"], busy["call_id"], busy["position"]) == ("agent_busy", second.id, 1)


async def test_a_place_nobody_holds_any_more_is_given_up(world: World, number: NumberRow) -> None:
    first, second, third = [await ring(world, number, f"CA-{place}") for place in range(3)]
    del world.switchboard.held[second.id]  # its process is gone
    for _ in range(4):
        await world.runner.tick()
        world.clock.advance(20)
    await world.runner.tick()
    assert (await entry_of(world, second)).status == "abandoned"
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await stage(world, third) is None


async def test_who_lost_the_place_while_the_process_stood_still_may_leave_a_message(
    world: World, number: NumberRow
) -> None:
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    world.clock.advance(90)
    await world.dispatcher.settle()
    await world.runner.tick()
    assert world.switchboard.handed_on == [second.id]
    assert await world.desk.hand_on(second.id, "moved")
    assert isinstance(await stage(world, second), TakingMessage)


async def test_a_stream_that_broke_while_waiting_goes_on_at_any_replica(
    world: World, number: NumberRow, database: Database, cipher: Cipher
) -> None:
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    other = World(database, cipher)
    other.clock.now = world.clock.now
    plan, token = await other.calls.after(second.id)
    assert isinstance(plan.stage, Waiting)
    assert (await other.calls.redeem_stream_token(token.reveal())).stage == plan.stage
