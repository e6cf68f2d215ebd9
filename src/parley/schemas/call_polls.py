"""Calls on the wire for clients that place one and poll it until it is over, then read what was said line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from parley.conversation.measuring.measures import percentile
from parley.schemas.agents import LanguageTag, Prompt, ProviderName, Word
from parley.schemas.base import Limit, Offset, Timestamp, Wire, between
from parley.schemas.calls import CallCreate
from parley.schemas.fields import Id

PolledStatus = Literal["queued", "initiated", "in_progress", "completed", "failed"]


class _Exact(Wire):
    """Every member is honoured or refused: none is ignored in silence."""

    model_config = ConfigDict(extra="forbid")


class ModelOverride(_Exact):
    """Of the chat model, for one call."""

    system_prompt: Prompt | None = None
    provider: ProviderName | None = None
    model: Word | None = None
    temperature: Annotated[float, between(0.0, 2.0)] | None = None


class VoiceOverride(_Exact):
    """Of the voice, for one call; `speed` 1.0 is the voice's own."""

    provider: ProviderName | None = None
    model: Word | None = None
    voice_id: Word | None = None
    speed: Annotated[float, between(0.5, 2.0)] | None = None


class TranscriberOverride(_Exact):
    """Of the recogniser, for one call."""

    provider: ProviderName | None = None
    model: Word | None = None
    language: LanguageTag | None = None


class CallOverrides(_Exact):
    """What one call changes of its agent. A member that parley cannot honour is refused."""

    first_message: Annotated[str, Field(max_length=5000)] | None = None
    llm: ModelOverride | None = None
    tts: VoiceOverride | None = None
    transcriber: TranscriberOverride | None = None


class CallPlace(CallCreate):
    """Place a call. `fromNumber` is required, unless the request shows another way to find the caller ID: one of
    `fromNumberId`, `initialGreeting`, `systemPrompt` or `voice`, which belong to requests that may go without.

    `overrides` and `initialGreeting`, `systemPrompt`, `voice`, `languageModel`, ... say the same in two ways: send one.
    """

    overrides: CallOverrides | None = None
    scheduled_at: Annotated[str, Field(max_length=64)] | None = Field(
        None, json_schema_extra={"anyOf": [{"type": "null"}]}, description="Not supported: calls are placed at once."
    )


class CallPollList(Wire):
    """Query of the calls list. `search` is matched against both numbers."""

    limit: Limit = 20
    offset: Offset = 0
    status: PolledStatus | None = None
    direction: Literal["inbound", "outbound", "web"] | None = None
    search: Annotated[str, Field(max_length=40)] | None = None
    agent_id: Id | None = None
    number_id: Id | None = None


_STATUS: Mapping[str, PolledStatus] = {"queued": "initiated", "ringing": "initiated", "in-progress": "in_progress"}
_END_REASON: Mapping[str, str] = {"api_request": "api_stop", "silence": "silence_timeout"}


def _shown_status(status: str) -> str:
    return _STATUS.get(status, status)


def _shown_reason(reason: str | None) -> str | None:
    return _END_REASON.get(reason, reason) if reason is not None else None


class PolledCall(Wire):
    """A call as listed. `type` and `direction` say the same."""

    id: str
    agent_id: str | None
    status: Annotated[PolledStatus, BeforeValidator(_shown_status)]
    type: str = Field(validation_alias="direction")
    direction: str
    to_number: str
    from_number: str
    phone_number_id: str | None
    end_reason: Annotated[str | None, BeforeValidator(_shown_reason)]
    started_at: Timestamp | None
    ended_at: Timestamp | None
    duration_seconds: int | None
    recording_url: str | None = None
    recording_available: bool = False
    metadata: dict[str, Any] | None = Field(default=None, validation_alias="call_metadata")
    problems: list[str] = Field(default_factory=list)
    created_at: Timestamp


class SpokenLine(Wire):
    """One line, as it was heard; `user` is the person on the phone."""

    role: Literal["user", "agent"]
    content: str


def _lines(rows: Iterable[Any]) -> list[SpokenLine]:
    """The lines of a call's rows in the order they were said; a greeting is a row without the caller's side."""
    lines = []
    for row in rows:
        if row.caller:
            lines.append(SpokenLine(role="user", content=row.caller))
        if row.agent:
            lines.append(SpokenLine(role="agent", content=row.agent))
    return lines


SpokenLines = Annotated[list[SpokenLine], BeforeValidator(_lines)]


class LatencyOut(Wire):
    """Of all turns that have it, in milliseconds."""

    avg_ms: float
    p50_ms: float
    min_ms: float
    max_ms: float
    samples: int


class PolledLatencyOut(Wire):
    """Where the time went; null where no turn says. `eou_delay` is from the end of the caller's speech until their turn
    was taken, `llm_ttft` from there to the first text of the answer, `tts_ttfb` from its first words to their first
    sound. What was ready before the turn was over took no time."""

    llm_ttft: LatencyOut | None
    tts_ttfb: LatencyOut | None
    eou_delay: LatencyOut | None


def _between(rows: Sequence[Mapping[str, Any]], start: str | None, end: str) -> LatencyOut | None:
    """From one step of the turns to another; without a `start`, from the end of the caller's speech."""
    found = []
    for row in rows:
        began, ended = 0.0 if start is None else row.get(start), row.get(end)
        if began is not None and ended is not None:
            found.append(max(0.0, ended - began))
    middle = percentile(found, 0.5)
    if middle is None:
        return None
    return LatencyOut(
        avg_ms=round(sum(found) / len(found), 1),
        p50_ms=middle,
        min_ms=round(min(found), 1),
        max_ms=round(max(found), 1),
        samples=len(found),
    )


def _latency(rows: Iterable[Any]) -> PolledLatencyOut:
    dated = [row.latencies for row in rows]
    return PolledLatencyOut(
        llm_ttft=_between(dated, "endpointed_ms", "first_text_ms"),
        tts_ttfb=_between(dated, "first_clause_ms", "synthesised_ms"),
        eou_delay=_between(dated, None, "endpointed_ms"),
    )


class PolledAnalysisOut(Wire):
    """What a model made of a call that is over."""

    outcome: str | None
    summary: str | None


class PolledCallDetail(PolledCall):
    """One call with all that was heard so far. `messages` is a second name of `transcript`. `analysis` comes a few
    seconds after the end, where the call's agent has its calls analysed."""

    analysis: PolledAnalysisOut | None = Field(validation_alias="judgement", default=None)

    transcript: SpokenLines = Field(validation_alias="transcripts")
    messages: SpokenLines = Field(validation_alias="transcripts")
    latency: Annotated[PolledLatencyOut, BeforeValidator(_latency)] = Field(validation_alias="transcripts")
