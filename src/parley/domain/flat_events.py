"""What subscriptions are told: each event one flat object, under the names that a subscription can ask for. Pure.

A webhook is told about a call in the shapes of `events`; a subscription gets, of the same moment, one object for each
name it wants. Where a call's events share a moment, they are listed here in the order in which they are sent.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Literal

from parley.domain.events import CallFacts, Payload
from parley.domain.samples import OUR_NUMBER, TEST_CALL_ID, THEIR_NUMBER
from parley.domain.transfers import Transfer
from parley.domain.voicemails import VoicemailFacts

EventName = Literal[
    "call_started",
    "call_ended",
    "call_transferred",
    "call_transfer_failed",
    "agent_available",
    "agent_busy",
    "agent_offline",
    "agent_unavailable",
    "conversation_started",
    "conversation_ended",
    "conversation_analyzed",
    "voicemail_received",
    "escalation_triggered",
    "system_error",
    "maintenance_scheduled",
    "quota_exceeded",
    "alert_fired",
]
EVERY = "*"
"""Asks for all events, those of later versions too."""

SENT_NOW: tuple[EventName, ...] = (
    "call_started",
    "call_ended",
    "call_transferred",
    "call_transfer_failed",
    "agent_unavailable",
    "conversation_started",
    "conversation_ended",
    "conversation_analyzed",
    "voicemail_received",
    "escalation_triggered",
    "system_error",
    "alert_fired",
)
"""The names that something on this server causes. The others can be asked for, and wait for their cause."""

TEST_EVENT = "webhook_test"

# Ends of a call that nobody took because this server could not let anybody take it.
_NOBODY_THERE = {"server_shutdown": "draining", "provider_failed": "provider_failed"}


def wants(asked: Collection[str], event: str) -> bool:
    """Whether a subscription that asked for these names is told of this event."""
    return EVERY in asked or event in asked


def connected(call: CallFacts, at: datetime) -> list[Payload]:
    """A call was answered."""
    return [
        _of_call("call_started", call, at),
        _of_call("conversation_started", call, at, conversation_id=call.call_id),
    ]


def transferred(call: CallFacts, transfer: Transfer, at: datetime) -> list[Payload]:
    """The human to whom a caller was handed took the call."""
    return [_of_call("call_transferred", call, at, transfer_number=transfer.to, outcome=transfer.outcome)]


def transfer_failed(call: CallFacts, transfer: Transfer, at: datetime) -> list[Payload]:
    """Nobody did; `outcome` says why."""
    return [_of_call("call_transfer_failed", call, at, transfer_number=transfer.to, outcome=transfer.outcome)]


def over(call: CallFacts, at: datetime) -> list[Payload]:
    """A call ended. One that this server could not take found no agent; only one that was answered was a
    conversation."""
    found: list[Payload] = []
    reason = call.end_reason or ""
    answered = call.started_at is not None
    if not answered and call.direction == "inbound" and reason in _NOBODY_THERE:
        found.append(_of_call("agent_unavailable", call, at, reason=_NOBODY_THERE[reason]))
    end = {"status": call.status, "end_reason": call.end_reason, "duration_seconds": call.duration_s}
    found.append(_of_call("call_ended", call, at, **end))
    if answered:
        found.append(_of_call("conversation_ended", call, at, conversation_id=call.call_id, **end))
    return found


def waits(call: CallFacts, at: datetime, queue_id: str | None, position: int) -> list[Payload]:
    """A caller waits, because everybody who could answer is busy; `position` 1 is next."""
    return [_of_call("agent_busy", call, at, queue_id=queue_id, position=position)]


def message_left(message: VoicemailFacts, at: datetime) -> list[Payload]:
    """A caller left a message."""
    who = {
        "call_id": message.call_id,
        "phone_number": message.to_number,
        "caller_id": message.from_number,
        "agent_id": message.agent_id,
    }
    numbers = {"from_number": message.from_number, "to_number": message.to_number}
    told = _event(
        "voicemail_received",
        at,
        who,
        "inbound",
        numbers,
        voicemail_id=message.voicemail_id,
        reason=message.reason,
        transcript=message.transcript,
        duration_seconds=message.duration_s,
        audio_url=message.audio_url,
    )
    if message.is_test:
        told["metadata"]["call_source"] = "test_call"
    return [told]


def declined(number: str, caller: str, agent_id: str | None, reason: str, at: datetime) -> list[Payload]:
    """A call was turned away before it was one, so it has no id: nobody answers `number`, or a limit is reached."""
    who = {"call_id": None, "phone_number": number, "caller_id": caller, "agent_id": agent_id}
    return [
        _event("agent_unavailable", at, who, "inbound", {"from_number": caller, "to_number": number}, reason=reason)
    ]


def analysed(call: CallFacts, at: datetime, **judgement: Any) -> Payload:
    """A conversation that is over was judged."""
    return _of_call("conversation_analyzed", call, at, conversation_id=call.call_id, **judgement)


def sample(at: datetime) -> Payload:
    """A test event: the shape of the others, with numbers that are nobody's."""
    who = {"call_id": TEST_CALL_ID, "phone_number": OUR_NUMBER, "caller_id": THEIR_NUMBER, "agent_id": None}
    return _event(TEST_EVENT, at, who, "inbound", {"from_number": THEIR_NUMBER, "to_number": OUR_NUMBER})


def _of_call(name: EventName, call: CallFacts, at: datetime, **extras: Any) -> Payload:
    theirs = call.from_number if call.direction == "inbound" else call.to_number
    who = {
        "call_id": call.call_id,
        "phone_number": call.phone_number,
        "caller_id": theirs,
        "agent_id": call.agent_id,
    }
    numbers = {"from_number": call.from_number, "to_number": call.to_number}
    told = _event(name, at, who, call.direction, numbers, **extras)
    if call.is_test:
        told["metadata"]["call_source"] = "test_call"
    return told


def _event(name: str, at: datetime, who: Payload, direction: str, numbers: Payload, **extras: Any) -> Payload:
    """`phone_number` is ours and `caller_id` the other side's, whoever called. `data` repeats it all in one object."""
    return {
        "event": name,
        "timestamp": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **who,
        **extras,
        "metadata": {"call_direction": direction, "call_source": "phone_system"},
        "data": {**who, "direction": direction, **numbers, **extras},
    }
