"""What makes a call a test, and what a test does not do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from parley.domain.call_tests import PREFIX
from parley.domain.errors import NotFound
from parley.domain.ids import new_id
from parley.domain.stages import Waiting
from parley.schemas.webhooks import WebhookPut
from parley.storage import calls, projects, usage
from parley.storage.tables import CallRow, DeliveryRow, DiagnosticRow, NumberRow
from tests.services.world import World, ringing

ANNOUNCED = f"{PREFIX}0123456789abcdef"


async def announce(world: World, number: NumberRow, **result: Any) -> str:
    """A running test of the number; returns its id."""
    values = {"status": "running", "phone_number_id": number.id} | result
    row = DiagnosticRow(
        id=new_id("diag"),
        project_id=number.project_id,
        kind="test_call",
        request={"carrier_call_id": ANNOUNCED},
        result=values,
        created_at=world.clock(),
    )
    async with world.database.transaction() as session:
        session.add(row)
    return row.id


async def call_of(world: World, call_id: str) -> CallRow:
    async with world.database.read() as session:
        return await calls.get_known(session, call_id)


async def test_a_call_that_was_announced_is_a_test(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    test_id = await announce(world, number)

    plan, _ = await world.calls.ring_inbound(number.id, ringing(ANNOUNCED))

    call = await call_of(world, plan.call_id)
    assert (plan.is_test, call.is_test, call.call_metadata) == (True, True, {"is_test": True, "test_id": test_id})


async def test_an_id_that_only_looks_announced_is_nobodys(world: World, mine: str, theirs: str) -> None:
    number, other = await world.number(mine, (await world.agent(mine)).id), await world.number(mine)
    foreign = await world.number(theirs)
    await announce(world, other)
    await announce(world, foreign)
    await announce(world, number, status="passed")

    with pytest.raises(NotFound):
        await world.calls.ring_inbound(number.id, ringing(ANNOUNCED))
    plan, _ = await world.calls.ring_inbound(number.id, ringing("CA-real"))
    assert not plan.is_test


async def test_the_carrier_is_never_told_of_a_test(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    await announce(world, number)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(ANNOUNCED))
    asked = len(world.carrier.asked)

    await world.log.end_at_carrier(plan.call_id)

    assert len(world.carrier.asked) == asked


async def test_a_test_takes_nobodys_place_and_is_no_usage(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    await announce(world, number)
    async with world.database.transaction() as session:
        project = await projects.get(session, mine)
        project.concurrent_call_limit = 1

    await world.calls.ring_inbound(number.id, ringing(ANNOUNCED))
    await world.calls.ring_inbound(number.id, ringing("CA-real-1"))
    waits, _ = await world.calls.ring_inbound(number.id, ringing("CA-real-2"))
    assert isinstance(waits.stage, Waiting)

    now = world.clock() + timedelta(seconds=5)
    async with world.database.read() as session:
        totals = await usage.totals(session, mine, now)
        by_number, _ = await usage.by_number(session, mine, now, now - timedelta(days=1), 10, 0)
    assert (totals.total_calls, totals.live_calls, [each.calls for each in by_number]) == (2, 1, [2])


async def test_events_say_that_nobody_else_called(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example/hook"))
    await announce(world, number)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(ANNOUNCED))
    await world.log.connected(plan.call_id)

    async with world.database.read() as session:
        [row] = await session.scalars(select(DeliveryRow).where(DeliveryRow.call_id == plan.call_id))
    assert row.body is not None
    assert '"isTest":true' in row.body
