"""What a customer may say about who answers which call, and what makes it wrong.

Routing is three objects, each optional, on a number or for the whole project: `call_routing` (business hours),
`routing_config` (who answers where nothing else applies, and how long a caller may wait) and `routing_rules` (tried in
order). They are kept in snake_case once they have passed the wire shapes and what stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Condition = Literal["caller_id_matches", "time_of_day", "queue_length"]
Action = Literal["route_to_agent", "overflow_to_voicemail"]
Fallback = Literal["voicemail", "hangup"]
Problem = tuple[str, str]
"""A field, and what is wrong with it as the rest of a sentence that begins with the field's name."""

DAY_MINUTES = 24 * 60
MOST_RULES = 100
LONGEST_QUEUE_S = 3600
_CONDITION_NEEDS: Mapping[str, tuple[str, ...]] = {
    "caller_id_matches": ("pattern",),
    "time_of_day": ("start_time", "end_time"),
    "queue_length": ("threshold",),
}
_ACTION_NEEDS: Mapping[str, tuple[str, ...]] = {"route_to_agent": ("agent_id",), "overflow_to_voicemail": ()}
_NO_PLACES = ("Factory", "localtime", "posix", "posixrules", "right")


def minute_of_day(text: str) -> int:
    """The minute since midnight, 0 to 1440, of a 24-hour `HH:MM`; `24:00` is the day's end. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{2}):([0-5][0-9])", text)
    minute = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minute <= DAY_MINUTES:
        raise ValueError("must be a time of the day like 09:00, from 00:00 to 24:00")
    return minute


def require_zone(name: str) -> str:
    """The name itself. Raises ValueError unless it is in the IANA time zone database."""
    try:
        if name.split("/")[0] in _NO_PLACES:
            raise ValueError
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name, such as America, is an OSError
        raise ValueError("must be a time zone of the IANA database, like America/New_York or UTC") from None
    return name


def window_problems(start: str, end: str, fields: tuple[str, str]) -> Iterator[Problem]:
    """What is wrong with a window of two valid times named by `fields`. One that ends before it starts goes past
    midnight; one of no length could mean never or always."""
    if minute_of_day(start) == DAY_MINUTES:
        yield fields[0], "must be before 24:00; a window that begins at midnight begins at 00:00"
    elif minute_of_day(start) == minute_of_day(end):
        yield fields[1], f"must differ from {fields[0]}; the whole day is 00:00 to 24:00"


def rule_problems(rule: Mapping[str, Any]) -> Iterator[Problem]:
    """What a routing rule's condition and action need and the rule does not have."""
    for part, needs in (("condition", _CONDITION_NEEDS), ("action", _ACTION_NEEDS)):
        for field in needs[rule[part]]:
            if rule.get(field) is None:
                yield field, f"is required when {part} is {rule[part]}"
    if rule.get("start_time") is not None and rule.get("end_time") is not None:
        yield from window_problems(rule["start_time"], rule["end_time"], ("start_time", "end_time"))


def agents_named(routing: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path of the field, agent id) for every agent that routing leads to. `routing` holds any of the three objects."""
    default = (routing.get("routing_config") or {}).get("default_agent")
    if default is not None:
        yield "routing_config.default_agent", default
    for place, rule in enumerate(routing.get("routing_rules") or ()):
        if rule.get("agent_id") is not None:
            yield f"routing_rules.{place}.agent_id", rule["agent_id"]
