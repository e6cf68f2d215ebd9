"""Routing as the documents print it is taken as it stands, and what they leave out has their figures."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.errors import BadInput
from parley.schemas.base import parse
from parley.schemas.business_hours import CallRouting
from parley.schemas.routing import ProjectRoutingPut, RoutingConfig

HOURS = {"start": "09:00", "end": "17:00"}
RULES: list[dict[str, Any]] = [
    {
        "condition": "caller_id_matches",
        "pattern": "+1800*",
        "action": "route_to_agent",
        "agent_id": "agent_1",
    },
    {
        "condition": "time_of_day",
        "start_time": "18:00",
        "end_time": "09:00",
        "action": "route_to_agent",
        "agent_id": "agent_2",
    },
    {"condition": "queue_length", "threshold": 5, "action": "overflow_to_voicemail"},
]


def test_what_is_left_out_of_a_configuration_has_the_printed_figures() -> None:
    config = parse(RoutingConfig, {})
    assert (config.default_agent, config.fallback_behavior) == (None, "voicemail")
    assert (config.max_queue_time, config.queue_music) == (300, "default")


def test_the_printed_rules_are_kept_in_their_order() -> None:
    read = parse(ProjectRoutingPut, {"routing_rules": RULES})
    assert read.model_dump(include={"routing_rules"}, exclude_none=True) == {"routing_rules": RULES}


def test_a_day_that_is_not_named_has_no_hours() -> None:
    week = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), HOURS)
    hours = {"enabled": True, "timezone": "America/New_York", "schedule": week}
    read = parse(CallRouting, {"mode": "direct", "business_hours": hours}).business_hours
    assert read is not None
    assert (read.timezone, read.fallback) == ("America/New_York", None)
    assert read.schedule.model_dump() == week | {"saturday": None, "sunday": None}


@pytest.mark.parametrize("pattern", ["+1800*", "*5555", "+1415555????", "*"])
def test_a_pattern_is_a_glob_over_a_number(pattern: str) -> None:
    rule = RULES[0] | {"pattern": pattern}
    assert parse(ProjectRoutingPut, {"routing_rules": [rule]}).routing_rules


@pytest.mark.parametrize("pattern", ["1800*", "+1800-*", "", "+", "+1[89]*", "*" * 33])
def test_what_is_no_such_glob_is_refused(pattern: str) -> None:
    rule = RULES[0] | {"pattern": pattern}
    with pytest.raises(BadInput, match="pattern"):
        parse(ProjectRoutingPut, {"routing_rules": [rule]})
