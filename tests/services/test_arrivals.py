"""A number rings: where the caller is led, what is kept of it, and who is turned away."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from parley.domain.decisions import read_decision
from parley.domain.errors import Conflict, ProviderUnavailable
from parley.domain.stages import Announcing, Stage, TakingMessage
from parley.providers.protocols import CallReport
from parley.schemas.calls import CallList
from parley.schemas.routing import NumberRoutingPut
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.plans import stage_of
from parley.services.routing import Routing
from parley.storage.tables import CallRow, NumberRow
from tests.services.world import CARRIER, World, ringing

SUBSCRIBER = "https://subscriber.example"


async def set_up(world: World, number: NumberRow, **sent: Any) -> None:
    routing = Routing(world.database, world.cipher, world.numbers, world.clock)
    await routing.put_on_number(number.project_id, number.id, NumberRoutingPut.model_validate(sent))


def rule(**fields: Any) -> dict[str, Any]:
    return {"routing_rules": [{"condition": "always", **fields}]}


async def arrived(world: World, number: NumberRow) -> CallRow:
    """The one call there is, after the number rang; one that was turned away too."""
    with contextlib.suppress(Conflict):
        await world.calls.ring_inbound(number.id, ringing())
    [call], _ = await world.calls.list(number.project_id, CallList())
    return call


async def unavailable(world: World) -> list[str]:
    """The reasons subscriptions were told that nobody was there for a caller."""
    while await world.worker.send_due():
        pass
    bodies = [json.loads(body) for url, _, body in world.sender.sent if url == SUBSCRIBER]
    return [body["reason"] for body in bodies if body["event"] == "agent_unavailable"]


@pytest.fixture
async def number(world: World, mine: str) -> NumberRow:
    await world.subscriptions.create(mine, SubscriptionCreate(url=SUBSCRIBER, events=["*"]))
    return await world.number(mine, (await world.agent(mine)).id)


async def test_the_decision_is_kept_with_the_call_and_is_not_taken_again(world: World, number: NumberRow) -> None:
    call = await arrived(world, number)
    assert call.routing is not None
    decision = read_decision(call.routing)
    assert (decision.action, decision.matched, decision.agent_id) == ("agent", "number_agent", number.agent_id)

    await set_up(world, number, **rule(action="reject"))
    plan, _ = await world.calls.ring_inbound(number.id, ringing())
    assert (plan.call_id, plan.stage) == (call.id, None)


async def test_the_desk_hears_and_speaks_as_the_numbers_agent(world: World, mine: str) -> None:
    agent = await world.agent(
        mine, language="de-DE", speech_to_text={"provider": "own-ears"}, text_to_speech={"provider": "own-voice"}
    )
    number = await world.number(mine, agent.id)
    await set_up(world, number, **rule(action="announcement", text="Wir sind umgezogen."))
    call = await arrived(world, number)
    snapshot = call.snapshot
    assert (call.agent_id, snapshot["id"], snapshot["language"]) == (None, "", "de-DE")
    assert (snapshot["listen"]["provider"], snapshot["voice"]["provider"]) == ("own-ears", "own-voice")


@pytest.mark.parametrize(
    ("fields", "stage"),
    [
        ({"action": "announcement", "text": "We have moved."}, Announcing("We have moved.")),
        ({"action": "voicemail", "text": "Speak."}, TakingMessage("", "Speak.")),
    ],
)
async def test_a_rule_leads_past_the_agent(
    world: World, number: NumberRow, fields: dict[str, Any], stage: Stage
) -> None:
    await set_up(world, number, **rule(**fields))
    call = await arrived(world, number)
    found = stage_of(call)
    assert type(found) is type(stage)
    assert getattr(found, "text", None) == getattr(stage, "text", None)
    assert getattr(found, "greeting", None) == getattr(stage, "greeting", None)
    assert (call.agent_id, call.snapshot["voice"]["voice"]) == (None, "house-voice")


async def test_a_rejected_caller_is_in_the_list_and_hears_no_more(world: World, number: NumberRow) -> None:
    await set_up(world, number, **rule(action="reject"))
    call = await arrived(world, number)
    assert (call.status, call.end_reason, call.duration_seconds) == ("failed", "rejected", 0)
    await world.calls.report(CallReport("CA-in-1", "failed"), number_id=number.id)
    with pytest.raises(Conflict):
        await world.calls.ring_inbound(number.id, ringing())
    assert await unavailable(world) == ["rejected"]


async def test_a_number_that_nobody_set_up_takes_no_messages(world: World, mine: str, number: NumberRow) -> None:
    plain = await world.number(mine)
    assert (await arrived(world, plain)).end_reason == "no_agent"
    assert await unavailable(world) == ["no_agent"]


async def test_a_number_without_an_agent_falls_back_as_it_was_set_up(world: World, mine: str) -> None:
    number = await world.number(mine)
    await set_up(world, number, routing_config={"fallback_behavior": "voicemail"})
    assert isinstance(stage_of(await arrived(world, number)), TakingMessage)


async def test_an_agent_nobody_answers_for_lets_its_callers_leave_a_message(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine, voice_mode="webhook", system_prompt=None)).id)
    await set_up(world, number, routing_config={"fallback_behavior": "voicemail"})
    call = await arrived(world, number)
    assert isinstance(stage_of(call), TakingMessage)
    assert call.agent_id == number.agent_id

    await world.webhooks.put(mine, None, WebhookPut(url="https://project.example"))
    plan, _ = await world.calls.ring_inbound(number.id, ringing("CA-2"))
    assert plan.stage is None


async def test_where_nobody_set_up_routing_an_agent_without_answers_greets_and_is_silent(
    world: World, mine: str
) -> None:
    number = await world.number(mine, (await world.agent(mine, voice_mode="webhook", system_prompt=None)).id)
    call = await arrived(world, number)
    assert (stage_of(call), call.agent_id) == (None, number.agent_id)


async def test_an_agent_that_cannot_be_prepared_lets_its_callers_leave_a_message(
    world: World, number: NumberRow
) -> None:
    world.switchboard.refusal = ProviderUnavailable("hears", "There is no such recogniser.", retryable=False)
    plan, token = await world.calls.ring_inbound(number.id, ringing())
    assert isinstance(plan.stage, TakingMessage)
    assert (await world.calls.redeem_stream_token(token.reveal())).stage == plan.stage


@pytest.mark.parametrize(("fallback", "goes_on"), [("voicemail", True), ("hangup", False)])
async def test_a_conversation_that_breaks_down_falls_back(
    world: World, number: NumberRow, fallback: str, goes_on: bool
) -> None:
    await set_up(world, number, routing_config={"fallback_behavior": fallback})
    plan, token = await world.calls.ring_inbound(number.id, ringing())
    assert plan.fallback == fallback
    await world.calls.redeem_stream_token(token.reveal())
    await world.log.connected(plan.call_id)
    assert await world.desk.hand_on(plan.call_id, "agent_failed") is goes_on
    call = await world.calls.get(number.project_id, plan.call_id)
    assert (call.is_handed_on, isinstance(stage_of(call), TakingMessage)) == (goes_on, goes_on)
    if goes_on:
        assert await world.desk.hand_on(plan.call_id, "agent_failed"), "the same again, tried twice"
        after, _ = await world.calls.after(plan.call_id)
        assert isinstance(after.stage, TakingMessage)
        assert after.carrier == CARRIER


async def test_callers_turned_away_are_not_among_the_calls_of_a_day(world: World, number: NumberRow) -> None:
    await world.projects.set_named("mine", {"daily_call_limit": 1})
    await world.calls.ring_inbound(number.id, ringing("CA-1"))
    for name in ("CA-2", "CA-3"):
        with pytest.raises(Conflict, match="limit_reached"):
            await world.calls.ring_inbound(number.id, ringing(name))
    world.clock.advance(24 * 3600 + 1)
    await world.calls.ring_inbound(number.id, ringing("CA-4"))
    assert await unavailable(world) == ["limit_reached", "limit_reached"]
