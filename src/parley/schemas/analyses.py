"""What was learnt from calls, on the wire: of one call, and of an agent over time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, create_model

from parley.domain.analysis import Resolution, Result
from parley.domain.periods import Period
from parley.schemas.base import Timestamp, Wire
from parley.schemas.business_hours import Zone
from parley.schemas.fields import matching

# ---------------------------------------------------------------- what was learnt from a call


class StopOut(Wire):
    """The agent fell silent for the caller, `stopped_ms` after their first sound. It was `cut` for good, by `words` or
    `keys`, or it `resumed`, since it had been a `backchannel`, an `echo` of its own voice, a `cough` (a sound without
    words) or `noise` (one that did not end). `at_seconds` is from the moment the phone was connected."""

    at_seconds: float = Field(validation_alias="at_s")
    stopped_ms: float
    outcome: Literal["cut", "resumed"]
    cause: str


class MetricsOut(Wire):
    """What was counted, without any model. Shares are parts of the measured time; what could not be measured is null.
    `talk_ratio` is the agent's part of all speech; a response is the time from the end of the caller's speech until
    the caller began to hear the answer. `stops` has each time that the agent fell silent for the caller."""

    duration_seconds: float = Field(0.0, validation_alias="duration_s")
    turns: int = 0
    measured_seconds: float | None = Field(None, validation_alias="measured_s")
    caller_seconds: float | None = Field(None, validation_alias="caller_s")
    agent_seconds: float | None = Field(None, validation_alias="agent_s")
    overlap_seconds: float | None = Field(None, validation_alias="overlap_s")
    silence_seconds: float | None = Field(None, validation_alias="silence_s")
    caller_share: float | None = None
    agent_share: float | None = None
    overlap_share: float | None = None
    silence_share: float | None = None
    talk_ratio: float | None = None
    longest_silence_seconds: float | None = Field(None, validation_alias="longest_silence_s")
    longest_caller_seconds: float | None = Field(None, validation_alias="longest_caller_s")
    longest_agent_seconds: float | None = Field(None, validation_alias="longest_agent_s")
    first_agent_audio_seconds: float | None = Field(None, validation_alias="first_agent_audio_s")
    interruptions: int | None = None
    talked_over: int | None = None
    agent_interruptions: int | None = None
    caller_words: int | None = None
    agent_words: int | None = None
    caller_words_per_minute: float | None = None
    agent_words_per_minute: float | None = None
    response_p50_ms: float | None = None
    response_p95_ms: float | None = None
    stops: list[StopOut] = Field(default_factory=list)
    stop_p50_ms: float | None = None
    stop_p95_ms: float | None = None


class CriterionOut(Wire):
    """Whether a success criterion was met. `evidence` quotes the transcript, word for word."""

    name: str
    result: Result
    evidence: list[str]


class CallAnalysisOut(Wire):
    """What was learnt from a call. `status` is `pending` while it waits to be judged, `done`, `failed` after the last
    try, `skipped` where nobody can or wants to judge it, and `not_analysed` where nothing was begun; unless it is
    `done`, `reason` says why, and what a model would have said is null."""

    call_id: str
    agent_id: str | None
    status: Literal["not_analysed", "pending", "done", "failed", "skipped"]
    reason: str | None
    summary: str | None
    resolution_status: Resolution | None
    satisfaction_score: float | None
    topics: list[str] | None
    fields: dict[str, Any] | None
    criteria: list[CriterionOut] | None
    metrics: MetricsOut
    model: str | None
    prompt_version: str | None
    attempts: int
    created_at: Timestamp | None
    finished_at: Timestamp | None


class ConversationAnalysisOut(CallAnalysisOut):
    """The same of a conversation, whose id is the call's."""

    conversation_id: str = Field(validation_alias="call_id")


# ---------------------------------------------------------------- an agent over time


def _as_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no day of the calendar; send it as 2026-02-28") from None


