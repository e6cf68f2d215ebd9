"""Each time the agent falls silent for the caller is measured, and told of once it is known what for."""

from __future__ import annotations

import pytest

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from tests.conversation.telling import Telling
from tests.conversation.test_interruptions import ANSWER, speaking


def stops(call: Telling) -> list[tuple[float, str, str]]:
    return [(stop.stopped_ms, stop.outcome, stop.cause) for stop in call.all(wishes.NoteInterruption)]


def test_words_cut_and_the_time_counts_from_the_first_sound() -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted(ago_s=0.09), after=0.2)
    at = call.now
    assert not call.all(wishes.NoteInterruption)
    call.tell(facts.WordsHeard("Wait, on"), after=0.3)
    assert stops(call) == [(90.0, "cut", "words")]
    assert call.last(wishes.NoteInterruption).at_s == pytest.approx(at)


def test_the_order_to_be_silent_goes_out_before_anything_is_noted() -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted(ago_s=0.09))
    cut = call.tell(facts.WordsHeard("Wait, on"), after=0.3)
    assert isinstance(cut[0], wishes.StopSpeech)


def test_a_key_is_no_sound_and_cuts_at_once() -> None:
    call = speaking(heard=10)
    call.tell(facts.KeyPressed("1"), after=0.1)
    assert stops(call) == [(0.0, "cut", "keys")]


def test_keys_cut() -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.KeyPressed("1"), after=0.1)
    assert stops(call) == [(80.0, "cut", "keys")]


@pytest.mark.parametrize(
    ("words", "cause"), [("Mm-hmm.", "backchannel"), ("open from nine", "echo"), ("", "cough"), (None, "noise")]
)
def test_what_the_agent_went_on_after(words: str | None, cause: str) -> None:
    call = speaking(heard=20)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    if words:
        call.tell(facts.WordsHeard(words, is_final=True), after=0.3)
    elif words is not None:
        call.tell(facts.VoiceStopped(ago_s=0.24), after=0.5)
    call.wait(5)
    assert stops(call) == [(80.0, "resumed", cause)]


def test_each_stop_is_told_once() -> None:
    call = speaking(heard=10)
    for _ in range(2):
        call.tell(facts.VoiceStarted(ago_s=0.08), after=0.5)
        call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
        call.wait(1)
    call.says("Stop it now.")
    assert [outcome for _, outcome, _ in stops(call)] == ["resumed", "resumed", "cut"]


def test_a_sound_before_anything_is_heard_stops_nothing() -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    call.tell(facts.VoiceStarted(ago_s=0.08), after=0.1)
    call.tell(facts.WordsHeard("On Sunday, I mean"), after=0.3)
    assert not stops(call)


def test_a_sound_that_began_before_the_agent_counts_from_its_first_word() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(ago_s=0.08), after=1)
    call.tell(facts.SayAsked("Your taxi is here."), facts.SpeechStarted(1), after=1)
    call.tell(facts.WordsHeard("and then we went"), after=0.4)
    assert stops(call) == [(400.0, "cut", "words")]


def test_words_without_a_sound_have_nothing_to_count_from() -> None:
    call = speaking(heard=10)
    call.tell(facts.WordsHeard("the"))
    call.wait(2)
    call.tell(facts.WordsHeard("No, listen"))
    assert call.all(wishes.StopSpeech) and not stops(call)


def test_a_stream_that_breaks_is_no_interruption() -> None:
    call = speaking(heard=10)
    call.tell(facts.PartLost("carrier", "lost"), after=0.1)
    call.tell(facts.PartRestored("carrier"), after=1)
    assert call.conversation.agent_state is Agent.SPEAKING
    assert not stops(call)


def test_a_stop_that_something_else_decided_is_not_told_of_later() -> None:
    call = speaking(heard=len(ANSWER) - 1)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1))
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
    call.tell(facts.SayAsked("Your taxi is here."), facts.SpeechStarted(2), after=1)
    call.tell(facts.PartLost("carrier", "lost"), facts.WordsHeard("No, listen"), after=0.1)
    assert call.all(wishes.StopSpeech) and not stops(call)


def test_a_line_that_ends_while_the_agent_is_held_was_not_interrupted() -> None:
    call = speaking(heard=len(ANSWER) - 1)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1))
    assert call.conversation.agent_state is Agent.LISTENING
    call.wait(5)
    assert not stops(call)
