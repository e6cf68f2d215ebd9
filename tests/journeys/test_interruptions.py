"""The caller interrupts, pauses, coughs, hangs up: what is said next, and what is remembered as heard."""

from __future__ import annotations

from tests.journeys.world import World, rows

STORY = (
    "Our opening hours are nine to five on weekdays. On Saturdays we open at ten and close at noon. "
    "On Sundays and on public holidays we are closed all day long."
)


async def test_a_barge_in_stops_the_agent_and_the_history_holds_only_what_was_heard(world: World) -> None:
    answers = iter([STORY, "Sorry. Yes, we take cards."])
    world.openai.decide = lambda messages: next(answers)
    phone = await world.call(await world.hosted())
    await phone.say("When are you open?")
    await world.until(lambda: "nine" in phone.timeline.words_heard)
    await phone.say("Wait, do you take cards?")
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["cards."])
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    [cut_after_ms] = phone.timeline.barge_in_ms()
    assert cut_after_ms < 1000 * (1 + world.slack_s)
    assert len(phone.timeline.cleared_at) >= 1
    first_row, second_row = rows(await world.ended_call())
    heard = first_row[1] or ""
    assert STORY.startswith(heard)
    assert "nine" in heard
    assert "holidays" not in heard
    assert second_row == ("Wait, do you take cards?", "Sorry. Yes, we take cards.")
    assert world.openai.requests[-1].body["messages"][-2:] == [
        {"role": "assistant", "content": heard},
        {"role": "user", "content": "Wait, do you take cards?"},
    ]
    # Never more than was heard, and not much less: the phone's own count is the judge.
    really_heard = " ".join(phone.timeline.words_heard).split(" Sorry.")[0]
    assert really_heard.startswith(heard)
    assert len(really_heard.split()) - len(heard.split()) <= 2


async def test_a_pause_inside_a_sentence_is_not_answered(world: World) -> None:
    world.openai.decide = lambda messages: "A table for four, very well."
    phone = await world.call(await world.hosted())
    await phone.say("I would like to book a table for")
    await phone.pause(0.7)
    assert phone.heard == []
    await phone.say("four people.")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [
        ("I would like to book a table for four people.", "A table for four, very well."),
    ]
    assert len(world.openai.requests) == 1


async def test_the_caller_hangs_up_in_mid_reply(world: World) -> None:
    world.openai.decide = lambda messages: STORY
    phone = await world.call(await world.hosted())
    await phone.say("When are you open?")
    await world.until(lambda: "nine" in phone.timeline.words_heard)
    await phone.hang_up()
    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
    [(_, heard)] = rows(call)
    assert heard
    assert STORY.startswith(heard)
    assert heard != STORY
    await world.until(lambda: world.server.house.directory.live_count == 0)


async def test_a_cough_does_not_cost_the_answer(world: World) -> None:
    world.openai.decide = lambda messages: STORY
    phone = await world.call(await world.hosted())
    await phone.say("When are you open?")
    await world.until(lambda: "nine" in phone.timeline.words_heard)
    await phone.say(phone_noise())
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["long."])
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    [(_, heard)] = rows(await world.ended_call())
    assert heard == STORY
    # The word that was broken off was said again; none is missing, and at most one was counted when it was cut.
    said = phone.timeline.words_heard
    once = [word for place, word in enumerate(said) if place == 0 or word != said[place - 1]]
    assert once == STORY.split()
    assert len(said) <= len(once) + 1


async def test_a_caller_who_speaks_into_the_goodbye_is_listened_to(world: World) -> None:
    goodbye = {"text": "Thank you for calling the garden centre, have a nice day and goodbye.", "hangup": True}
    answers = iter([goodbye, {"text": "On Sunday we are closed, goodbye.", "hangup": True}])
    world.webhook.decide = lambda event: next(answers)
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("That is all, thank you.")
    await world.until(lambda: "centre," in phone.timeline.words_heard)
    await phone.say("Wait, what about Sunday?")
    await world.until(lambda: "Sunday" in phone.timeline.words_heard)
    await phone.say("Thank you, bye.")
    assert await phone.wait_until_over() == "completed"
    call = await world.ended_call()
    assert call["endReason"] == "agent_hangup"
    (_, cut), (asked, answer) = rows(call)
    assert str(goodbye["text"]).startswith(cut or "") and "goodbye" not in (cut or "")
    assert (asked, answer) == ("Wait, what about Sunday?", "On Sunday we are closed, goodbye.")
    assert phone.timeline.words_heard[-6:] == ["On", "Sunday", "we", "are", "closed,", "goodbye."]


def phone_noise() -> bytes:
    """Half a second of voice-like sound without a word in it."""
    from parley.audio.watermark import speak

    # Inverting the lowest bit keeps the sound and destroys what is written in it.
    return bytes(byte ^ 1 for byte in speak("coughing noise"))
