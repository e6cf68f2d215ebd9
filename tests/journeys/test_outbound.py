"""parley calls a person: with a prompt and a greeting of this call's own."""

from __future__ import annotations

import pytest

from parley.simulation.call import Ringing
from tests.journeys.world import World, rows


async def test_a_call_with_its_own_prompt_and_greeting_is_held_by_the_model(world: World) -> None:
    world.openai.decide = lambda messages: "Tuesday at two would be wonderful."
    agent = await world.answered_by_webhook()
    phone = world.phone()
    call = await world.post(
        "/v1/calls",
        {
            "agentId": agent["id"],
            "toNumber": phone.number,
            "systemPrompt": "Schedule a dentist appointment for {{name}}.",
            "initialGreeting": "Hi, I am calling for {{name}}.",
            "variables": {"name": "Sam"},
        },
    )
    assert (call["direction"], call["fromNumber"], call["toNumber"]) == ("outbound", agent["number"], phone.number)
    await phone.wait_until_connected()
    await phone.wait_until_agent_silent()
    await phone.say("Sure, what day works for you?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    ended = await world.ended_call()
    assert ended["id"] == call["id"]
    assert rows(ended) == [
        ("Hi, I am calling for Sam.", None),
        ("Sure, what day works for you?", "Tuesday at two would be wonderful."),
    ]
    assert "Schedule a dentist appointment for Sam." in world.openai.requests[-1].body["messages"][0]["content"]
    assert world.webhook.turns == []
    assert [event["event"] for event in await world.told("call.ended")] == ["call.ended"]


@pytest.mark.parametrize(
    ("outcome", "reason"), [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "carrier_failed")]
)
async def test_a_call_nobody_takes_fails_with_its_reason(world: World, outcome: str, reason: str) -> None:
    agent = await world.hosted()
    phone = world.phone()
    phone.ringing = Ringing(outcome, 0.1)
    await world.post("/v1/calls", {"agentId": agent["id"], "toNumber": phone.number})
    call = await world.ended_call()
    assert (call["status"], call["endReason"], rows(call)) == ("failed", reason, [])
    await world.until(lambda: world.server.house.directory.live_count == 0)


async def test_a_live_call_is_ended_over_the_api(world: World) -> None:
    agent = await world.hosted(beginMessage="Hello.")
    phone = await world.call(agent)
    await phone.wait_until_agent_silent()
    live = (await world.get("/v1/calls?status=in-progress"))["data"]
    await world.post(f"/v1/calls/{live[0]['id']}/end", {})
    assert await phone.wait_until_over() == "completed"
    assert (await world.ended_call())["endReason"] == "api_request"
