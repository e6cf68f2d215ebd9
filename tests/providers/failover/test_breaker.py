"""What all calls know of a provider, by arithmetic."""

from __future__ import annotations

from parley.providers.failover.breaker import Breaker, BreakerRules, Breakers
from parley.providers.failover.succession import Succession

RULES = BreakerRules(failures=3, window_s=60, pause_s=10, longest_pause_s=40, probe_s=5)
NOVA, FLUX = "deepgram:nova-3", "deepgram:flux"


def opened_at(now: float) -> Breaker:
    breaker = Breaker(RULES)
    for before in (2.0, 1.0, 0.0):
        breaker.failed(now - before)
    return breaker


def test_a_few_failures_in_a_row_open_it_and_a_success_among_them_does_not() -> None:
    breaker = Breaker(RULES)
    breaker.failed(1)
    breaker.failed(2)
    breaker.succeeded()
    breaker.failed(3)
    breaker.failed(4)
    assert breaker.admits(4)
    breaker.failed(5)
    assert breaker.is_open and not breaker.admits(5)


def test_failures_that_lie_far_apart_do_not_open_it() -> None:
    breaker = Breaker(RULES)
    for at in (0, 40, 80, 120, 160):
        breaker.failed(at)
    assert breaker.admits(160)


def test_after_a_pause_one_call_tries_it_and_success_closes_it() -> None:
    breaker = opened_at(100)
    assert not breaker.admits(109.9)
    assert [breaker.admits(110), breaker.admits(110), breaker.admits(111)] == [True, False, False]
    breaker.succeeded()
    assert breaker.admits(111) and not breaker.is_open


def test_every_try_that_fails_doubles_the_pause_and_failures_of_older_calls_do_not() -> None:
    breaker = opened_at(0)
    tries = []
    for now in range(1, 200):
        breaker.failed(now - 0.5)  # a call that began with it before
        if breaker.admits(now):
            tries.append(now)
            breaker.failed(now)
    assert tries == [10, 30, 70, 110, 150, 190]


def test_a_try_that_nobody_tells_the_outcome_of_is_given_up() -> None:
    breaker = opened_at(0)
    assert breaker.admits(10)
    assert not breaker.admits(14.9)
    assert breaker.admits(15)


def test_who_watches_is_told_of_every_change_once() -> None:
    breakers, told = Breakers(RULES), list[tuple[str, str, bool]]()
    breakers.watch(lambda part, name, is_open: told.append((part, name, is_open)))
    for now in range(5):
        breakers.failed("speech_to_text", NOVA, now, "stalled")
    breakers.succeeded("speech_to_text", NOVA)
    breakers.succeeded("speech_to_text", NOVA)
    assert told == [("speech_to_text", NOVA, True), ("speech_to_text", NOVA, False)]


def test_of_too_many_names_the_oldest_is_forgotten() -> None:
    breakers, told = Breakers(BreakerRules(failures=1)), list[tuple[str, str, bool]]()
    breakers.watch(lambda part, name, is_open: told.append((part, name, is_open)))
    for number in range(501):
        breakers.failed("responder", f"openai:model-{number}", 0, "timeout")
    assert told[-2:] == [("responder", "openai:model-0", False), ("responder", "openai:model-500", True)]
    assert not breakers.is_open("responder", "openai:model-0")


def test_what_one_projects_key_is_to_blame_for_concerns_no_other_call() -> None:
    breakers = Breakers(RULES)
    for now in range(9):
        breakers.failed("speech_to_text", NOVA, now, "bad_credentials")
    assert not breakers.is_open("speech_to_text", NOVA)


def test_a_call_begins_with_the_first_provider_that_is_not_broken() -> None:
    breakers = Breakers(RULES)
    for now in range(3):
        breakers.failed("speech_to_text", NOVA, now, "stalled")
    assert Succession("speech_to_text", [NOVA, FLUX], breakers, 3).first == 1
    assert Succession("text_to_speech", [NOVA, FLUX], breakers, 3).first == 0
    assert Succession("speech_to_text", [NOVA], breakers, 3).first == 0
    assert Succession("speech_to_text", [NOVA, FLUX], breakers, 12).first == 0, "a try"
    assert Succession("speech_to_text", [NOVA, FLUX], breakers, 12).first == 1


def test_the_next_one_is_rather_one_that_is_not_known_to_be_broken() -> None:
    breakers = Breakers(RULES)
    for now in range(3):
        breakers.failed("responder", "b", now, "timeout")
    line = Succession("responder", ["a", "b", "c"], breakers, 3)
    assert [line.next({0}), line.next({0, 2}), line.next({0, 1, 2})] == [2, 1, None]
    line.refused(2)
    assert line.next({0}) == 1
    assert line.has_others(0)


def test_that_another_one_works_is_news_once() -> None:
    line = Succession("responder", ["a", "b"], Breakers(RULES), 0)
    assert [line.succeeded(0), line.succeeded(1), line.succeeded(1), line.succeeded(0)] == [False, True, False, True]


def test_a_prompt_that_wants_no_answer_makes_no_model_a_broken_one_for_others() -> None:
    breakers = Breakers(RULES)
    for now in range(10):
        breakers.failed("responder", "openai", now, "empty")
    assert not breakers.is_open("responder", "openai")
