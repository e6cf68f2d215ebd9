"""What makes routing wrong beyond the form of its fields, and whom it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parley.domain.routing.windows import DAY_MINUTES, minute_of_day

Problem = tuple[str, str]
"""A field, and what is wrong with it as the rest of a sentence that begins with the field's name."""

CONDITION_NEEDS: Mapping[str, tuple[str, ...]] = {
    "always": (),
    "caller_id_matches": ("pattern",),
    "time_of_day": ("start_time", "end_time"),
    "holiday": (),
    "business_hours": ("state",),
    "queue_length": ("threshold",),
    "agent_availability": ("agent_id", "availability"),
    "language": ("language",),
    "percentage": ("percentage",),
}
ACTION_NEEDS: Mapping[str, tuple[str, ...]] = {
    "route_to_agent": ("agent_id",),
    "route_to_number": ("phone_number",),
    "route_to_queue": ("queue_id",),
    "overflow_to_voicemail": (),
    "voicemail": (),
    "announcement": ("text",),
    "reject": (),
}


def window_problems(start: str, end: str, fields: tuple[str, str]) -> Iterator[Problem]:
    """What is wrong with a window of two valid times named by `fields`. One that ends before it starts goes past
    midnight; one of no length could mean never or always."""
    if minute_of_day(start) == DAY_MINUTES:
        yield fields[0], "must be before 24:00; a window that begins at midnight begins at 00:00"
    elif minute_of_day(start) == minute_of_day(end):
        yield fields[1], f"must differ from {fields[0]}; the whole day is 00:00 to 24:00"


def condition_problems(condition: Mapping[str, Any]) -> Iterator[Problem]:
    """What a condition needs and does not have."""
    kind = condition.get("condition")
    if kind is not None:
        yield from _missing(condition, "condition", kind, CONDITION_NEEDS[kind])
    if condition.get("start_time") is not None and condition.get("end_time") is not None:
        yield from window_problems(condition["start_time"], condition["end_time"], ("start_time", "end_time"))


def rule_problems(rule: Mapping[str, Any]) -> Iterator[Problem]:
    """What a rule needs and does not have. What is wrong inside `conditions` is said there."""
    if rule.get("condition") is None and not rule.get("conditions"):
        yield "condition", "is required, or `conditions`; a rule for every call has the condition always"
    yield from condition_problems(rule)
    yield from _missing(rule, "action", rule["action"], ACTION_NEEDS[rule["action"]])


def _missing(holder: Mapping[str, Any], part: str, word: str, needs: tuple[str, ...]) -> Iterator[Problem]:
    for field in needs:
        if holder.get(field) is None:
            yield field, f"is required when {part} is {word}"


def ids_named(routing: Mapping[str, Any], field: str) -> Iterator[tuple[str, str]]:
    """(path, id) for every `agent_id` or `queue_id` that is named, by what `field` says. `routing` holds any of the
    three objects, plain; a default agent is an agent."""
    default = (routing.get("routing_config") or {}).get("default_agent")
    if field == "agent_id" and default is not None:
        yield "routing_config.default_agent", default
    for place, rule in enumerate(routing.get("routing_rules") or ()):
        holders = [(f"routing_rules.{place}", rule)]
        holders += [
            (f"routing_rules.{place}.conditions.{i}", each) for i, each in enumerate(rule.get("conditions") or ())
        ]
        yield from ((f"{path}.{field}", each[field]) for path, each in holders if each.get(field) is not None)
