"""Conversations held by phone, on the wire: status, metrics and what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from parley.schemas.base import Timestamp, Wire
from parley.schemas.fields import Id
from parley.schemas.pages import CursorQuery

ShownStatus = Literal["initiated", "in_progress", "completed", "failed"]
STATUSES: Mapping[ShownStatus, frozenset[str]] = {
    "initiated": frozenset({"queued", "ringing"}),
    "in_progress": frozenset({"in-progress"}),
    "completed": frozenset({"completed"}),
    "failed": frozenset({"failed"}),
}
"""How a conversation shows the status of its call."""


def shown_status(status: str) -> ShownStatus:
    """The word for a call's status."""
    return next(word for word, statuses in STATUSES.items() if status in statuses)


class ConversationQuery(CursorQuery):
    """Query of the conversations list."""

    agent_id: Id | None = None
    status: ShownStatus | None = None
    direction: Literal["inbound", "outbound", "web"] | None = None


class AnalysisStateOut(Wire):
    """Whether a model has judged the conversation; unless it has (`done`), what it would say is null, and `reason` says
    why."""

    status: Literal["not_analysed", "pending", "done", "failed", "skipped"]
    reason: str | None


class PhoneConversationOut(Wire):
    """A conversation: `id`, `conversation_id` and `call_id` are one id.

    `duration_seconds` counts from the moment the call was answered, so far while it runs. `turn_count` counts what the
    caller said and was heard an answer to. `phone_number` is our side, `caller_id` the other.
    """

    id: str
    conversation_id: str
    call_id: str
    agent_id: str | None
    status: ShownStatus
    direction: str
    channel: Literal["voice"] = "voice"
    phone_number: str
    caller_id: str
    duration_seconds: int
    turn_count: int
    resolution_status: str | None = None
    satisfaction_score: float | None = None
    topics: list[str] | None = None
    summary: str | None = None
    analysis: AnalysisStateOut
    end_reason: str | None
    recording_available: bool
    created_at: Timestamp
    started_at: Timestamp | None
    ended_at: Timestamp | None


class SaidOut(Wire):
    """What one side was heard to say; `content` and `message` are the same text. `seconds` counts from the call's
    beginning to the exchange it belongs to, and `timestamp` is when that was noted. A `human` spoke in the agent's
    place."""

    role: Literal["user", "agent", "human"]
    content: str
    message: str
    timestamp: Timestamp
    seconds: float
    was_cut: bool


class SpokenTranscriptOut(Wire):
    """What was heard in a conversation, in the order it was said. `status` tells whether more may come."""

    conversation_id: str
    agent_id: str | None
    status: ShownStatus
    transcript: list[SaidOut]
