"""What customers are told, rendered once in the native dialect's spelling. Pure: plain values in, JSON-ready dicts out.

Every event carries `event`, `channel`, `timestamp`, `agentId`, `data`, `conversationState` and `recentHistory` (oldest
first, never longer than the webhook's `contextLimit`). Where public clients read a second name for a key, both are sent
(`id` and `callId`, `fromNumber` and `from`, ...).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from parley.domain.transfers import ReturnedTransfer, Transfer

CALL_STARTED = "call.started"
CALL_ENDED = "call.ended"
AGENT_MESSAGE = "agent.message"
TURN_CANCELED = "agent.turn_canceled"

Payload = dict[str, Any]

# Public clients know the caller's own hang-up by this word.
_DISCONNECTION_REASON = {"caller_hangup": "user_hangup"}


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A call as events show it. `phone_number` is our side of it; times are aware datetimes; durations in seconds.

    `is_test` is told only of a test call: nobody else called. `transfers` are the attempts to hand the caller over.
    """

    call_id: str
    agent_id: str | None
    number_id: str | None
    phone_number: str | None
    from_number: str
    to_number: str
    direction: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None = None
    duration_s: int | None = None
    end_reason: str | None = None
    recording_url: str | None = None
    recording_available: bool = False
    is_test: bool = False
    transfers: tuple[Transfer, ...] = ()


class TranscriptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stored row: what the caller said (empty where the agent spoke unasked) and what was heard of the answer."""

    id: str
    caller: str
    agent: str | None
    confidence: float
    created_at: datetime


class HistoryItem(msgspec.Struct, frozen=True):
    """One line of `recentHistory`: `inbound` is the customer, `outbound` the agent, or with `is_human` a human who
    spoke in the agent's place."""

    content: str
    direction: Literal["inbound", "outbound"]
    at: datetime
    channel: str = "voice"
    is_human: bool = False


class TurnDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a voice turn's webhook request went. `response_ms` is the wait for the first output, or for the failure.

    `error` is None when the reply was usable, else a stable word: `timeout`, `stalled`, `connect_failed`, `broke_off`,
    `http_status`, `not_json`, `not_an_object`, `empty`, `too_large`, `target_blocked`, `canceled`.
    """

    delivery_id: str
    event_type: str
    http_status: int | None
    error: str | None
    response_ms: int
    sent_at: datetime


def call_started(call: CallFacts, *, at: datetime) -> Payload:
    """`call.started`: the call is connected. `direction` says which way."""
    return envelope(CALL_STARTED, agent_id=call.agent_id, at=at, data=call_data(call), history=[])


def call_ended(call: CallFacts, rows: Sequence[TranscriptRow], *, at: datetime, context_limit: int = 10) -> Payload:
    """`call.ended`: how the call ended and all that was said; the transcript is not cut to `context_limit`.

    `data.transcript` lists the lines by speaker, `data.transcripts` the rows as the API shows them. There is a
    `data.recordingUrl` if the recording was stored by then and is to be shown, and there are `data.transfers` if the
    caller was handed to somebody.
    """
    lines = [line for row in rows for line in _lines(row)]
    data = call_data(call)
    data["transcript"] = [
        {"role": "user" if line.direction == "inbound" else "agent", "content": line.content} for line in lines
    ]
    data["recordingUrl"], data["recordingAvailable"] = call.recording_url, call.recording_available
    data["transcripts"] = [transcript_row(row) for row in rows]
    if call.transfers:
        data["transfers"] = [transfer(each) for each in call.transfers]
    return envelope(CALL_ENDED, agent_id=call.agent_id, at=at, data=data, history=recent_history(lines, context_limit))


def with_flat_names(payload: Payload, call: CallFacts) -> Payload:
    """The same event with the call's facts at its top too, in snake_case.

    A single call's own URL is told so, for its receivers know events in that shape as well. An
    end comes with the call's status, length and reason.
    """
    flat: Payload = {
        "call_id": call.call_id,
        "agent_id": call.agent_id,
        "from_number": call.from_number,
        "to_number": call.to_number,
        "created_at": payload["timestamp"],
    }
    if call.ended_at is not None:
        flat |= {"status": call.status, "duration_seconds": call.duration_s or 0, "end_reason": call.end_reason}
    return payload | flat


def voice_turn(
    call: CallFacts,
    *,
    transcript: str,
    confidence: float,
    history: Sequence[HistoryItem],
    context_limit: int,
    at: datetime,
    whispers: Sequence[tuple[str, datetime]] = (),
    transfer: ReturnedTransfer | None = None,
    turn_id: str = "",
    digits: str = "",
    is_early: bool = False,
) -> Payload:
    """`agent.message` on the voice channel: what the caller just said. `history` is oldest first and ends with it.

    `whispers`, what a supervisor has told the agent during this call, is there only where there are any; `transfer`,
    where and with what outcome, only where the caller is back from one that came to nothing.
    `turnId` is that of the caller's turn: asked again with more words, it is the same turn. `digits` are there where
    keys were pressed in it; `speculative` where the turn is not certainly over yet.
    """
    data = _turn_data(call, turn_id) | {
        "transcript": transcript,
        "confidence": round(confidence, 4),
    }
    if digits:
        data["digits"] = digits
    if is_early:
        data["speculative"] = True
    if whispers:
        data["whispers"] = [{"text": text, "at": timestamp(told_at)} for text, told_at in whispers]
    if transfer is not None:
        data["transfer"] = {"to": transfer.to, "outcome": transfer.outcome}
    return envelope(
        AGENT_MESSAGE, agent_id=call.agent_id, at=at, data=data, history=recent_history(history, context_limit)
    )


def turn_canceled(
    call: CallFacts, *, turn_id: str, transcript: str, reason: str, heard: str, was_early: bool, at: datetime
) -> Payload:
    """`agent.turn_canceled`: the answer to this asking, known by its `turnId` and `transcript`, is heard no further.

    `heard` is what the caller heard of it. A `speculative` asking that is withdrawn was heard by nobody.
    """
    data = _turn_data(call, turn_id) | {"transcript": transcript, "reason": reason, "heard": heard}
    if was_early:
        data["speculative"] = True
    return envelope(TURN_CANCELED, agent_id=call.agent_id, at=at, data=data, history=[])


def recent_history(history: Sequence[HistoryItem], context_limit: int) -> list[Payload]:
    """The newest `context_limit` lines, oldest first; a limit of 0 gives none."""
    newest = history[-context_limit:] if context_limit > 0 else []
    return [
        {"content": item.content, "direction": item.direction, "channel": item.channel, "at": timestamp(item.at)}
        | ({"speaker": "human"} if item.is_human else {})
        for item in newest
    ]


def transcript_row(row: TranscriptRow) -> Payload:
    """A row as the API prints it. What the agent said unasked (a greeting) is a row of its own, in `transcript`."""
    unasked = not row.caller
    return {
        "id": row.id,
        "transcript": (row.agent or "") if unasked else row.caller,
        "response": None if unasked else row.agent,
        "confidence": row.confidence,
        "createdAt": timestamp(row.created_at),
    }


def transfer(tried: Transfer) -> Payload:
    """One attempt to hand the caller to a human, as the API prints it."""
    return {
        "to": tried.to,
        "at": timestamp(tried.at),
        "outcome": tried.outcome,
        "ringSeconds": tried.ring_seconds,
        "talkSeconds": tried.talk_seconds,
    }


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as the native dialect prints it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _lines(row: TranscriptRow) -> list[HistoryItem]:
    lines = []
    if row.caller:
        lines.append(HistoryItem(row.caller, "inbound", row.created_at))
    if row.agent:
        lines.append(HistoryItem(row.agent, "outbound", row.created_at))
    return lines


def _turn_data(call: CallFacts, turn_id: str) -> Payload:
    return {
        "callId": call.call_id,
        "turnId": turn_id,
        "numberId": call.number_id,
        "from": call.from_number,
        "to": call.to_number,
        "status": call.status,
        "direction": call.direction,
    }


def call_data(call: CallFacts) -> Payload:
    """The call itself, as the `data` of its events begins."""
    reason = call.end_reason
    return {
        "id": call.call_id,
        "callId": call.call_id,
        "agentId": call.agent_id,
        "phoneNumberId": call.number_id,
        "numberId": call.number_id,
        "phoneNumber": call.phone_number,
        "fromNumber": call.from_number,
        "from": call.from_number,
        "toNumber": call.to_number,
        "to": call.to_number,
        "direction": call.direction,
        "status": call.status,
        "startedAt": timestamp(call.started_at) if call.started_at else None,
        "endedAt": timestamp(call.ended_at) if call.ended_at else None,
        "durationSeconds": call.duration_s,
        "endReason": reason,
        "disconnectionReason": _DISCONNECTION_REASON.get(reason, reason) if reason else None,
        **({"isTest": True} if call.is_test else {}),
    }


def envelope(
    event: str,
    *,
    channel: str = "voice",
    agent_id: str | None,
    at: datetime,
    data: Payload,
    history: list[Payload],
    state: Payload | None = None,
) -> Payload:
    """The shape every event has. `state` is what the customer keeps about a conversation; a call has none."""
    return {
        "event": event,
        "channel": channel,
        "timestamp": timestamp(at),
        "agentId": agent_id,
        "data": data,
        "conversationState": state,
        "recentHistory": history,
    }
