"""A test event tells the owner of a webhook how their server did, at once."""

from __future__ import annotations

import json

import pytest

from parley.domain.errors import NotFound, ProviderError
from parley.domain.webhooks import SendResult, verify
from parley.providers.protocols import DigitsPart, HangupPart, TextPart
from parley.schemas.deliveries import DeliveryList
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.storage import webhooks
from tests.services.world import World

HOOK = WebhookPut(url="https://project.example/hook", context_limit=3)


async def test_a_test_is_sent_signed_and_recorded(world: World, mine: str) -> None:
    opened = await world.webhooks.put(mine, None, HOOK)

    result = await world.webhook_tests.webhook(mine, None, "sms")

    [(url, headers, body)] = world.sender.sent
    event = json.loads(body)
    assert url == HOOK.url
    assert verify(opened.secret, headers, body, now_s=world.clock.now.timestamp()) == result.delivery_id
    assert (event["event"], event["channel"], event["data"]["direction"]) == ("webhook.test", "sms", "inbound")
    assert [line["direction"] for line in event["recentHistory"]] == ["inbound"]
    assert (result.success, result.status_code, result.error, result.target) == (True, 204, None, "project")
    row = await world.deliveries.get(mine, result.delivery_id)
    assert (row.status, row.event_type, row.webhook_id, row.attempt_count) == (
        "success",
        "webhook.test",
        opened.row.id,
        1,
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (SendResult(status=500, excerpt="oh no"), "http_status"),
        (SendResult(status=410), "http_status"),
        (SendResult(status=None, error="connect_failed"), "connect_failed"),
        (SendResult(status=None, error="target_blocked"), "target_blocked"),
    ],
)
async def test_a_failure_is_told_and_not_tried_again(world: World, mine: str, answer: SendResult, error: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    world.sender.answer = lambda url: answer

    result = await world.webhook_tests.webhook(mine, None, "sms")

    assert (result.success, result.status_code, result.error) == (False, answer.status, error)
    row = await world.deliveries.get(mine, result.delivery_id)
    assert (row.status, row.response_body) == ("failed", answer.excerpt or None)
    world.clock.advance(100_000)
    assert await world.worker.send_due() == 0
    assert await world.webhooks.target_for(mine, None) is not None


async def test_a_voice_test_tells_what_a_caller_would_hear(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    world.answers.parts = [TextPart("One moment. <function_call>{}</function_call>"), DigitsPart("1#"), HangupPart()]

    result = await world.webhook_tests.webhook(mine, None, "voice")

    assert (result.success, result.spoken, result.actions) == (True, "One moment.", ("press 1#", "hangup"))
    assert (result.explanation, result.status_code, result.response_ms) == (None, 200, 7)
    [turn] = world.answers.asked
    assert turn.plan.webhook is not None
    assert (turn.plan.webhook.url, turn.history[-1].text) == (HOOK.url, turn.transcript)
    row = await world.deliveries.get(mine, result.delivery_id)
    assert (row.event_type, row.channel, row.status, row.body) == ("agent.message", "voice", "success", None)


async def test_a_voice_test_tells_why_a_caller_would_hear_nothing(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    world.answers.parts = []
    world.answers.failure = ProviderError("webhook", "The answer was no object.", retryable=False, reason="not_json")

    failed = await world.webhook_tests.webhook(mine, None, "voice")
    assert (failed.success, failed.spoken, failed.error, failed.explanation) == (
        False,
        None,
        "not_json",
        "The answer was no object.",
    )

    world.answers.failure, world.answers.parts = None, [TextPart("<tool_call>look up</tool_call>")]
    silent = await world.webhook_tests.webhook(mine, None, "voice")
    assert (silent.success, silent.spoken, silent.error) == (False, None, "silent")
    assert "silence" in (silent.explanation or "")
    rows, _ = await world.deliveries.list(mine, DeliveryList())
    assert [row.status for row in rows] == ["failed", "failed"]


async def test_an_agents_test_goes_to_its_own_webhook_or_where_its_events_go(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    with pytest.raises(NotFound):
        await world.webhook_tests.webhook(mine, None, "sms")
    await world.webhooks.put(mine, None, HOOK)

    with pytest.raises(NotFound):
        await world.webhook_tests.webhook(mine, agent.id, "sms", only_own=True)
    assert (await world.webhook_tests.webhook(mine, agent.id, "sms")).target == "project"
    await world.webhooks.put(mine, agent.id, WebhookPut(url="https://agent.example"))
    assert (await world.webhook_tests.webhook(mine, agent.id, "sms")).url == "https://agent.example"
    assert (await world.webhook_tests.webhook(mine, agent.id, "sms", only_own=True)).target == "agent"
    assert (await world.webhook_tests.webhook(mine, None, "sms")).target == "project"


async def test_a_disabled_webhook_is_tested_and_stays_disabled(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    async with world.database.transaction() as session:
        row = await webhooks.get(session, mine, None)
        assert row is not None
        row.status = "disabled"

    assert (await world.webhook_tests.webhook(mine, None, "sms")).success
    assert await world.webhooks.target_for(mine, None) is None


async def test_foreign_ids_are_not_found(world: World, mine: str, theirs: str) -> None:
    agent = await world.agent(theirs)
    await world.webhooks.put(mine, None, HOOK)
    wanted = SubscriptionCreate(url="https://s.example", events=["*"])
    subscription, _ = await world.subscriptions.create(theirs, wanted)

    with pytest.raises(NotFound):
        await world.webhook_tests.webhook(mine, agent.id, "sms")
    with pytest.raises(NotFound):
        await world.webhook_tests.subscription(mine, subscription.id)


async def test_a_subscription_is_tested_flat_and_signed_its_way(world: World, mine: str) -> None:
    wanted = SubscriptionCreate(url="https://s.example", events=["call_ended"], secret="a secret of mine", active=False)
    subscription, _ = await world.subscriptions.create(mine, wanted)

    result = await world.webhook_tests.subscription(mine, subscription.id)

    [(_, headers, body)] = world.sender.sent
    assert json.loads(body)["event"] == "webhook_test"
    assert headers["X-Body-Signature"].startswith("sha256=")
    row = await world.deliveries.get(mine, result.delivery_id)
    assert (row.target, row.subscription_id, row.status) == ("subscription", subscription.id, "success")
