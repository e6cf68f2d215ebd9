"""Text messages: sent, received, followed; whatever comes twice, out of order or at the same moment."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from parley.domain.errors import BadInput, CarrierRefused, Conflict, Forbidden, NotFound, ProviderUnavailable
from parley.providers.protocols import OPTED_OUT, MessageReport
from parley.schemas.messages import ConversationList, ConversationUpdate, MessageList, MessageSend
from parley.schemas.webhooks import WebhookPut
from parley.storage.tables import DeliveryRow, MessageRow, NumberRow
from tests.services.world import CARRIER, OPERATOR, World, text

THEM = "+14155559999"


async def number_of(world: World, project_id: str, **agent: Any) -> NumberRow:
    """A number that an agent answers, in a project with a webhook."""
    await world.webhooks.put(project_id, None, WebhookPut(url="https://a.example"))
    return await world.number(project_id, (await world.agent(project_id, **agent)).id)


async def events(world: World, project_id: str) -> list[tuple[str, dict[str, Any]]]:
    """What was recorded for the webhook, in the order it will leave."""
    statement = select(DeliveryRow).where(DeliveryRow.project_id == project_id).order_by(DeliveryRow.seq)
    async with world.database.read() as session:
        return [(row.event_type, json.loads(row.body or "{}")) for row in await session.scalars(statement)]


async def send(world: World, project_id: str, number: NumberRow, **fields: Any) -> MessageRow:
    wanted = {"body": "Your table is ready.", "agent_id": number.agent_id, "to_number": "4155559999"} | fields
    return await world.messages.send(project_id, MessageSend(**wanted))


async def report(world: World, message: MessageRow, *statuses: Any, **more: Any) -> None:
    for status in statuses:
        told = MessageReport(message.carrier_message_id or "", status, **more)
        await world.messages.report(message.id, told)


@pytest.mark.parametrize("voice_mode", ["hosted", "webhook"])
async def test_a_text_is_told_twice_over_whatever_the_voice_mode(world: World, mine: str, voice_mode: str) -> None:
    number = await number_of(world, mine, voice_mode=voice_mode)

    message = await world.messages.receive(number.id, text("Are you open?"))

    (received, first), (asked, second) = await events(world, mine)
    assert (received, asked) == ("message.received", "agent.message")
    assert first["data"] == second["data"]
    assert (second["channel"], second["agentId"]) == ("sms", number.agent_id)
    assert (second["data"]["message"], second["data"]["messageId"]) == ("Are you open?", message.id)
    assert (second["data"]["from"], second["data"]["to"]) == (THEM, number.phone_number)
    assert [line["content"] for line in second["recentHistory"]] == ["Are you open?"]
    assert second["conversationState"] is None


async def test_the_same_message_told_again_changes_nothing(world: World, mine: str) -> None:
    number = await number_of(world, mine)

    rows = await asyncio.gather(*(world.messages.receive(number.id, text("Hello?")) for _ in range(6)))

    assert len({row.id for row in rows}) == 1
    assert len(await events(world, mine)) == 2
    [conversation], _ = await world.conversations.list(mine, ConversationList())
    assert conversation.message_count == 1


async def test_messages_at_the_same_moment_are_one_conversation_in_one_order(world: World, mine: str) -> None:
    number = await number_of(world, mine)

    came = [world.messages.receive(number.id, text(f"line {i}", f"SM-{i}")) for i in range(8)]
    await asyncio.gather(*came, *(send(world, mine, number, body=f"answer {i}") for i in range(4)))

    [conversation], total = await world.conversations.list(mine, ConversationList())
    thread = await world.conversations.get(mine, conversation.id, 100)
    moments = [row.created_at for row in thread.messages]
    assert (total, conversation.message_count, len(thread.messages)) == (1, 12, 12)
    assert moments == sorted(set(moments))
    assert conversation.last_message_at == moments[-1]
    assert conversation.last_message_preview == thread.messages[-1].body
    for name, event in await events(world, mine):
        if name == "agent.message":
            said = [row.body for row in thread.messages]
            until_then = said[: said.index(event["data"]["message"]) + 1]
            assert [line["content"] for line in event["recentHistory"]] == until_then[-10:]


async def test_history_goes_both_ways_up_to_the_limit_and_leaves_out_what_never_arrived(
    world: World, mine: str
) -> None:
    number = await number_of(world, mine)
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example", context_limit=3))
    await world.messages.receive(number.id, text("one", "SM-1"))
    await send(world, mine, number, body="two")
    await report(world, await send(world, mine, number, body="lost"), "undelivered")
    await world.messages.receive(number.id, text("three", "SM-3"))
    await world.messages.receive(number.id, text("four", "SM-4"))

    _, latest = (await events(world, mine))[-1]
    shown = [(line["content"], line["direction"]) for line in latest["recentHistory"]]
    assert shown == [("two", "outbound"), ("three", "inbound"), ("four", "inbound")]

    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example", context_limit=0))
    await world.messages.receive(number.id, text("five", "SM-5"))
    assert (await events(world, mine))[-1][1]["recentHistory"] == []


async def test_what_the_customer_keeps_about_a_conversation_comes_back(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    first = await world.messages.receive(number.id, text("one", "SM-1"))
    kept = {"lead": {"id": 7}, "some_key": True}

    await world.conversations.update(mine, first.conversation_id, ConversationUpdate(metadata=kept))
    await world.messages.receive(number.id, text("two", "SM-2"))

    assert (await events(world, mine))[-1][1]["conversationState"] == kept
    cleared = await world.conversations.update(mine, first.conversation_id, ConversationUpdate(metadata=None))
    assert cleared.conversation_metadata is None


async def test_stop_is_for_the_carrier_and_start_allows_texts_again(world: World, mine: str) -> None:
    number = await number_of(world, mine)

    stopped = await world.messages.receive(number.id, text(" Stop ", "SM-1"))
    with pytest.raises(Forbidden, match="START"):
        await send(world, mine, number)
    await world.messages.receive(number.id, text("HELP", "SM-2"))
    await world.messages.receive(number.id, text("yes", "SM-3"))
    await send(world, mine, number)
    await world.messages.receive(number.id, text("yes", "SM-4"))

    told = [(name, event["data"]["optOut"]) for name, event in await events(world, mine)]
    assert told == [
        ("message.received", "stop"),
        ("message.received", "help"),
        ("message.received", "start"),
        ("message.received", None),
        ("agent.message", None),
    ]
    assert [what for what, *_ in world.carrier.asked if what == "send"] == ["send"]
    thread = await world.conversations.get(mine, stopped.conversation_id, 100)
    assert thread.conversation.opted_out_at is None
    assert [row.body for row in thread.messages] == [" Stop ", "HELP", "yes", "Your table is ready.", "yes"]


async def test_the_carriers_own_word_for_an_opt_out_counts(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    row = await world.messages.receive(number.id, text("Basta", opt_out="stop"))
    [(name, event)] = await events(world, mine)
    assert (name, event["data"]["optOut"]) == ("message.received", "stop")
    assert (await world.conversations.get(mine, row.conversation_id, 1)).conversation.opted_out_at is not None


async def test_a_message_is_handed_over_with_its_own_status_url(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    media = ["https://media.example/a.png", "https://media.example/b.png"]

    message = await send(world, mine, number, media_url=media[0], media_urls=media)

    url = f"https://parley.example/carriers/{CARRIER}/messages/{message.id}/status"
    asked = ("send", OPERATOR, number.phone_number, THEM, "Your table is ready.", tuple(media), url)
    assert world.carrier.asked[-1] == asked
    assert (message.status, message.direction, message.carrier_message_id) == ("queued", "outbound", "SM0003")
    assert (await world.messages.get(mine, message.id)).carrier_message_id == "SM0003"
    assert await events(world, mine) == []


async def test_message_sent_is_told_once_when_it_was_delivered(world: World, mine: str) -> None:
    message = await send(world, mine, await number_of(world, mine))
    world.clock.advance(3)

    await report(world, message, "sending", "sent", "delivered", "delivered", "sent", "failed", "queued")

    [(name, event)] = await events(world, mine)
    assert (name, event["channel"], event["data"]["status"]) == ("message.sent", "sms", "delivered")
    assert event["data"]["direction"] == "outbound"
    assert [line["content"] for line in event["recentHistory"]] == ["Your table is ready."]
    row = await world.messages.get(mine, message.id)
    assert (row.status, row.delivered_at, row.error_message) == ("delivered", world.clock.now, None)


async def test_a_message_that_was_not_delivered_says_why(world: World, mine: str) -> None:
    message = await send(world, mine, await number_of(world, mine))
    await report(world, message, "undelivered", "delivered", error="Error 30003.")
    [(name, event)] = await events(world, mine)
    assert (name, event["data"]["status"], event["data"]["errorMessage"]) == (
        "message.failed",
        "undelivered",
        "Error 30003.",
    )


async def test_a_report_may_overtake_the_answer_to_the_sending(world: World, mine: str) -> None:
    number = await number_of(world, mine)

    async def deliver(named: str) -> None:
        message_id = world.carrier.asked[-1][-1].split("/")[-2]
        await world.messages.report(message_id, MessageReport(named, "delivered"))

    world.carrier.while_sending = deliver
    message = await send(world, mine, number)

    assert message.status == "delivered"
    assert [name for name, _ in await events(world, mine)] == ["message.sent"]


async def test_another_messages_report_is_not_about_this_one(world: World, mine: str) -> None:
    message = await send(world, mine, await number_of(world, mine))
    with pytest.raises(NotFound):
        await world.messages.report(message.id, MessageReport("SM-another", "delivered"))
    with pytest.raises(NotFound):
        await world.messages.report("msg_nobody", MessageReport("SM1", "delivered"))
    inbound = await world.messages.receive(message.number_id, text("Hello?"))
    with pytest.raises(NotFound):
        await world.messages.report(inbound.id, MessageReport("SM-in-1", "delivered"))
    assert (await world.messages.get(mine, message.id)).status == "queued"


async def test_a_refused_message_stays_on_record_with_the_carriers_words(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    world.carrier.refusal = CarrierRefused(CARRIER, "The carrier says no.", retryable=False)

    with pytest.raises(CarrierRefused):
        await send(world, mine, number)

    [row], _ = await world.messages.list_for_number(mine, number.id, MessageList())
    assert (row.status, row.error_message) == ("failed", "The carrier says no.")
    assert [name for name, _ in await events(world, mine)] == ["message.failed"]


async def test_a_carrier_that_knows_of_an_opt_out_is_believed(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    world.carrier.refusal = CarrierRefused(CARRIER, "Stopped.", retryable=False, reason=OPTED_OUT)
    with pytest.raises(Forbidden, match="START"):
        await send(world, mine, number)
    world.carrier.refusal = None
    with pytest.raises(Forbidden, match="START"):
        await send(world, mine, number)

    other = await send(world, mine, number, to_number="4155558888")
    await report(world, other, "undelivered", is_opted_out=True)
    with pytest.raises(Forbidden, match="START"):
        await send(world, mine, number, to_number="4155558888")


async def test_a_lost_answer_is_not_taken_for_a_failure(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    world.carrier.refusal = ProviderUnavailable(CARRIER, "No answer in time.", retryable=False)
    with pytest.raises(ProviderUnavailable):
        await send(world, mine, number)

    [row], _ = await world.messages.list_for_number(mine, number.id, MessageList())
    assert row.status == "queued"
    assert "not known" in (row.error_message or "")
    await world.messages.report(row.id, MessageReport("SM9", "delivered"))
    row = await world.messages.get(mine, row.id)
    assert (row.status, row.error_message) == ("delivered", None)


async def test_a_carrier_out_of_reach_is_a_failure(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    world.carrier.refusal = ProviderUnavailable(CARRIER, "Nobody there.", retryable=True)
    with pytest.raises(ProviderUnavailable):
        await send(world, mine, number)
    [row], _ = await world.messages.list_for_number(mine, number.id, MessageList())
    assert row.status == "failed"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"body": ""}, "body"),
        ({"body": None}, "body"),
        ({"body": " "}, "body"),
        ({"to_number": None}, "toNumber"),
        ({"to_number": None, "recipients": []}, "toNumber"),
        ({"recipients": ["4155550123"]}, "recipients"),
        ({"to_number": "+1911"}, "toNumber"),
        ({"to_number": "+19005550123"}, "toNumber"),
        ({"agent_id": None}, "agentId"),
        ({"from_number": "+14155550177"}, "fromNumber"),
        ({"media_url": "https://a.example/0", "media_urls": [f"https://a.example/{i}" for i in range(1, 11)]}, "media"),
    ],
)
async def test_a_message_that_cannot_be_meant_is_refused_and_leaves_nothing(
    world: World, mine: str, fields: dict[str, Any], field: str
) -> None:
    number = await number_of(world, mine)
    with pytest.raises(BadInput, match=field):
        await send(world, mine, number, **fields)
    assert await world.conversations.list(mine, ConversationList()) == ([], 0)
    assert [what for what, *_ in world.carrier.asked] == ["search", "buy"]


async def test_the_sender_may_be_named_in_three_ways(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    second = await world.number(mine)
    one_person = {"to_number": None, "recipients": ["(415) 555-9999"]}

    assert (await send(world, mine, number, **one_person)).from_number == number.phone_number
    by_id = await send(world, mine, number, agent_id=None, number_id=second.id)
    assert (by_id.from_number, by_id.agent_id) == (second.phone_number, None)
    by_phone = await send(world, mine, number, from_number=second.phone_number)
    assert (by_phone.from_number, by_phone.agent_id) == (second.phone_number, number.agent_id)
    with pytest.raises(BadInput, match="different"):
        await send(world, mine, number, number_id=number.id, from_number=second.phone_number)
    _, conversations = await world.conversations.list(mine, ConversationList(), agent_id=number.agent_id)
    assert conversations == 2


async def test_an_agent_without_a_number_and_a_released_number_send_nothing(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    lonely = await world.agent(mine)
    with pytest.raises(BadInput, match="no phone number"):
        await send(world, mine, number, agent_id=lonely.id)
    await world.messages.receive(number.id, text("one"))
    await world.numbers.release(mine, number.id)
    with pytest.raises(BadInput, match="released"):
        await send(world, mine, number, number_id=number.id)
    with pytest.raises(NotFound):
        await world.messages.receive(number.id, text("two", "SM-2"))
    assert (await world.messages.list_for_number(mine, number.id, MessageList()))[1] == 1


async def test_another_projects_number_sends_nothing(world: World, mine: str, theirs: str) -> None:
    number = await number_of(world, theirs)
    own = await world.agent(mine)
    with pytest.raises(Conflict):
        await send(world, mine, number, agent_id=own.id, from_number=number.phone_number)
    for foreign in ({"number_id": number.id, "agent_id": own.id}, {"agent_id": number.agent_id}):
        with pytest.raises(NotFound):
            await send(world, mine, number, **foreign)


async def test_an_agent_may_be_deleted_while_texts_come_and_go(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    assert number.agent_id is not None
    sent = [await send(world, mine, number, body=f"news {i}") for i in range(3)]

    came = [world.messages.receive(number.id, text(f"line {i}", f"SM-{i}")) for i in range(4)]
    told = [report(world, each, "delivered") for each in sent]
    await asyncio.gather(*came[:2], *told, world.agents.delete(mine, number.agent_id), *came[2:])

    [conversation], _ = await world.conversations.list(mine, ConversationList())
    assert (conversation.agent_id, conversation.message_count) == (None, 7)
    for message in sent:
        assert (await world.messages.get(mine, message.id)).status == "delivered"


async def test_a_text_from_a_short_code_is_kept_as_it_came(world: World, mine: str) -> None:
    number = await number_of(world, mine)
    await world.messages.receive(number.id, text("Your code is 1234", from_number="32665"))
    [conversation], _ = await world.conversations.list(mine, ConversationList())
    assert conversation.participant == "32665"


async def test_a_number_without_a_webhook_keeps_its_texts(world: World, mine: str) -> None:
    number = await world.number(mine)
    message = await world.messages.receive(number.id, text("", media_urls=("https://media.example/1",)))
    assert await events(world, mine) == []
    [conversation], _ = await world.conversations.list(mine, ConversationList())
    assert (conversation.agent_id, conversation.last_message_preview) == (None, "[media]")
    assert message.media_urls == ["https://media.example/1"]
