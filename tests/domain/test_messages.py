"""Text messages by themselves: how they move, what stops them, what may be sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import BadInput
from parley.domain.message_events import MESSAGE_RECEIVED, MessageFacts, message_event, recent_messages
from parley.domain.messages import MessageStatus, keyword, may_advance, preview, require_content

AT = datetime(2025, 1, 15, 10, 30, tzinfo=UTC)
STATUSES = st.sampled_from(get_args(MessageStatus))


def facts(number: int = 1, **more: object) -> MessageFacts:
    known: dict[str, object] = {
        "message_id": f"msg_{number}",
        "conversation_id": "conv_1",
        "number_id": "num_1",
        "agent_id": "agent_1",
        "from_number": "+15559876543",
        "to_number": "+15551234567",
        "body": f"line {number}",
        "direction": "inbound",
        "status": "received",
        "at": AT,
    }
    return MessageFacts(**(known | more))  # type: ignore[arg-type]


@given(st.lists(STATUSES, max_size=12))
def test_in_whatever_order_reports_come_a_message_only_moves_forward_and_ends_once(told: list[str]) -> None:
    path = ["queued"]
    for status in told:
        if may_advance(path[-1], status):
            path.append(status)
    assert len(path) <= 4
    assert [status for status in path if status in {"delivered", "undelivered", "failed", "received"}] == [
        status for status in told if status in {"delivered", "undelivered", "failed", "received"}
    ][:1]


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("STOP", "stop"),
        ("stop", "stop"),
        (" Stop\n", "stop"),
        ("stopall", "stop"),
        ("Unsubscribe", "stop"),
        ("CANCEL", "stop"),
        ("end", "stop"),
        ("Quit", "stop"),
        ("revoke", "stop"),
        ("OptOut", "stop"),
        ("START", "start"),
        ("unstop", "start"),
        ("Help", "help"),
        ("INFO", "help"),
        ("stop please", None),
        ("please stop", None),
        ("opt out", None),
        ("stop.", None),
        ("", None),
        ("Are you open?", None),
    ],
)
@pytest.mark.parametrize("is_opted_out", [True, False])
def test_a_keyword_is_the_whole_message(body: str, asked: str | None, is_opted_out: bool) -> None:
    assert keyword(body, is_opted_out=is_opted_out) == asked


def test_yes_asks_for_texts_again_only_after_they_were_stopped() -> None:
    assert keyword("YES", is_opted_out=True) == "start"
    assert keyword("Yes", is_opted_out=False) is None


@pytest.mark.parametrize(("body", "media"), [("", 0), (" \n", 0), ("x" * 1601, 0), ("x", 11)])
def test_what_cannot_be_sent_is_refused(body: str, media: int) -> None:
    with pytest.raises(BadInput) as refused:
        require_content(body, media)
    assert refused.value.errors


@pytest.mark.parametrize(("body", "media"), [("x", 0), ("x" * 1600, 10), ("", 1)])
def test_what_can_be_sent_passes(body: str, media: int) -> None:
    require_content(body, media)


def test_a_preview_is_one_short_line() -> None:
    assert preview("Sounds good,\n see  you then!", 0) == "Sounds good, see you then!"
    assert len(preview("word " * 500, 0)) == 160
    assert preview("", 2) == "[media]"


def test_an_event_carries_the_whole_message_in_both_spellings() -> None:
    message = facts(media_urls=("https://media.example/1",), opt_out="stop")
    payload = message_event(
        MESSAGE_RECEIVED, message, at=AT, history=[facts(0), message], state={"lead": 7}, context_limit=5
    )
    data = payload.pop("data")
    assert payload == {
        "event": "message.received",
        "channel": "sms",
        "timestamp": "2025-01-15T10:30:00.000Z",
        "agentId": "agent_1",
        "conversationState": {"lead": 7},
        "recentHistory": [
            {
                "content": f"line {number}",
                "direction": "inbound",
                "channel": "sms",
                "at": "2025-01-15T10:30:00.000Z",
                "messageId": f"msg_{number}",
                "mediaUrls": [],
            }
            | ({"mediaUrls": ["https://media.example/1"]} if number else {})
            for number in (0, 1)
        ],
    }
    assert data["id"] == data["messageId"] == "msg_1"
    assert data["body"] == data["message"] == "line 1"
    assert data["from"] == data["fromNumber"] == "+15559876543"
    assert data["to"] == data["toNumber"] == "+15551234567"
    assert data["numberId"] == data["phoneNumberId"] == "num_1"
    assert (data["conversationId"], data["direction"], data["status"]) == ("conv_1", "inbound", "received")
    assert (data["mediaUrl"], data["mediaUrls"]) == ("https://media.example/1", ["https://media.example/1"])
    assert (data["receivedAt"], data["optOut"]) == ("2025-01-15T10:30:00.000Z", "stop")


@given(st.integers(0, 60), st.integers(0, 50))
def test_recent_history_is_the_newest_and_never_longer_than_the_limit(count: int, limit: int) -> None:
    shown = [line["content"] for line in recent_messages([facts(i) for i in range(count)], limit)]
    assert shown == [f"line {i}" for i in range(max(0, count - limit), count)]
