"""A subscription and a webhook are told of the same call, each in its own shape and with its own signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import pytest

from parley.domain.secrets import Secret
from tests.emulators import webhook as answers
from tests.emulators.http_server import Answer
from tests.emulators.webhook import WebhookEmulator
from tests.journeys.world import API_KEY, Json, World

OWN_SECRET = "your_webhook_secret"


@pytest.fixture
async def subscriber() -> AsyncIterator[WebhookEmulator]:
    """A second server of the customer's, which knows the secret its owner chose."""
    async with WebhookEmulator(lambda event: Answer(), secret=Secret(OWN_SECRET)) as emulator:
        yield emulator


async def subscribe(world: World, subscriber: WebhookEmulator, *events: str) -> Json:
    body = {"url": subscriber.url, "events": list(events), "secret": OWN_SECRET}
    headers = {"authorization": "", "x-api-key": API_KEY}
    answer = await world.api.post("/v1/voiceai/webhooks", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    created: Json = answer.json()
    assert OWN_SECRET not in answer.text
    return created


async def test_a_subscription_gets_flat_events_while_the_webhook_gets_its_own(
    world: World, subscriber: WebhookEmulator
) -> None:
    subscription = await subscribe(world, subscriber, "call_started", "call_ended", "agent_unavailable")
    agent = await world.answered_by_webhook()
    phone = await world.call(agent)
    await phone.say("Hello, can you hear me?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    [ended] = await subscriber.wait_for("call_ended")
    await world.told("call.ended")
    call = await world.ended_call()
    [started] = await subscriber.wait_for("call_started")
    assert {name: started[name] for name in ("call_id", "phone_number", "caller_id", "agent_id", "metadata")} == {
        "call_id": call["id"],
        "phone_number": agent["number"],
        "caller_id": phone.number,
        "agent_id": agent["id"],
        "metadata": {"call_direction": "inbound", "call_source": "phone_system"},
    }
    assert (ended["end_reason"], ended["duration_seconds"]) == ("caller_hangup", call["durationSeconds"])
    assert [event["event"] for event in subscriber.events] == ["call_started", "call_ended"]
    assert all(one.is_signed for one in subscriber.received)
    assert [event["event"] for event in world.webhook.events] == ["call.started", "agent.message", "call.ended"]
    assert all(one.is_signed and "x-threetone-signature" not in one.headers for one in world.webhook.received)

    listed = await world.delivered(5)
    assert sorted(each["target"] for each in listed) == ["agent", "agent", "agent", "subscription", "subscription"]
    assert {each["subscriptionId"] for each in listed} == {None, subscription["id"]}


async def test_a_subscribers_signature_covers_the_bytes_that_arrive(world: World, subscriber: WebhookEmulator) -> None:
    subscription = await subscribe(world, subscriber, "call_ended")

    result = await world.post(f"/v1/voiceai/webhooks/{subscription['id']}/test", {})

    assert (result["success"], result["status_code"]) == (True, 200)
    [received] = subscriber.received
    body = json.dumps(received.event, ensure_ascii=False, separators=(",", ":")).encode()
    expected = hmac.new(OWN_SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert received.headers["x-threetone-signature"] == f"sha256={expected}"
    assert not any(name.startswith("x-webhook-") for name in received.headers)


async def test_a_number_that_nobody_answers_is_told(world: World, subscriber: WebhookEmulator) -> None:
    await subscribe(world, subscriber, "agent_unavailable")
    number = await world.post("/v1/numbers", {"areaCode": "415"})
    phone = world.phone()
    await world.carrier.call_in(phone, number["phoneNumber"])

    [event] = await subscriber.wait_for("agent_unavailable")
    assert (event["phone_number"], event["caller_id"]) == (number["phoneNumber"], phone.number)


async def test_a_test_says_what_a_caller_would_hear(world: World) -> None:
    await world.set_webhook()
    lines: list[Json] = [{"text": "One moment.", "interim": True}, {"text": "Here I am.", "hangup": True}]
    world.webhook.decide = lambda event: answers.ndjson(*lines)

    spoken = await world.post("/v1/webhooks/test?channel=voice", {})
    written = await world.post("/v1/webhooks/test", {})

    assert (spoken["success"], spoken["spoken"], spoken["actions"]) == (True, "One moment. Here I am.", ["hangup"])
    assert (written["success"], written["statusCode"], written["error"]) == (True, 200, None)
    turn, text = world.webhook.events
    assert turn["data"]["transcript"] == turn["recentHistory"][-1]["content"]
    assert (text["channel"], text["event"], text["recentHistory"][-1]["direction"]) == (
        "sms",
        "webhook.test",
        "inbound",
    )
    assert all(one.is_signed for one in world.webhook.received)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answers.HTML, "not_json"),
        (answers.EMPTY, "empty"),
        (answers.DEAD, "broke_off"),
        (Answer(status=500), "http_status"),
    ],
    ids=["html", "empty", "dead", "500"],
)
async def test_a_test_says_why_a_caller_would_hear_nothing(world: World, answer: Answer, error: str) -> None:
    await world.set_webhook()
    world.webhook.decide = lambda event: answer

    result = await world.post("/v1/webhooks/test?channel=voice", {})

    assert (result["success"], result["spoken"], result["error"]) == (False, None, error)
    assert result["explanation"]
    [listed] = (await world.get("/v1/webhooks/deliveries"))["items"]
    assert (listed["id"], listed["status"], listed["errorMessage"]) == (result["deliveryId"], "failed", error)
