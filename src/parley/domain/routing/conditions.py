"""Whether one condition of a rule holds for one call, and what was compared with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from parley.domain.routing.facts import Facts, share_of, shown_number
from parley.domain.routing.shapes import WITHHELD, Condition, ConditionKind, Hours, Routing, Rule
from parley.domain.routing.windows import WallClock, holiday_on, is_open, is_within


class Call(msgspec.Struct, frozen=True):
    """One call as routing sees it. `caller` is as the carrier gave it."""

    routing: Routing
    caller: str
    facts: Facts

    def clock(self, zone: str | None = None) -> WallClock:
        """In this zone, or in that of rules that name none."""
        return WallClock.at(self.facts.at, zone or self.routing.zone_name)


class Verdict(NamedTuple):
    """`why` is a clause without a full stop that says what was compared with what."""

    holds: bool
    why: str


def judge(call: Call, rule: Rule) -> Verdict:
    """Whether all conditions of the rule hold; the clause is about the first that does not, or about all of them."""
    reasons = []
    for condition in rule.all_conditions:
        verdict = _JUDGES[condition.condition or "always"](call, rule, condition)
        if not verdict.holds:
            return verdict
        reasons.append(verdict.why)
    return Verdict(True, ", and ".join(reasons))


def _always(call: Call, rule: Rule, condition: Condition) -> Verdict:
    return Verdict(True, "it is for every call")


def _caller(call: Call, rule: Rule, condition: Condition) -> Verdict:
    caller = shown_number(call.caller)
    if condition.pattern == WITHHELD:
        return Verdict(not caller, f"the caller {'shows' if caller else 'withholds'} the number")
    if not caller:
        return Verdict(
            condition.pattern == "*", f"the caller withholds the number, and the pattern is {condition.pattern}"
        )
    holds = fnmatchcase(caller, condition.pattern)
    return Verdict(holds, f"the caller's number {'matches' if holds else 'does not match'} {condition.pattern}")


def _time_of_day(call: Call, rule: Rule, condition: Condition) -> Verdict:
    clock = call.clock(condition.timezone)
    holds = is_within(Hours(condition.start_time, condition.end_time), condition.days, clock)
    days = f" of {', '.join(condition.days)}" if condition.days is not None else ""
    window = f"{condition.start_time} to {condition.end_time}{days}"
    return Verdict(holds, f"it is {clock.shown}, which is {'within' if holds else 'not within'} {window}")


def _holiday(call: Call, rule: Rule, condition: Condition) -> Verdict:
    clock = call.clock(condition.timezone)
    holiday = holiday_on(call.routing.hours, clock.day)
    if holiday is None:
        return Verdict(False, f"{clock.day.isoformat()} in {clock.zone} is no holiday of the business hours")
    return Verdict(True, f"{clock.day.isoformat()} in {clock.zone} is a holiday{holiday.name and f' ({holiday.name})'}")


def _business_hours(call: Call, rule: Rule, condition: Condition) -> Verdict:
    is_now, why = openness(call)
    return Verdict(is_now == (condition.state == "open"), why)


def openness(call: Call) -> Verdict:
    """Whether it is within business hours. Where none are set, or they are switched off, it always is."""
    hours = call.routing.hours
    if hours is None or not hours.enabled:
        return Verdict(True, "no business hours are set" if hours is None else "business hours are switched off")
    clock = call.clock(hours.timezone)
    is_now = is_open(hours, clock)
    holiday = holiday_on(hours, clock.day)
    day = f", a holiday{holiday.name and f' ({holiday.name})'}" if holiday is not None else ""
    return Verdict(is_now, f"it is {clock.shown}{day}, {'within' if is_now else 'outside'} the business hours")


def _queue_length(call: Call, rule: Rule, condition: Condition) -> Verdict:
    facts, queue_id = call.facts, condition.queue_id
    if queue_id is None:
        waiting, where = facts.waiting_for_number or 0, "for this number"
    elif queue_id in facts.gone:
        return Verdict(False, f"there is no queue {queue_id} any more")
    else:
        waiting, where = facts.waiting_in.get(queue_id, 0), f"in queue {queue_id}"
    holds = waiting >= condition.threshold
    compared = "reaches" if holds else "is below"
    return Verdict(
        holds, f"the number of calls waiting {where}, {waiting}, {compared} the threshold of {condition.threshold}"
    )


def _agent_availability(call: Call, rule: Rule, condition: Condition) -> Verdict:
    agent_id = condition.agent_id or ""
    if agent_id in call.facts.gone:
        return Verdict(False, f"there is no agent {agent_id} any more")
    now = call.facts.availability.get(agent_id, "available")
    holds = now == condition.availability
    return Verdict(holds, f"agent {agent_id} is {now}, and the rule is for {condition.availability}")


def _language(call: Call, rule: Rule, condition: Condition) -> Verdict:
    spoken, wanted = call.facts.languages or (), condition.language.lower()
    # Basic filtering of RFC 4647, section 3.3.1: en is also en-US, and en-US is not en.
    holds = any(tag.lower() == wanted or tag.lower().startswith(f"{wanted}-") for tag in spoken)
    shown = " or ".join(spoken) or "not known"
    return Verdict(holds, f"the caller's language is {shown}, and the rule is for {condition.language}")


def _percentage(call: Call, rule: Rule, condition: Condition) -> Verdict:
    share = share_of(call.caller, rule)
    holds = share < condition.percentage
    compared = "within" if holds else "beyond"
    return Verdict(holds, f"the caller stands at {share:.2f} of 100, {compared} the first {condition.percentage:g}")


_JUDGES: Mapping[ConditionKind, Callable[[Call, Rule, Condition], Verdict]] = {
    "always": _always,
    "caller_id_matches": _caller,
    "time_of_day": _time_of_day,
    "holiday": _holiday,
    "business_hours": _business_hours,
    "queue_length": _queue_length,
    "agent_availability": _agent_availability,
    "language": _language,
    "percentage": _percentage,
}
