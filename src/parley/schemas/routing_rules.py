"""Routing rules on the wire: conditions with what they compare, and an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from parley.domain.routing.problems import ACTION_NEEDS, CONDITION_NEEDS, condition_problems, rule_problems
from parley.domain.routing.shapes import (
    MOST_CONDITIONS,
    MOST_RULES,
    Availability,
    ConditionKind,
    Fallback,
    HoursState,
    RuleAction,
    Weekday,
)
from parley.schemas.agents import LanguageTag, Word
from parley.schemas.base import Wire, between, problem
from parley.schemas.business_hours import Spoken, TimeOfDay, Zone
from parley.schemas.fields import Id, PhoneText, matching

MOST_PRIORITY = 100
CallerPattern = Annotated[
    str,
    Field(
        max_length=32,
        description="A phone number in which `*` is any digits and `?` is one. `*` alone is every caller, `anonymous`"
        " every caller who withholds the number.",
        examples=["+1800*"],
    ),
    matching(
        r"^(\+[0-9*?]+|[*?][0-9*?]*|anonymous)$",
        "must be a phone number with * for any digits and ? for one, like +1800*, or the word anonymous",
    ),
]


def _needs(part: str, table: Mapping[str, tuple[str, ...]], *, may_be_null: bool = False) -> dict[str, Any]:
    """What JSON Schema says of fields that words of `part` need: one branch for each, and one for all that need none.

    Branches, because generators of values give up on as many conditions with `if`.
    """
    needing = {word: names for word, names in table.items() if names}
    rest: list[str | None] = [word for word in table if word not in needing]
    free = {"properties": {part: {"enum": rest + ([None] if may_be_null else [])}}}
    return {"anyOf": [free, *(_branch(part, word, names) for word, names in needing.items())]}


def _branch(part: str, word: str, names: tuple[str, ...]) -> dict[str, Any]:
    needed = {name: {"type": _NUMBERS.get(name, "string")} for name in names}
    return {"properties": {part: {"const": word}, **needed}, "required": [part, *names]}


_NUMBERS = {"threshold": "integer", "percentage": "number"}


class RoutingCondition(Wire):
    """One thing that has to be so for a rule to apply.

    - `always`
    - `caller_id_matches`: the caller's number is one of `pattern`
    - `time_of_day`: from `start_time` to `end_time`, which may go past midnight, on these `days`: those on which the
      window begins, all where they are left out
    - `holiday`: today is one of the holidays of the business hours
    - `business_hours`: they are `state`, with holidays
    - `queue_length`: at least `threshold` calls wait in the queue `queue_id`, or, without one, for the number called
    - `agent_availability`: the agent `agent_id` is `available`, `busy` (has as many calls as it may) or `offline`
      (has no webhook to answer for it)
    - `language`: the caller's is `language`, where `en` is also `en-US`. It is that of the last conversation with this
      caller, and before the first the official ones of the country of the caller's number
    - `percentage`: so many of 100 callers, always the same ones

    A time is that of `timezone`, else that of the number's business hours, else that of the project's, else UTC.
    """

    model_config = ConfigDict(json_schema_extra={"allOf": [_needs("condition", CONDITION_NEEDS)]})

    condition: ConditionKind
    pattern: CallerPattern | None = None
    start_time: TimeOfDay | None = None
    end_time: TimeOfDay | None = None
    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)] | None = None
    timezone: Zone | None = None
    state: HoursState | None = None
    threshold: Annotated[int, between(0, 10_000)] | None = None
    queue_id: Id | None = None
    agent_id: Id | None = None
    availability: Availability | None = None
    language: LanguageTag | None = None
    percentage: Annotated[float, between(0, 100)] | None = None

    @model_validator(mode="after")
    def _require_what_it_needs(self) -> RoutingCondition:
        for field, message in condition_problems(self.model_dump()):
            raise problem(field, message)
        return self


class RoutingRule(RoutingCondition):
    """One rule: what has to be so, and what happens then.

    A rule is itself a condition, has `conditions`, or both; all of them have to hold. `agent_id` and `queue_id` are
    what its own condition looks at as well as where its action leads: where those differ, the condition goes into
    `conditions`.

    `route_to_agent` needs `agent_id`, `route_to_number` the `phone_number` of a human, `route_to_queue` a `queue_id`,
    `announcement` its `text`; `voicemail` (also `overflow_to_voicemail`) may have one as its greeting. Among callers
    who wait, those of higher `priority` come first. `fallback` is what becomes of the caller where the action cannot be
    carried out. A rule that is not `enabled` is passed over.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [_needs("condition", CONDITION_NEEDS, may_be_null=True), _needs("action", ACTION_NEEDS)]
        }
    )

    condition: ConditionKind | None = None  # type: ignore[assignment]  # a rule may be all in its `conditions`
    conditions: Annotated[list[RoutingCondition], Field(max_length=MOST_CONDITIONS)] | None = None
    action: RuleAction
    name: Word | None = None
    enabled: bool | None = None
    phone_number: PhoneText | None = None
    text: Spoken | None = None
    priority: Annotated[int, between(0, MOST_PRIORITY)] | None = None
    fallback: Fallback | None = None

    @model_validator(mode="after")
    def _require_what_it_needs(self) -> RoutingRule:
        for field, message in rule_problems(self.model_dump()):
            raise problem(field, message)
        return self


RoutingRules = Annotated[list[RoutingRule], Field(max_length=MOST_RULES)]
