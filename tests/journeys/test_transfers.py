"""Handing a caller to a human, on the whole wire: what the caller hears, what the agent knows, what is told."""

from __future__ import annotations

from parley.conversation.journals.replay import replay
from parley.simulation.ringing import Ringing
from tests.journeys.test_recording import recording, text, words_on
from tests.journeys.world import World, rows, words

HUMAN = "+15550109901"
NOBODY = "I'm sorry, nobody could take your call right now. How else can I help?"


async def test_a_busy_human_gives_the_caller_back_to_an_agent_that_remembers(world: World) -> None:
    world.carrier.phone(HUMAN, Ringing("busy", 0.2))
    answers = iter([{"text": "I will put you through.", "action": "transfer"}, {"text": "It is four."}])
    world.webhook.decide = lambda event: next(answers)
    agent = await world.answered_by_webhook(transferNumber=HUMAN, beginMessage="Hello.", recordingEnabled=True)
    phone = await world.call(agent)
    await phone.wait_until_agent_silent()
    await phone.say("Can I talk to a human?")
    await world.until(lambda: len(phone.current.connected) == 2)
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.say("Then what time is it?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    assert [(dial.number, dial.caller_id) for dial in phone.current.dialled] == [(HUMAN, phone.number)]
    assert phone.timeline.words_heard == words(f"Hello. I will put you through. {NOBODY} It is four.")
    assert phone.problems == []
    [failed] = await world.told("call.transfer_failed")
    assert (failed["data"]["transfer"]["outcome"], failed["data"]["transfer"]["to"]) == ("busy", HUMAN)
    asked = (await world.told("agent.message", 2))[1]
    assert asked["data"]["transfer"] == {"to": HUMAN, "outcome": "busy"}
    assert [line["content"] for line in asked["recentHistory"]] == [
        "Hello.",
        "Can I talk to a human?",
        "I will put you through.",
        NOBODY,
        "Then what time is it?",
    ]
    call = await world.ended_call()
    assert (call["status"], call["endReason"], call["problems"]) == ("completed", "caller_hangup", [])
    assert [(one["to"], one["outcome"], one["talkSeconds"]) for one in call["transfers"]] == [(HUMAN, "busy", None)]
    assert rows(call) == [
        ("Hello.", None),
        ("Can I talk to a human?", "I will put you through."),
        (NOBODY, None),
        ("Then what time is it?", "It is four."),
    ]
    caller, agents = words_on(await recording(world, call))
    assert text(caller) == "Can I talk to a human? Then what time is it?"
    assert text(agents) == " ".join(phone.timeline.words_heard)
    [ended] = await world.told("call.ended")
    assert [one["outcome"] for one in ended["data"]["transfers"]] == ["busy"]
    journals = sorted(world.journals.glob(f"{call['id']}*.jsonl"))
    assert len(journals) == 2, "each session leaves its own"
    assert [replay(path.read_bytes().splitlines(keepends=True)).difference for path in journals] == [None, None]


async def test_a_human_who_answers_has_the_caller_and_the_call_tells_how_long(world: World) -> None:
    world.carrier.phone(HUMAN, Ringing("answered", 0.2, talks_s=1.2))
    world.webhook.decide = lambda event: {"text": "I will put you through.", "action": "transfer"}
    phone = await world.call(await world.answered_by_webhook(transferNumber=HUMAN))
    await phone.say("Can I talk to a human?")
    [begun] = await world.told("call.transferred")
    assert begun["data"]["transfer"]["outcome"] == "answered"
    talking = await world.get(f"/v1/calls/{begun['data']['id']}")
    assert (talking["status"], talking["stage"], talking["endedAt"]) == ("in-progress", "forwarding", None)
    assert await phone.wait_until_over() == "completed"
    assert phone.timeline.words_heard == words("I will put you through.")
    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "transferred")
    [one] = call["transfers"]
    assert (one["outcome"], one["ringSeconds"], one["talkSeconds"]) == ("answered", 0, 1)
