"""Somebody who coughs, mumbles, interrupts, pauses, presses keys, goes silent and comes back.

What remains of such a call must be true: the transcript is, word for word, what the recording contains, and the model
was told nothing else.
"""

from __future__ import annotations

from typing import Any

from parley.simulation.noises import cough, mumble
from parley.simulation.phone import SimulatedPhone
from tests.emulators.openai import Completion
from tests.journeys.test_recording import recording, text, words_on
from tests.journeys.world import Json, World

GREETING = "Hello, this is the bakery."
HOURS = "We open from seven to six on weekdays and eight to noon on Saturdays."
ANSWERS = {
    "I would like to know when you are open.": HOURS,
    "Wait, what about Sundays?": "On Sundays we are closed.",
    "[pressed 12]": "Number twelve is rye bread.",
    "Yes, I am back.": "Good. It will be waiting for you here.",
}
CHECK_IN = "Are you still there?"
GOODBYE = "Thank you. Goodbye."


def decide(messages: list[dict[str, Any]]) -> str | Completion:
    asked = messages[-1]["content"].splitlines()[-1]
    if asked == "Thank you, that is all.":
        return Completion(GOODBYE, tools=(("end_call", {}),))
    return ANSWERS.get(asked, "I did not get that.")


async def test_what_remains_of_a_terrible_caller_is_word_for_word_what_was_heard(world: World) -> None:
    world.openai.decide = decide
    agent = await world.hosted(recordingEnabled=True, beginMessage=GREETING, silenceCheckInSeconds=3)
    phone = await world.call(agent)
    await misbehave(world, phone)
    await phone.wait_until_over()

    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "agent_hangup")
    on_the_left, on_the_right = words_on(await recording(world, call))
    caller, agent_lines = by_side(call)
    assert text(on_the_right) == " ".join(agent_lines)
    assert text(on_the_left) == " ".join(line for line in caller if not line.startswith("[pressed"))

    # And it is the call that was held: everything was asked once, and answered as far as it was heard.
    assert caller == [*ANSWERS, "Thank you, that is all."]
    cut = agent_lines[1]
    assert HOURS.startswith(cut) and "weekdays" in cut and cut != HOURS
    assert agent_lines == [GREETING, cut, *list(ANSWERS.values())[1:3], CHECK_IN, ANSWERS["Yes, I am back."], GOODBYE]
    messages = world.openai.requests[-1].body["messages"]
    told = [message["content"] for message in messages if message["role"] == "assistant"]
    assert " ".join(" ".join(told).split()) == " ".join(agent_lines[:-1])


def by_side(call: Json) -> tuple[list[str], list[str]]:
    """What the transcript says that the caller said, and that the agent was heard to say."""
    rows = call["transcripts"]
    caller = [row["transcript"] for row in rows if row["speaker"] == "caller"]
    agent = [row["response"] if row["speaker"] == "caller" else row["transcript"] for row in rows]
    return caller, [line for line in agent if line]


async def misbehave(world: World, phone: SimulatedPhone) -> None:
    def has_heard(word: str) -> Any:
        return lambda: word in phone.timeline.words_heard

    await world.until(has_heard("Hello,"))
    await phone.say(cough())
    await world.until(has_heard("bakery."))
    await phone.wait_until_agent_silent()
    await phone.say(mumble("I do not"))
    await phone.pause(0.5)
    await phone.say("I would like to")
    await phone.pause(0.7)
    await phone.say("know when you are open.")
    await world.until(has_heard("seven"))
    await phone.say(cough())
    await world.until(has_heard("weekdays"))
    await phone.say("Wait, what about Sundays?")
    await world.until(has_heard("closed."))
    await phone.wait_until_agent_silent()
    await phone.press("12#")
    await world.until(has_heard("bread."))
    await world.until(has_heard("there?"))  # silent until asked whether anybody is there
    await phone.wait_until_agent_silent()
    await phone.say("Yes, I am back.")
    await world.until(has_heard("waiting"))
    await phone.say(mumble("mmh aha"))
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["here."])
    await phone.wait_until_agent_silent()
    await phone.say("Thank you, that is all.")
