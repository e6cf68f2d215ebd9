"""Text messages, from the phone to the customer's webhook and back, over everybody's real protocol."""

from __future__ import annotations

from typing import Any

import pytest

from parley.simulation.phone import SimulatedPhone
from tests.journeys.world import Json, World


async def text_in(world: World, agent: Json, phone: SimulatedPhone, *bodies: str) -> None:
    for body in bodies:
        await phone.text(agent["number"], body)


def names(world: World) -> list[str]:
    return [event["event"] for event in world.webhook.events]


async def conversation(world: World) -> Json:
    """The one conversation there is."""
    listed = await world.get("/v1/conversations")
    assert listed["total"] == 1
    only: Json = listed["data"][0]
    return only


@pytest.mark.parametrize("mode", [{}, {"voiceMode": "hosted", "systemPrompt": "Be kind."}], ids=["webhook", "hosted"])
async def test_a_text_reaches_the_webhook_whatever_the_voice_mode(world: World, mode: Json) -> None:
    agent = await world.answered_by_webhook(**mode)
    phone = world.phone()

    await text_in(world, agent, phone, "Hello!", "Are you open today?")

    asked = await world.told("agent.message", 2)
    await world.told("message.received", 2)
    assert all(one.is_signed for one in world.webhook.received)
    assert all(event["channel"] == "sms" and event["agentId"] == agent["id"] for event in world.webhook.events)
    assert names(world) == ["message.received", "agent.message"] * 2
    second = asked[1]
    assert (second["data"]["message"], second["data"]["body"]) == ("Are you open today?",) * 2
    assert (second["data"]["from"], second["data"]["to"]) == (phone.number, agent["number"])
    history = [(line["direction"], line["content"]) for line in second["recentHistory"]]
    assert history == [("inbound", "Hello!"), ("inbound", "Are you open today?")]
    assert world.carrier.centre.problems == []
    assert world.openai.requests == []


async def test_a_conversation_goes_both_ways_and_every_delivery_is_told(world: World) -> None:
    agent = await world.answered_by_webhook()
    phone = world.phone()
    await text_in(world, agent, phone, "Are you open today?")
    sent = await world.post(
        "/v1/messages", {"agent_id": agent["id"], "to_number": phone.number, "body": "Until six. See you then!"}
    )

    [text] = await phone.inbox.wait_for(1)
    [event] = await world.told("message.sent")
    assert (text.body, text.from_number) == ("Until six. See you then!", agent["number"])
    assert sent["fromNumber"] == sent["from_number"] == sent["from"] == agent["number"]
    assert sent["conversationId"] == sent["conversation_id"]
    assert (sent["status"], sent["channel"], sent["direction"]) == ("queued", "sms", "outbound")
    assert (event["data"]["id"], event["data"]["status"], event["channel"]) == (sent["id"], "delivered", "sms")
    history = [(line["direction"], line["content"]) for line in event["recentHistory"]]
    assert history == [("inbound", "Are you open today?"), ("outbound", "Until six. See you then!")]
    await text_in(world, agent, phone, "Thanks")
    latest = (await world.told("agent.message", 2))[-1]
    assert [line["content"] for line in latest["recentHistory"]] == [
        "Are you open today?",
        "Until six. See you then!",
        "Thanks",
    ]
    assert (await world.get(f"/v1/messages/{sent['id']}"))["status"] == "delivered"


async def test_what_was_said_can_be_read_in_every_way(world: World) -> None:
    agent = await world.answered_by_webhook()
    phone = world.phone()
    await text_in(world, agent, phone, "one", "two", "three")

    listed = await conversation(world)
    assert (listed["phoneNumber"], listed["participant"]) == (agent["number"], phone.number)
    assert (listed["messageCount"], listed["lastMessagePreview"]) == (3, "three")
    path = f"/v1/conversations/{listed['id']}"
    for query in ("messageLimit=2", "message_limit=2"):
        assert [row["body"] for row in (await world.get(f"{path}?{query}"))["messages"]] == ["two", "three"]
    page = await world.get(f"{path}/messages?limit=2&offset=1")
    assert ([row["body"] for row in page["data"]], page["total"], page["hasMore"]) == (["two", "one"], 3, False)
    [number] = (await world.get("/v1/numbers"))["data"]
    rows = await world.get(f"/v1/numbers/{number['id']}/messages?limit=1")
    assert (rows["total"], rows["hasMore"]) == (3, True)
    row = rows["data"][0]
    assert {"id", "from", "to", "body", "direction", "status", "receivedAt"} <= row.keys()
    assert (row["from"], row["to"], row["direction"], row["status"]) == (
        phone.number,
        agent["number"],
        "inbound",
        "received",
    )
    of_agent = await world.get(f"/v1/agents/{agent['id']}/conversations")
    assert [each["id"] for each in of_agent["data"]] == [listed["id"]]


