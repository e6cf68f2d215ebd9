"""Queues as they are set up and looked at, and what two servers over one database make of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from sqlalchemy import func, select

from parley.domain.errors import Conflict, QuotaExceeded
from parley.domain.stages import StageEnd
from parley.schemas.calls import CallCreate
from parley.schemas.queues import QueueEntryList
from parley.schemas.webhooks import WebhookPut
from parley.services.queues import Queues
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.tables import CallRow, NumberRow, QueueEntryRow
from tests.services.queueing import HOOK, lead, limited, queue_of, ring, stage
from tests.services.world import World, ringing


@pytest.fixture
async def number(world: World, mine: str) -> NumberRow:
    """The number of an agent that holds one call at a time, whose webhook is told of everything."""
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    return await world.number(mine, (await limited(world, mine)).id)


async def test_deleting_a_queue_sends_nobody_away(world: World, mine: str, number: NumberRow) -> None:
    queue = await queue_of(world, mine, await limited(world, mine))
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    first, second = [await ring(world, number, f"CA-{place}") for place in range(2)]
    await Queues(world.database, world.limits, world.clock).delete(mine, queue.id)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    assert await stage(world, second) is None


async def test_a_queue_shows_how_it_is_doing(world: World, mine: str, number: NumberRow) -> None:
    queues = Queues(world.database, world.limits, world.clock)
    queue = await queue_of(world, mine, await limited(world, mine))
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    assert (await queues.status(mine, queue.id)).available_agents == 1
    first, second, third = [await ring(world, number, f"CA-{place}") for place in range(3)]
    world.clock.advance(7)
    status = await queues.status(mine, queue.id)
    assert (status.available_agents, status.counts.waiting, status.counts.longest_wait_s) == (0, 2, 9.0)
    places, total = await queues.entries(mine, queue.id, QueueEntryList())
    assert ([(each.entry.call_id, each.position) for each in places], total) == ([(second.id, 1), (third.id, 2)], 2)
    await world.log.finished(first.id, "caller_hangup")
    await world.runner.tick()
    status = await queues.status(mine, queue.id)
    assert (status.counts.answered, status.counts.average_wait_s, status.counts.waiting) == (1, 9.0, 1)


async def test_an_agent_nobody_answers_for_is_not_available(world: World, mine: str) -> None:
    asks, hosted = await world.agent(mine, voice_mode="webhook"), await world.agent(mine, voice_mode="hosted")
    queue = await queue_of(world, mine, asks, hosted)
    queues = Queues(world.database, world.limits, world.clock)
    assert (await queues.status(mine, queue.id)).available_agents == 1
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    assert (await queues.status(mine, queue.id)).available_agents == 2


# ---------------------------------------------------------------- two replicas


async def test_two_replicas_never_take_anybody_out_of_order_nor_exceed_a_limit(
    world: World, mine: str, database: Database, cipher: Cipher
) -> None:
    limits = (2, 3)
    pair = [await limited(world, mine, limit) for limit in limits]
    number = await world.number(mine, pair[0].id)
    await world.projects.set_named("mine", {"concurrent_call_limit": 4})
    queue = await queue_of(world, mine, *pair, max_length=1000)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    other = World(database, cipher)
    for place in range(60):
        side = (world, other)[place % 2]
        side.clock.now = world.clock.now
        await side.calls.ring_inbound(number.id, ringing(f"CA-{place}"))
        world.clock.advance(0.01)

    served: list[str] = []
    while len(served) < 60:
        async with world.database.read() as session:
            live = select(CallRow).where(CallRow.status.not_in(("completed", "failed")), CallRow.stage.is_(None))
            talking = list(await session.scalars(live))
        assert len(talking) <= 4
        for agent, limit in zip(pair, limits, strict=True):
            assert sum(call.agent_id == agent.id for call in talking) <= limit
        served += [call.carrier_call_id or "" for call in sorted(talking, key=lambda call: call.created_at)]
        await asyncio.gather(*(world.log.finished(call.id, "caller_hangup") for call in talking))
        other.clock.now = world.clock.now
        moved = await asyncio.gather(world.dispatcher.dispatch(mine), other.dispatcher.dispatch(mine))
        assert sum(len(each) for each in moved) == min(4, 60 - len(served))
    assert served == [f"CA-{place}" for place in range(60)]
    async with world.database.read() as session:
        assert await session.scalar(select(func.count()).where(QueueEntryRow.status == "answered")) == 56


async def test_whatever_happens_at_once_never_waits_in_a_circle(
    world: World, mine: str, database: Database, cipher: Cipher
) -> None:
    """Rings, ends, overflows, calls of the agents' own, turns and a deleted agent, over two servers."""
    ann, ben, spare = [await limited(world, mine) for _ in range(3)]
    number = await world.number(mine, ann.id)
    overflow = {"overflow_behavior": "agent", "overflow_agent_id": spare.id}
    queue = await queue_of(world, mine, ann, ben, callback_offer=True, max_length=8, **overflow)
    await lead(world, number, action="route_to_queue", queue_id=queue.id)
    other = World(database, cipher)
    ends: tuple[StageEnd, ...] = ("callback_wanted", "overflowed", "moved", "moved")
    for round_ in range(3):
        known = [await ring(world, number, f"CA-{round_}-{place}") for place in range(4)]
        deeds: list[Coroutine[Any, Any, object]] = [
            *(side.calls.ring_inbound(number.id, ringing(f"CB-{round_}-{place}"))
              for place, side in enumerate((world, other) * 4)),
            *(other.desk.hand_on(call.id, end) for call, end in zip(known, ends, strict=True)),
            *(world.log.finished(call.id, "caller_hangup") for call in known),
            *(side.dispatcher.dispatch(mine) for side in (world, other) * 2),
            world.dispatcher.settle(),
            other.calls.create(mine, CallCreate(agent_id=ann.id, to_number="+14155558888", from_number="+14155550001")),
        ]  # fmt: skip
        if round_ == 1:
            deeds.append(world.agents.delete(mine, ben.id))
        outcomes = await asyncio.gather(*deeds, return_exceptions=True)
        trouble = [each for each in outcomes if isinstance(each, BaseException)]
        assert [each for each in trouble if not isinstance(each, (QuotaExceeded, Conflict))] == []
