"""Routings, callers and moments by the thousand, as clients would write them, from a seeded random number generator.

Everything that can be named comes from a `Cast`, so that the same routings can be tried with and without a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Json = dict[str, Any]

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Paris",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CALLERS = (
    "+18005551234",
    "+18005550000",
    "+14155550100",
    "+16135550100",
    "+3225550100",
    "+33155501000",
    "+5215555550100",
    "+41446681800",
    "",
    "anonymous",
    "+266696687",
)
PATTERNS = ("*", "+1800*", "*1234", "+1??????????", "+*5550100", "anonymous", "+18005551234", "+33*", "?1*5*")
LANGUAGES = ("en", "en-US", "es", "fr", "fr-BE", "de", "DE-ch")
TIMES = ("00:00", "01:30", "02:00", "02:30", "03:00", "08:59", "09:00", "12:00", "17:00", "18:00", "23:59")
# Around changes to and from summer time, the ends of years, leap days, and days between.
DAYS = (
    "2026-03-08",
    "2026-03-29",
    "2026-04-05",
    "2026-10-04",
    "2026-10-25",
    "2026-11-01",
    "2026-12-24",
    "2026-12-31",
    "2027-01-01",
    "2027-07-05",
    "2028-02-28",
    "2028-02-29",
    "2028-03-01",
)


@dataclass(frozen=True)
class Cast:
    """Whom and what a routing may name; some of it may be gone."""

    agents: tuple[str, ...] = ("agent_1", "agent_2", "agent_3")
    queues: tuple[str, ...] = ("queue_1", "queue_2")


@dataclass
class Case:
    """One number with its routing, in a project with its own, and one call to it."""

    agent_id: str | None
    number: Json
    project: Json
    caller: str
    at: datetime


def case(random: Random, cast_of: Cast) -> Case:
    return Case(
        agent_id=random.choice((None, *cast_of.agents)),
        number=routing(random, cast_of, most_rules=4),
        project=routing(random, cast_of, most_rules=2),
        caller=random.choice(CALLERS),
        at=moment(random),
    )


def moment(random: Random) -> datetime:
    day = datetime.fromisoformat(random.choice(DAYS)).replace(tzinfo=UTC)
    return day + timedelta(hours=random.randint(-16, 40), minutes=random.choice((0, 0, 29, 30, 31, 59)))


def routing(random: Random, cast_of: Cast, most_rules: int) -> Json:
    made: Json = {}
    if random.random() < 0.6:
        made["call_routing"] = {"business_hours": business_hours(random)}
    if random.random() < 0.5:
        made["routing_config"] = config(random, cast_of)
    rules = [rule(random, cast_of) for _ in range(random.randint(0, most_rules))]
    return made | ({"routing_rules": rules} if rules else {})


def config(random: Random, cast_of: Cast) -> Json:
    made: Json = {"fallback_behavior": random.choice(("voicemail", "hangup")), "max_queue_time": random.randint(0, 900)}
    return made | ({"default_agent": random.choice(cast_of.agents)} if random.random() < 0.6 else {})


def business_hours(random: Random) -> Json:
    made: Json = {
        "enabled": random.random() < 0.9,
        "timezone": random.choice(ZONES),
        "schedule": {day: window(random) for day in WEEKDAYS if random.random() < 0.7},
        "holidays": [holiday(random) for _ in range(random.choice((0, 0, 1, 3)))],
    }
    return made | ({"fallback": random.choice(("voicemail", "hangup"))} if random.random() < 0.5 else {})


def holiday(random: Random) -> Json:
    day = random.choice(DAYS)
    made: Json = {"date": random.choice((day, day[5:]))}
    return made | ({"hours": window(random)} if random.random() < 0.4 else {})


def window(random: Random) -> Json:
    start = random.choice(TIMES)
    end = random.choice([each for each in (*TIMES, "24:00") if each != start])
    return {"start": start, "end": end}


def rule(random: Random, cast_of: Cast) -> Json:
    made = action(random, cast_of) | {"enabled": random.random() < 0.9}
    if random.random() < 0.6:
        # What the rule leads to is what its own condition looks at, where both are of one kind.
        made = condition(random, cast_of) | made
    if "condition" not in made or random.random() < 0.3:
        made["conditions"] = [condition(random, cast_of) for _ in range(random.randint(1, 2))]
    if random.random() < 0.3:
        made["fallback"] = random.choice(("voicemail", "hangup"))
    return made


def action(random: Random, cast_of: Cast) -> Json:
    made: Json = {"action": random.choice(ACTIONS)}
    needs: dict[str, tuple[str, tuple[str, ...]]] = {
        "route_to_agent": ("agent_id", cast_of.agents),
        "route_to_queue": ("queue_id", cast_of.queues),
        "route_to_number": ("phone_number", ("+14155550199", "+442079460000")),
        "announcement": ("text", ("We are closed.", "Please call again.")),
    }
    if made["action"] in needs:
        name, values = needs[made["action"]]
        made[name] = random.choice(values)
    return made | ({"priority": random.randint(0, 100)} if random.random() < 0.3 else {})


ACTIONS = (
    "route_to_agent",
    "route_to_number",
    "route_to_queue",
    "overflow_to_voicemail",
    "voicemail",
    "announcement",
    "reject",
)


def condition(random: Random, cast_of: Cast) -> Json:
    kind = random.choice(CONDITIONS)
    made: Json = {"condition": kind}
    match kind:
        case "caller_id_matches":
            made["pattern"] = random.choice(PATTERNS)
        case "time_of_day":
            start, end = window(random).values()
            made |= {"start_time": start, "end_time": end}
            if random.random() < 0.5:
                made["days"] = random.sample(WEEKDAYS, random.randint(1, 4))
        case "business_hours":
            made["state"] = random.choice(("open", "closed"))
        case "queue_length":
            made["threshold"] = random.randint(0, 4)
            made |= {"queue_id": random.choice(cast_of.queues)} if random.random() < 0.6 else {}
        case "agent_availability":
            made["availability"] = random.choice(("available", "busy", "offline"))
            made["agent_id"] = random.choice(cast_of.agents)
        case "language":
            made["language"] = random.choice(LANGUAGES)
        case "percentage":
            made["percentage"] = random.choice((0, 10, 50, 99.5, 100))
    if kind in ("time_of_day", "holiday") and random.random() < 0.4:
        made["timezone"] = random.choice(ZONES)
    return made


CONDITIONS = (
    "always",
    "caller_id_matches",
    "time_of_day",
    "holiday",
    "business_hours",
    "queue_length",
    "agent_availability",
    "language",
    "percentage",
)
