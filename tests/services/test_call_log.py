"""How a call moves and what remains of it."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any, Literal, get_args

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select, text

from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.domain.calls import EndReason, may_advance
from parley.domain.events import TurnDelivery
from parley.providers.protocols import CallReport
from parley.schemas.calls import CallCreate
from parley.schemas.deliveries import DeliveryList
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.storage.tables import DeliveryRow
from tests.searching import tries
from tests.services.world import World, ringing

CARRIER_CALL = "CA-in-1"


async def rung(world: World, project_id: str, *, held: bool = False) -> tuple[str, str]:
    """An inbound call's id and its number's; no session holds it unless `held`."""
    agent = await world.agent(project_id)
    number = await world.number(project_id, agent.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(CARRIER_CALL))
    if not held:
        world.switchboard.held.clear()
    return plan.call_id, number.id


def said(row: int, caller: str, agent: str | None, **more: Any) -> NoteTurn:
    facts: dict[str, Any] = {"at_s": float(row), "was_cut": False, "confidence": 0.9, "intended": agent or ""} | more
    return NoteTurn(row=row, caller=caller, agent=agent, latencies=TurnLatencies(heard_ms=640.0), **facts)


async def events(world: World, project_id: str) -> list[tuple[str, dict[str, Any]]]:
    rows, _ = await world.deliveries.list(project_id, DeliveryList())
    return [(row.event_type, json.loads(row.body or "{}")) for row in reversed(rows)]


async def test_a_call_leaves_its_times_its_words_and_two_events(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    call_id, _ = await rung(world, mine)

    await world.log.connected(call_id)
    await world.log.note_turn(call_id, said(0, "", "Hello!"))
    world.clock.advance(30)
    await world.log.note_turn(call_id, said(1, "What time is it?", "It is", was_cut=True, intended="It is four."))
    await world.log.finished(call_id, "caller_hangup")

    call = await world.calls.get(mine, call_id)
    assert (call.status, call.end_reason, call.duration_seconds) == ("completed", "caller_hangup", 30)
    assert [(row.transcript, row.response) for row in call.transcripts] == [
        ("Hello!", None),
        ("What time is it?", "It is"),
    ]
    assert (call.transcripts[1].was_cut, call.transcripts[1].latencies["heard_ms"]) == (True, 640.0)
    assert call.last_transcript_snippet == "It is"
    [(started, first), (ended, last)] = await events(world, mine)
    assert (started, ended) == ("call.started", "call.ended")
    assert first["data"]["status"] == "in-progress"
    assert [line["content"] for line in last["data"]["transcript"]] == ["Hello!", "What time is it?", "It is"]
    assert last["data"]["durationSeconds"] == 30


async def test_an_end_that_could_only_be_written_later_is_dated_when_it_was(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.connected(call_id)
    world.clock.advance(90)
    await world.log.finished(call_id, "caller_hangup", 60.0)
    call = await world.calls.get(mine, call_id)
    assert (call.duration_seconds, call.ended_at) == (30, world.clock() - timedelta(seconds=60))


async def test_everything_may_be_told_twice(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    call_id, _ = await rung(world, mine)

    for _ in range(2):
        await world.log.connected(call_id)
        await world.log.note_turn(call_id, said(0, "Hi", "Hello!"))
    reasons: list[EndReason] = ["caller_hangup", "api_request"]
    for reason in reasons:
        await world.log.finished(call_id, reason)

    call = await world.calls.get(mine, call_id)
    assert call.end_reason == "caller_hangup"
    assert len(call.transcripts) == 1
    assert [kind for kind, _ in await events(world, mine)] == ["call.started", "call.ended"]


async def test_a_row_noted_again_replaces_what_stood_there(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.note_turn(call_id, said(0, "Hi", None))
    [before] = await world.calls.transcript(mine, call_id)

    await world.log.note_turn(call_id, said(0, "Hi there", "Hello!"))

    [after] = await world.calls.transcript(mine, call_id)
    assert (after.id, after.transcript, after.response) == (before.id, "Hi there", "Hello!")


async def test_words_postgres_cannot_keep_lose_only_what_it_cannot_keep(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)

    await world.log.note_turn(call_id, said(0, "a\x00b\ud800c", "d\x00"))

    assert (await world.calls.transcript(mine, call_id))[0].transcript == "abc"


async def test_a_call_that_never_connected_has_failed(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)

    await world.log.finished(call_id, "caller_hangup")

    call = await world.calls.get(mine, call_id)
    assert (call.status, call.duration_seconds, call.started_at) == ("failed", 0, None)


@pytest.mark.parametrize(
    ("reason", "status"),
    [("agent_hangup", "completed"), ("transferred", "completed"), ("media_lost", "failed"), ("silence", "completed")],
)
async def test_what_nobody_wanted_is_a_failure(world: World, mine: str, reason: Any, status: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.connected(call_id)

    await world.log.finished(call_id, reason)

    assert (await world.calls.get(mine, call_id)).status == status


async def test_problems_are_collected_up_to_a_bound(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)

    for index in range(105):
        await world.log.note_problem(call_id, f"problem_{index}")

    problems = (await world.calls.get(mine, call_id)).problems
    assert (len(problems), problems[:2]) == (100, ["problem_0", "problem_1"])


async def test_a_call_with_its_own_url_tells_that_one(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://project.example"))
    agent = await world.agent(mine)
    await world.number(mine, agent.id)
    wanted = CallCreate(agent_id=agent.id, to_number="4155559999", webhook_url="https://call.example")
    call = await world.calls.create(mine, wanted)

    await world.log.connected(call.id)

    rows, _ = await world.deliveries.list(mine, DeliveryList())
    assert [(row.url, row.webhook_id) for row in rows] == [("https://call.example", None)]


async def test_a_voice_turn_is_listed_beside_the_events_and_never_sent(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    agent = await world.agent(mine, voice_mode="webhook", system_prompt=None)
    number = await world.number(mine, agent.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing())
    facts = {"event_type": "agent.message", "response_ms": 12, "sent_at": world.clock.now}
    good = TurnDelivery(delivery_id="evt_good", http_status=200, error=None, **facts)  # type: ignore[arg-type]
    bad = TurnDelivery(delivery_id="evt_bad", http_status=None, error="timeout", **facts)  # type: ignore[arg-type]

    gone = TurnDelivery(delivery_id="evt_gone", http_status=None, error="canceled", **facts)  # type: ignore[arg-type]

    for delivery in (good, bad, good, gone):
        await world.log.record_turn_delivery(plan, delivery)

    rows, total = await world.deliveries.list(mine, DeliveryList(agent_id=agent.id))
    assert {row.id: (row.status, row.error_message) for row in rows} == {
        "evt_good": ("success", None),
        "evt_bad": ("failed", "timeout"),
        "evt_gone": ("success", "canceled"),  # by us: the caller went on, say
    }
    assert (total, await world.worker.send_due()) == (3, 0)


async def test_the_carrier_is_asked_with_the_calls_own_account(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)

    await world.log.end_at_carrier(call_id)

    end = world.carrier.asked[-1]
    assert (end[0], end[1].account_id, end[2]) == ("end", "AC-operator", CARRIER_CALL)


# ---------------------------------------------------------------- the carrier's reports

REPORTS = [
    CallReport(CARRIER_CALL, "ringing"),
    CallReport(CARRIER_CALL, "in-progress"),
    CallReport(CARRIER_CALL, "completed", duration_s=12),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_reports_in_any_order_and_twice_end_in_the_same_place(
    world: World, mine: str, order: tuple[int, ...]
) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    call_id, number_id = await rung(world, mine)
    world.clock.advance(60)

    for index in (*order, *order):
        await world.calls.report(REPORTS[index], number_id=number_id)

    call = await world.calls.get(mine, call_id)
    assert (call.status, call.end_reason) == ("completed", "caller_hangup")
    assert call.started_at is not None
    assert [kind for kind, _ in await events(world, mine)] == ["call.started", "call.ended"]


async def test_an_end_the_session_holds_is_left_to_the_session(world: World, mine: str) -> None:
    call_id, number_id = await rung(world, mine, held=True)
    await world.log.connected(call_id)

    await world.calls.report(REPORTS[2], number_id=number_id)

    assert world.switchboard.ended == [("hang_up", call_id, "caller_hangup")]
    assert (await world.calls.get(mine, call_id)).status == "in-progress"


async def test_an_unanswered_call_says_why(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    await world.number(mine, agent.id)
    call = await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number="4155559999"))
    world.switchboard.held.clear()

    busy = CallReport(call.carrier_call_id or "", "failed", reason="busy")
    await world.calls.report(busy, call_id=call.id)

    after = await world.calls.get(mine, call.id)
    assert (after.status, after.end_reason, after.duration_seconds) == ("failed", "busy", 0)


SERIAL = itertools.count()
Move = Literal["ringing", "connected", "completed", "failed", "caller_hangup", "media_lost"]
MOVES = st.sampled_from(get_args(Move))


@tries(15, allowing=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(MOVES, min_size=1, max_size=6))
async def test_a_status_only_moves_forward(world: World, moves: list[Move]) -> None:
    name = next(SERIAL)
    mine = await world.project(f"project {name}")
    world.carrier.stock = [f"+1415555{name:04d}"]
    agent = await world.agent(mine)
    number = await world.number(mine, agent.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(f"CA-{name}"))
    world.switchboard.held.clear()
    call = await world.calls.get(mine, plan.call_id)

    for move in moves:
        match move:
            case "connected":
                await world.log.connected(call.id)
            case "ringing" | "completed" | "failed":
                await world.calls.report(CallReport(f"CA-{name}", move), number_id=number.id)
            case "caller_hangup" | "media_lost":
                await world.log.finished(call.id, move)
        after = await world.calls.get(mine, call.id)
        assert after.status == call.status or may_advance(call.status, after.status)
        if call.ended_at is not None:
            assert (after.status, after.end_reason, after.ended_at) == (call.status, call.end_reason, call.ended_at)
        call = after


async def test_an_event_exists_only_together_with_its_change(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    call_id, _ = await rung(world, mine)
    await world.subscriptions.create(mine, SubscriptionCreate(url="https://b.example", events=["call_started"]))
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE subscriptions SET events = '7'"))

    with pytest.raises(TypeError):  # the webhook's event is recorded by then
        await world.log.connected(call_id)

    async with world.database.read() as session:
        assert (await session.scalars(select(DeliveryRow))).all() == []
    assert (await world.calls.get(mine, call_id)).status == "ringing"