Day = Annotated[
    str,
    Field(json_schema_extra={"format": "date"}, examples=["2026-02-28"]),
    matching(r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", "must be a day like 2026-02-28, of the years 2000 to 2099"),
    AfterValidator(lambda text: _as_day(text).isoformat()),
]
DayOut = Annotated[date, PlainSerializer(date.isoformat, return_type=str, when_used="json")]

# `from` is a word of Python's own, so that no class statement can have it as a field.
_FIELDS: dict[str, Any] = {
    "from": (Day | None, Field(None, description="The first day; the period it is in is shown whole.")),
    "to": (Day | None, Field(None, description="The last day, today if left out.")),
}
_Ends: Any = create_model("_Ends", __base__=Wire, **_FIELDS)


class AnalyticsQuery(_Ends):
    """Which days, weeks (from Monday) or months to show: at most 366 days, 262 weeks or 60 months, and without `from`
    the last 30, 12 or 12. They begin and end at midnight in the time zone `tz`."""

    period: Period = "day"
    tz: Zone = "UTC"

    @property
    def ends(self) -> tuple[date | None, date | None]:
        """The first and the last day, as far as they were sent."""
        sent = getattr(self, "from"), getattr(self, "to")  # noqa: B009 - the fields are made above
        first, last = (None if day is None else _as_day(day) for day in sent)
        return first, last


class CountOut(Wire):
    """How often something occurred; the most frequent come first."""

    name: str
    count: int


def _counts(found: object) -> object:
    return [{"name": name, "count": count} for name, count in found.items()] if isinstance(found, Mapping) else found


Counts = Annotated[list[CountOut], BeforeValidator(_counts)]


class ResponsesOut(Wire):
    """Percentiles, in milliseconds, of the time from the end of the caller's speech until they heard the answer."""

    answers: int
    p50: float
    p90: float
    p95: float
    p99: float


class StepOut(Wire):
    """How many turns came to this step, and percentiles of when."""

    count: int
    p50: float
    p95: float


def _by_its_name(step: str) -> Any:
    return Field(None, validation_alias=f"{step}_ms")


class StepsOut(Wire):
    """Where the time went: milliseconds from the end of the caller's speech to each step of the answer, as a turn's
    `latencies` have them; null where no turn came to that step."""

    recognised: StepOut | None = _by_its_name("recognised")
    endpointed: StepOut | None = _by_its_name("endpointed")
    first_text: StepOut | None = _by_its_name("first_text")
    first_clause: StepOut | None = _by_its_name("first_clause")
    synthesised: StepOut | None = _by_its_name("synthesised")
    first_audio: StepOut | None = _by_its_name("first_audio")
    heard: StepOut | None = _by_its_name("heard")


class StopCountOut(Wire):
    """How often the agent fell silent with this outcome, for this cause."""

    outcome: Literal["cut", "resumed"]
    cause: str
    count: int


def _by_cause(found: object) -> object:
    if not isinstance(found, Mapping):
        return found
    ranked = sorted(found.items(), key=lambda each: (-each[1], each[0]))
    return [{"outcome": outcome, "cause": cause, "count": count} for (outcome, cause), count in ranked]


class StopsOut(Wire):
    """How often the agent fell silent for a caller, percentiles of the milliseconds from their first sound to its
    silence, and what came of it."""

    count: int
    p50: float
    p95: float
    causes: Annotated[list[StopCountOut], BeforeValidator(_by_cause)]


class FiguresOut(Wire):
    """The calls of one period. Rates and means are null where there is nothing to make them of: `resolution_rate` is
    the part of the judged calls that was resolved, `satisfaction_score` the mean of those with a score."""

    calls: int
    answered: int
    failed: int
    minutes: float
    judged: int
    resolved: int
    unresolved: int
    escalated: int
    unclear: int
    resolution_rate: float | None
    satisfaction_score: float | None
    turns: int
    talk_ratio: float | None
    silence_share: float | None
    interruptions: int
    interruptions_per_call: float | None
    talked_over: int
    response_ms: ResponsesOut | None
    latencies: StepsOut
    stops: StopsOut | None
    failures: Counts
    problems: Counts
    topics: Counts


class BucketOut(FiguresOut):
    """One period, named by its first day."""

    day: DayOut
    begins_at: Timestamp
    ends_at: Timestamp


class AnalyticsOut(Wire):
    """A series of whole periods, empty ones too, and all of them together. Without `agent_id`, of the project."""

    agent_id: str | None
    period: Period
    timezone: str
    first_day: DayOut
    last_day: DayOut
    total: FiguresOut
    buckets: list[BucketOut]
