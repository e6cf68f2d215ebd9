"""What an agent's readiness to be interrupted means, as numbers and in a call."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.conversation.turns.yielding import Yielding, yielding
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED, Telling
from tests.searching import tries

ANSWER = "We are open from nine to five. On Saturdays we close at noon."


def speaking(sensitivity: float, heard: int = 10) -> Telling:
    """A call in which an agent of that sensitivity is in the middle of its first answer."""
    call = Telling(msgspec.structs.replace(HOSTED, conduct=Conduct(interruption_sensitivity=sensitivity)))
    call.connect()
    call.says("When are you open?", after=1)
    call.answers(1, ANSWER, heard=False)
    call.tell(facts.SpeechHeard(1, heard), after=0.5)
    return call


@pytest.mark.parametrize(
    ("sensitivity", "meant"),
    [
        (0.0, Yielding(is_never=True)),
        (-1.0, Yielding(is_never=True)),
        (0.05, Yielding(sound_s=1.08, words=5, settled_words=3)),
        (0.25, Yielding(sound_s=0.6, words=4, settled_words=2)),
        (0.45, Yielding(sound_s=0.12, words=3, settled_words=2)),
        (0.5, Yielding()),
        (0.8, Yielding()),
        (0.94, Yielding()),
        (0.95, Yielding(words=1, heeds_backchannels=True)),
        (7.0, Yielding(words=1, heeds_backchannels=True)),
    ],
)
def test_what_the_number_means(sensitivity: float, meant: Yielding) -> None:
    assert yielding(sensitivity) == meant


@tries(200)
@given(st.floats(0, 1), st.floats(0, 1))
def test_whoever_is_more_sensitive_never_needs_more(one: float, other: float) -> None:
    calm, eager = yielding(min(one, other)), yielding(max(one, other))
    assert calm.is_never >= eager.is_never
    if not calm.is_never:
        assert calm.sound_s >= eager.sound_s
        assert calm.words >= eager.words and calm.settled_words >= eager.settled_words
        assert calm.heeds_backchannels <= eager.heeds_backchannels


def test_an_agent_that_nothing_interrupts_answers_afterwards() -> None:
    call = speaking(0.0)
    call.says("Stop, I said Sunday.")
    assert not call.all(wishes.HoldSpeech) and not call.all(wishes.StopSpeech)
    assert len(call.all(wishes.AskReply)) == 1
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1), after=2)
    assert call.last(wishes.AskReply).transcript == "Stop, I said Sunday."
    assert call.history()[1] == ("agent", ANSWER)
    assert not call.all(wishes.NoteInterruption)


def test_what_nothing_interrupts_is_not_answered_for_a_murmur_or_an_echo() -> None:
    call = speaking(0.0, heard=20)
    call.tell(facts.WordsHeard("the"))
    call.tell(facts.WordsHeard("Mm-hmm.", is_final=True, ends_turn=True), after=0.2)
    call.tell(facts.WordsHeard("open from nine", is_final=True, ends_turn=True), after=0.2)
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1), after=2)
    call.wait(5)
    assert len(call.all(wishes.AskReply)) == 1


def test_a_caller_who_goes_on_before_the_answer_is_heard_interrupts_nothing() -> None:
    """Nobody insists on an answer to half a question, however sure of itself the agent is."""
    call = Telling(msgspec.structs.replace(HOSTED, conduct=Conduct(interruption_sensitivity=0.0)))
    call.connect()
    call.says("When are you open?", after=1)
    call.says("On Sunday, I mean.", after=0.1)
    assert call.last(wishes.AskReply).transcript == "When are you open? On Sunday, I mean."


def test_a_calm_agent_gives_way_to_a_sound_that_lasts() -> None:
    call = speaking(0.25)
    assert not call.tell(facts.VoiceStarted(ago_s=0.08))
    assert not call.wait(0.5)
    [held] = call.wait(0.1)
    assert isinstance(held, wishes.HoldSpeech)
    call.tell(facts.WordsHeard("wait a minute please"), after=0.3)
    [stop] = call.all(wishes.NoteInterruption)
    assert (stop.outcome, stop.cause, stop.stopped_ms) == ("cut", "words", 600.0)


def test_a_calm_agent_speaks_through_a_short_sound() -> None:
    call = speaking(0.25)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.4)
    call.wait(3)
    assert not call.all(wishes.HoldSpeech)


def test_a_calm_agent_answers_a_single_word_afterwards() -> None:
    call = speaking(0.25)
    call.says("Sunday?")
    assert call.conversation.agent_state is Agent.SPEAKING
    assert not call.all(wishes.StopSpeech)
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1), after=2)
    assert call.last(wishes.AskReply).transcript == "Sunday?"


def test_words_that_come_one_by_one_add_up_for_a_calm_agent() -> None:
    call = speaking(0.25)
    call.tell(facts.WordsHeard("Sunday.", is_final=True))
    assert not call.all(wishes.StopSpeech)
    call.tell(facts.WordsHeard("Please.", is_final=True, ends_turn=True), after=0.4)
    assert call.all(wishes.StopSpeech)
    assert call.last(wishes.AskReply).transcript == "Sunday. Please."


def test_a_calm_agent_that_was_not_heard_yet_waits_for_a_caller_who_goes_on() -> None:
    call = Telling(msgspec.structs.replace(HOSTED, conduct=Conduct(interruption_sensitivity=0.25)))
    call.connect()
    call.says("When are you open?", after=1)
    assert call.tell(facts.VoiceStarted(ago_s=0.08), after=0.1) == [wishes.HoldSpeech(1)]
    call.tell(facts.WordsHeard("Sunday.", is_final=True, ends_turn=True), after=0.4)
    call.tell(facts.VoiceStopped(ago_s=0.24))
    call.wait(2)
    assert call.last(wishes.AskReply).transcript == "When are you open? Sunday."


def test_keys_do_not_cut_an_agent_that_nothing_interrupts() -> None:
    call = speaking(0.0)
    call.tell(facts.KeyPressed("4"), facts.KeyPressed("#"))
    call.wait(1)
    assert not call.all(wishes.StopSpeech)
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1), after=1)
    assert "4" in call.last(wishes.AskReply).transcript


@pytest.mark.parametrize("word", ["mm-hmm", "yeah", "the"])
def test_an_eager_agent_gives_way_to_any_word(word: str) -> None:
    call = speaking(1.0)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.WordsHeard(word), after=0.3)
    assert call.all(wishes.StopSpeech)


def test_even_an_eager_agent_does_not_hear_itself() -> None:
    call = speaking(1.0, heard=20)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.WordsHeard("open from nine", is_final=True), after=0.3)
    assert not call.all(wishes.StopSpeech)
