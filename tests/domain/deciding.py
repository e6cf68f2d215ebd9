"""One call, routed by what a client would send."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from parley.domain.decisions import Decision
from parley.domain.routing.facts import Facts
from parley.domain.routing.router import route
from parley.domain.routing.shapes import Routing, read_routing

CALLER = "+18005551234"
HOURS: dict[str, Any] = {
    "timezone": "America/New_York",
    "schedule": {"monday": {"start": "09:00", "end": "17:00"}},
    "holidays": [{"date": "01-01", "name": "New Year"}],
}
# As the documents print them, with other agents.
PRINTED: list[dict[str, Any]] = [
    {"condition": "caller_id_matches", "pattern": "+1800*", "action": "route_to_agent", "agent_id": "sales"},
    {
        "condition": "time_of_day",
        "start_time": "18:00",
        "end_time": "09:00",
        "action": "route_to_agent",
        "agent_id": "night",
    },
    {"condition": "queue_length", "threshold": 5, "action": "overflow_to_voicemail"},
]


def decide(
    *rules: dict[str, Any],
    caller: str = "+14155550100",
    at: str = "2026-01-05T12:00:00-05:00",
    agent_id: str | None = "day",
    hours: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    project: dict[str, Any] | None = None,
    **facts: Any,
) -> Decision:
    own = {"routing_rules": list(rules), "call_routing": {"business_hours": hours}, "routing_config": config}
    routing = Routing(agent_id, read_routing(own), read_routing(project))
    return route(routing, caller, Facts(at=datetime.fromisoformat(at), **facts))


def why(decision: Decision, name: str) -> str:
    return next(each.why for each in decision.considered if each.name == name)