async def test_notes_about_a_conversation_come_back_with_every_event(world: World) -> None:
    agent = await world.answered_by_webhook()
    phone = world.phone()
    await text_in(world, agent, phone, "Hello!")
    path = f"/v1/conversations/{(await conversation(world))['id']}"
    kept = {"lead_id": 7, "someKey": {"deeper_key": True}}
    changed = (await world.api.patch(path, json={"metadata": kept})).json()
    await text_in(world, agent, phone, "Hello again!")
    asked = await world.told("agent.message", 2)
    assert changed["metadata"] == (await world.get(path))["metadata"] == kept
    assert [event["conversationState"] for event in asked] == [None, kept]


async def test_stop_is_heard_by_everybody(world: World) -> None:
    agent = await world.answered_by_webhook()
    phone = world.phone()
    wanted: dict[str, Any] = {"agentId": agent["id"], "toNumber": phone.number, "body": "News!"}

    await text_in(world, agent, phone, "STOP")
    refused = await world.api.post("/v1/messages", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "START" in refused.json()["detail"]
    assert phone.number not in refused.text
    await text_in(world, agent, phone, "START")
    await world.post("/v1/messages", wanted)

    await world.told("message.sent")
    told = [(event["event"], event["data"]["optOut"]) for event in world.webhook.events]
    assert told == [("message.received", "stop"), ("message.received", "start"), ("message.sent", None)]
    assert phone.inbox.bodies[-1] == "News!"


async def test_a_stop_that_only_the_carrier_knows_of_is_learned(world: World) -> None:
    agent = await world.answered_by_webhook()
    phone = world.phone()
    world.carrier.rest.refuse(400, 21610, "Attempt to send to unsubscribed recipient")
    wanted = {"agentId": agent["id"], "toNumber": phone.number, "body": "News!"}
    for _ in range(2):
        refused = await world.api.post("/v1/messages", json=wanted)
        assert (refused.status_code, "START" in refused.json()["detail"]) == (403, True)
        world.carrier.rest.behave()
    assert (await conversation(world))["optedOutAt"] is not None
    [event] = await world.told("message.failed")
    assert "unsubscribed" in event["data"]["errorMessage"]


async def test_a_carrier_that_refuses_a_text_says_so_in_its_own_words(world: World) -> None:
    agent = await world.answered_by_webhook()
    world.carrier.rest.refuse(400, 21408, "Permission to send an SMS has not been enabled for the region.")
    wanted = {"agentId": agent["id"], "toNumber": "+15550109999", "body": "News!"}
    refused = await world.api.post("/v1/messages", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (502, "carrier_refused")
    assert "Permission to send an SMS has not been enabled" in refused.json()["detail"]
    [row] = (await world.get(f"/v1/conversations/{(await conversation(world))['id']}"))["messages"]
    assert (row["status"], row["body"]) == ("failed", "News!")


@pytest.mark.parametrize("mode", ["twice", "reversed"])
async def test_reports_twice_and_in_disorder_are_told_once(world: World, mode: str) -> None:
    world.carrier.callbacks.mode = mode  # type: ignore[assignment]
    agent = await world.answered_by_webhook()
    phone = world.phone()
    sent = await world.post("/v1/messages", {"agentId": agent["id"], "toNumber": phone.number, "body": "News!"})
    lost = await world.post("/v1/messages", {"agentId": agent["id"], "toNumber": "+15550109999", "body": "News!"})
    await world.told("message.sent")
    await world.told("message.failed")
    text = await phone.text(agent["number"], "Hello!")
    await world.carrier.centre.tell_again(text)
    await world.told("agent.message")
    assert sorted(names(world)) == ["agent.message", "message.failed", "message.received", "message.sent"]
    assert (await world.get(f"/v1/messages/{sent['id']}"))["status"] == "delivered"
    failed = await world.get(f"/v1/messages/{lost['id']}")
    assert failed["status"] == "undelivered"
    assert "30003" in failed["errorMessage"]


async def test_a_text_with_media_goes_and_comes(world: World) -> None:
    agent = await world.answered_by_webhook()
    phone = world.phone()
    media = ["https://media.example/map.png", "https://media.example/menu.pdf"]
    sent = await world.post(
        "/v1/messages", {"agentId": agent["id"], "recipients": [phone.number], "body": "", "mediaUrls": media}
    )
    [text] = await phone.inbox.wait_for(1)
    assert list(text.media_urls) == sent["mediaUrls"] == sent["media_urls"] == media
    await phone.text(agent["number"], "", media[:1])
    [event] = await world.told("agent.message")
    assert (event["data"]["mediaUrl"], event["data"]["mediaUrls"]) == (media[0], media[:1])


async def test_a_text_is_in_no_log_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    agent = await world.answered_by_webhook()
    phone = world.phone()
    await text_in(world, agent, phone, "a very private matter")
    await world.post("/v1/messages", {"agentId": agent["id"], "toNumber": phone.number, "body": "an intimate answer"})
    await world.told("message.sent")
    printed = "".join(capsys.readouterr())
    assert "message_received" in printed
    for secret in ("private", "intimate", phone.number, agent["number"]):
        assert secret not in printed
