"""When a turn is over: what the words say, what the caller's pauses say, and the bounds above both."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.rules import TurnRules
from parley.conversation.turns.finished import Ending
from parley.conversation.turns.pauses import OwnPauses
from parley.conversation.turns.turn_end import Claim, Evidence, Pause, pause_s, turn_due
from parley.domain.agents import Conduct, ListenChoice
from tests.conversation.telling import HOSTED, Telling
from tests.searching import tries

RULES = TurnRules()


def agent_with(**conduct: float) -> Telling:
    call = Telling(msgspec.structs.replace(HOSTED, conduct=Conduct(**conduct)))  # type: ignore[arg-type]
    call.connect()
    return call


def asked(call: Telling) -> list[str]:
    return [wish.transcript for wish in call.all(wishes.AskReply)]


def quiet_after(call: Telling, text: str, *, until_s: float = 10.0) -> float:
    """Let the caller say this, and return how long they have been quiet when it is answered."""
    told = len(asked(call))
    call.says(text, after=1)
    ended_at = call.now - 0.3
    if len(asked(call)) == told:
        call.wait(until_s)
    return next(at for at, wish in call.told[::-1] if isinstance(wish, wishes.AskReply)) - ended_at


# ---------------------------------------------------------------- the wait for each of them


@pytest.mark.parametrize(
    ("text", "quiet_s"),
    [
        ("Yes.", 0.3),
        ("No thanks", 0.3),
        ("tomorrow", 0.3),
        ("What are your opening hours?", 0.3),
        ("I would like to", 1.5),
        ("My order is 4 8 2 1", 1.6),
        ("My number is 415", 2.4),
        ("It's john at gmail", 2.4),
    ],
)
def test_how_long_a_pause_the_words_are_given(text: str, quiet_s: float) -> None:
    """0.3 s is the recogniser's own delay: those are answered the moment it says so."""
    assert quiet_after(agent_with(), text) == pytest.approx(quiet_s)


def test_why_a_pause_is_waited_for_can_be_told() -> None:
    call = agent_with()
    call.says("My number is 415", after=1)
    assert "a number, name or address is not complete" in call.conversation.reasons


def test_a_number_dictated_slowly_is_not_cut_into_pieces() -> None:
    call = agent_with()
    for group in ("My number is four one five", "five five five", "two six"):
        call.says(group, after=1.4)
    assert not asked(call)
    call.says("seven one.", after=1.4)
    assert asked(call) == ["My number is four one five five five five two six seven one."]
    assert call.told[-1][0] == call.now


def test_a_question_for_a_number_makes_digits_a_part_of_one() -> None:
    call = agent_with()
    call.says("Call me back.", after=1)
    call.answers(1, "What is your phone number?")
    assert quiet_after(call, "4 1") == pytest.approx(2.4)


def test_words_in_another_language_count_in_the_agents() -> None:
    german = msgspec.structs.replace(HOSTED, listen=ListenChoice(language="de-DE"))
    call = Telling(german)
    call.connect()
    assert quiet_after(call, "null eins sieben") == pytest.approx(2.4)


def test_a_recognisers_long_gap_is_no_reason_to_cut_a_number() -> None:
    call = agent_with()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("My number is 4 1 5", is_final=True), after=1)
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.1)
    call.tell(facts.UtteranceEnded(), after=1)
    call.wait(0.9)
    assert not asked(call)
    call.wait(0.5)
    assert asked(call) == ["My number is 4 1 5"]


def test_a_settled_answer_needs_no_word_of_its_end() -> None:
    call = agent_with()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.6)
    call.tell(facts.WordsHeard("Yes.", is_final=True), after=0.1)
    call.wait(0.6)
    assert asked(call) == ["Yes."]


# ---------------------------------------------------------------- the bounds


def test_no_turn_ends_before_the_agents_least_pause() -> None:
    assert quiet_after(agent_with(least_pause_s=0.8), "Yes.") == pytest.approx(0.8)


def test_the_least_pause_counts_for_a_recogniser_that_is_sure_too() -> None:
    call = agent_with(least_pause_s=0.8)
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=1)
    call.tell(facts.WordsHeard("Book it.", is_final=True, ends_turn=True, turn_is_certain=True), after=0.1)
    assert not asked(call)
    call.wait(0.55)
    assert asked(call) == ["Book it."]


def test_no_pause_is_longer_than_the_agents_longest() -> None:
    assert quiet_after(agent_with(longest_pause_s=1.0), "My number is 415") == pytest.approx(1.0)


def test_noise_does_not_keep_a_turn_open_for_ever() -> None:
    """A street begins to roar in the middle of a pause, and goes on."""
    call = agent_with()
    call.says("I would like to", after=1)
    call.tell(facts.VoiceStarted(), after=0.3)
    call.wait(2.9)
    assert not asked(call)
    call.wait(0.2)
    assert asked(call) == ["I would like to"]


