"""What is deleted, and what stays."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from parley.domain.ids import new_id
from parley.services.pruning import Pruning
from parley.storage.tables import CallRow, DeliveryRow, IdempotencyRow, StreamTokenRow
from tests.services.test_usage import add, call, delivery
from tests.services.world import World

KEEP = timedelta(days=30)


@pytest.fixture
def pruning(world: World) -> Pruning:
    return Pruning(world.database, KEEP, world.clock)


async def count(world: World, table: Any) -> int:
    async with world.database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


def key(project_id: str, name: str, at: datetime) -> IdempotencyRow:
    return IdempotencyRow(project_id=project_id, key=name, fingerprint=b"", status=200, created_at=at)


async def test_keys_go_after_a_day(world: World, pruning: Pruning, mine: str, theirs: str) -> None:
    day_ago = world.clock.now - timedelta(hours=24)
    old = [key(owner, "old", day_ago - timedelta(seconds=1)) for owner in (mine, theirs)]
    await add(world, *old, key(mine, "young", day_ago))
    assert (await pruning.prune())["idempotency_keys"] == 2
    async with world.database.read() as session:
        assert list(await session.scalars(select(IdempotencyRow.key))) == ["young"]


async def test_tokens_go_when_they_expire(world: World, pruning: Pruning, mine: str) -> None:
    row = call(mine, world.clock.now)
    await add(world, row)
    for number, seconds in enumerate((-60, 0, 60)):
        expires_at = world.clock.now + timedelta(seconds=seconds)
        await add(world, StreamTokenRow(token_hash=bytes([number]), call_id=row.id, expires_at=expires_at))
    assert (await pruning.prune())["stream_tokens"] == 1
    assert (await count(world, StreamTokenRow), await count(world, CallRow)) == (2, 1)


async def test_settled_deliveries_go_and_open_ones_stay(world: World, pruning: Pruning, mine: str, theirs: str) -> None:
    old, young = world.clock.now - KEEP - timedelta(seconds=1), world.clock.now - KEEP
    for owner in (mine, theirs):
        await add(world, *(delivery(owner, old, status) for status in ("success", "failed", "pending")))
        await add(world, delivery(owner, young, "failed"))
    assert (await pruning.prune())["deliveries"] == 4
    async with world.database.read() as session:
        left = await session.execute(select(DeliveryRow.created_at, DeliveryRow.status))
    assert sorted(tuple(row) for row in left) == [(old, "pending")] * 2 + [(young, "failed")] * 2


async def test_a_backlog_goes_batch_by_batch(world: World, pruning: Pruning, mine: str, theirs: str) -> None:
    old = world.clock.now - KEEP - timedelta(days=1)
    await add(world, *(delivery(owner, old) for owner in (mine, theirs) for _ in range(7)))
    await add(world, *(key(mine, new_id("evt"), old) for _ in range(6)))
    assert await pruning.prune(batch=3, pause_s=0) == {"idempotency_keys": 6, "stream_tokens": 0, "deliveries": 14}
    assert await count(world, DeliveryRow) == 0
    assert set((await pruning.prune()).values()) == {0}


async def test_what_somebody_holds_is_left_for_the_next_time(world: World, pruning: Pruning, mine: str) -> None:
    """So replicas that prune at once, or a target that is deleted meanwhile, never wait for each other in a circle."""
    long_ago = world.clock.now - KEEP - timedelta(days=1)
    await add(world, *(key(mine, name, long_ago) for name in "abc"), *(delivery(mine, long_ago) for _ in range(3)))

    async with world.database.transaction() as session:
        for held in (select(IdempotencyRow).limit(1), select(DeliveryRow).limit(1)):
            await session.scalar(held.with_for_update())
        async with asyncio.timeout(60):
            gone = await pruning.prune()

    assert (gone["idempotency_keys"], gone["deliveries"]) == (2, 2)
    gone = await pruning.prune()
    assert (gone["idempotency_keys"], gone["deliveries"]) == (1, 1)
