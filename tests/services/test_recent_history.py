"""No event shows more of a conversation than its webhook asked for, whatever kind of event it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parley.schemas.webhooks import WebhookPut
from tests.services.test_call_log import said
from tests.services.world import World, ringing, text

URL = "https://hook.example"


async def told(world: World) -> list[dict[str, Any]]:
    while await world.worker.send_due():
        pass
    return [json.loads(body) for _, _, body in world.sender.sent]


@pytest.mark.parametrize(("limit", "shown"), [(0, []), (2, ["How late?", "Until six."]), (50, None)])
async def test_the_end_of_a_call_shows_as_many_lines_as_are_wanted(
    world: World, mine: str, limit: int, shown: list[str] | None
) -> None:
    every = ["Hello!", "Are you open?", "Yes.", "How late?", "Until six."]
    number = await world.number(mine, (await world.agent(mine)).id)
    await world.webhooks.put(mine, None, WebhookPut(url=URL, context_limit=limit))
    plan, _ = await world.calls.ring_inbound(number.id, ringing())
    await world.log.connected(plan.call_id)
    for row, (caller, agent) in enumerate([("", "Hello!"), ("Are you open?", "Yes."), ("How late?", "Until six.")]):
        await world.log.note_turn(plan.call_id, said(row, caller, agent))
    await world.log.finished(plan.call_id, "caller_hangup")

    started, ended = await told(world)

    assert started["recentHistory"] == []
    assert [line["content"] for line in ended["recentHistory"]] == (every if shown is None else shown)
    assert [line["content"] for line in ended["data"]["transcript"]] == every


@pytest.mark.parametrize(("limit", "shown"), [(0, []), (2, ["two", "three"]), (50, ["one", "two", "three"])])
async def test_a_text_shows_as_many_messages_as_are_wanted(
    world: World, mine: str, limit: int, shown: list[str]
) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    await world.webhooks.put(mine, None, WebhookPut(url=URL, context_limit=limit))
    for place, body in enumerate(("one", "two", "three")):
        await world.messages.receive(number.id, text(body, f"SM-{place}"))

    newest = (await told(world))[-2:]

    assert [event["event"] for event in newest] == ["message.received", "agent.message"]
    for event in newest:
        assert [line["content"] for line in event["recentHistory"]] == shown


@pytest.mark.parametrize("limit", [0, 2, 50])
async def test_a_voice_turn_is_asked_with_the_limit_of_its_webhook(world: World, mine: str, limit: int) -> None:
    agent = await world.agent(mine, voice_mode="webhook")
    number = await world.number(mine, agent.id)
    await world.webhooks.put(mine, agent.id, WebhookPut(url=URL, context_limit=limit))
    plan, _ = await world.calls.ring_inbound(number.id, ringing())
    assert plan.webhook is not None
    assert plan.webhook.context_limit == limit
