"""What each condition of a rule compares with what."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.routing.facts import share_of, shown_number
from parley.domain.routing.languages import languages_of
from parley.domain.routing.shapes import Rule
from tests.domain.deciding import CALLER, HOURS, decide, why


@pytest.mark.parametrize(
    ("pattern", "caller", "holds"),
    [
        ("+1800*", CALLER, True),
        ("+1800*", "+18015551234", False),
        ("*1234", CALLER, True),
        ("+1800555????", CALLER, True),
        ("+1800555???", CALLER, False),
        ("*", CALLER, True),
        ("*", "", True),
        ("+*", "", False),
        ("*", "anonymous", True),
        ("anonymous", "anonymous", True),
        ("anonymous", "+266696687", True),
        ("anonymous", "sip:someone@example.com", True),
        ("anonymous", CALLER, False),
        ("*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?9", "+111111111111111", False),
    ],
)
def test_a_pattern_is_a_glob_over_the_callers_number(pattern: str, caller: str, holds: bool) -> None:
    rule: dict[str, Any] = {"condition": "caller_id_matches", "pattern": pattern, "action": "reject"}
    assert (decide(rule, caller=caller).matched == "number_rule.0") is holds


def test_all_conditions_of_a_rule_have_to_hold() -> None:
    vip_after_hours: dict[str, Any] = {
        "condition": "caller_id_matches",
        "pattern": "+1800*",
        "conditions": [{"condition": "business_hours", "state": "closed"}],
        "action": "route_to_number",
        "phone_number": "+14155550199",
    }
    evening = "2026-01-05T20:00:00-05:00"
    called = decide(vip_after_hours, caller=CALLER, at=evening, hours=HOURS)
    assert (called.action, called.phone_number) == ("number", "+14155550199")
    assert called.considered[0].condition == "caller_id_matches and business_hours"
    assert called.why == (
        "The caller's number matches +1800*, and it is Monday 2026-01-05 20:00 in America/New_York, outside the"
        " business hours."
    )
    assert decide(vip_after_hours, caller=CALLER, hours=HOURS).matched == "number_agent"
    assert decide(vip_after_hours, at=evening, hours=HOURS).matched == "business_hours"


def test_a_time_is_that_of_the_rule_or_of_the_hours_or_of_nowhere() -> None:
    rule: dict[str, Any] = {"condition": "time_of_day", "start_time": "12:00", "end_time": "13:00", "action": "reject"}
    noon_in_new_york: dict[str, Any] = {"at": "2026-01-05T17:30:00Z"}
    project: dict[str, Any] = {"call_routing": {"business_hours": {"enabled": False, "timezone": "America/New_York"}}}
    assert decide(rule, hours=HOURS, **noon_in_new_york).matched == "number_rule.0"
    assert decide(rule, project=project, **noon_in_new_york).matched == "number_rule.0"
    assert decide(rule, **noon_in_new_york).matched == "number_agent"
    assert decide(rule | {"timezone": "America/New_York"}, **noon_in_new_york).matched == "number_rule.0"
    assert decide(rule | {"timezone": "UTC"}, hours=HOURS, **noon_in_new_york).matched != "number_rule.0"


def test_a_holiday_is_told_by_its_name() -> None:
    rule: dict[str, Any] = {"condition": "holiday", "action": "announcement", "text": "Happy new year."}
    found = decide(rule, hours=HOURS, at="2027-01-01T12:00:00-05:00")
    assert (found.action, found.text) == ("announcement", "Happy new year.")
    assert found.why == "2027-01-01 in America/New_York is a holiday (New Year)."
    assert decide(rule, hours=HOURS, at="2027-01-02T12:00:00-05:00").matched == "business_hours"
    assert decide(rule, at="2027-01-01T12:00:00-05:00").matched == "number_agent"


def test_a_queues_length_is_that_of_the_queue_or_of_the_number() -> None:
    rule: dict[str, Any] = {
        "condition": "queue_length",
        "threshold": 2,
        "queue_id": "support",
        "action": "voicemail",
        "text": "Sorry.",
    }
    found = decide(rule, waiting_in={"support": 2}, waiting_for_number=0)
    assert (found.action, found.text) == ("voicemail", "Sorry.")
    assert found.why == "The number of calls waiting in queue support, 2, reaches the threshold of 2."
    below = decide(rule, waiting_in={"support": 1}, waiting_for_number=9)
    assert why(below, "number_rule.0").endswith("support, 1, is below the threshold of 2.")
    assert decide(rule | {"threshold": 0}, waiting_in={"support": 0}).matched == "number_rule.0"


def test_an_agent_that_is_busy_may_be_passed_over_for_another() -> None:
    if_ann: dict[str, Any] = {"condition": "agent_availability", "agent_id": "ann", "availability": "busy"}
    to_bob: dict[str, Any] = {"conditions": [if_ann], "action": "route_to_agent", "agent_id": "bob", "priority": 7}
    found = decide(to_bob, availability={"ann": "busy"})
    assert (found.agent_id, found.priority) == ("bob", 7)
    assert decide(to_bob, availability={"ann": "available"}).agent_id == "day"
    # Where both are the same, the rule needs no second place to name it.
    to_ann: dict[str, Any] = {
        "condition": "agent_availability",
        "availability": "available",
        "action": "route_to_agent",
    }
    assert decide(to_ann | {"agent_id": "ann"}, availability={"ann": "available"}).agent_id == "ann"
    assert decide(to_ann | {"agent_id": "ann"}, availability={"ann": "offline"}).agent_id == "day"


@pytest.mark.parametrize(
    ("wanted", "spoken", "holds"),
    [
        ("en", ("en-US",), True),
        ("en", ("EN",), True),
        ("en-US", ("en",), False),
        ("en", ("eng",), False),
        ("fr", ("nl-BE", "fr-BE"), True),
        ("fr", (), False),
    ],
)
def test_a_language_is_also_its_regions(wanted: str, spoken: tuple[str, ...], holds: bool) -> None:
    rule: dict[str, Any] = {"condition": "language", "language": wanted, "action": "route_to_queue", "queue_id": "q"}
    found = decide(rule, languages=spoken)
    assert (found.queue_id == "q") is holds


def test_a_country_has_its_official_languages() -> None:
    assert languages_of("+16135550100") == ("en-CA", "fr-CA")
    assert languages_of("+3225550100") == ("nl-BE", "fr-BE", "de-BE")
    assert languages_of("+12015550123") == ("en-US",)
    assert languages_of("") == languages_of("anonymous") == languages_of("+8001234567") == ()


def test_a_share_of_the_callers_is_always_the_same_one() -> None:
    callers = [f"+1415555{last:04}" for last in range(2000)]
    chosen: dict[float, set[str]] = {}
    for percentage in (0, 10, 30, 100):
        rule: dict[str, Any] = {
            "condition": "percentage",
            "percentage": percentage,
            "action": "route_to_agent",
            "agent_id": "new",
        }
        chosen[percentage] = {each for each in callers if decide(rule, caller=each).agent_id == "new"}
    assert (len(chosen[0]), len(chosen[100])) == (0, 2000)
    assert 150 < len(chosen[10]) < 250
    assert 520 < len(chosen[30]) < 680
    assert chosen[10] < chosen[30]  # whoever was among the first stays when more are taken


def test_shares_of_several_rules_are_independent() -> None:
    rules = [
        {"condition": "percentage", "percentage": 50, "action": "route_to_agent", "agent_id": f"a{i}"} for i in (1, 2)
    ]
    went = [decide(*rules, caller=f"+1415555{last:04}").agent_id for last in range(2000)]
    assert 900 < went.count("a1") < 1100
    assert 430 < went.count("a2") < 570  # half of the other half
    named, moved = Rule(name="trial", agent_id="a"), Rule(name="trial", agent_id="b")
    assert share_of(CALLER, named) == share_of(CALLER, moved)
    assert share_of("", named) == share_of("anonymous", named)


def test_a_number_is_shown_or_it_is_not() -> None:
    assert shown_number(CALLER) == CALLER
    for withheld in ("", "anonymous", "Restricted", "+266696687", "+7378742833", "sip:a@b", "12345"):
        assert shown_number(withheld) == ""
