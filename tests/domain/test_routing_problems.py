"""What makes routing wrong, as arithmetic on texts."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.routing.problems import ids_named, rule_problems, window_problems
from parley.domain.routing.windows import minute_of_day, require_zone


@pytest.mark.parametrize(("text", "minute"), [("00:00", 0), ("09:05", 545), ("23:59", 1439), ("24:00", 1440)])
def test_a_time_of_the_day_is_minutes_since_midnight(text: str, minute: int) -> None:
    assert minute_of_day(text) == minute


@pytest.mark.parametrize("text", ["", "9:00", "24:01", "25:00", "12:60", "12:5", "12:00 ", "noon", "-1:00", "１２:00"])
def test_what_is_no_time_of_the_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="09:00"):
        minute_of_day(text)


@pytest.mark.parametrize("name", ["America/New_York", "UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires"])
def test_a_zone_of_the_database_is_known(name: str) -> None:
    assert require_zone(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "America", "Nowhere/Here", "EST5", "../etc/passwd", "/UTC", "posix/UTC", "localtime", "a\0b", "x" * 300],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="America/New_York"):
        require_zone(name)


@pytest.mark.parametrize(
    ("start", "end", "fields"),
    [
        ("09:00", "17:00", []),
        ("18:00", "09:00", []),
        ("00:00", "24:00", []),
        ("09:00", "09:00", ["end"]),
        ("24:00", "09:00", ["start"]),
    ],
)
def test_a_window_may_pass_midnight_but_has_a_length(start: str, end: str, fields: list[str]) -> None:
    assert [field for field, _ in window_problems(start, end, ("start", "end"))] == fields


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ({"condition": "caller_id_matches", "action": "route_to_agent"}, ["pattern", "agent_id"]),
        ({"condition": "time_of_day", "action": "overflow_to_voicemail"}, ["start_time", "end_time"]),
        ({"condition": "queue_length", "action": "overflow_to_voicemail"}, ["threshold"]),
        ({"condition": "queue_length", "action": "overflow_to_voicemail", "threshold": 0}, []),
        ({"condition": "always", "action": "reject"}, []),
        ({"action": "reject"}, ["condition"]),
        ({"action": "reject", "conditions": []}, ["condition"]),
        ({"action": "reject", "conditions": [{"condition": "always"}]}, []),
        (
            {"condition": "agent_availability", "action": "route_to_number"},
            ["agent_id", "availability", "phone_number"],
        ),
        ({"condition": "language", "action": "route_to_queue"}, ["language", "queue_id"]),
        ({"condition": "percentage", "action": "announcement"}, ["percentage", "text"]),
        ({"condition": "business_hours", "action": "voicemail"}, ["state"]),
        (
            {
                "condition": "time_of_day",
                "action": "route_to_agent",
                "agent_id": "a",
                "start_time": "09:00",
                "end_time": "09:00",
            },
            ["end_time"],
        ),
    ],
)
def test_a_rule_has_what_its_condition_and_action_need(rule: dict[str, Any], fields: list[str]) -> None:
    assert [field for field, _ in rule_problems(rule)] == fields


def test_every_id_that_routing_names_is_found_with_its_place() -> None:
    routing = {
        "routing_config": {"default_agent": "agent_1"},
        "routing_rules": [
            {"agent_id": "agent_2", "conditions": [{"agent_id": "agent_4"}, {"queue_id": "queue_2"}]},
            {},
            {"agent_id": "agent_3", "queue_id": "queue_1"},
        ],
    }
    assert list(ids_named(routing, "agent_id")) == [
        ("routing_config.default_agent", "agent_1"),
        ("routing_rules.0.agent_id", "agent_2"),
        ("routing_rules.0.conditions.0.agent_id", "agent_4"),
        ("routing_rules.2.agent_id", "agent_3"),
    ]
    assert list(ids_named(routing, "queue_id")) == [
        ("routing_rules.0.conditions.1.queue_id", "queue_2"),
        ("routing_rules.2.queue_id", "queue_1"),
    ]
    assert list(ids_named({}, "agent_id")) == []
    assert list(ids_named({"routing_config": None, "routing_rules": None}, "agent_id")) == []
