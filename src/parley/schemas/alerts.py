"""Alerts on the wire: rules, what they fired, and what they would have fired."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from parley.domain.alerts import DedupeBy, Kind, QuietMode
from parley.schemas.agents import Name
from parley.schemas.base import Timestamp, Wire, between, not_null, problem
from parley.schemas.business_hours import TimeOfDay, Zone
from parley.schemas.fields import Id, Url, matching
from parley.schemas.pages import CursorQuery

_NEEDS: dict[str, tuple[str, float, float]] = {
    "long_duration": ("seconds", 1, 86_400),
    "low_satisfaction": ("a score", 0, 5),
    "error_rate": ("a share", 0.01, 1),
    "queue_time": ("seconds", 1, 86_400),
}
"""The kinds that compare with a threshold, what it is, and its range."""

_WHAT_KINDS_NEED: list[Any] = [
    *(
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {
                "properties": {"threshold": {"type": "number", "minimum": low, "maximum": high}},
                "required": ["threshold"],
            },
        }
        for kind, (_, low, high) in _NEEDS.items()
    ),
    {
        "if": {"properties": {"kind": {"const": "escalation"}}, "required": ["kind"]},
        "then": {
            "anyOf": [
                {"properties": {"phrases": {"type": "array", "minItems": 1}}, "required": ["phrases"]},
                {"properties": {"on_transfer": {"const": True}}, "required": ["on_transfer"]},
            ]
        },
    },
]

Phrase = Annotated[str, Field(min_length=1, max_length=100), matching(r"\S", "must not be blank")]
Mail = Annotated[
    str,
    Field(max_length=254, examples=["desk@example.com"]),
    matching(r"^[^@\s<>,;:\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", "must be an e-mail address like desk@example.com"),
]


def _not_the_days_end(text: str) -> str:
    if text == "24:00":
        raise ValueError("must be before 24:00; midnight is 00:00")
    return text


ClockTime = Annotated[TimeOfDay, AfterValidator(_not_the_days_end)]


class QuietHoursWire(Wire):
    """Every day from `start` to `end` nobody is told; an end before the start is on the next day.

    What fires meanwhile is told when they end (`delay`), or only kept (`drop`).
    """

    timezone: Zone
    start: ClockTime
    end: ClockTime
    mode: QuietMode = "delay"

    @model_validator(mode="after")
    def _refuse_no_time(self) -> QuietHoursWire:
        if self.start == self.end:
            raise problem("end", "must differ from start")
        return self


class AlertChannel(Wire):
    """Who is told. A `webhook` gets the signed event `alert.fired` at `url`, or at the project's webhook without one;
    an `email` goes to `to`, if the operator has set up a mail server."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"type": {"const": "email"}}, "required": ["type"]},
            "then": {"properties": {"to": {"type": "string"}}, "required": ["to"]},
        }
    )

    type: Literal["webhook", "email"]
    url: Url | None = None
    to: Mail | None = None

    @model_validator(mode="after")
    def _require_an_address(self) -> AlertChannel:
        if self.type == "email" and self.to is None:
            raise problem("to", "is required when type is email")
        return self


Channels = Annotated[list[AlertChannel], Field(max_length=10)]


class AlertCondition(Wire):
    """What a rule looks for.

    `long_duration`: a call that goes on for `threshold` seconds. `low_satisfaction`: a call judged at or below
    `threshold` (0–5). `escalation`: the caller says one of the `phrases`, or the call is handed to a human
    (`on_transfer`). `provider_failure`: something went wrong in a call, or only one of the `codes`. `error_rate`: of
    the calls that ended within the window, the share that failed is at or above `threshold` (0–1). `queue_time`: a
    caller has waited for `threshold` seconds.
    """

    model_config = ConfigDict(json_schema_extra={"allOf": _WHAT_KINDS_NEED})

    kind: Kind
    threshold: Annotated[float, between(0, 86_400)] | None = None
    phrases: Annotated[list[Phrase], Field(max_length=100)] = Field(default_factory=list)
    on_transfer: bool = False
    codes: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=50)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _require_what_it_needs(self) -> AlertCondition:
        if self.kind in _NEEDS:
            what, low, high = _NEEDS[self.kind]
            if self.threshold is None or not low <= self.threshold <= high:
                raise problem("threshold", f"must be {what} between {low} and {high} when kind is {self.kind}")
        if self.kind == "escalation" and not self.phrases and not self.on_transfer:
            raise problem("phrases", "must name at least one phrase, unless transfers count")
        return self