def test_neither_does_noise_that_comes_and_goes() -> None:
    call = agent_with()
    call.says("I would like to", after=1)
    for _ in range(12):
        call.tell(facts.VoiceStarted(), after=0.2)
        call.tell(facts.VoiceStopped(ago_s=0.1), after=0.2)
    assert asked(call) == ["I would like to"]


def test_the_recognisers_gap_ends_a_turn_in_noise() -> None:
    call = agent_with()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("When do you open?", is_final=True), after=1)
    call.tell(facts.UtteranceEnded(), after=1)
    assert asked(call) == ["When do you open?"]


# ---------------------------------------------------------------- the caller's own pauses


def tells_slowly(call: Telling, gap_s: float, pauses: int = 4) -> None:
    for _ in range(pauses):
        call.says("and then we", after=max(gap_s - 0.3, 0.0))
    call.says("went home.", after=max(gap_s - 0.3, 0.0))
    call.answers(len(asked(call)), "I see, go on please.")


def test_a_slow_speaker_gets_more_time_and_a_quick_one_less() -> None:
    slow, quick = agent_with(), agent_with()
    tells_slowly(slow, 1.4)
    tells_slowly(quick, 0.5)
    assert len(asked(slow)) == len(asked(quick)) == 1
    assert quiet_after(slow, "I would like to") > 1.9
    assert quiet_after(quick, "I would like to") < 1.1


def test_a_caller_who_keeps_going_on_after_full_stops_is_waited_for() -> None:
    call = agent_with()
    for _ in range(2):
        call.says("I have a problem.", after=1)
        call.says("My line is dead.", after=0.4)
        call.wait(0.6)
        call.answers(len(asked(call)), "That should not be so, I will have a look.")
    assert quiet_after(call, "I have another problem.", until_s=0.6) == pytest.approx(0.8)
    call.answers(len(asked(call)), "What is it?")
    assert quiet_after(call, "No thanks.") == pytest.approx(0.3)


def test_only_the_last_pauses_count_and_only_those_of_speech() -> None:
    own = OwnPauses()
    for pause in (0.1, 9.0, 0.2):
        own.learn(pause)
    assert own.pace(1.5) == 1.0
    for pause in (2.0,) * 12:
        own.learn(pause)
    assert own.pace(1.5) == pytest.approx(1.6)
    for pause in (0.3,) * 12:
        own.learn(pause)
    assert own.pace(1.5) == pytest.approx(0.6)


def test_a_turn_that_was_rightly_ended_makes_up_for_one_that_was_not() -> None:
    own = OwnPauses()
    for _ in range(2):
        own.turn_taken()
        own.went_on(0.6)
    own.turn_taken()
    own.went_on(2.5)  # "Hello?": an answer that is late, and no pause
    assert own.breath_s == pytest.approx(0.7)
    for _ in range(5):
        own.turn_taken()
    assert own.breath_s == 0.0


# ---------------------------------------------------------------- the end-of-turn model


def pausing(text: str, probability: float | None) -> Telling:
    """A call with a model, whose caller said this; the verdict on the pause comes before the words are settled."""
    call = Telling(HOSTED, TurnRules(judges_turns=True))
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard(text.split()[0]), after=0.4)
    assert call.tell(facts.VoiceStopped(ago_s=0.24), after=0.8) == [wishes.JudgeTurn(1)]
    if probability is not None:
        assert call.tell(facts.TurnJudged(1, probability), after=0.03) == []
    call.tell(facts.WordsHeard(text, is_final=True, ends_turn=True), after=0.1)
    return call


def test_what_reads_unfinished_and_sounds_finished_is_answered_sooner() -> None:
    call = pausing("I would like to", 0.9)
    assert not asked(call)
    call.wait(0.35)
    assert asked(call) == ["I would like to"]


def test_what_reads_finished_and_does_not_sound_so_is_answered_later() -> None:
    call = pausing("Book a table", 0.1)
    call.wait(1.0)
    assert not asked(call)
    call.wait(0.3)
    assert asked(call) == ["Book a table"]


@pytest.mark.parametrize(("text", "probability"), [("Yes.", 0.05), ("When do you open?", 0.5)])
def test_neither_a_short_answer_nor_a_doubtful_verdict_is_waited_with(text: str, probability: float) -> None:
    assert asked(pausing(text, probability)) == [text]


def test_a_verdict_that_is_late_or_missing_changes_nothing() -> None:
    call = pausing("When do you open?", None)
    assert asked(call) == ["When do you open?"]
    assert call.tell(facts.TurnJudged(1, 0.0), after=0.1) == []
    call.answers(1, "At nine.")
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("I would like"), after=0.3)
    call.tell(facts.TurnJudged(1, 1.0), after=0.1)
    assert len(asked(call)) == 1
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.2)
    call.tell(facts.WordsHeard("I would like to", is_final=True, ends_turn=True), after=0.1)
    call.wait(1.1)
    assert len(asked(call)) == 1


