"""Where the time of a turn went: every step dated from the end of the caller's speech, true to the ear."""

from __future__ import annotations

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.measuring.measures import middle
from parley.conversation.wishes import TurnLatencies
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED, Telling

AHEAD = msgspec.structs.replace(HOSTED, conduct=Conduct(thinks_ahead=True))


def steps(call: Telling) -> list[float | None]:
    """In their usual order, of the row that was noted last; rounded, since times are sums of tenths."""
    noted = call.last(wishes.NoteTurn).latencies
    return [None if ms is None else round(ms) for ms in msgspec.structs.astuple(noted)]


def test_every_step_is_dated_from_the_end_of_the_callers_sound() -> None:
    call = Telling()
    call.connect()
    call.says("Hi there!", after=1)  # settled 0.3 s after the sound
    call.tell(facts.ReplyText(1, "Good"), after=0.1)
    call.tell(facts.ReplyText(1, " day. How are you?"), facts.ReplyDone(1), after=0.1)
    call.tell(facts.SpeechSynthesised(1), after=0.15)
    call.tell(facts.SpeechStarted(1), after=0.05)
    call.tell(facts.SpeechHeard(1, 5, began_ago_s=0.2), after=0.3)
    call.tell(facts.SpeechHeard(1, 22), facts.SpeechEnded(1), after=1)

    # recognised, endpointed, first text, first clause, synthesised, first audio, heard
    assert steps(call) == [300, 300, 400, 500, 650, 700, 800]


def test_nothing_was_heard_before_it_left_for_the_phone() -> None:
    call = Telling()
    call.connect()
    call.says("Are you open?", after=1)
    call.tell(facts.ReplyText(1, "Yes, we are. "), facts.SpeechStarted(1), after=0.1)
    call.tell(facts.SpeechHeard(1, 3, began_ago_s=0.2), after=0.19)
    call.tell(facts.ReplyDone(1), facts.SpeechHeard(1, 12), facts.SpeechEnded(1), after=1)

    assert steps(call)[5:] == [400, 400]


def test_an_answer_of_one_word_goes_to_the_voice_when_it_is_whole() -> None:
    call = Telling()
    call.connect()
    call.says("Are you open?", after=1)
    call.tell(facts.ReplyText(1, "Yes"), after=0.1)
    call.tell(facts.ReplyDone(1), after=0.02)
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 3), facts.SpeechEnded(1), after=0.1)

    assert steps(call)[2:4] == [400, 420]


def test_what_is_waited_for_after_the_last_word_is_the_end_of_the_turn() -> None:
    call = Telling()
    call.connect()
    call.says("I would like to", after=1)
    call.wait(3)

    recognised, endpointed, *rest = steps(call)
    assert recognised == 300
    assert endpointed is not None
    assert endpointed > 1000
    assert rest == [None] * 5


def test_an_answer_that_was_asked_for_ahead_is_there_before_the_turn_is_over() -> None:
    call = Telling(AHEAD)
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("What time is it?", may_end_turn=True), after=0.8)
    asked = call.last(wishes.AskReply)
    assert asked.is_early
    call.tell(facts.ReplyText(asked.reply, "It is four. "), facts.SpeechSynthesised(asked.reply), after=0.1)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.6)
    call.tell(facts.WordsHeard("What time is it?", is_final=True, ends_turn=True), after=0.1)
    call.tell(facts.SpeechStarted(asked.reply))
    call.tell(facts.SpeechHeard(asked.reply, 3, began_ago_s=0.2), after=0.3)
    call.tell(facts.ReplyDone(asked.reply), facts.SpeechHeard(asked.reply, 12), facts.SpeechEnded(asked.reply), after=1)

    assert steps(call) == [300, 300, -400, -400, -400, 300, 400]


def test_only_the_answer_counts_not_what_bridges_the_wait_for_it() -> None:
    call = Telling()
    call.connect()
    call.says("What time is it?", after=1)
    answer = call.last(wishes.AskReply).reply
    call.wait(2.6)
    bridges = {wish.reply for _, wish in call.told if isinstance(wish, wishes.PlayClip | wishes.Say)}
    assert answer not in bridges
    for bridge in sorted(bridges):
        call.tell(facts.SpeechStarted(bridge), facts.SpeechHeard(bridge, 200), facts.SpeechEnded(bridge))
    assert bridges
    call.tell(facts.ReplyText(answer, "It is four. "), facts.ReplyDone(answer), after=0.1)
    call.tell(facts.SpeechStarted(answer), facts.SpeechHeard(answer, 11), facts.SpeechEnded(answer), after=0.5)

    assert steps(call)[2:] == [3000, 3000, None, 3500, 3500]


def test_a_turn_that_was_not_over_is_dated_by_its_true_end() -> None:
    call = Telling()
    call.connect()
    call.says("I have a question.", after=1)
    call.says("It is about my bill.", after=0.5)
    call.answers(2, "Of course.")

    assert steps(call)[:3] == [300, 300, 300]


def test_the_middle_of_a_call_is_of_the_turns_that_came_so_far() -> None:
    rows: list[dict[str, float | None]] = [
        {"recognised_ms": 100.0, "heard_ms": 900.0},
        {"recognised_ms": 300.0, "heard_ms": None},
        {"recognised_ms": 500.0, "first_text_ms": 200.0, "heard_ms": 700.0},
        {},
    ]
    assert middle(rows) == TurnLatencies(recognised_ms=300.0, first_text_ms=200.0, heard_ms=800.0)
    assert middle([]) == TurnLatencies()


@pytest.mark.parametrize("old", [{"heard_ms": 640.0}, {"recognised_ms": 1.0, "first_text_ms": 2.0}])
def test_what_was_stored_before_there_were_so_many_steps_still_reads(old: dict[str, float]) -> None:
    assert msgspec.structs.asdict(msgspec.convert(old, TurnLatencies)).items() >= old.items()
