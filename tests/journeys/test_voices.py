"""The voice an agent names is the voice its callers hear."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.world import rows, whole_world, words


async def test_an_agent_with_an_openai_voice_is_heard_and_can_be_interrupted(database_url: str, tmp_path: Path) -> None:
    async with whole_world(database_url, tmp_path, text_to_speech="openai") as world:
        world.openai.decide = lambda messages: "We are open from nine to five. On Sundays we are closed all day long."
        world.openai.speech.behaviour.gap_s = 0.02
        phone = await world.call(await world.hosted(voice="alloy", beginMessage="Good morning."))
        await world.until(lambda: phone.timeline.words_heard == words("Good morning."))
        await phone.wait_until_agent_silent()
        await phone.say("When are you open?")
        await phone.wait_until_agent_speaks()
        await world.until(lambda: "nine" in phone.timeline.words_heard)
        await phone.say("And on holidays?")
        await phone.wait_until_agent_speaks()
        await phone.hang_up()
        call = await world.ended_call()
    asked = world.openai.speech.requests
    assert {request.body["voice"] for request in asked} == {"alloy"}
    assert {request.headers["authorization"] for request in asked} == {"Bearer openai-test-key"}
    assert world.elevenlabs.texts == []
    assert rows(call)[0] == ("Good morning.", None)
    assert rows(call)[1][0] == "When are you open?"
    assert call["transcripts"][1]["wasCut"]
    assert call["problems"] == []


async def test_a_known_voice_speaks_where_its_own_provider_is_not_set_up(database_url: str, tmp_path: Path) -> None:
    async with whole_world(database_url, tmp_path) as world:
        phone = await world.call(await world.hosted(voice="alloy", beginMessage="Good morning."))
        await phone.wait_until_agent_silent()
        await phone.hang_up()
        assert phone.timeline.words_heard == words("Good morning.")
        assert world.openai.speech.requests == []
        assert "/SAz9YHcvj6GT2YYXdXww/" in world.elevenlabs.sockets[0].path
