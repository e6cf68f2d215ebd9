"""A person calls a number, the agent answers, they talk, they hang up; and what remains."""

from __future__ import annotations

import asyncio

from parley.conversation.journals.replay import replay
from parley.simulation.call import Ringing
from tests.emulators.webhook import ndjson
from tests.journeys.world import World, rows, words

GREETING = "Good morning, this is the front desk."


async def test_a_hosted_agent_holds_a_whole_call(world: World) -> None:
    world.openai.decide = lambda messages: "We are open from nine to five."
    await world.set_webhook()
    agent = await world.hosted(beginMessage=GREETING)
    phone = await world.call(agent)
    await phone.wait_until_agent_silent()
    await phone.say("What are your opening hours?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    call = await world.ended_call()
    assert rows(call) == [(GREETING, None), ("What are your opening hours?", "We are open from nine to five.")]
    assert (call["status"], call["direction"], call["endReason"]) == ("completed", "inbound", "caller_hangup")
    assert call["fromNumber"] == phone.number
    assert call["phoneNumber"] == call["toNumber"] == agent["number"]
    assert call["startedAt"] < call["endedAt"]
    assert phone.timeline.words_heard == words(f"{GREETING} We are open from nine to five.")
    assert phone.timeline.missing_ms == 0
    assert phone.problems == []

    turns = [message for message in world.openai.requests[-1].body["messages"] if message["role"] != "system"]
    assert turns == [
        {"role": "assistant", "content": GREETING},
        {"role": "user", "content": "What are your opening hours?"},
    ]


async def test_the_greetings_first_words_leave_with_the_streams_first_frames(world: World) -> None:
    world.elevenlabs.behaviour.first_audio_s = 2.0
    agent = await world.hosted(beginMessage=GREETING)
    phone = world.phone()
    phone.ringing = Ringing(lasts_s=3.0)
    await world.post("/v1/calls", {"agentId": agent["id"], "toNumber": phone.number})
    await phone.wait_until_connected()
    connected_at = asyncio.get_running_loop().time()
    await phone.wait_until_agent_silent()
    assert phone.heard[0].arrived_at - connected_at < 1.5 + world.slack_s  # it was asked for while the phone rang


async def test_what_remains_is_told_in_signed_events_and_a_journal(world: World) -> None:
    agent = await world.answered_by_webhook(beginMessage=GREETING)
    phone = await world.call(agent)
    await phone.wait_until_agent_silent()
    await phone.say("Hello, can you help me?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    [ended] = await world.told("call.ended")
    [started] = await world.told("call.started")

    call = await world.ended_call()
    assert started["data"]["callId"] == ended["data"]["callId"] == call["id"]
    assert started["data"]["direction"] == "inbound"
    assert [line["content"] for line in ended["data"]["transcript"]] == [
        GREETING,
        "Hello, can you help me?",
        "Thank you.",
    ]
    assert all(received.is_signed for received in world.webhook.received)
    events = [received.event["event"] for received in world.webhook.received]
    assert sorted(events) == ["agent.message", "call.ended", "call.started"]
    deliveries = await world.delivered(3)
    assert sorted(one["eventType"] for one in deliveries) == sorted(events)
    assert {one["status"] for one in deliveries} == {"success"}

    replayed = replay(world.journal(call["id"]))
    assert replayed.difference is None
    assert replayed.entries > 10


async def test_a_webhook_answers_a_turn_with_one_object(world: World) -> None:
    world.webhook.decide = lambda event: {"text": f"You said: {event['data']['transcript']}"}
    phone = await world.call(await world.answered_by_webhook(beginMessage=GREETING))
    await phone.wait_until_agent_silent()
    await phone.say("Is anybody there?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    call = await world.ended_call()
    assert rows(call)[1] == ("Is anybody there?", "You said: Is anybody there?")
    [turn] = world.webhook.turns
    assert turn["data"]["callId"] == call["id"]
    assert [(line["direction"], line["content"]) for line in turn["recentHistory"]] == [
        ("outbound", GREETING),
        ("inbound", "Is anybody there?"),
    ]


async def test_interim_chunks_are_spoken_before_the_reply_is_complete(world: World) -> None:
    world.webhook.decide = lambda event: ndjson(
        {"text": "Let me look that up.", "interim": True},
        {"text": "<tool_call>lookup(42)</tool_call>", "interim": True},
        {"text": "Your order ships tomorrow."},
        gap_s=1.5,
        ending="hang",
    )
    phone = await world.call(await world.answered_by_webhook())
    said = await phone.say("Where is my order?")
    spoke_at = await phone.wait_until_agent_speaks()
    assert said.ended_at is not None
    assert spoke_at - said.ended_at < 3.0 + world.slack_s  # before the last line was even sent
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["tomorrow."])
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [
        ("Where is my order?", "Let me look that up. Your order ships tomorrow."),
    ]
    assert phone.timeline.words_heard == words("Let me look that up. Your order ships tomorrow.")
