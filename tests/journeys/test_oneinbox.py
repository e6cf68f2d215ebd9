"""The guide of OneInbox, from the credential to the transcript, with a person on the phone."""

from __future__ import annotations

import asyncio
from typing import Any

from parley.simulation.phone import SimulatedPhone
from tests.emulators.webhook import WebhookEmulator
from tests.journeys.world import PATIENCE_S, Json, World

GREETING = "Hello Sam, this is about order ORD-001."


async def place(world: World, webhook_url: str, **agent: Any) -> tuple[Json, SimulatedPhone]:
    """The guide's call: variables, and a webhook of its own. The phone is connected when this returns."""
    fields = {"name": "Desk", "beginMessage": "Hello {{customer_name}}, this is about order {{order_id}}."}
    made = await world.post("/v1/agents", fields | agent)
    credential = await world.post(
        "/v1/credentials", {"name": "Phones", "provider": "twilio", "api_key": world.carrier.auth_token}
    )
    world.carrier.stock.take("+15739693824")
    number = await world.post(
        "/v1/phone-numbers",
        {
            "phone_number": "+15739693824",
            "friendly_name": "Support Line",
            "provider": "twilio",
            "agent_id": made["id"],
            "credential_id": credential["id"],
        },
    )
    assert number["connected"] is True
    phone = world.phone()
    call = await world.post(
        "/v1/calls",
        {
            "agent_id": made["id"],
            "to_number": phone.number,
            "from_number": number["phone_number"],
            "variables": {"customer_name": "Sam", "order_id": "ORD-001"},
            "webhook_url": webhook_url,
        },
    )
    assert call["status"] == "initiated"
    await phone.wait_until_connected()
    return call, phone


async def polled_to_the_end(world: World, call_id: str) -> Json:
    async with asyncio.timeout(PATIENCE_S):
        while (call := await world.get(f"/v1/calls/{call_id}"))["status"] != "completed":
            assert call["status"] in {"initiated", "in_progress"}
            await asyncio.sleep(0.05)
    return call


async def test_variables_are_heard_and_the_call_is_polled_to_its_transcript(world: World) -> None:
    world.openai.decide = lambda messages: "It ships on Monday."
    call, phone = await place(
        world, world.webhook.url, voiceMode="hosted", systemPrompt="Speak with {{customer_name}}."
    )
    await phone.wait_until_agent_silent()
    assert phone.timeline.words_heard == GREETING.split()
    await phone.say("When does it ship?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    ended = await polled_to_the_end(world, call["id"])

    assert (
        ended["transcript"]
        == ended["messages"]
        == [
            {"role": "agent", "content": GREETING},
            {"role": "user", "content": "When does it ship?"},
            {"role": "agent", "content": "It ships on Monday."},
        ]
    )
    assert ended["duration_seconds"] >= 1
    assert ended["started_at"] < ended["ended_at"]
    assert "Speak with Sam." in world.openai.requests[-1].body["messages"][0]["content"]
    listed = await world.get(f"/v1/calls?agent_id={call['agent_id']}&status=completed")
    assert [each["id"] for each in listed["items"]] == [call["id"]]


async def test_the_calls_own_webhook_gets_its_turns_and_its_events(world: World) -> None:
    await world.set_webhook()
    async with WebhookEmulator(lambda event: {"text": "Thank you."}, secret=world.webhook.secret) as own:
        call, phone = await place(world, own.url)
        await phone.wait_until_agent_silent()
        await phone.say("I got it already.")
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.hang_up()
        await own.wait_for("call.ended")

    assert [each.event["event"] for each in own.received] == ["call.started", "agent.message", "call.ended"]
    assert all(each.is_signed for each in own.received)
    assert {each.event["data"]["callId"] for each in own.received} == {call["id"]}
    assert own.turns[0]["data"]["transcript"] == "I got it already."
    assert world.webhook.received == []


async def test_an_inbound_call_on_a_registered_number_is_read_the_same_way(world: World) -> None:
    wanted = {"name": "Desk", "voiceMode": "hosted", "systemPrompt": "Be kind.", "beginMessage": "Hello."}
    made = await world.post("/v1/agents", wanted)
    world.carrier.stock.take("+14155551234")
    body = {"phone_number": "+14155551234", "provider": "twilio", "agent_id": made["id"]}
    await world.post("/v1/phone-numbers", body)
    phone = world.phone()
    await world.carrier.call_in(phone, "+14155551234")
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    [call] = (await world.get(f"/v1/calls?agent_id={made['id']}"))["items"]
    ended = await polled_to_the_end(world, call["id"])

    assert (ended["type"], ended["transcript"]) == ("inbound", [{"role": "agent", "content": "Hello."}])


async def test_speech_that_was_cut_is_not_in_the_transcript(world: World) -> None:
    world.openai.decide = lambda messages: "Very well."
    call, phone = await place(
        world,
        world.webhook.url,
        voiceMode="hosted",
        systemPrompt="x",
        beginMessage="One two three four five six seven eight nine ten eleven twelve thirteen fourteen.",
    )
    await world.until(lambda: len(phone.timeline.words_heard) >= 4)
    await phone.say("Stop, please stop.")
    await phone.wait_until_agent_silent(for_ms=800)
    await phone.hang_up()

    ended = await polled_to_the_end(world, call["id"])

    assert ended["transcript"][0]["role"] == "agent"
    assert "fourteen" not in ended["transcript"][0]["content"]
