"""Call backs that are not made: too early, in a loop, twice to the same phone, or at the cost of those who wait."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from parley.domain.stages import Waiting
from parley.providers.protocols import ForwardOutcome, RingingCall
from parley.storage.tables import CallRow, NumberRow, QueueEntryRow
from tests.services.queueing import entry_of, lead, limited, queue_of, ring, stage
from tests.services.world import World


@pytest.fixture
async def number(world: World, mine: str) -> NumberRow:
    """The number of an agent that holds one call at a time, with a queue that calls back."""
    agent = await limited(world, mine)
    number = await world.number(mine, agent.id)
    queue = await queue_of(world, mine, agent, callback_offer=True)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    return number


async def dialled(world: World) -> list[str]:
    async with world.database.read() as session:
        found = await session.scalars(select(CallRow.to_number).where(CallRow.direction == "outbound"))
        return list(found)


async def gone(world: World, call: CallRow) -> None:
    await world.log.finished(call.id, "callback_wanted")
    world.switchboard.held.pop(call.id)


async def test_nobody_is_called_while_they_are_on_the_line(world: World, number: NumberRow) -> None:
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    await world.log.finished(first.id, "caller_hangup")
    assert not await world.desk.hand_on(second.id, "callback_wanted")
    await world.runner.tick()
    assert await dialled(world) == [], "the goodbye is being said"
    world.clock.advance(4)
    await gone(world, second)
    await world.runner.tick()
    assert await dialled(world) == [], "a phone that was just hung up is busy for a moment"
    world.clock.advance(6)
    await world.runner.tick()
    assert await dialled(world) == [second.from_number]


async def test_who_stays_on_the_line_after_all_waits_on(world: World, number: NumberRow) -> None:
    """It was written, but the answer came too late for the process with the caller, which said it was impossible."""
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    before = await entry_of(world, second)
    assert not await world.desk.hand_on(second.id, "callback_wanted")
    world.clock.advance(45)
    await world.runner.tick()
    entry = await entry_of(world, second)
    assert (entry.status, entry.overflows_at) == ("waiting", before.overflows_at)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await dialled(world) == []
    assert await stage(world, second) is None


async def test_a_used_up_day_holds_up_nobody_who_waits(world: World, number: NumberRow) -> None:
    await world.projects.set_named("mine", {"daily_call_limit": 3})
    first, second, third = [
        await ring(world, number, f"CA-{place}", from_number=f"+1415555990{place}") for place in range(3)
    ]
    assert not await world.desk.hand_on(second.id, "callback_wanted")
    await gone(world, second)
    world.clock.advance(15)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await stage(world, third) is None, "who waits needs no call of the day's any more"
    assert (await dialled(world), (await entry_of(world, second)).status) == ([], "callback")


async def test_a_number_of_our_own_is_never_called_back(world: World, mine: str, number: NumberRow) -> None:
    other = await world.number(mine)
    await ring(world, number, "CA-1")
    for shown in (number.phone_number, other.phone_number):
        plan, _ = await world.calls.ring_inbound(number.id, RingingCall(f"CA{shown[1:]}", shown, number.phone_number))
        assert isinstance(plan.stage, Waiting)
        assert not plan.stage.offers_callback


async def test_one_phone_is_called_back_once_however_often_it_asks(world: World, number: NumberRow) -> None:
    first, second, third = [await ring(world, number, f"CA-{place}") for place in range(3)]
    for call in (second, third):  # the same number, perhaps not its owner
        assert not await world.desk.hand_on(call.id, "callback_wanted")
        await gone(world, call)
    await world.log.finished(first.id, "caller_hangup")
    async with world.database.read() as session:
        found = await session.scalars(select(QueueEntryRow.status).order_by(QueueEntryRow.entered_at))
        assert list(found) == ["callback", "abandoned"]


@pytest.mark.parametrize("handed_over", [False, True])
async def test_who_calls_again_is_not_called_back_meanwhile_nor_after_an_answer(
    world: World, number: NumberRow, handed_over: bool
) -> None:
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    assert not await world.desk.hand_on(second.id, "callback_wanted")
    await gone(world, second)
    world.clock.advance(10)
    again = await ring(world, number, "CA-again")
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await dialled(world) == [], "that phone is on the line with us"
    assert await stage(world, again) is None
    if handed_over:
        assert await world.desk.transfer(again.id, "+15105550177")
        await world.log.forwarded(again.id, ForwardOutcome(talked_s=5))
    else:
        await world.log.finished(again.id, "caller_hangup")
    world.clock.advance(60)
    await world.runner.tick()
    assert (await dialled(world), (await entry_of(world, second)).status) == ([], "answered")
