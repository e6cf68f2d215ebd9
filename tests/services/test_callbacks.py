"""Callers who would rather be called back: they keep their place, and parley calls them when it is their turn."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from parley.domain.errors import CarrierRefused
from parley.domain.stages import Waiting
from parley.providers.protocols import RingingCall
from parley.schemas.webhooks import WebhookPut
from parley.storage.tables import CallRow, NumberRow
from tests.services.queueing import HOOK, entry_of, lead, limited, queue_of, ring, stage, told
from tests.services.world import CARRIER, World


@pytest.fixture
async def number(world: World, mine: str) -> NumberRow:
    """The number of an agent that holds one call at a time, whose webhook is told of everything."""
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    return await world.number(mine, (await limited(world, mine)).id)


# ---------------------------------------------------------------- callbacks


async def promised(world: World, mine: str, number: NumberRow) -> tuple[CallRow, CallRow, CallRow]:
    """The agent's caller, one who wishes to be called back and hung up, and one behind."""
    queue = await queue_of(world, mine, await world.agents.get(mine, number.agent_id or ""), callback_offer=True)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    first, second, third = [
        await ring(world, number, f"CA-{place}", from_number=f"+1415555990{place}") for place in range(3)
    ]
    waiting = await stage(world, second)
    assert isinstance(waiting, Waiting)
    assert waiting.offers_callback
    assert not await world.desk.hand_on(second.id, "callback_wanted")
    await world.log.finished(second.id, "callback_wanted")
    world.switchboard.held.pop(second.id)
    world.clock.advance(10)
    return first, second, third


async def callbacks(world: World, mine: str) -> list[CallRow]:
    async with world.database.read() as session:
        found = await session.scalars(select(CallRow).where(CallRow.direction == "outbound").order_by(CallRow.id))
        return list(found)


async def test_who_keeps_the_place_is_called_back_in_turn(world: World, mine: str, number: NumberRow) -> None:
    first, second, third = await promised(world, mine, number)
    await world.runner.tick()
    assert world.switchboard.places[third.id] == (2, None)

    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    [call] = await callbacks(world, mine)
    assert (call.to_number, call.from_number, call.agent_id) == (second.from_number, second.to_number, number.agent_id)
    assert ("dial", second.to_number, second.from_number) in [(each[0], *each[2:4]) for each in world.carrier.asked]
    assert isinstance(await stage(world, third), Waiting), "the call back has the agent's place"

    await world.log.connected(call.id)
    assert (await entry_of(world, second)).status == "called_back"
    await world.log.finished(call.id, "caller_hangup")
    await world.runner.tick()
    assert await stage(world, third) is None
    events = await told(world)
    assert [e["data"]["callId"] for e in events if e["event"] == "queue.callback_requested"] == [second.id]
    left = [event["data"] for event in events if event["event"] == "queue.left"]
    assert {each["callId"]: each["how"] for each in left} == {second.id: "called_back", third.id: "answered"}


async def test_a_call_back_nobody_answers_is_made_three_times(world: World, mine: str, number: NumberRow) -> None:
    first, second, third = await promised(world, mine, number)
    await world.log.finished(third.id, "caller_hangup")
    await world.log.finished(first.id, "caller_hangup")
    for attempt, pause_s in enumerate((120, 600, 0), 1):
        await world.runner.tick()
        calls = await callbacks(world, mine)
        assert len(calls) == attempt
        await world.log.finished(calls[-1].id, "no_answer")
        world.clock.advance(pause_s - 1)
        await world.runner.tick()
        assert len(await callbacks(world, mine)) == attempt
        world.clock.advance(1)
    assert (await entry_of(world, second)).status == "overflowed"


async def test_a_call_back_the_carrier_refuses_is_tried_again(world: World, mine: str, number: NumberRow) -> None:
    first, second, _ = await promised(world, mine, number)
    world.carrier.refusal = CarrierRefused(CARRIER, "Not now.", retryable=True)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    entry = await entry_of(world, second)
    assert (entry.status, entry.attempts, entry.callback_call_id) == ("callback", 1, None)


async def test_a_caller_without_a_number_is_offered_no_call_back(world: World, mine: str, number: NumberRow) -> None:
    queue = await queue_of(world, mine, await limited(world, mine), callback_offer=True)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    await ring(world, number, "CA-1")
    plan, _ = await world.calls.ring_inbound(number.id, RingingCall("CA-2", "", number.phone_number))
    assert isinstance(plan.stage, Waiting)
    assert not plan.stage.offers_callback


async def test_a_server_that_is_stopping_calls_nobody_back(world: World, mine: str, number: NumberRow) -> None:
    first, second, third = await promised(world, mine, number)
    await world.log.finished(first.id, "caller_hangup")
    world.switchboard.is_draining = True
    await world.runner.tick()
    assert await callbacks(world, mine) == []
    assert isinstance(await stage(world, third), Waiting), "and nobody overtakes meanwhile"
    assert (await entry_of(world, second)).attempts == 0
