"""What a customer's webhook may say, and what becomes of a turn when it says nothing useful."""

from __future__ import annotations

import pytest

from tests.emulators import webhook
from tests.journeys.world import Json, World, rows, words


async def test_hangup_ends_the_call_after_the_goodbye_was_heard(world: World) -> None:
    world.webhook.decide = lambda event: {"text": "Thank you for calling, goodbye!", "hangup": True}
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("That is all, thank you.")
    assert await phone.wait_until_over() == "completed"
    assert phone.timeline.words_heard == words("Thank you for calling, goodbye!")
    call = await world.ended_call()
    assert call["endReason"] == "agent_hangup"
    assert rows(call) == [("That is all, thank you.", "Thank you for calling, goodbye!")]


async def test_transfer_hands_the_caller_over_after_the_words_before_it(world: World) -> None:
    world.webhook.decide = lambda event: {"text": "I will put you through.", "action": "transfer"}
    agent = await world.answered_by_webhook(transferNumber="+14155550199")
    phone = await world.call(agent)
    await phone.say("Can I talk to a human?")
    await world.until(lambda: bool(phone.current.dialled))
    assert [dial.number for dial in phone.current.dialled] == ["+14155550199"]
    assert phone.timeline.words_heard == words("I will put you through.")
    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "transferred")


async def test_transfer_without_a_number_is_ignored(world: World) -> None:
    world.webhook.decide = lambda event: {"text": "I will put you through.", "action": "transfer"}
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("Can I talk to a human?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent(for_ms=1000)
    assert not phone.current.is_over
    assert phone.current.dialled == []


@pytest.mark.parametrize("field", ["digits", "press_digit", "dtmf"])
async def test_digits_are_pressed_into_the_call(world: World, field: str) -> None:
    world.webhook.decide = lambda event: {field: "1#"}
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("For sales, press one.")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent(for_ms=600)
    # Two tones of 100 ms with a gap between them, and not a word.
    assert phone.timeline.words_heard == []
    assert 200 <= phone.timeline.heard_ms <= 500


UNUSABLE = [
    webhook.DEAD,
    webhook.GARBAGE,
    webhook.HTML,
    webhook.EMPTY,
    webhook.plain(["Hello!"]),
    webhook.plain("Hello!"),
    webhook.plain(42),
    webhook.raw(b'"Hello!"\n[1]\n'),
]


async def test_anything_else_is_silence_for_the_turn_and_the_call_goes_on(world: World) -> None:
    answers = iter([*UNUSABLE, webhook.plain({"text": "Now I can hear you."})])
    world.webhook.decide = lambda event: next(answers)
    phone = await world.call(await world.answered_by_webhook())
    for turns in range(1, len(UNUSABLE) + 1):
        await phone.say("Can you hear me?")
        await world.delivered(1 + turns)  # the event that the call began is one, too
    await phone.pause(0.5)
    assert phone.heard == []
    await phone.say("Are you still there?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert phone.timeline.words_heard == words("Now I can hear you.")
    assert rows(await world.ended_call()) == [
        *[("Can you hear me?", None)] * len(UNUSABLE),
        ("Are you still there?", "Now I can hear you."),
    ]


async def test_a_late_webhook_is_dropped_and_its_request_cancelled(world: World) -> None:
    answers = iter([webhook.SILENT, webhook.plain({"text": "Back again."})])
    world.webhook.decide = lambda event: next(answers)
    agent = await world.answered_by_webhook()
    await world.set_webhook(f"/v1/agents/{agent['id']}/webhook", timeout=5)
    phone = await world.call(agent)
    await phone.say("Hello, can you hear me?")
    await world.delivered(2)  # the event that the call began is the other one
    assert phone.heard == []
    await phone.say("Are you still there?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    call = await world.ended_call()
    assert rows(call)[1] == ("Are you still there?", "Back again.")
    errors = [one["errorMessage"] for one in (await world.get("/v1/webhooks/deliveries"))["items"]]
    assert any("timeout" in (error or "") for error in errors)


async def test_an_agent_without_a_webhook_is_silent_and_never_asks_a_model(world: World) -> None:
    agent = await world.post("/v1/agents", {"name": "Nobody", "beginMessage": "Hello."})
    number = await world.post("/v1/numbers", {"agentId": agent["id"]})
    phone = await world.call({"number": number["phoneNumber"]})
    await phone.wait_until_agent_silent()
    await phone.say("Is anybody there?")
    await phone.pause(1.0)
    await phone.hang_up()
    assert rows(await world.ended_call()) == [("Hello.", None), ("Is anybody there?", None)]
    assert world.openai.requests == []


async def test_an_interim_line_without_a_full_stop_is_spoken_to_its_end_and_waited_for(world: World) -> None:
    lines: list[Json] = [{"text": "Let me look that up for you", "interim": True}, {"text": "Your table is booked."}]
    world.webhook.decide = lambda event: webhook.ndjson(*lines, gap_s=5.0)
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("Is my table booked?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent(for_ms=1000)
    assert phone.timeline.words_heard == words("Let me look that up for you")
    await phone.pause(2.5)
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    call = await world.ended_call()
    assert rows(call) == [("Is my table booked?", "Let me look that up for you Your table is booked.")]
    assert call["problems"] == []
