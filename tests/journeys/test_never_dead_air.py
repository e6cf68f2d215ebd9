"""What fills a wait, and keys, over a whole call: webhook, phone, transcript, journal and logs."""

from __future__ import annotations

import json

import pytest

from parley.conversation.journals.replay import replay
from tests.emulators import webhook
from tests.journeys.world import World, rows, words


async def test_a_late_webhook_is_waited_for_with_a_filler_and_its_failure_is_silence(world: World) -> None:
    answers = iter([webhook.plain({"text": "It is on its way."}, delay_s=2.2), webhook.DEAD])
    world.webhook.decide = lambda event: next(answers)
    agent = await world.answered_by_webhook(fillers=["Let me look.", "Just a second."])
    phone = await world.call(agent)
    await phone.say("Where is my parcel?")
    asked_at = phone.timeline.said[-1].ended_at
    spoke_at = await phone.wait_until_agent_speaks()
    assert asked_at is not None
    assert spoke_at - asked_at < 3.0 + world.slack_s
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["way."])
    await phone.wait_until_agent_silent()
    await phone.say("When will it be here?")
    await world.delivered(3)  # the event that the call began is one, too
    await phone.pause(0.5)
    await phone.hang_up()
    assert phone.timeline.words_heard == words("Let me look. It is on its way.")
    assert rows(await world.ended_call()) == [
        ("Where is my parcel?", "Let me look. It is on its way."),
        ("When will it be here?", None),
    ]


async def test_keys_reach_the_webhook_and_hidden_ones_are_nowhere_else(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "90314772"
    world.webhook.decide = lambda event: webhook.plain({"text": "Thank you."})
    agent = await world.answered_by_webhook(dtmf={"hidden": True, "count": len(secret)}, isRecorded=True)
    phone = await world.call(agent)
    await phone.press(secret)
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["you."])
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    call = await world.ended_call()
    (turn,) = world.webhook.turns
    assert turn["data"]["digits"] == secret
    assert turn["data"]["transcript"] == "[pressed 8 hidden keys]"
    assert rows(call) == [("[pressed 8 hidden keys]", "Thank you.")]
    ended = await world.told("call.ended")
    journal = world.journal(call["id"])
    assert replay(journal).difference is None
    shown = [json.dumps([call, ended, turn["recentHistory"], await world.get("/v1/webhooks/deliveries")])]
    shown += ["".join(capsys.readouterr()), b"".join(journal).decode()]
    pressed = "".join(step["fact"]["digit"] for step in map(json.loads, journal[1:]) if _is_key(step))
    assert pressed == "x" * len(secret)
    assert not any(secret in text for text in shown)


def _is_key(step: dict[str, dict[str, str] | None]) -> bool:
    return (step["fact"] or {}).get("type") == "KeyPressed"
