"""Answers that are asked for before a turn is certainly over, on whole calls."""

from __future__ import annotations

from tests.journeys.world import Json, World, rows, words


async def test_a_speculative_webhook_is_asked_in_a_pause_and_told_when_that_was_too_early(world: World) -> None:
    """The caller pauses for less than the recogniser takes for the end of a turn, and goes on."""

    def decide(event: Json) -> Json:
        is_whole = "four" in event["data"]["transcript"]
        return {"text": "A table for four, thank you." if is_whole else "For how many?", "hangup": not is_whole}

    world.webhook.decide = decide
    agent = await world.answered_by_webhook()
    await world.set_webhook(f"/v1/agents/{agent['id']}/webhook", speculative=True)
    phone = await world.call(agent)
    await phone.say("I want a table.")
    await phone.pause(0.18)
    await phone.say("For four people.")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    [canceled] = await world.told("agent.turn_canceled")
    early, *later = [turn["data"] for turn in world.webhook.turns]
    assert (early["transcript"], early["speculative"]) == ("I want a table.", True)
    assert (canceled["data"]["transcript"], canceled["data"]["turnId"]) == (early["transcript"], early["turnId"])
    assert (canceled["data"]["reason"], canceled["data"]["heard"]) == ("caller_went_on", "")
    assert [turn["transcript"] for turn in later] == ["I want a table. For four people."]
    assert {turn["turnId"] for turn in later} == {early["turnId"]}
    assert all(received.is_signed for received in world.webhook.received)
    # Nothing of the first answer was heard, written down or done: it would have hung up.
    assert phone.timeline.words_heard == words("A table for four, thank you.")
    call = await world.ended_call()
    assert rows(call) == [("I want a table. For four people.", "A table for four, thank you.")]
    assert call["endReason"] == "caller_hangup"
    kinds = {one["eventType"] for one in (await world.get("/v1/webhooks/deliveries"))["items"]}
    assert "agent.turn_canceled" in kinds
