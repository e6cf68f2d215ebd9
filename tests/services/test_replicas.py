"""A call that a session of another replica holds, and one that a session takes over from there."""

from __future__ import annotations

import pytest

from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.domain.errors import Conflict, NotFound
from parley.providers.protocols import CallReport
from parley.storage.presence import AskEnd, HangUp
from tests.services.world import World, ringing

CARRIER_CALL = "CA-in-1"


async def held_elsewhere(world: World, project_id: str) -> tuple[str, str, str]:
    """An inbound call's id, its number's and its token."""
    agent = await world.agent(project_id, begin_message="Hello.")
    number = await world.number(project_id, agent.id)
    plan, token = await world.calls.ring_inbound(number.id, ringing(CARRIER_CALL))
    world.switchboard.held.clear()
    world.presence.held.add(plan.call_id)
    return plan.call_id, number.id, token.reveal()


def said(row: int, caller: str, agent: str | None) -> NoteTurn:
    return NoteTurn(row, float(row), caller, agent, False, 0.9, agent or "", TurnLatencies())


async def test_the_replica_that_holds_a_call_is_asked_to_end_it(world: World, mine: str) -> None:
    call_id, _, _ = await held_elsewhere(world, mine)

    call = await world.calls.end(mine, call_id)

    assert call.status == "ringing"
    assert world.presence.told == [(call_id, AskEnd("api_request"))]
    assert "end" not in [verb for verb, *_ in world.carrier.asked]


async def test_the_replica_that_holds_a_call_hears_of_its_end(world: World, mine: str) -> None:
    call_id, number_id, _ = await held_elsewhere(world, mine)

    await world.calls.report(CallReport(CARRIER_CALL, "completed"), number_id=number_id)
    assert (await world.calls.get(mine, call_id)).status == "ringing"
    world.presence.held.clear()
    await world.calls.report(CallReport(CARRIER_CALL, "completed"), number_id=number_id)

    assert (await world.calls.get(mine, call_id)).status == "completed"
    assert world.presence.told == [(call_id, HangUp("caller_hangup"))] * 2


async def test_who_holds_a_call_itself_asks_nobody(world: World, mine: str) -> None:
    call_id, number_id, _ = await held_elsewhere(world, mine)
    plan, _ = await world.calls.ring_inbound(number_id, ringing(CARRIER_CALL))
    assert plan.call_id == call_id

    await world.calls.report(CallReport(CARRIER_CALL, "completed"), number_id=number_id)
    await world.calls.end(mine, call_id)

    assert world.presence.told == []


async def test_a_broken_stream_comes_back_while_any_replica_holds_its_call(world: World, mine: str) -> None:
    call_id, _, _ = await held_elsewhere(world, mine)

    token = await world.calls.reissue(call_id)
    assert (await world.calls.redeem_stream_token(token.reveal())).call_id == call_id
    world.presence.held.clear()
    with pytest.raises(Conflict):
        await world.calls.reissue(call_id)
    with pytest.raises(NotFound):
        await world.calls.reissue("call_unknown")


async def test_whoever_never_had_the_phone_cannot_say_it_was_not_answered(world: World, mine: str) -> None:
    call_id, _, _ = await held_elsewhere(world, mine)

    await world.log.connected(call_id)
    await world.log.finished(call_id, "no_answer")
    assert (await world.calls.get(mine, call_id)).status == "in-progress"
    await world.log.finished(call_id, "caller_hangup")

    assert (await world.calls.get(mine, call_id)).end_reason == "caller_hangup"


async def test_a_session_that_is_the_first_with_the_phone_greets(world: World, mine: str) -> None:
    _, _, token = await held_elsewhere(world, mine)

    plan = await world.calls.redeem_stream_token(token)

    assert plan.agent.greeting == "Hello."
    assert plan.continues is not None
    assert plan.continues.lines == ()


async def test_a_session_that_takes_over_remembers_and_writes_behind_what_was_said(world: World, mine: str) -> None:
    call_id, _, token = await held_elsewhere(world, mine)
    await world.log.connected(call_id)
    await world.log.note_turn(call_id, said(0, "", "Hello."))
    await world.log.note_turn(call_id, said(1, "A table, please.", "Booked."))
    world.clock.advance(50)

    plan = await world.calls.redeem_stream_token(token)

    assert plan.agent.greeting == ""
    assert plan.agent.max_call_duration_s == 3550
    assert plan.continues is not None
    assert [(line.role, line.text) for line in plan.continues.lines] == [
        ("agent", "Hello."),
        ("caller", "A table, please."),
        ("agent", "Booked."),
    ]
    assert plan.continues.first_row > 1000
    assert plan.continues.after_s == 50
