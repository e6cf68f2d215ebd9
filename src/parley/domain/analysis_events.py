"""What customers are told when a call has been judged. Pure, in the native dialect's spelling."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from parley.domain import flat_events
from parley.domain.events import CallFacts, Payload, envelope

CALL_ANALYSED = "call.analyzed"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement as events show it; `fields` and `criteria` are ready for JSON."""

    analysis_id: str
    summary: str | None
    resolution_status: str | None
    satisfaction_score: float | None
    topics: list[str] | None
    fields: dict[str, Any] | None
    criteria: list[Any] | None
    metrics: dict[str, Any]

    @property
    def outcome(self) -> str | None:
        return outcome(self.fields, self.resolution_status)


def outcome(fields: dict[str, Any] | None, resolution_status: str | None) -> str | None:
    """In a few words what came of the call: the agent's own field `outcome` if it asks for one, else the resolution, in
    title case."""
    own = (fields or {}).get("outcome")
    if isinstance(own, str) and own.strip():
        return own.strip()
    return resolution_status.replace("_", " ").title() if resolution_status else None


def call_analysed(call: CallFacts, judged: Judged, *, at: datetime) -> Payload:
    """`call.analyzed`: what a model makes of a call that is over, and what was counted of it."""
    data = {
        "id": call.call_id,
        "callId": call.call_id,
        "agentId": call.agent_id,
        "fromNumber": call.from_number,
        "toNumber": call.to_number,
        "direction": call.direction,
        "status": call.status,
        "durationSeconds": call.duration_s,
        "analysisId": judged.analysis_id,
        "outcome": judged.outcome,
        "summary": judged.summary,
        "resolutionStatus": judged.resolution_status,
        "satisfactionScore": judged.satisfaction_score,
        "topics": judged.topics,
        "fields": judged.fields,
        "criteria": judged.criteria,
        "interruptions": judged.metrics.get("interruptions"),
        "talkRatio": judged.metrics.get("talk_ratio"),
        "turns": judged.metrics.get("turns"),
    }
    return envelope(CALL_ANALYSED, agent_id=call.agent_id, at=at, data=data, history=[])


def flat_names(judged: Judged) -> Payload:
    """The same at the top of the event, for a single call's own URL."""
    return {
        "outcome": judged.outcome,
        "summary": judged.summary,
        "analysis": {"outcome": judged.outcome, "summary": judged.summary},
    }


def flat(call: CallFacts, judged: Judged, at: datetime) -> list[Payload]:
    """What subscriptions are told: `conversation_analyzed`."""
    facts = {
        "resolution_status": judged.resolution_status,
        "satisfaction_score": judged.satisfaction_score,
        "topics": judged.topics,
        "summary": judged.summary,
        "outcome": judged.outcome,
        "duration_seconds": call.duration_s,
        "turn_count": judged.metrics.get("turns"),
    }
    return [flat_events.analysed(call, at, **facts)]