class _RuleFields(Wire):
    """What decides when a rule fires.

    It fires when `least_count` calls meet its condition within `window_seconds` (for an error rate: when at least so
    many calls ended). Then `dedupe_seconds` pass before it fires again for the same rule, agent or call.
    """

    condition: AlertCondition
    agent_id: Id | None = None
    least_count: Annotated[int, between(1, 10_000)] = 1
    window_seconds: Annotated[int, between(1, 604_800)] = 300
    dedupe_seconds: Annotated[int, between(0, 604_800)] = 300
    dedupe_by: DedupeBy = "rule"
    quiet_hours: QuietHoursWire | None = None


class AlertCreate(_RuleFields):
    """A new rule. It looks at what happens from now on; a backtest looks back."""

    name: Name
    channels: Channels = Field(default_factory=list)
    active: bool = True


class AlertUpdate(Wire):
    """Only what is sent changes. A rule that is changed or switched on again looks at what happens from now on."""

    name: Annotated[Name | None, not_null()] = None
    condition: Annotated[AlertCondition | None, not_null()] = None
    agent_id: Id | None = None
    least_count: Annotated[Annotated[int, between(1, 10_000)] | None, not_null()] = None
    window_seconds: Annotated[Annotated[int, between(1, 604_800)] | None, not_null()] = None
    dedupe_seconds: Annotated[Annotated[int, between(0, 604_800)] | None, not_null()] = None
    dedupe_by: Annotated[DedupeBy | None, not_null()] = None
    quiet_hours: QuietHoursWire | None = None
    channels: Annotated[Channels | None, not_null()] = None
    active: Annotated[bool | None, not_null()] = None


class AlertOut(_RuleFields):
    """A rule. `effective_from` is when it began to look, as it is now."""

    id: str
    name: str
    channels: list[AlertChannel]
    active: bool
    effective_from: Timestamp
    created_at: Timestamp
    updated_at: Timestamp


class AlertBacktest(_RuleFields):
    """A rule that need not exist, and how many days to look back."""

    days: Annotated[int, between(1, 31)] = 7


class BacktestQuery(Wire):
    """How many days to look back."""

    days: Annotated[int, between(1, 31)] = 7


class EvidenceOut(Wire):
    """One moment at which a call met the condition."""

    at: Timestamp
    call_id: str
    agent_id: str | None
    value: float
    detail: dict[str, Any]


class FiringEvidence(Wire):
    """What a rule was met by: how many moments, and the newest of them."""

    count: int
    occurrences: list[EvidenceOut]


class BacktestFiring(Wire):
    """One time the rule would have fired. `told_at` is when somebody would have been told; null for nobody."""

    fired_at: Timestamp
    call_id: str | None
    value: float
    evidence: FiringEvidence
    told_at: Timestamp | None


class BacktestOut(Wire):
    """What a rule would have done. `summary` says it in a sentence; the newest 100 firings are shown, newest first."""

    since: Timestamp
    until: Timestamp
    fired: int
    told: int
    summary: str
    firings: list[BacktestFiring]


class ToldOut(Wire):
    """What became of telling one channel: `sent`, `waiting`, `failed` (with a reason), or `dropped` in quiet hours.

    A webhook that was `sent` the event is on the list of deliveries, with what it answered.
    """

    type: str
    address: str | None
    status: Literal["sent", "waiting", "failed", "dropped"]
    reason: str | None


class FiringOut(Wire):
    """One time a rule fired, and what it was met by."""

    id: str
    alert_id: str
    alert_name: str
    call_id: str | None
    value: float
    evidence: FiringEvidence
    told: list[ToldOut]
    fired_at: Timestamp


class FiringQuery(CursorQuery):
    """Query of the list of firings."""

    alert_id: Id | None = None
