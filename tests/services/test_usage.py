"""What is counted, in which bucket, with a clock that is set to where calendars are difficult."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import delete

from parley.domain.ids import new_id
from parley.domain.limits import Allowance
from parley.services.limits import Limits
from parley.services.usage import Usage
from parley.storage.tables import CallRow, ConversationRow, DeliveryRow, MessageRow, NumberRow
from tests.searching import tries
from tests.services.world import CARRIER, World


@pytest.fixture
def usage(world: World) -> Usage:
    return Usage(world.database, Limits(world.database, Allowance(), world.clock), 3600.0, world.clock)


def call(project_id: str, at: datetime, **more: Any) -> CallRow:
    values = {
        "id": new_id("call"),
        "project_id": project_id,
        "carrier": CARRIER,
        "direction": "outbound",
        "status": "completed",
        "from_number": "+14155550001",
        "to_number": "+14155550199",
        "snapshot": {},
        "created_at": at,
    }
    return CallRow(**values | more)


def delivery(project_id: str, at: datetime, status: str = "success") -> DeliveryRow:
    return DeliveryRow(
        id=new_id("evt"),
        project_id=project_id,
        event_type="call.ended",
        channel="voice",
        url="https://example.com",
        status=status,
        created_at=at,
    )


async def add(world: World, *rows: Any) -> None:
    async with world.database.transaction() as session:
        for row in rows:
            session.add(row)
            await session.flush()


async def message(world: World, number: NumberRow, at: datetime, direction: str = "outbound") -> None:
    participant = f"+1415556{at.microsecond % 10000:04d}"
    conversation = ConversationRow(
        id=new_id("conv"),
        project_id=number.project_id,
        number_id=number.id,
        phone_number=number.phone_number,
        participant=participant,
        last_message_at=at,
        last_message_preview="",
    )
    row = MessageRow(
        id=new_id("msg"),
        project_id=number.project_id,
        conversation_id=conversation.id,
        number_id=number.id,
        agent_id=number.agent_id,
        direction=direction,
        from_number=number.phone_number,
        to_number=participant,
        body="hello",
        status="delivered",
        carrier=CARRIER,
        created_at=at,
    )
    await add(world, conversation, row)


EDGES = [
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(2028, 3, 1, tzinfo=UTC),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2100, 3, 1, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
]


@tries(25, allowing=[HealthCheck.function_scoped_fixture])
@given(
    now=st.sampled_from(EDGES),
    ages_s=st.lists(st.integers(0, 70 * 86400), max_size=8),
    micros=st.integers(0, 1),
)
async def test_everything_is_in_the_bucket_of_its_own_day_and_month(
    world: World, usage: Usage, now: datetime, ages_s: list[int], micros: int
) -> None:
    project_id = await world.project("buckets")
    world.clock.now = now
    moments = [now - timedelta(seconds=age, microseconds=1 - micros) for age in ages_s]
    await add(world, *(call(project_id, at) for at in moments), *(delivery(project_id, at) for at in moments))

    days = await usage.daily(project_id, 45)
    for day in days:
        assert day.calls == day.webhooks == sum(at.date() == day.day and at < now for at in moments)
    months = await usage.monthly(project_id, 2)
    for month in months:
        inside = [at for at in moments if (at.year, at.month) == (month.day.year, month.day.month) and at < now]
        assert month.calls == len(inside)

    async with world.database.transaction() as session:
        for table in (CallRow, DeliveryRow):
            await session.execute(delete(table).where(table.project_id == project_id))


async def test_minutes_are_time_talked_and_a_live_call_counts_until_now(world: World, usage: Usage, mine: str) -> None:
    now = world.clock.now = datetime(2028, 3, 1, 10, tzinfo=UTC)
    yesterday = now - timedelta(days=1)
    talked = {"started_at": yesterday, "ended_at": yesterday + timedelta(seconds=61)}
    live = {"status": "in-progress", "started_at": now - timedelta(seconds=30)}
    await add(
        world,
        call(mine, yesterday, **talked),
        call(mine, yesterday, status="failed", ended_at=yesterday),
        call(mine, now - timedelta(minutes=1), **live),
    )
    assert [(day.day, day.calls, day.minutes) for day in await usage.daily(mine, 2)] == [
        (date(2028, 2, 29), 2, 2),
        (date(2028, 3, 1), 1, 1),
    ]
    overview = await usage.overview(mine)
    assert (overview.totals.minutes_last_30d, overview.totals.live_calls) == (2, 1)


async def test_spans_end_where_they_say(world: World, usage: Usage, mine: str, theirs: str) -> None:
    now = world.clock.now
    number = await world.number(mine, (await world.agent(mine)).id)
    for age in (timedelta(hours=1), timedelta(days=2), timedelta(days=8), timedelta(days=31)):
        await add(world, call(mine, now - age), delivery(mine, now - age, "failed"))
        await message(
            world, number, now - age + timedelta(microseconds=age.days), "inbound" if age.days else "outbound"
        )
    await add(world, delivery(mine, now, "pending"))
    totals = (await usage.overview(mine)).totals
    for noun in ("messages", "calls"):
        spans = [getattr(totals, f"{noun}_last_{span}") for span in ("24h", "7d", "30d")]
        assert [*spans, getattr(totals, f"total_{noun}")] == [1, 2, 3, 4]
    webhooks = (totals.total_webhook_deliveries, totals.successful_webhook_deliveries)
    assert (*webhooks, totals.failed_webhook_deliveries, totals.messages_sent_last_24h) == (5, 0, 4, 1)
    assert (await usage.overview(theirs)).totals.total_calls == 0


async def test_the_most_used_come_first_and_pages_know_their_total(world: World, usage: Usage, mine: str) -> None:
    agent, idle = await world.agent(mine, name="Busy"), await world.agent(mine, name="Idle")
    first, second, third = [await world.number(mine, agent.id) for _ in range(3)]
    now = world.clock.now
    for number, calls in ((first, 1), (third, 2)):
        await add(world, *(call(mine, now, number_id=number.id, agent_id=agent.id) for _ in range(calls)))
    await message(world, third, now)
    await world.numbers.release(mine, first.id)
    await world.numbers.release(mine, second.id)
    rows, total = await usage.by_number(mine, "week", 10, 0)
    assert [(row.name, row.calls, row.messages) for row in rows] == [
        (third.phone_number, 2, 1),
        (first.phone_number, 1, 0),
    ]
    assert total == 2
    assert await usage.by_number(mine, "week", 1, 1) == (rows[1:], 2)
    assert await usage.by_number(mine, "week", 10, 10) == ([], 2)
    agents, total = await usage.by_agent(mine, "month", 10, 0)
    assert [(row.id, row.calls) for row in agents] == [(agent.id, 3), (idle.id, 0)]
    world.clock.advance(31 * 86400)
    assert [row.calls for row in (await usage.by_agent(mine, "month", 10, 0))[0]] == [0, 0]


async def test_messages_a_month_follow_from_messages_a_day(world: World, mine: str) -> None:
    for daily, monthly in ((10, 300), (1_000_000, 1_000_000), (999_999, 1_000_000), (0, 0)):
        limits = Limits(world.database, Allowance(daily_messages=daily))
        overview = await Usage(world.database, limits, 3600.0, world.clock).overview(mine)
        assert overview.messages_a_month == monthly
