"""The order in which routing decides, and the sentences that say why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from parley.domain.routing.facts import Facts
from parley.domain.routing.outlook import outlook
from parley.domain.routing.router import route
from parley.domain.routing.shapes import Routing, read_routing
from tests.domain.deciding import CALLER, HOURS, PRINTED, decide, why

# ---------------------------------------------------------------- the order


def test_the_first_printed_rule_that_holds_decides() -> None:
    night: dict[str, Any] = {"at": "2026-01-05T23:00:00Z"}
    assert decide(*PRINTED, caller=CALLER, **night).agent_id == "sales"
    assert decide(*PRINTED, **night).agent_id == "night"
    assert decide(*PRINTED, at="2026-01-06T08:59:00Z").agent_id == "night"
    assert decide(*PRINTED, at="2026-01-06T09:00:00Z").agent_id == "day"
    noon = decide(*PRINTED, waiting_for_number=5)
    assert (noon.action, noon.matched) == ("voicemail", "number_rule.2")
    assert decide(*PRINTED, waiting_for_number=4).matched == "number_agent"


def test_the_numbers_own_rules_come_before_the_projects() -> None:
    everything: dict[str, Any] = {"condition": "always", "action": "reject"}
    assert decide(everything, project={"routing_rules": [PRINTED[0]]}, caller=CALLER).matched == "number_rule.0"
    assert decide(PRINTED[0], project={"routing_rules": [everything]}, caller=CALLER).agent_id == "sales"
    assert decide(PRINTED[0], project={"routing_rules": [everything]}).matched == "project_rule.0"


def test_rules_hold_outside_business_hours_and_agents_do_not() -> None:
    monday_evening: dict[str, Any] = {"at": "2026-01-05T20:00:00-05:00", "hours": HOURS}
    closed = decide(**monday_evening)
    assert (closed.action, closed.matched, closed.text) == ("voicemail", "business_hours", "")
    assert decide(PRINTED[0], caller=CALLER, **monday_evening).agent_id == "sales"
    assert decide(hours=HOURS).matched == "number_agent"
    hung_up = decide(at=monday_evening["at"], hours=HOURS | {"fallback": "hangup", "greeting": "Leave a message."})
    assert (hung_up.action, hung_up.text) == ("reject", "")
    greeted = decide(at=monday_evening["at"], hours=HOURS | {"greeting": "Leave a message."})
    assert (greeted.action, greeted.text) == ("voicemail", "Leave a message.")
    assert decide(at=monday_evening["at"], hours=HOURS, config={"fallback_behavior": "hangup"}).action == "reject"


def test_where_nobody_is_named_the_default_agent_answers_and_then_the_fallback() -> None:
    projects: dict[str, Any] = {"routing_config": {"default_agent": "reception", "max_queue_time": 60}}
    found = decide(agent_id=None, project=projects)
    assert (found.agent_id, found.matched, found.max_wait_s) == ("reception", "default_agent", 60)
    own = decide(agent_id=None, project=projects, config={"default_agent": "own", "max_queue_time": 30})
    assert (own.agent_id, own.max_wait_s) == ("own", 30)
    # A configuration of the number's own stands in for the project's, but for a default agent that it does not name.
    mixed = decide(agent_id=None, project=projects, config={"max_queue_time": 30, "queue_music": "calm"})
    assert (mixed.agent_id, mixed.max_wait_s, mixed.queue_music) == ("reception", 30, "calm")
    nobody = decide(agent_id=None)
    assert (nobody.action, nobody.matched, nobody.max_wait_s) == ("voicemail", "fallback", 300)
    assert decide(agent_id=None, config={"fallback_behavior": "hangup"}).action == "reject"


def test_a_number_that_nobody_set_up_takes_no_messages() -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    nothing, something = read_routing(None), read_routing({"routing_rules": []})
    found = route(Routing(None, nothing, nothing), CALLER, Facts(at=at))
    assert (found.action, found.matched) == ("reject", "fallback")
    assert found.why == "Nobody is named for the call, and no routing is set."
    for own, projects in ((something, nothing), (nothing, something)):
        assert route(Routing(None, own, projects), CALLER, Facts(at=at)).action == "voicemail"
    assert route(Routing("ann", nothing, nothing), CALLER, Facts(at=at)).agent_id == "ann"


def test_hours_of_the_number_stand_in_for_the_projects() -> None:
    sunday = "2026-01-04T12:00:00-05:00"
    project: dict[str, Any] = {"call_routing": {"business_hours": HOURS}}
    assert decide(at=sunday, project=project).matched == "business_hours"
    switched_off = decide(at=sunday, project=project, hours={"enabled": False})
    assert switched_off.matched == "number_agent"
    assert why(switched_off, "business_hours") == "Business hours are switched off."


def test_whoever_is_gone_is_passed_over() -> None:
    rule: dict[str, Any] = {"condition": "always", "action": "route_to_agent", "agent_id": "left"}
    line: dict[str, Any] = {"condition": "always", "action": "route_to_queue", "queue_id": "closed"}
    found = decide(rule, line, agent_id=None, config={"default_agent": "left"}, gone=("closed", "left"))
    assert found.matched == "fallback"
    assert {each.outcome for each in found.considered[:-1]} == {"does_not_apply"}
    assert "lead the rule to another" in why(found, "number_rule.0")
    assert "no queue closed any more" in why(found, "number_rule.1")


# ---------------------------------------------------------------- the explanation


def test_what_came_after_the_decision_is_judged_by_itself() -> None:
    found = decide(*PRINTED, caller=CALLER, at="2026-01-05T23:00:00Z", waiting_for_number=0)
    assert [(each.name, each.outcome) for each in found.considered] == [
        ("number_rule.0", "matched"),
        ("number_rule.1", "not_reached"),
        ("number_rule.2", "not_reached"),
        ("business_hours", "does_not_apply"),
        ("number_agent", "not_reached"),
        ("default_agent", "does_not_apply"),
        ("fallback", "not_reached"),
    ]
    assert why(found, "number_rule.0") == "The caller's number matches +1800*."
    assert why(found, "number_rule.1") == (
        "number_rule.0 decided before. By itself it would apply: it is Monday 2026-01-05 23:00 in UTC, which is within"
        " 18:00 to 09:00."
    )
    assert why(found, "number_rule.2") == (
        "number_rule.0 decided before. By itself it would not apply: the number of calls waiting for this number, 0, is"
        " below the threshold of 5."
    )
    assert why(found, "business_hours") == "No business hours are set."


def test_a_rule_is_told_by_its_name_and_passed_over_when_switched_off() -> None:
    rule: dict[str, Any] = {"condition": "always", "action": "reject", "name": "Maintenance", "enabled": False}
    found = decide(rule)
    assert (found.considered[0].label, found.considered[0].outcome) == ("Maintenance", "does_not_apply")
    assert found.considered[0].why == "The rule is switched off."
    assert decide(rule | {"enabled": True}).action == "reject"


def test_what_cannot_be_carried_out_has_a_fallback() -> None:
    rule: dict[str, Any] = {"condition": "always", "action": "route_to_agent", "agent_id": "ann"}
    assert decide(rule).fallback == "voicemail"
    assert decide(rule, config={"fallback_behavior": "hangup"}).fallback == "hangup"
    assert decide(rule | {"fallback": "voicemail"}, config={"fallback_behavior": "hangup"}).fallback == "voicemail"


def test_what_comes_after_the_decision_is_told() -> None:
    to_ann = decide({"condition": "always", "action": "route_to_agent", "agent_id": "ann"})
    assert outlook(to_ann) == "Agent ann is available and answers."
    assert outlook(to_ann, "busy") == (
        "Agent ann is busy: the caller waits. After 300 seconds without an answer, the caller is asked for a message."
    )
    config = {"max_queue_time": 0, "fallback_behavior": "hangup"}
    impatient = decide({"condition": "always", "action": "route_to_agent", "agent_id": "ann"}, config=config)
    assert outlook(impatient, "busy") == "Agent ann is busy, and nobody may wait: the call ends."
    assert outlook(impatient, "offline").endswith("no active webhook to answer for it: the call ends.")
    for action in ("route_to_queue", "route_to_number", "voicemail", "announcement", "reject"):
        assert outlook(decide({"condition": "always", "action": action, "queue_id": "q"})).endswith(".")
