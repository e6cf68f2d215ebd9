"""What a request to send a text may hold, and what the answers show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from parley.domain.errors import BadInput
from parley.schemas.base import parse
from parley.schemas.dialects import NATIVE
from parley.schemas.messages import ConversationUpdate, MessageSend, MessageSent
from parley.storage.tables import MessageRow

AT = datetime(2025, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"body": "x" * 1601}, "body"),
        ({"body": 7}, "body"),
        ({"recipients": ["+14155550123", "+14155550124"]}, "recipients"),
        ({"recipients": "+14155550123"}, "recipients"),
        ({"recipients": ["nobody"]}, "recipients.0"),
        ({"media_url": "http://media.example/a.png"}, "media_url"),
        ({"mediaUrl": "https://"}, "mediaUrl"),
        ({"mediaUrl": "https://user:secret@media.example/"}, "mediaUrl"),
        ({"mediaUrls": ["https://media.example/a.png", "file:///etc/passwd"]}, "mediaUrls.1"),
        ({"media_urls": [f"https://media.example/{index}" for index in range(11)]}, "media_urls"),
        ({"toNumber": "nobody"}, "toNumber"),
        ({"agent_id": "a" * 65}, "agent_id"),
        ({"numberId": "num_1", "number_id": "num_1"}, "numberId"),
    ],
)
def test_a_field_that_cannot_be_meant_is_named_as_it_was_spelled(sent: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(MessageSend, sent)
    assert field in [error.field for error in refused.value.errors]


def test_what_richer_clients_send_besides_is_ignored() -> None:
    sent = {"body": "Hello", "agent_id": "agent_1", "to_number": "+14155550123", "send_style": "x", "reply_to": "y"}
    assert parse(MessageSend, sent).body == "Hello"


def test_notes_are_the_customers_own_but_not_without_end() -> None:
    assert parse(ConversationUpdate, {"metadata": {"some_key": {"otherKey": 1}}}).metadata == {
        "some_key": {"otherKey": 1}
    }
    assert parse(ConversationUpdate, {"metadata": None}).metadata is None
    refused: list[dict[str, Any]] = [{}, {"metadata": {"k": "x" * 20_000}}, {"metadata": []}]
    for sent in refused:
        with pytest.raises(BadInput):
            parse(ConversationUpdate, sent)


def test_a_sent_message_is_shown_with_every_name_that_clients_read() -> None:
    row = MessageRow(
        id="msg_1",
        conversation_id="conv_1",
        number_id="num_1",
        agent_id=None,
        from_number="+14155550100",
        to_number="+15550100001",
        body="Hello",
        media_urls=[],
        direction="outbound",
        status="queued",
        error_message=None,
        created_at=AT,
        delivered_at=None,
    )
    shown = NATIVE.spell(MessageSent.model_validate(row))
    assert shown["from"] == shown["fromNumber"] == shown["from_number"] == "+14155550100"
    assert shown["to"] == shown["toNumber"] == shown["to_number"] == "+15550100001"
    assert shown["conversationId"] == shown["conversation_id"] == "conv_1"
    assert shown["mediaUrls"] == shown["media_urls"] == []
    assert shown["receivedAt"] == shown["sentAt"] == shown["createdAt"] == "2025-01-15T10:30:00.000Z"
    assert (shown["channel"], shown["body"], shown["status"]) == ("sms", "Hello", "queued")
