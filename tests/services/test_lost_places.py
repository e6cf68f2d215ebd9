"""Callers whose place went without them, and turns that come between two steps: nobody is lost, nobody goes round."""

from __future__ import annotations

import pytest

from parley.domain.errors import Conflict, Unavailable
from parley.domain.stages import Announcing, TakingMessage, Waiting
from parley.storage.tables import NumberRow
from tests.services.queueing import entry_of, lead, limited, queue_of, read, ring, stage
from tests.services.world import RecordingSwitchboard, World, ringing


@pytest.fixture
async def number(world: World, mine: str) -> NumberRow:
    """The number of an agent that holds one call at a time."""
    return await world.number(mine, (await limited(world, mine)).id)


async def test_a_turn_between_the_stream_and_its_first_word_is_not_lost(world: World, number: NumberRow) -> None:
    first = await ring(world, number, "CA-1")
    plan, token = await world.calls.ring_inbound(number.id, ringing("CA-2"))
    waits = await world.calls.redeem_stream_token(token.reveal())
    assert isinstance(waits.stage, Waiting)
    await world.log.finished(first.id, "caller_hangup")
    await world.dispatcher.dispatch(number.project_id)  # before it is written that the caller is connected
    await world.log.connected(plan.call_id)
    world.switchboard.held.pop(plan.call_id)

    following, _ = await world.calls.after(plan.call_id)
    assert (following.stage, following.agent.id) == (None, number.agent_id)


async def test_who_lost_the_place_is_led_on_when_the_carrier_asks(world: World, number: NumberRow) -> None:
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    world.clock.advance(90)
    await world.dispatcher.settle()
    await world.runner.tick()
    assert world.switchboard.handed_on == [second.id]
    plan, _ = await world.calls.after(second.id)
    assert isinstance(plan.stage, TakingMessage), "not music, and the same a second later"


async def test_who_lost_the_place_gets_what_their_queue_has_for_it(world: World, mine: str, number: NumberRow) -> None:
    agent = await limited(world, mine)
    queue = await queue_of(world, mine, agent, overflow_behavior="hangup", overflow_message="Please call tomorrow.")
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    world.clock.advance(90)
    await world.dispatcher.settle()
    plan, _ = await world.calls.after(second.id)
    assert plan.stage == Announcing("Please call tomorrow.")


async def test_a_wait_that_ended_in_nothing_ends_though_nobody_was_told(
    world: World, mine: str, number: NumberRow
) -> None:
    queue = await queue_of(world, mine, await limited(world, mine), max_wait_time=10, overflow_behavior="hangup")
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    world.clock.advance(10)
    await world.dispatcher.settle()  # at another replica, without Redis
    with pytest.raises(Conflict):
        await world.calls.after(second.id)
    over = await read(world, second)
    assert (over.status, over.end_reason) == ("completed", "overflowed")


async def test_a_stream_that_breaks_in_the_goodbye_of_a_call_back_ends_the_call(
    world: World, mine: str, number: NumberRow
) -> None:
    queue = await queue_of(world, mine, await limited(world, mine), callback_offer=True)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    assert not await world.desk.hand_on(second.id, "callback_wanted")
    with pytest.raises(Conflict):
        await world.calls.after(second.id)
    assert (await read(world, second)).end_reason == "callback_wanted"
    assert (await entry_of(world, second)).status == "callback"


async def test_whether_a_phone_came_in_again_is_known_at_every_replica(world: World, number: NumberRow) -> None:
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    world.clock.advance(20)
    assert not await world.desk.has_come_again(second.id, 10)
    _, token = await world.calls.after(second.id)
    assert not await world.desk.has_come_again(second.id, 10), "the carrier asked, and has not come yet"
    await world.calls.redeem_stream_token(token.reveal())
    assert await world.desk.has_come_again(second.id, 10)


class CutOff(RecordingSwitchboard):
    """A process whose database is away while `is_away`."""

    is_away = False

    def waiting(self) -> list[str]:
        if self.is_away:
            raise Unavailable("The database is away.")
        return super().waiting()


async def test_after_an_outage_every_process_has_time_to_renew_its_places(world: World, number: NumberRow) -> None:
    _, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    other = CutOff()
    runner = world.runner_of(other)  # of another process, which is first to see the database again
    await runner.tick()
    other.is_away = True
    await runner.tick()
    world.clock.advance(120)
    await runner.tick()
    other.is_away = False
    await runner.tick()
    assert (await entry_of(world, second)).status == "waiting"
    await world.runner.tick()
    world.clock.advance(15)
    await runner.tick()
    assert isinstance(await stage(world, second), Waiting)
