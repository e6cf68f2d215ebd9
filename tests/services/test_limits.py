"""Limits: what is counted, what a refusal says, and what it leaves behind."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import CarrierRefused, QuotaExceeded
from parley.domain.limits import Allowance
from parley.domain.stages import Waiting
from parley.schemas.calls import CallCreate, CallList
from parley.schemas.messages import MessageSend
from parley.schemas.numbers import NumberBuy, NumberImport, NumberList
from parley.services.limits import Limits
from parley.services.watch import LOST_AFTER, CallWatch
from parley.storage import agents as agent_rows
from parley.storage import limits as counted
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from tests.services.world import World, ringing


@pytest.fixture
def other(database: Database, cipher: Cipher) -> World:
    """A second server over the same database."""
    return World(database, cipher)


SOMEBODY = "+14155559999"


async def limit(world: World, **columns: int | None) -> None:
    await world.projects.set_named("mine", columns)


async def desk(world: World, project_id: str) -> str:
    """An agent that can call and text; its id."""
    agent = await world.agent(project_id)
    await world.number(project_id, agent.id)
    return agent.id


async def place(world: World, project_id: str, agent_id: str) -> str:
    wanted = CallCreate(agent_id=agent_id, to_number=SOMEBODY)
    return (await world.calls.create(project_id, wanted)).id


def asked(world: World, what: str) -> int:
    return sum(each[0] == what for each in world.carrier.asked)


async def count(world: World, project_id: str) -> int:
    return (await world.calls.list(project_id, CallList()))[1]


# ---------------------------------------------------------------- calls


async def test_a_call_too_many_is_refused_and_leaves_no_trace(world: World, mine: str) -> None:
    agent_id = await desk(world, mine)
    await limit(world, concurrent_call_limit=2)
    first = await place(world, mine, agent_id)
    await place(world, mine, agent_id)
    with pytest.raises(QuotaExceeded, match=r"may hold 2 calls at once and holds 2\. Wait"):
        await place(world, mine, agent_id)
    assert (await count(world, mine), asked(world, "dial")) == (2, 2)
    await world.log.finished(first, "canceled")
    await place(world, mine, agent_id)


async def test_a_limit_of_one_project_is_none_of_another(world: World, mine: str, theirs: str) -> None:
    mine_agent, their_agent = await desk(world, mine), await desk(world, theirs)
    await limit(world, concurrent_call_limit=0, number_limit=1)
    with pytest.raises(QuotaExceeded):
        await place(world, mine, mine_agent)
    await place(world, theirs, their_agent)


async def test_a_day_is_the_last_twenty_four_hours(world: World, mine: str) -> None:
    agent_id = await desk(world, mine)
    await limit(world, daily_call_limit=2)
    for _ in range(2):
        await world.log.finished(await place(world, mine, agent_id), "no_answer")
        world.clock.advance(3600)
    with pytest.raises(QuotaExceeded, match="may have 2 calls in 24 hours and has had 2"):
        await place(world, mine, agent_id)
    world.clock.advance(22 * 3600 - 1)
    with pytest.raises(QuotaExceeded):
        await place(world, mine, agent_id)
    world.clock.advance(1)
    await place(world, mine, agent_id)


async def test_a_call_that_nobody_holds_does_not_stay_in_the_way(world: World, mine: str) -> None:
    agent_id = await desk(world, mine)
    await limit(world, concurrent_call_limit=1)
    await place(world, mine, agent_id)
    world.clock.advance(LOST_AFTER.total_seconds() + 1)
    with pytest.raises(QuotaExceeded):
        await place(world, mine, agent_id)
    assert await CallWatch(world.database, world.log, list, world.clock).close_lost() == 1
    await place(world, mine, agent_id)


async def test_a_caller_over_the_limit_waits_and_takes_no_place(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    number = await world.number(mine, agent.id)
    await limit(world, concurrent_call_limit=1)
    plan, _ = await world.calls.ring_inbound(number.id, ringing("CA-1"))
    waits, _ = await world.calls.ring_inbound(number.id, ringing("CA-2"))
    assert (plan.stage, type(waits.stage)) == (None, Waiting)
    await world.calls.ring_inbound(number.id, ringing("CA-3"))
    await world.log.finished(plan.call_id, "caller_hangup")
    assert [moved.call_id for moved in await world.dispatcher.dispatch(mine)] == [waits.call_id]

    await limit(world, concurrent_call_limit=0)
    again, _ = await world.calls.ring_inbound(number.id, ringing("CA-2"))
    assert again.call_id == waits.call_id, "a repeated report is no new call"


async def test_an_agent_has_a_limit_of_its_own(world: World, mine: str) -> None:
    agent_id = await desk(world, mine)
    async with world.database.transaction() as session:
        (await agent_rows.get(session, mine, agent_id, lock=True)).max_concurrent_calls = 1
    await place(world, mine, agent_id)
    with pytest.raises(QuotaExceeded, match="maxConcurrentCalls"):
        await place(world, mine, agent_id)
    assert await count(world, mine) == 1


async def test_parallel_calls_fill_the_limit_exactly(world: World, mine: str) -> None:
    agents = [await desk(world, mine) for _ in range(3)]
    await limit(world, concurrent_call_limit=7)
    tries = [place(world, mine, agents[turn % 3]) for turn in range(30)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, str) for each in outcomes) == 7
    assert sum(isinstance(each, QuotaExceeded) for each in outcomes) == 23
    assert (await count(world, mine), asked(world, "dial")) == (7, 7)


# ---------------------------------------------------------------- numbers


async def test_a_number_too_many_is_not_even_bought(world: World, mine: str) -> None:
    await limit(world, number_limit=1)
    first = await world.number(mine)
    with pytest.raises(QuotaExceeded, match="may have 1 numbers and has 1"):
        await world.number(mine)
    assert asked(world, "buy") == 1
    await world.numbers.release(mine, first.id)
    await world.number(mine)


async def test_an_imported_number_counts_and_a_known_one_is_no_new_one(world: World, mine: str) -> None:
    await limit(world, number_limit=1)
    known = NumberImport(phone_number="+14155550150")
    await world.numbers.import_(mine, known)
    await world.numbers.import_(mine, known)
    adopted = asked(world, "adopt")
    with pytest.raises(QuotaExceeded):
        await world.numbers.import_(mine, NumberImport(phone_number="+14155550151"))
    assert asked(world, "adopt") == adopted


async def test_parallel_purchases_fill_the_limit_exactly(world: World, mine: str) -> None:
    world.carrier.stock = [f"+14155551{turn:03d}" for turn in range(40)]
    await limit(world, number_limit=5)
    tries = [world.numbers.buy(mine, NumberBuy(phone_number=phone)) for phone in world.carrier.stock[:30]]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    kept = [each for each in outcomes if not isinstance(each, BaseException)]
    assert len(kept) == 5
    assert all(isinstance(each, QuotaExceeded) for each in outcomes if each not in kept)
    assert (asked(world, "buy"), asked(world, "release")) == (5, 0)
    assert (await world.numbers.list(mine, NumberList()))[1] == 5


async def test_two_replicas_give_back_what_cannot_be_kept(world: World, other: World, mine: str) -> None:
    phones = [f"+14155551{turn:03d}" for turn in range(20)]
    world.carrier.stock, other.carrier.stock = [*phones], [*phones]
    await limit(world, number_limit=3)
    tries = [
        each.numbers.buy(mine, NumberBuy(phone_number=phone))
        for phone, each in zip(phones, [world, other] * 10, strict=True)
    ]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 3
    assert (await world.numbers.list(mine, NumberList()))[1] == 3
    bought = asked(world, "buy") + asked(other, "buy")
    assert bought - asked(world, "release") - asked(other, "release") == 3


async def test_an_order_that_failed_makes_room_again(world: World, mine: str) -> None:
    await limit(world, number_limit=1)
    world.carrier.refusal = CarrierRefused("acme", "No.", retryable=False)
    for _ in range(2):
        with pytest.raises(CarrierRefused):
            await world.number(mine)
    world.carrier.refusal = None
    await world.number(mine)


# ---------------------------------------------------------------- messages


async def test_only_sent_messages_are_limited(world: World, mine: str) -> None:
    agent_id = await desk(world, mine)
    await limit(world, daily_message_limit=1)
    wanted = MessageSend(agent_id=agent_id, to_number=SOMEBODY, body="Hello")
    await world.messages.send(mine, wanted)
    with pytest.raises(QuotaExceeded, match="may send 1 messages in 24 hours and has sent 1"):
        await world.messages.send(mine, wanted)
    world.clock.advance(24 * 3600)
    await world.messages.send(mine, wanted)


async def test_parallel_messages_fill_the_limit_exactly(world: World, mine: str) -> None:
    agent_id = await desk(world, mine)
    await limit(world, daily_message_limit=4)
    tries = [
        world.messages.send(mine, MessageSend(agent_id=agent_id, to_number=f"+14155558{turn:03d}", body="Hello"))
        for turn in range(30)
    ]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, QuotaExceeded) for each in outcomes) == 26
    assert sum(not isinstance(each, BaseException) for each in outcomes) == 4


# ---------------------------------------------------------------- whose limit


@pytest.mark.parametrize(
    ("own", "server", "holds"), [(None, 5, 5), (3, 5, 3), (9, 5, 9), (0, 5, 0), (1_000_000, 5, 1_000_000)]
)
async def test_a_projects_own_limit_replaces_the_servers(
    world: World, mine: str, own: int | None, server: int, holds: int
) -> None:
    await limit(world, number_limit=own)
    limits = Limits(world.database, Allowance(numbers=server))
    async with world.database.read() as session:
        held = await limits.of(session, mine)
    assert (held.numbers, held.daily_calls) == (holds, 1_000_000)


async def test_rows_that_refer_to_the_project_are_written_beside_a_locked_limit(world: World, mine: str) -> None:
    async with asyncio.timeout(60), world.database.transaction() as session:
        await counted.own(session, mine, lock=True)
        await world.agent(mine)
