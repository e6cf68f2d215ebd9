"""A customer's webhook that streams, as the person on the phone experiences it: cut off, muttering, slow to finish."""

from __future__ import annotations

import pytest

from tests.emulators import webhook
from tests.journeys.world import Json, World, rows, words

STORY = (
    "Our opening hours are nine to five on weekdays. On Saturdays we open at ten and close at noon. "
    "On Sundays and on public holidays we are closed all day long."
)


async def test_a_barge_in_abandons_the_stream_and_what_was_queued(world: World) -> None:
    """The first answer is still open when the caller speaks: its line is cut, its connection closed, its end unsaid."""
    unfinished = webhook.ndjson({"text": STORY, "interim": True}, {"text": "Never said."}, gap_s=30.0)
    answers = iter([unfinished, webhook.plain({"text": "Yes, we take cards."})])
    world.webhook.decide = lambda event: next(answers)
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("When are you open?")
    await world.until(lambda: "nine" in phone.timeline.words_heard)
    assert world.webhook.server.abandoned == 0
    await phone.say("Wait, do you take cards?")
    await world.until(lambda: world.webhook.server.abandoned == 1)
    await phone.wait_until_agent_speaks()
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["cards."])
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    [cut_after_ms] = phone.timeline.barge_in_ms()
    assert cut_after_ms < 1000 * (1 + world.slack_s)
    assert phone.timeline.cleared_at
    heard = " ".join(phone.timeline.words_heard)
    assert heard.endswith("Yes, we take cards.")
    assert "holidays" not in heard
    assert "Never" not in heard
    [first, second] = rows(await world.ended_call())
    assert STORY.startswith(first[1] or "-")
    assert second == ("Wait, do you take cards?", "Yes, we take cards.")
    history = [(line["direction"], line["content"]) for line in world.webhook.turns[1]["recentHistory"]]
    assert history[-2:] == [("outbound", first[1]), ("inbound", "Wait, do you take cards?")]


async def test_machine_talk_is_not_spoken_although_it_comes_in_pieces(world: World) -> None:
    pieces = ["Let me see. <function_call>look", "up(42)</function_call> One mo", "ment. <tool_"]
    pieces += ['call>{"name": "find"}</tool_call>', "```js", "on\n{}\n``", "` It ships on Monday."]
    lines: list[Json] = [{"text": piece, "interim": True} for piece in pieces[:-1]] + [{"text": pieces[-1]}]
    world.webhook.decide = lambda event: webhook.ndjson(*lines, gap_s=0.05)
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("Where is my order?")
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["Monday."])
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert phone.timeline.words_heard == words("Let me see. One moment. It ships on Monday.")
    [(_, response)] = rows(await world.ended_call())
    assert words(response or "") == phone.timeline.words_heard


async def test_the_hangup_action_ends_the_call_after_its_words(world: World) -> None:
    world.webhook.decide = lambda event: {"text": "Thank you for calling, goodbye!", "action": "hangup"}
    phone = await world.call(await world.answered_by_webhook())
    await phone.say("That is all, thank you.")
    assert await phone.wait_until_over() == "completed"
    assert phone.timeline.words_heard == words("Thank you for calling, goodbye!")
    assert (await world.ended_call())["endReason"] == "agent_hangup"


@pytest.mark.parametrize(("limit", "shown"), [(0, []), (2, ["outbound", "inbound"])])
async def test_a_turn_is_told_with_as_much_history_as_is_wanted(world: World, limit: int, shown: list[str]) -> None:
    agent = await world.answered_by_webhook(beginMessage="Hello, this is the desk.")
    await world.set_webhook(f"/v1/agents/{agent['id']}/webhook", contextLimit=limit)
    phone = await world.call(agent)
    await phone.wait_until_agent_silent()
    for question in ("Are you open?", "Until when?"):
        await phone.say(question)
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
    latest = world.webhook.turns[-1]
    assert latest["data"]["transcript"] == "Until when?"
    assert [line["direction"] for line in latest["recentHistory"]] == shown
