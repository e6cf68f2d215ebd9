"""Where a call goes. Pure: a routing, a caller and the facts give a decision, always the same one.

The order, in which the first that applies decides: the number's own rules, then the project's; business hours; the
agent that the number is assigned to; the default agent; the fallback, which rejects where no routing is set at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from parley.domain.decisions import Action, Considered, Decision, Outcome
from parley.domain.routing.conditions import Call, judge, openness
from parley.domain.routing.facts import Facts
from parley.domain.routing.shapes import Fallback, Routing, Rule, RuleAction

_ACTIONS: Mapping[RuleAction, Action] = {
    "route_to_agent": "agent",
    "route_to_number": "number",
    "route_to_queue": "queue",
    "overflow_to_voicemail": "voicemail",
    "voicemail": "voicemail",
    "announcement": "announcement",
    "reject": "reject",
}
_FALLBACKS: Mapping[Fallback, Action] = {"voicemail": "voicemail", "hangup": "reject"}


class _Step(NamedTuple):
    """One thing to look at. `decides` is what it decides where it applies, else None; `why` is a clause."""

    name: str
    condition: str
    can_apply: bool
    why: str
    decides: Mapping[str, Any] | None = None
    label: str = ""


def route(routing: Routing, caller: str, facts: Facts) -> Decision:
    """Where the call goes, with everything that was looked at, also what came after that which decided.

    `caller` is as the carrier gave it. An agent or queue that is gone is passed over.
    """
    call = Call(routing, caller, facts)
    decided: Decision | None = None
    considered = []
    for step in _steps(call):
        considered.append(_shown(step, decided))
        if decided is None and step.decides is not None:
            config = routing.config
            decided = Decision(
                matched=step.name,
                max_wait_s=config.max_queue_time,
                queue_music=config.queue_music,
                **{"fallback": config.fallback_behavior, **step.decides},
            )
    assert decided is not None, "the fallback always applies"
    return msgspec.structs.replace(decided, considered=tuple(considered), facts=facts)


def _shown(step: _Step, decided: Decision | None) -> Considered:
    sentence = f"{step.why[:1].upper()}{step.why[1:]}."
    if not step.can_apply:
        return Considered(step.name, step.condition, "does_not_apply", sentence, step.label)
    if decided is not None:
        applies = "it would apply" if step.decides is not None else "it would not apply"
        sentence = f"{decided.matched} decided before. By itself {applies}: {step.why}."
        return Considered(step.name, step.condition, "not_reached", sentence, step.label)
    outcome: Outcome = "matched" if step.decides is not None else "did_not_match"
    return Considered(step.name, step.condition, outcome, sentence, step.label)


def _steps(call: Call) -> Iterator[_Step]:
    routing = call.routing
    for name, rule in routing.named_rules:
        yield _rule_step(call, name, rule)
    yield _hours_step(call)
    yield _agent_step(call, "number_agent", routing.agent_id, "the number is assigned to agent")
    yield _agent_step(call, "default_agent", routing.config.default_agent, "the default agent is")
    yield _fallback_step(call)


def _rule_step(call: Call, name: str, rule: Rule) -> _Step:
    condition = " and ".join(each.condition or "" for each in rule.all_conditions)
    dead = _dead_end(call, rule)
    if dead:
        return _Step(name, condition, False, dead, label=rule.name)
    holds, why = judge(call, rule)
    return _Step(name, condition, True, why, _decision_of(rule) if holds else None, rule.name)


def _dead_end(call: Call, rule: Rule) -> str:
    """Why the rule cannot be carried out at all; empty where it can."""
    if not rule.enabled:
        return "the rule is switched off"
    if rule.action == "route_to_agent" and rule.agent_id in call.facts.gone:
        return f"there is no agent {rule.agent_id} any more; lead the rule to another one"
    if rule.action == "route_to_queue" and rule.queue_id in call.facts.gone:
        return f"there is no queue {rule.queue_id} any more; lead the rule to another one"
    return ""


def _decision_of(rule: Rule) -> Mapping[str, Any]:
    action = _ACTIONS[rule.action]
    decided: dict[str, Any] = {"action": action}
    if action in ("agent", "queue"):
        decided |= {f"{action}_id": getattr(rule, f"{action}_id"), "priority": rule.priority}
    elif action == "number":
        decided["phone_number"] = rule.phone_number
    elif action in ("voicemail", "announcement"):
        decided["text"] = rule.text
    return decided if rule.fallback is None else {**decided, "fallback": rule.fallback}


def _hours_step(call: Call) -> _Step:
    hours = call.routing.hours
    is_now, why = openness(call)
    if hours is None or not hours.enabled:
        return _Step("business_hours", "", False, why)
    if is_now:
        return _Step("business_hours", "", True, why)
    action = _FALLBACKS[hours.fallback or call.routing.config.fallback_behavior]
    text = hours.greeting if action == "voicemail" else ""
    return _Step("business_hours", "", True, why, {"action": action, "text": text})


def _fallback_step(call: Call) -> _Step:
    """A number that nobody set up takes no messages, which nobody would look for."""
    if call.routing.number.is_empty and call.routing.project.is_empty:
        return _Step("fallback", "", True, "nobody is named for the call, and no routing is set", {"action": "reject"})
    behavior = call.routing.config.fallback_behavior
    why = f"nobody is named for the call, and the fallback is {behavior}"
    return _Step("fallback", "", True, why, {"action": _FALLBACKS[behavior]})


def _agent_step(call: Call, name: str, agent_id: str | None, clause: str) -> _Step:
    if agent_id is None:
        absent = "the number is assigned to no agent" if name == "number_agent" else "no default agent is set"
        return _Step(name, "", False, absent)
    if agent_id in call.facts.gone:
        return _Step(name, "", False, f"there is no agent {agent_id} any more")
    return _Step(name, "", True, f"{clause} {agent_id}", {"action": "agent", "agent_id": agent_id})
