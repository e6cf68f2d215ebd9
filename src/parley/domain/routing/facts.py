"""What routing looks at of one ringing call, beside its caller: gathered once, and kept with the decision."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from parley.domain.routing.shapes import Availability, Routing, Rule

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# How ANONYMOUS, BLOCKED, RESTRICTED, UNAVAILABLE and UNKNOWN are dialled on a telephone's keys: what gateways put where
# a number has to be and there is none.
_SPELLED_WORDS = {"+266696687", "+2562533", "+7378742833", "+86282452253", "+8656696"}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was so at the moment `at`, which has a time zone.

    `waiting_for_number` counts the calls waiting that came in on the number that rings, `waiting_in` those of each
    queue, by id; `languages` are the caller's, as language tags, most likely first. What is in neither `availability`
    nor `gone` was not asked about. `gone` are the ids that routing names and that are nobody's any more.
    """

    at: datetime
    waiting_for_number: int | None = None
    waiting_in: Mapping[str, int] = {}
    availability: Mapping[str, Availability] = {}
    languages: tuple[str, ...] | None = None
    gone: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a routing wants to know of the world before it can decide. `agents` and `queues` are all that it names."""

    agents: frozenset[str]
    queues: frozenset[str]
    availability_of: frozenset[str]
    waiting_in: frozenset[str]
    waiting_for_number: bool
    language: bool

    @property
    def is_nothing(self) -> bool:
        return not (self.agents or self.queues or self.waiting_for_number or self.language)


def asked_by(routing: Routing) -> Asked:
    """Only rules that are switched on ask for anything."""
    rules = [rule for _, rule in routing.named_rules if rule.enabled]
    conditions = [each for rule in rules for each in rule.all_conditions]
    watched = {each.agent_id for each in conditions if each.condition == "agent_availability" and each.agent_id}
    counted = [each.queue_id for each in conditions if each.condition == "queue_length"]
    targets = {rule.agent_id for rule in rules if rule.action == "route_to_agent" and rule.agent_id}
    lines = {rule.queue_id for rule in rules if rule.action == "route_to_queue" and rule.queue_id}
    default = routing.config.default_agent
    return Asked(
        agents=frozenset(watched | targets | ({default} if default else set())),
        queues=frozenset(lines | {each for each in counted if each}),
        availability_of=frozenset(watched),
        waiting_in=frozenset(each for each in counted if each),
        waiting_for_number=None in counted,
        language=any(each.condition == "language" for each in conditions),
    )


def shown_number(caller: str) -> str:
    """The caller's number; empty for a caller who withholds it, however the carrier says so."""
    return caller if _E164.fullmatch(caller) and caller not in _SPELLED_WORDS else ""


def share_of(caller: str, rule: Rule) -> float:
    """Where the caller stands in the rule's 0 to 100: always at the same place, and evenly spread over all callers.

    The place hangs on the rule's name, or, for a rule without one, on where it leads; so it stays when the percentage
    is changed or the rule is moved. All who withhold their number stand at one place.
    """
    target = rule.agent_id or rule.queue_id or rule.phone_number or rule.text
    identity = rule.name or f"{rule.action} {target or ''}"
    digest = hashlib.sha256(f"{shown_number(caller)}\n{identity}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 * 100
