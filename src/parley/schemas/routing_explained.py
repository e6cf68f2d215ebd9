"""Routing explained, on the wire: where a call would go and why, and what would have become of those of last week."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, create_model

from parley.domain.decisions import Action, Fallback, Outcome
from parley.domain.routing.shapes import Availability
from parley.schemas.base import Timestamp, Wire, between
from parley.schemas.fields import Id, PhoneText, matching
from parley.schemas.routing import NumberRoutingPut, ProjectRoutingPut

MOST_DAYS = 31
_MOMENT = "must be a moment like 2026-12-24T20:05:00Z, of the years 2000 to 2099 and with its offset from UTC"


def _require_moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_MOMENT) from None
    return text


Moment = Annotated[
    str,
    Field(max_length=40, json_schema_extra={"format": "date-time"}, examples=["2026-12-24T20:05:00Z"]),
    matching(
        r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+\-][0-9]{2}:[0-9]{2})$",
        _MOMENT,
    ),
    AfterValidator(_require_moment),
]

# `from` is a word of Python's own, so that no class statement can have it as a field.
_FIELDS: dict[str, Any] = {
    "from": (PhoneText | None, Field(..., description="The caller; null for one who withholds the number.")),
    "to": (PhoneText, Field(..., description="One of your numbers.")),
}
_Ends: Any = create_model("_Ends", __base__=Wire, **_FIELDS)


class RoutingExplain(_Ends):
    """Which call to explain: who calls which of your numbers, and when; now where `at` is left out.

    `routing` is tried in place of the number's own, `project_routing` in place of the project's; what a proposal leaves
    out is taken as it is set. Nothing is stored.
    """

    at: Moment | None = None
    routing: NumberRoutingPut | None = None
    project_routing: ProjectRoutingPut | None = None

    @property
    def ends(self) -> tuple[str | None, str]:
        """Who calls, and which number, as they were sent."""
        return getattr(self, "from"), getattr(self, "to")  # noqa: B009 - the fields are made above


class PastRoutingExplain(Wire):
    """Which calls to look at: those that came in during the last `days`, on one number or on all.

    `routing` is tried in place of the number's own or, without a number, of the project's. What a proposal leaves out
    is taken as it is set, and so is all of it without a proposal. Nothing is stored.
    """

    days: Annotated[int, between(1, MOST_DAYS)] = 7
    number_id: Id | None = None
    routing: NumberRoutingPut | None = None


class Destination(Wire):
    """Where a call goes: the action, and the agent, queue or phone number that it leads to."""

    action: Action
    agent_id: str | None
    queue_id: str | None
    phone_number: str | None


class ConsideredOut(Wire):
    """One rule or step, in the order of looking. `label` is the rule's own name."""

    name: str
    label: str | None
    condition: str | None
    outcome: Outcome
    why: str


class FactsOut(Wire):
    """What was looked at beside the caller and the time; what the routing does not ask about is null or left out.

    `waiting_in` is by queue, `availability` by agent. `gone` are ids that routing names and that are nobody's any more.
    """

    waiting_for_number: int | None
    waiting_in: dict[str, int]
    availability: dict[str, Availability]
    languages: list[str] | None
    gone: list[str]


class RoutingExplained(Destination):
    """Where the call goes, what decided, and for each rule and step why it did or did not.

    `outlook` is what the caller goes through then; it is null for a call that rang already, whose record tells it.
    `text` is what is announced, or the greeting of a voicemail; `fallback` what becomes of the caller where the action
    cannot be carried out. `max_queue_time` is in seconds. `assumed` says what could not be known for certain.
    """

    number_id: str | None
    at: Timestamp
    matched: str
    why: str
    outlook: str | None
    text: str | None
    priority: int
    fallback: Fallback
    max_queue_time: int
    queue_music: str
    considered: list[ConsideredOut]
    facts: FactsOut
    assumed: list[str]


class DestinationCount(Destination):
    """How many calls went there, and how many would."""

    before: int
    after: int


class Decided(Destination):
    """Where a call went or would go, and what decided."""

    matched: str


class ChangedCall(Wire):
    """A call that would go elsewhere."""

    call_id: str
    number_id: str
    from_number: str
    at: Timestamp
    then: Decided
    now: Decided
    why: str


class PastRoutingExplained(Wire):
    """What would have become of the calls since `since`. `changes` are the newest of the `changed` ones.

    Of `calls` that came in, `looked_at` could be judged: the newest 1,000, as far as their number is still there and it
    is known where they went. `assumed` says what is not known of the past, and what was taken instead.
    """

    since: Timestamp
    until: Timestamp
    calls: int
    looked_at: int
    changed: int
    destinations: list[DestinationCount]
    changes: list[ChangedCall]
    assumed: list[str]
