"""Who answers which call: set, and explained."""

from __future__ import annotations

from typing import Any

import msgspec

from parley.api.operations import Ask, Operation
from parley.domain.decisions import Decision
from parley.schemas.routing import NumberRoutingOut, NumberRoutingPut, ProjectRoutingOut, ProjectRoutingPut
from parley.schemas.routing_explained import (
    ChangedCall,
    ConsideredOut,
    Decided,
    DestinationCount,
    FactsOut,
    PastRoutingExplain,
    PastRoutingExplained,
    RoutingExplain,
    RoutingExplained,
)
from parley.services.routing_explained import Explained
from parley.services.routing_history import Change, PastExplained
from parley.storage.tables import NumberRow

GROUP = "Call routing"
_SET = " Only what is sent changes, and null clears. Agents and queues named in it have to be yours."


async def get_routing(ask: Ask[None, None]) -> dict[str, Any]:
    return await ask.services.routing.get(ask.project_id)


async def put_routing(ask: Ask[ProjectRoutingPut, None]) -> dict[str, Any]:
    return await ask.services.routing.put(ask.project_id, ask.body)


async def get_number_routing(ask: Ask[None, None]) -> NumberRoutingOut:
    return _numbers(await ask.services.numbers.get(ask.project_id, ask.ids["number_id"]))


async def put_number_routing(ask: Ask[NumberRoutingPut, None]) -> NumberRoutingOut:
    return _numbers(await ask.services.routing.put_on_number(ask.project_id, ask.ids["number_id"], ask.body))


def _numbers(row: NumberRow) -> NumberRoutingOut:
    return NumberRoutingOut.model_validate({"number_id": row.id, **(row.routing or {})})


async def explain_routing(ask: Ask[RoutingExplain, None]) -> RoutingExplained:
    return _explained(await ask.services.routing_explanations.explain(ask.project_id, ask.body))


async def get_call_routing(ask: Ask[None, None]) -> RoutingExplained:
    return _explained(await ask.services.routing_explanations.of_call(ask.project_id, ask.ids["call_id"]))


def _explained(explained: Explained) -> RoutingExplained:
    number_id, decision, outlook, assumed = explained
    facts = decision.facts
    assert facts is not None, "the router says what it looked at"
    shown = [
        ConsideredOut.model_validate(
            {**msgspec.structs.asdict(each), "label": each.label or None, "condition": each.condition or None}
        )
        for each in decision.considered
    ]
    return RoutingExplained(
        **_destination(decision),
        number_id=number_id,
        at=facts.at,
        matched=decision.matched,
        why=decision.why,
        outlook=outlook,
        text=decision.text or None,
        priority=decision.priority,
        fallback=decision.fallback,
        max_queue_time=decision.max_wait_s,
        queue_music=decision.queue_music,
        considered=shown,
        facts=FactsOut.model_validate(facts),
        assumed=assumed,
    )


async def explain_past_routing(ask: Ask[PastRoutingExplain, None]) -> PastRoutingExplained:
    past = await ask.services.routing_explanations.explain_past(ask.project_id, ask.body)
    return PastRoutingExplained(
        since=past.since,
        until=past.until,
        calls=past.calls,
        looked_at=past.looked_at,
        changed=past.changed,
        destinations=_counted(past),
        changes=[_changed(each) for each in past.changes],
        assumed=past.assumed,
    )


def _destination(decision: Decision) -> dict[str, Any]:
    return {name: getattr(decision, name) for name in ("action", "agent_id", "queue_id", "phone_number")}


def _counted(past: PastExplained) -> list[DestinationCount]:
    """Where most calls went, first."""
    places = sorted(past.before | past.after, key=lambda each: (-past.before[each], -past.after[each], repr(each)))
    return [DestinationCount(**_destination(each), before=past.before[each], after=past.after[each]) for each in places]


def _changed(change: Change) -> ChangedCall:
    call, then, now = change
    before = f"Then {then.matched} decided: {then.why}" if then.why else f"Then {then.matched} decided."
    return ChangedCall(
        call_id=call.id,
        number_id=call.number_id or "",
        from_number=call.from_number,
        at=call.created_at,
        then=Decided(**_destination(then), matched=then.matched),
        now=Decided(**_destination(now), matched=now.matched),
        why=f"{before} Now {now.matched} would: {now.why}",
    )


SHARED_OPERATIONS = (
    Operation(
        "GET", "/routing", get_routing, title="Read the project's routing", group=GROUP, answer=ProjectRoutingOut
    ),
    Operation(
        "PUT",
        "/routing",
        put_routing,
        title="Set the project's routing",
        group=GROUP,
        answer=ProjectRoutingOut,
        body=ProjectRoutingPut,
        about="Hours, defaults and rules for all numbers; a number may have its own. A call is routed once, when it"
        " rings: the number's rules in order, then the project's; business hours; the number's agent; the default"
        f" agent; the fallback.{_SET}",
        refusals=frozenset({404}),
    ),
    Operation(
        "POST",
        "/routing/explain",
        explain_routing,
        title="Explain where a call would go",
        group=GROUP,
        answer=RoutingExplained,
        body=RoutingExplain,
        about="Says which rule or step decides, and for each other one why it does not. Nothing rings, and nothing is"
        " stored; a proposal can be tried before it is set.",
        refusals=frozenset({404}),
    ),
    Operation(
        "POST",
        "/routing/explain/calls",
        explain_past_routing,
        title="Explain what would have become of past calls",
        group=GROUP,
        answer=PastRoutingExplained,
        body=PastRoutingExplain,
        about="Looks at the calls that came in during the last days, and says which would go elsewhere under the"
        " routing that is set, or under a proposal, and why.",
        refusals=frozenset({404}),
    ),
)
"""Also what other dialects offer."""

OPERATIONS: tuple[Operation, ...] = (
    *SHARED_OPERATIONS,
    Operation(
        "GET",
        "/calls/{call_id}/routing",
        get_call_routing,
        title="Read why a call went where it went",
        group=GROUP,
        answer=RoutingExplained,
        about="What was decided when the call rang, with every rule and step that was looked at, and what was known"
        " then. Routing that is set later changes nothing of it.",
    ),
    Operation(
        "GET",
        "/numbers/{number_id}/routing",
        get_number_routing,
        title="Read a number's routing",
        group=GROUP,
        answer=NumberRoutingOut,
    ),
    Operation(
        "PUT",
        "/numbers/{number_id}/routing",
        put_number_routing,
        title="Set a number's routing",
        group=GROUP,
        answer=NumberRoutingOut,
        body=NumberRoutingPut,
        about="Its rules come before the project's; hours and a configuration of its own stand in for the project's."
        + _SET,
        refusals=frozenset({409}),
    ),
)