def test_the_model_is_asked_once_a_pause_and_only_where_there_are_words() -> None:
    call = Telling(HOSTED, TurnRules(judges_turns=True))
    call.connect()
    call.tell(facts.VoiceStarted(), facts.VoiceStopped(), after=1)
    assert not call.all(wishes.JudgeTurn)
    assert call.tell(facts.WordsHeard("I would"), after=0.1) == [wishes.JudgeTurn(1)]
    call.tell(facts.WordsHeard("I would like to", is_final=True), after=0.2)
    call.tell(facts.VoiceStarted(), after=0.2)
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.6)
    assert call.all(wishes.JudgeTurn) == [wishes.JudgeTurn(1), wishes.JudgeTurn(2)]


def test_nobody_is_asked_where_there_is_no_model() -> None:
    call = agent_with()
    call.says("I would like to", after=1)
    assert not call.all(wishes.JudgeTurn)


# ---------------------------------------------------------------- laws

evidence = st.builds(
    Evidence,
    ending=st.sampled_from(Ending),
    is_settled=st.booleans(),
    claim=st.sampled_from(Claim),
    probability=st.none() | st.floats(0, 1),
)
conducts = st.builds(Conduct, least_pause_s=st.floats(0, 2), longest_pause_s=st.floats(0.2, 8))
learned = st.lists(st.floats(0, 4), max_size=20)


@given(
    seen=evidence,
    conduct=conducts,
    own=learned,
    sound=st.floats(0, 3),
    words=st.floats(0, 3),
    stir=st.none() | st.floats(0, 3),
)
@tries(300)
def test_a_turn_ends_within_the_agents_bounds(
    seen: Evidence, conduct: Conduct, own: list[float], sound: float, words: float, stir: float | None
) -> None:
    pauses = OwnPauses()
    for pause in own:
        pauses.learn(pause)
    quiet = Pause(10 + words, max(10.0, 9.7 + words), 10 + sound, None if stir is None else 10 + words + stir)
    due = turn_due(seen, quiet, RULES, pauses, conduct)
    least_s = min(conduct.least_pause_s, conduct.longest_pause_s)
    assert due >= 10 + sound + least_s - 1e-9
    assert due <= max(10 + sound, 10 + words) + max(conduct.longest_pause_s, least_s) + 1e-9
    noisy = msgspec.structs.replace(quiet, quiet_since=None)
    limit_s = max(conduct.longest_pause_s, RULES.noise_limit_s)
    assert turn_due(seen, noisy, RULES, pauses, conduct) <= 10 + words + (stir or 0.0) + limit_s + 1e-9


@given(seen=evidence, own=learned)
@tries(200)
def test_the_more_is_known_of_an_end_the_sooner_it_is_one(seen: Evidence, own: list[float]) -> None:
    pauses = OwnPauses()
    for pause in own:
        pauses.learn(pause)
    waits = [
        pause_s(msgspec.structs.replace(seen, is_settled=settled, claim=claim), RULES, pauses)
        for settled, claim in ((False, Claim.NONE), (True, Claim.NONE), (True, Claim.PAUSE), (True, Claim.CERTAIN))
    ]
    assert waits == sorted(waits, reverse=True)


told = st.one_of(
    st.builds(facts.VoiceStarted, ago_s=st.just(0.08)),
    st.builds(facts.VoicePaused, ago_s=st.just(0.06)),
    st.just(facts.VoiceResumed()),
    st.builds(facts.VoiceStopped, ago_s=st.just(0.24)),
    st.builds(
        facts.WordsHeard,
        text=st.sampled_from(["", "Yes.", "I would like to", "4 1 5", "When do you open?"]),
        is_final=st.booleans(),
        ends_turn=st.booleans(),
        may_end_turn=st.booleans(),
    ),
    st.just(facts.UtteranceEnded()),
)


@given(script=st.lists(st.tuples(st.floats(0, 2), told), max_size=25))
@tries(150)
def test_whatever_is_told_in_whatever_order_no_words_stay_unanswered(
    script: list[tuple[float, facts.AnyFact]],
) -> None:
    call = agent_with()
    for after, fact in script:
        call.tell(fact, after=after)
        if reply := [wish.reply for wish in call.all(wishes.AskReply)][-1:]:
            call.answers(reply[0], "Yes.")
    call.wait(8)
    assert not call.conversation.open_words


@given(script=st.lists(st.tuples(st.floats(0, 2), told), max_size=15), looks=st.lists(st.floats(0, 1.5), max_size=40))
@tries(100)
def test_looking_at_the_clock_changes_nothing(script: list[tuple[float, facts.AnyFact]], looks: list[float]) -> None:
    """Time alone decides by deadlines: whoever wakes the conversation in between learns nothing new."""
    plain, poked = agent_with(), agent_with()
    for after, fact in script:
        plain.tell(fact, after=after)
        ends_at = plain.now
        while looks and poked.now + looks[-1] < ends_at:
            poked.wait(looks.pop())
            assert poked.conversation.handle_deadline(poked.now) == []
        poked.wait(ends_at - poked.now)
        poked.tell(fact)
    plain.wait(5)
    poked.wait(5)
    assert [wish for _, wish in plain.told] == [wish for _, wish in poked.told]
