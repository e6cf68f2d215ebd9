"""The router against one that is written the slow and obvious way, and what holds for every decision."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.decisions import Decision, read_decision, stored_decision
from parley.domain.routing.facts import Facts, asked_by
from parley.domain.routing.router import route
from parley.domain.routing.shapes import Availability, Routing, read_routing
from parley.schemas.base import parse
from parley.schemas.routing import NumberRoutingPut
from tests.domain.routing_oracle import Circumstances, expected
from tests.routings import LANGUAGES, Case, Cast, case
from tests.searching import tries

CAST = Cast()
STATES: tuple[Availability, ...] = ("available", "busy", "offline")
each_seed = given(st.integers(0, 2**64))


def circumstances(random: Random) -> Circumstances:
    return Circumstances(
        waiting_for_number=random.randint(0, 5),
        waiting_in={queue: random.randint(0, 5) for queue in CAST.queues},
        availability={agent: random.choice(STATES) for agent in CAST.agents},
        languages=tuple(random.sample(LANGUAGES, random.randint(0, 2))),
        gone=frozenset(each for each in (*CAST.agents, *CAST.queues) if random.random() < 0.1),
    )


def decided(given_case: Case, now: Circumstances) -> Decision:
    sets = [read_routing(as_kept(each)) for each in (given_case.number, given_case.project)]
    facts = Facts(
        at=given_case.at,
        waiting_for_number=now.waiting_for_number,
        waiting_in=now.waiting_in,
        availability=now.availability,
        languages=now.languages,
        gone=tuple(sorted(now.gone)),
    )
    return route(Routing(given_case.agent_id, *sets), given_case.caller, facts)


def as_kept(sent: dict[str, object]) -> dict[str, object]:
    """What a client sends, after the wire shapes, as the database has it."""
    return parse(NumberRoutingPut, sent).routing_sent()


@tries(1000)
@each_seed
def test_the_router_decides_as_the_slow_and_obvious_one(seed: int) -> None:
    random = Random(seed)
    given_case, now = case(random, CAST), circumstances(random)
    name, laid_down = expected(given_case, now)
    decision = decided(given_case, now)
    assert (decision.matched, laid_down) == (name, {key: getattr(decision, key) for key in laid_down})


@tries(300)
@each_seed
def test_every_rule_and_step_is_accounted_for_in_order(seed: int) -> None:
    random = Random(seed)
    given_case, now = case(random, CAST), circumstances(random)
    decision = decided(given_case, now)
    names = [f"number_rule.{place}" for place in range(len(given_case.number.get("routing_rules", [])))]
    names += [f"project_rule.{place}" for place in range(len(given_case.project.get("routing_rules", [])))]
    names += ["business_hours", "number_agent", "default_agent", "fallback"]
    assert [each.name for each in decision.considered] == names

    place = names.index(decision.matched)
    assert {each.outcome for each in decision.considered[:place]} <= {"did_not_match", "does_not_apply"}
    assert decision.considered[place].outcome == "matched"
    assert {each.outcome for each in decision.considered[place + 1 :]} <= {"not_reached", "does_not_apply"}
    assert all(each.why.endswith(".") and each.why[:1].strip() for each in decision.considered)
    assert given_case.caller not in "".join(each.why for each in decision.considered) or not given_case.caller


@tries(300)
@each_seed
def test_a_decision_is_kept_with_its_call_and_taken_again_from_its_facts(seed: int) -> None:
    random = Random(seed)
    given_case, now = case(random, CAST), circumstances(random)
    decision = decided(given_case, now)
    kept = read_decision(msgspec.json.decode(msgspec.json.encode(stored_decision(decision))))
    assert kept == decision
    assert kept.facts is not None
    sets = [read_routing(as_kept(each)) for each in (given_case.number, given_case.project)]
    assert route(Routing(given_case.agent_id, *sets), given_case.caller, kept.facts) == decision


@tries(300)
@each_seed
def test_only_what_is_asked_about_matters(seed: int) -> None:
    """So that nothing else need be looked up."""
    random = Random(seed)
    given_case, now = case(random, CAST), circumstances(random)
    full = decided(given_case, now)
    routing = Routing(
        given_case.agent_id, *(read_routing(as_kept(each)) for each in (given_case.number, given_case.project))
    )
    asked = asked_by(routing)
    least = Facts(
        at=given_case.at,
        waiting_for_number=now.waiting_for_number if asked.waiting_for_number else None,
        waiting_in={each: now.waiting_in[each] for each in asked.waiting_in},
        availability=msgspec.convert(
            {each: now.availability[each] for each in asked.availability_of}, dict[str, Availability]
        ),
        languages=now.languages if asked.language else None,
        gone=tuple(sorted(now.gone & (asked.agents | asked.queues | {given_case.agent_id or ""}))),
    )
    assert route(routing, given_case.caller, least).considered == full.considered
