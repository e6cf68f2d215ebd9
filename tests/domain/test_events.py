from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from parley.domain import events
from parley.domain.events import CallFacts, HistoryItem, TranscriptRow
from parley.domain.transfers import ReturnedTransfer

AT = datetime(2025, 1, 15, 14, 0, 5, 250_000, tzinfo=UTC)
CALL = CallFacts(
    call_id="call_1",
    agent_id="agent_1",
    number_id="num_1",
    phone_number="+15551234567",
    from_number="+15559876543",
    to_number="+15551234567",
    direction="inbound",
    status="in-progress",
    started_at=AT,
)


def _items(count: int) -> list[HistoryItem]:
    return [HistoryItem(f"line {i}", "outbound" if i % 2 else "inbound", AT) for i in range(count)]


def test_a_voice_turn_carries_what_the_printed_handlers_read() -> None:
    payload = events.voice_turn(
        CALL,
        transcript="line 2",
        confidence=0.987654,
        history=_items(3),
        context_limit=10,
        at=AT,
        turn_id="turn_1_0",
    )
    assert payload == {
        "event": "agent.message",
        "channel": "voice",
        "timestamp": "2025-01-15T14:00:05.250Z",
        "agentId": "agent_1",
        "data": {
            "callId": "call_1",
            "turnId": "turn_1_0",
            "numberId": "num_1",
            "from": "+15559876543",
            "to": "+15551234567",
            "status": "in-progress",
            "transcript": "line 2",
            "confidence": 0.9877,
            "direction": "inbound",
        },
        "conversationState": None,
        "recentHistory": [
            {"content": "line 0", "direction": "inbound", "channel": "voice", "at": "2025-01-15T14:00:05.250Z"},
            {"content": "line 1", "direction": "outbound", "channel": "voice", "at": "2025-01-15T14:00:05.250Z"},
            {"content": "line 2", "direction": "inbound", "channel": "voice", "at": "2025-01-15T14:00:05.250Z"},
        ],
    }


def test_a_voice_turn_tells_what_a_supervisor_whispered_and_which_lines_a_human_said() -> None:
    history = [HistoryItem("Ann here.", "outbound", AT, is_human=True)]
    payload = events.voice_turn(
        CALL, transcript="Hm.", confidence=1, history=history, context_limit=5, at=AT, whispers=[("Be brief.", AT)]
    )
    assert payload["data"]["whispers"] == [{"text": "Be brief.", "at": "2025-01-15T14:00:05.250Z"}]
    assert payload["recentHistory"][0]["speaker"] == "human"


def test_a_turn_after_a_transfer_that_came_to_nothing_says_so() -> None:
    returned = ReturnedTransfer("+15105550177", "no_answer")
    payload = events.voice_turn(
        CALL, transcript="Hm.", confidence=1, history=[], context_limit=5, at=AT, transfer=returned
    )
    assert payload["data"]["transfer"] == {"to": "+15105550177", "outcome": "no_answer"}


def test_a_turn_that_is_asked_early_says_so_and_one_with_keys_has_them() -> None:
    payload = events.voice_turn(
        CALL,
        transcript="My number is",
        confidence=1,
        history=[],
        context_limit=5,
        at=AT,
        turn_id="turn_1_3",
        digits="4711",
        is_early=True,
    )
    assert payload["data"]["digits"] == "4711"
    assert payload["data"]["speculative"] is True


def test_a_canceled_turn_says_which_asking_and_how_much_was_heard() -> None:
    payload = events.turn_canceled(
        CALL, turn_id="turn_1_3", transcript="Hm.", reason="interrupted", heard="We are", was_early=False, at=AT
    )
    assert (payload["event"], payload["channel"]) == ("agent.turn_canceled", "voice")
    assert payload["data"] == {
        "callId": "call_1",
        "turnId": "turn_1_3",
        "numberId": "num_1",
        "from": "+15559876543",
        "to": "+15551234567",
        "status": "in-progress",
        "direction": "inbound",
        "transcript": "Hm.",
        "reason": "interrupted",
        "heard": "We are",
    }


@given(st.integers(0, 60), st.integers(0, 50))
def test_recent_history_is_the_newest_lines_and_never_longer_than_the_limit(count: int, limit: int) -> None:
    shown = [line["content"] for line in events.recent_history(_items(count), limit)]
    assert shown == [f"line {i}" for i in range(max(0, count - limit), count)]


def test_call_started_says_the_call_in_both_spellings() -> None:
    payload = events.call_started(CALL, at=AT)
    assert payload["event"] == "call.started"
    assert payload["channel"] == "voice"
    data = payload["data"]
    assert data["id"] == data["callId"] == "call_1"
    assert data["fromNumber"] == data["from"] == "+15559876543"
    assert data["startedAt"] == "2025-01-15T14:00:05.250Z"
    assert data["endedAt"] is None


def test_call_ended_carries_the_whole_transcript_and_the_reason() -> None:
    call = CallFacts(
        call_id="call_1",
        agent_id=None,
        number_id=None,
        phone_number=None,
        from_number="+15559876543",
        to_number="+15551234567",
        direction="outbound",
        status="completed",
        started_at=AT,
        ended_at=AT + timedelta(seconds=90),
        duration_s=90,
        end_reason="caller_hangup",
    )
    rows = [
        TranscriptRow(id="tr_1", caller="", agent="Hello!", confidence=1.0, created_at=AT),
        TranscriptRow(id="tr_2", caller="Are you open?", agent="Yes, until", confidence=0.9, created_at=AT),
        TranscriptRow(id="tr_3", caller="Bye.", agent=None, confidence=0.8, created_at=AT),
    ]
    payload = events.call_ended(call, rows, at=AT, context_limit=1)
    data = payload["data"]
    assert data["transcript"] == [
        {"role": "agent", "content": "Hello!"},
        {"role": "user", "content": "Are you open?"},
        {"role": "agent", "content": "Yes, until"},
        {"role": "user", "content": "Bye."},
    ]
    assert [(row["transcript"], row["response"]) for row in data["transcripts"]] == [
        ("Hello!", None),
        ("Are you open?", "Yes, until"),
        ("Bye.", None),
    ]
    assert (data["endReason"], data["disconnectionReason"]) == ("caller_hangup", "user_hangup")
    assert (data["status"], data["durationSeconds"], data["endedAt"]) == ("completed", 90, "2025-01-15T14:01:35.250Z")
    assert [line["content"] for line in payload["recentHistory"]] == ["Bye."]


def test_timestamps_are_utc_whatever_zone_they_came_in() -> None:
    assert events.timestamp(AT.astimezone(timezone(timedelta(hours=5)))) == "2025-01-15T14:00:05.250Z"
