"""What callers are asked for a message with, when there is one, and what is told of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parley.domain.flat_events import EventName, message_left
from parley.domain.voicemails import (
    SHORTEST_MS,
    VOICEMAIL_RECEIVED,
    TakenMessage,
    VoicemailFacts,
    greeting_for,
    voicemail_received,
)

AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
FACTS = VoicemailFacts(
    voicemail_id="vm_1",
    call_id="call_1",
    number_id="num_1",
    agent_id=None,
    from_number="+14155559999",
    to_number="+14155550001",
    reason="closed",
    transcript=None,
    confidence=None,
    duration_s=4,
    audio_url="https://parley.example/voicemails/vm_1.wav?signature=x",
    left_at=AT,
)


def test_the_first_words_that_say_anything_are_spoken() -> None:
    assert greeting_for("de", "", "  ", " We are closed. ", "Later.") == "We are closed."


@pytest.mark.parametrize(
    ("language", "begins"), [("de-AT", "Guten Tag"), ("FR", "Bonjour"), ("en-GB", "Hello"), ("tlh", "Hello"), ("", "H")]
)
def test_without_any_the_callers_language_decides(language: str, begins: str) -> None:
    assert greeting_for(language, "", "\n").startswith(begins)


@pytest.mark.parametrize(
    ("audio", "duration_ms", "words", "is_empty"),
    [
        (b"RIFF", SHORTEST_MS, "", False),
        (b"RIFF", SHORTEST_MS - 1, " ", True),
        (b"RIFF", 1, "no", False),
        (b"", 5000, "", True),
    ],
)
def test_only_silence_is_no_message(audio: bytes, duration_ms: int, words: str, is_empty: bool) -> None:
    assert TakenMessage("vm_1", audio, duration_ms, words, 0.0).is_empty is is_empty


def test_it_is_told_in_the_shape_of_every_event() -> None:
    told = voicemail_received(FACTS, at=AT)
    assert (told["event"], told["channel"], told["recentHistory"]) == (VOICEMAIL_RECEIVED, "voice", [])
    data = told["data"]
    assert (data["id"], data["voicemailId"], data["callId"]) == ("vm_1", "vm_1", "call_1")
    assert (data["from"], data["fromNumber"], data["to"]) == ("+14155559999", "+14155559999", "+14155550001")
    assert (data["transcript"], data["durationSeconds"], data["audioUrl"]) == (None, 4, FACTS.audio_url)
    assert "isTest" not in data


def test_subscriptions_are_told_in_one_flat_object() -> None:
    [told] = message_left(FACTS, AT)
    name: EventName = "voicemail_received"
    assert told["event"] == name
    assert (told["caller_id"], told["phone_number"]) == ("+14155559999", "+14155550001")
    assert (told["voicemail_id"], told["duration_seconds"], told["reason"]) == ("vm_1", 4, "closed")
    assert told["data"]["audio_url"] == FACTS.audio_url
    assert told["metadata"] == {"call_direction": "inbound", "call_source": "phone_system"}


def test_a_message_of_a_test_call_says_so() -> None:
    facts = VoicemailFacts(**{name: getattr(FACTS, name) for name in FACTS.__struct_fields__} | {"is_test": True})
    assert voicemail_received(facts, at=AT)["data"]["isTest"] is True
    assert message_left(facts, AT)[0]["metadata"]["call_source"] == "test_call"
