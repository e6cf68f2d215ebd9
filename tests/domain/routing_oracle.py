"""Where a call goes, worked out the slow and obvious way from what the client wrote, to compare the router with.

A window is the set of its minutes, a pattern is tried letter by letter, and the order is one long list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from parley.domain.routing.shapes import Availability
from tests.routings import WEEKDAYS, Case, Json

NO_NUMBER = ("", "anonymous", "+266696687")


@dataclass
class Circumstances:
    """What is so while the call rings."""

    waiting_for_number: int = 0
    waiting_in: dict[str, int] = field(default_factory=dict)
    availability: dict[str, Availability] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    gone: frozenset[str] = frozenset()


def expected(case: Case, now: Circumstances) -> tuple[str, Json]:
    """The name of what decides, and what of the decision is laid down by the routing."""
    for name, decision in in_order(case, now):
        if decision is not None:
            return name, decision
    raise AssertionError("the fallback always applies")


def in_order(case: Case, now: Circumstances) -> Iterator[tuple[str, Json | None]]:
    settings = {"fallback_behavior": "voicemail"} | (
        case.number.get("routing_config") or case.project.get("routing_config") or {}
    )
    fallback = settings["fallback_behavior"]
    for scope, holder in (("number_rule", case.number), ("project_rule", case.project)):
        for place, rule in enumerate(holder.get("routing_rules", [])):
            yield f"{scope}.{place}", outcome_of(rule, case, now, fallback)
    hours = hours_of(case)
    is_closed = hours is not None and hours["enabled"] and not is_open(hours, case.at)
    yield "business_hours", ending(str((hours or {}).get("fallback", fallback)), fallback) if is_closed else None
    yield "number_agent", with_agent(case.agent_id, now, fallback)
    default = (case.number.get("routing_config") or {}).get("default_agent")
    default = default or (case.project.get("routing_config") or {}).get("default_agent")
    yield "default_agent", with_agent(default, now, fallback)
    yield "fallback", ending(fallback if case.number or case.project else "hangup", fallback)


def ending(behavior: str, fallback: str) -> Json:
    return {"action": {"voicemail": "voicemail", "hangup": "reject"}[behavior], "fallback": fallback}


def with_agent(agent_id: str | None, now: Circumstances, fallback: str) -> Json | None:
    if not agent_id or agent_id in now.gone:
        return None
    return {"action": "agent", "agent_id": agent_id, "fallback": fallback}


def outcome_of(rule: Json, case: Case, now: Circumstances, fallback: str) -> Json | None:
    own = [rule] if "condition" in rule else []
    if not rule["enabled"] or not all(holds(each, rule, case, now) for each in own + rule.get("conditions", [])):
        return None
    made: Json = {"fallback": rule.get("fallback", fallback)}
    word = rule["action"]
    if word == "route_to_agent" or word == "route_to_queue":
        kind = word.removeprefix("route_to_")
        if rule[f"{kind}_id"] in now.gone:
            return None
        return made | {"action": kind, f"{kind}_id": rule[f"{kind}_id"], "priority": rule.get("priority", 0)}
    if word == "route_to_number":
        return made | {"action": "number", "phone_number": rule["phone_number"]}
    if word == "announcement":
        return made | {"action": word, "text": rule["text"]}
    return made | {"action": "reject" if word == "reject" else "voicemail"}


def holds(condition: Json, rule: Json, case: Case, now: Circumstances) -> bool:
    match condition["condition"]:
        case "always":
            return True
        case "caller_id_matches":
            if case.caller in NO_NUMBER:
                return condition["pattern"] in ("*", "anonymous")
            return condition["pattern"] != "anonymous" and spells(str(condition["pattern"]), case.caller)
        case "percentage":
            return place_of(case.caller, rule) < float(condition["percentage"])
        case "time_of_day" | "holiday" | "business_hours":
            return holds_then(condition, case)
    return holds_now(condition, now)


def holds_then(condition: Json, case: Case) -> bool:
    hours = hours_of(case)
    local = case.at.astimezone(ZoneInfo(condition.get("timezone") or zone_of(case)))
    if condition["condition"] == "holiday":
        return hours is not None and holiday(hours, local.date()) is not None
    if condition["condition"] == "business_hours":
        is_now = hours is None or not hours["enabled"] or is_open(hours, case.at)
        return (condition["state"] == "open") is is_now
    span = {"start": condition["start_time"], "end": condition["end_time"]}
    return any(
        days_ago * 1440 + local.hour * 60 + local.minute in minutes(span)
        and WEEKDAYS[(local.date() - timedelta(days=days_ago)).weekday()] in condition.get("days", WEEKDAYS)
        for days_ago in (0, 1)
    )


def holds_now(condition: Json, now: Circumstances) -> bool:
    queue, agent = condition.get("queue_id"), condition.get("agent_id")
    match condition["condition"]:
        case "queue_length":
            waiting = now.waiting_in[queue] if queue else now.waiting_for_number
            return queue not in now.gone and waiting >= int(condition["threshold"])
        case "agent_availability":
            return agent not in now.gone and now.availability[str(agent)] == str(condition["availability"])
        case "language":
            wanted = condition["language"].lower().split("-")
            return any(tag.lower().split("-")[: len(wanted)] == wanted for tag in now.languages)
    raise AssertionError(condition)


def place_of(caller: str, rule: Json) -> float:
    target = next((rule[name] for name in ("agent_id", "queue_id", "phone_number", "text") if rule.get(name)), "")
    key = f"{'' if caller in NO_NUMBER else caller}\n{rule['action']} {target}"
    return int(hashlib.sha256(key.encode()).hexdigest()[:16], 16) * 100 / 16**16


def spells(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return spells(pattern[1:], text) or (bool(text) and spells(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and spells(pattern[1:], text[1:])


# ---------------------------------------------------------------- hours


def hours_of(case: Case) -> Json | None:
    for holder in (case.number, case.project):
        found: Json | None = holder.get("call_routing", {}).get("business_hours")
        if found is not None:
            return found
    return None


def zone_of(case: Case) -> str:
    hours = hours_of(case)
    return str(hours["timezone"]) if hours is not None else "UTC"


def minutes(span: Json) -> set[int]:
    """The minutes of a window, counted from the midnight of the day on which it begins."""
    start, end = (int(span[name][:2]) * 60 + int(span[name][3:]) for name in ("start", "end"))
    return set(range(start, end if end > start else end + 1440))


def holiday(hours: Json, day: date) -> Any:
    return next((each for each in hours["holidays"] if day.isoformat().endswith(each["date"])), None)


def is_open(hours: Json, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(hours["timezone"]))
    for days_ago in (0, 1):
        day = local.date() - timedelta(days=days_ago)
        special = holiday(hours, day)
        span = special.get("hours") if special is not None else hours["schedule"].get(WEEKDAYS[day.weekday()])
        if span is not None and days_ago * 1440 + local.hour * 60 + local.minute in minutes(span):
            return True
    return False
