"""A provider fails in the middle of a call: the caller hears something within three seconds, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from parley.conversation.lines import CLIP_TEXTS
from parley.simulation.phone import SimulatedPhone
from tests.emulators.elevenlabs import Behaviour as VoiceBehaviour
from tests.emulators.openai import Completion
from tests.journeys.world import World, rows

APOLOGY = CLIP_TEXTS["apology"]


async def hears_something_soon(world: World, phone: SimulatedPhone) -> None:
    """Within three seconds from the end of the last utterance."""
    await phone.wait_until_agent_speaks()
    ended_at = phone.timeline.said[-1].ended_at
    assert ended_at is not None
    first_at = next(one.arrived_at for one in phone.heard if one.arrived_at > ended_at)
    assert first_at - ended_at < 3.0 + world.slack_s


async def test_a_cut_recogniser_socket_loses_no_word_and_doubles_none(world: World) -> None:
    world.openai.decide = lambda messages: "Noted."
    phone = await world.call(await world.hosted())
    await phone.say("My order number is one two three.")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    sentence = "Please send it to twelve Park Lane in the city of London as soon as possible."
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(phone.say(sentence))
        await phone.pause(1.5)
        world.deepgram.cut_all()
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call())[1] == (sentence, "Noted.")
    assert len(world.deepgram.streams) == 2


RATE_LIMITED = Completion(status=429, error="Slow down.")
SERVER_ERROR = Completion(status=500)
HANG = Completion(trouble="hang")
GARBAGE = Completion("Never said.", trouble="garbage")


@pytest.mark.parametrize("trouble", [RATE_LIMITED, SERVER_ERROR, HANG, GARBAGE], ids=["429", "500", "hang", "garbage"])
async def test_a_model_that_fails_once_is_asked_again(world: World, trouble: Completion) -> None:
    answers: Iterator[str | Completion] = iter([trouble, "Better late than never."])
    world.openai.decide = lambda messages: next(answers)
    phone = await world.call(await world.hosted())
    await phone.say("Hello, can you help me?")
    await hears_something_soon(world, phone)
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [("Hello, can you help me?", "Better late than never.")]


async def test_a_model_that_keeps_failing_is_apologised_for(world: World) -> None:
    world.openai.decide = lambda messages: "I am back." if "now" in messages[-1]["content"] else SERVER_ERROR
    phone = await world.call(await world.hosted())
    await phone.say("Hello, can you help me?")
    await hears_something_soon(world, phone)
    await phone.wait_until_agent_silent(for_ms=600)
    await phone.say("Can you help me now?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [
        ("Hello, can you help me?", APOLOGY),
        ("Can you help me now?", "I am back."),
    ]


async def test_a_model_that_hangs_in_mid_stream_is_closed_and_apologised_for(world: World) -> None:
    hanging = Completion("We are open from nine. On Saturdays we are closed.", trouble="hang", trouble_after=5)
    world.openai.decide = lambda messages: hanging
    phone = await world.call(await world.hosted())
    await phone.say("When are you open?")
    await world.until(lambda: len(phone.heard) >= 2)
    first, second = phone.heard[:2]
    assert second.started_at - first.ended_at < 3.0 + world.slack_s
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    [(_, heard)] = rows(await world.ended_call())
    assert heard is not None
    assert heard.startswith("We are open")
    assert heard.endswith(APOLOGY)


async def test_a_voice_that_hangs_once_is_tried_again(world: World) -> None:
    world.openai.decide = lambda messages: "We are open from nine."
    phone = await world.call(await world.hosted())
    world.elevenlabs.behaviour.silent_times = 1
    await phone.say("When are you open?")
    await hears_something_soon(world, phone)
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [("When are you open?", "We are open from nine.")]


async def test_a_voice_that_keeps_hanging_is_apologised_for(world: World) -> None:
    world.openai.decide = lambda messages: "We are open from nine."
    phone = await world.call(await world.hosted())
    world.elevenlabs.behaviour = VoiceBehaviour(silent_times=1000, http_silent=True)
    await phone.say("When are you open?")
    await hears_something_soon(world, phone)
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [("When are you open?", APOLOGY)]


async def test_with_no_provider_at_all_the_caller_is_not_left_in_silence(world: World) -> None:
    world.elevenlabs.behaviour = VoiceBehaviour(refuse_status=401, http_status=401)
    phone = await world.call(await world.hosted(beginMessage="Good morning."))
    connected_at = asyncio.get_running_loop().time()
    assert await phone.wait_until_agent_speaks() - connected_at < 3.0 + world.slack_s
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [(APOLOGY, None)]


async def test_a_recogniser_that_refuses_is_told_to_the_caller_and_ends_the_call(world: World) -> None:
    """Where nobody wants messages instead."""
    agent = await world.hosted()
    await world.api.put("/v1/voiceai/routing", json={"routing_config": {"fallback_behavior": "hangup"}})
    world.deepgram.behaviour.refuse_status = 401
    phone = await world.call(agent)
    connected_at = asyncio.get_running_loop().time()
    assert await phone.wait_until_agent_speaks() - connected_at < 3.0 + world.slack_s
    assert await phone.wait_until_over() == "completed"
    assert (await world.ended_call())["endReason"] == "provider_failed"


async def test_a_recogniser_that_does_not_even_connect_is_told_to_the_caller(world: World) -> None:
    world.deepgram.behaviour.connect_delay_s = 60
    phone = await world.call(await world.hosted())
    connected_at = asyncio.get_running_loop().time()
    assert await phone.wait_until_agent_speaks() - connected_at < 5.0 + world.slack_s
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [(CLIP_TEXTS["cannot_hear"], None)]
