"""A provider accepts everything and says nothing: another one takes over, and the caller hardly notices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from parley.simulation.phone import SimulatedPhone
from tests.emulators.deepgram import Behaviour as EarBehaviour
from tests.emulators.elevenlabs import Behaviour as MouthBehaviour
from tests.emulators.openai import Completion
from tests.journeys.world import Json, World, rows

QUESTION = "When are you open?"
ANSWER = "From nine to five every day."
LAST_WORD = ANSWER.split()[-1]
SPARES: Json = {
    "speechToText": {"provider": "deepgram", "model": "nova-3", "fallbacks": [{"model": "flux-general-en"}]},
    "languageModel": {"provider": "openai", "model": "best", "fallbacks": [{"model": "spare"}]},
    "textToSpeech": {"provider": "elevenlabs", "fallbacks": [{"provider": "openai", "voice": "alloy"}]},
}


async def ask(world: World, phone: SimulatedPhone) -> None:
    """Ask, and hear the whole answer."""
    heard_before = phone.timeline.words_heard.count(LAST_WORD) if phone.calls else 0
    await phone.say(QUESTION)
    await world.until(lambda: phone.timeline.words_heard.count(LAST_WORD) > heard_before)
    await phone.wait_until_agent_silent()


def hang_recogniser(world: World) -> None:
    """For good, on a stream that stays open; the vendor's other service works."""
    world.deepgram.behaviour.silent_path = "/v1/listen"


def hang_model(world: World) -> None:
    def decide(messages: list[Json]) -> str | Completion:
        model = world.openai.requests[-1].body["model"]
        return ANSWER if model == "spare" else Completion(trouble="hang")

    world.openai.decide = decide


def hang_voice(world: World) -> None:
    """In the middle of the second answer: one piece of its audio comes, and no more."""
    world.elevenlabs.behaviour = MouthBehaviour(stall_after=1, chunk_ms=500, http_silent=True)


@pytest.mark.parametrize(
    ("part", "hang"),
    [("speech_to_text", hang_recogniser), ("responder", hang_model), ("text_to_speech", hang_voice)],
    ids=["recogniser", "model", "voice"],
)
async def test_one_that_hangs_is_replaced_within_three_seconds(
    world: World, part: str, hang: Callable[[World], None]
) -> None:
    world.openai.decide = lambda messages: ANSWER
    phone = await world.call(await world.hosted(**SPARES))
    await ask(world, phone)
    hang(world)
    asked_at = phone.timeline.heard[-1].ended_at
    await ask(world, phone)
    await phone.hang_up()
    assert phone.timeline.longest_silence_ms(asked_at) < 3000 + world.slack_s * 1000
    call = await world.ended_call()
    assert f"{part}_replaced" in call["problems"]
    assert rows(call) == [(QUESTION, ANSWER), (QUESTION, ANSWER)], "nothing was lost, and nothing said twice"


async def test_a_greeting_waits_for_no_recogniser_and_no_model(world: World) -> None:
    world.deepgram.behaviour = EarBehaviour(connect_delay_s=2)
    world.openai.decide = lambda messages: Completion(trouble="hang")
    phone = await world.call(await world.hosted(beginMessage="Good morning, this is the desk.", **SPARES))
    connected_at = asyncio.get_running_loop().time()
    assert await phone.wait_until_agent_speaks() - connected_at < 0.5 + world.slack_s
    await phone.hang_up()
