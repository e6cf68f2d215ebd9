"""Words that must be heard: neither silenced nor cut by the caller, who is answered right after them."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED, WEBHOOK, Telling

NOTICE = "This call is recorded."
GREETING = "Good morning, this call is recorded. How can I help?"


def greeting(*, protects: bool = True) -> Telling:
    conduct = Conduct(protects_greeting=protects)
    call = Telling(msgspec.structs.replace(WEBHOOK, greeting=GREETING, conduct=conduct))
    call.connect()
    call.tell(facts.SpeechStarted(1), after=0.1)
    call.tell(facts.SpeechHeard(1, 12), after=1)
    return call


def state(call: Telling) -> Agent:
    return call.conversation.agent_state


def noticing() -> Telling:
    """A webhook's answer: a protected chunk, then one that is not."""
    call = Telling(WEBHOOK)
    call.connect()
    call.answers(1, WEBHOOK.greeting)
    call.says("I want to order.", after=1)
    call.tell(facts.ReplyText(2, NOTICE, is_whole=True, is_protected=True))
    call.tell(facts.ReplyText(2, " We have roses and tulips.", is_whole=True), facts.ReplyDone(2))
    call.tell(facts.SpeechStarted(2), facts.SpeechHeard(2, 5), after=0.3)
    return call


def test_a_protected_greeting_is_said_to_its_end_and_what_was_said_into_it_is_answered() -> None:
    call = greeting()
    call.says("Yes hello, I would like to order flowers.")
    assert not call.all(wishes.HoldSpeech) and not call.all(wishes.StopSpeech)
    call.tell(facts.SpeechHeard(1, len(GREETING)), facts.SpeechEnded(1), after=1)
    assert call.last(wishes.AskReply).transcript == "Yes hello, I would like to order flowers."
    assert call.history() == [
        ("agent", GREETING),
        ("caller", "Yes hello, I would like to order flowers."),
    ]
    assert not call.all(wishes.NoteInterruption) and not call.all(wishes.StopSpeech)


def test_a_greeting_that_is_not_protected_is_cut() -> None:
    call = greeting(protects=False)
    call.says("Yes hello, I would like to order flowers.")
    assert call.all(wishes.StopSpeech)


def test_a_protected_greeting_is_not_silenced_before_its_first_sound_either() -> None:
    call = Telling(msgspec.structs.replace(WEBHOOK, greeting=GREETING, conduct=Conduct(protects_greeting=True)))
    call.connect()
    call.tell(facts.VoiceStarted(ago_s=0.08), facts.WordsHeard("Hello who is this"), after=0.1)
    call.tell(facts.SpeechStarted(1), after=0.2)
    assert state(call) is Agent.SPEAKING
    assert not call.all(wishes.HoldSpeech)


def test_a_murmur_into_a_protected_line_is_no_turn() -> None:
    call = greeting()
    call.tell(facts.WordsHeard("Mm-hmm.", is_final=True, ends_turn=True), after=2.5)
    call.tell(facts.SpeechHeard(1, len(GREETING)), facts.SpeechEnded(1), after=1)
    call.wait(3)
    assert not call.all(wishes.AskReply)


def test_unsettled_words_into_a_protected_line_that_are_taken_back_are_no_turn() -> None:
    call = greeting()
    call.tell(facts.WordsHeard("the"), after=2.5)
    call.tell(facts.WordsHeard("", is_final=True), after=0.2)
    call.tell(facts.SpeechHeard(1, len(GREETING)), facts.SpeechEnded(1), after=1)
    call.wait(5)
    assert not call.all(wishes.AskReply)


def test_keys_pressed_into_a_protected_line_are_a_turn_after_it() -> None:
    call = greeting()
    call.tell(facts.KeyPressed("4"), facts.KeyPressed("#"), after=2.5)
    call.wait(2)
    assert not call.all(wishes.StopSpeech)
    call.tell(facts.SpeechHeard(1, len(GREETING)), facts.SpeechEnded(1), after=1)
    assert "4" in call.last(wishes.AskReply).transcript


def test_a_protected_chunk_is_heard_and_the_rest_is_cut_right_after_it() -> None:
    call = noticing()
    call.says("No no, I want to cancel.")
    assert not call.all(wishes.StopSpeech)
    call.tell(facts.SpeechHeard(2, len(NOTICE)), after=0.1)
    assert call.all(wishes.StopSpeech)
    assert call.last(wishes.AskReply).transcript == "No no, I want to cancel."
    assert call.history()[-2:] == [("agent", NOTICE), ("caller", "No no, I want to cancel.")]
    assert not call.all(wishes.NoteInterruption)


def test_behind_a_protected_chunk_the_agent_falls_silent_for_a_sound_that_goes_on() -> None:
    call = noticing()
    call.tell(facts.VoiceStarted(ago_s=0.08), after=0.1)
    assert state(call) is Agent.SPEAKING
    call.tell(facts.SpeechHeard(2, len(NOTICE)), after=0.3)
    assert state(call) is Agent.HELD


def test_a_protected_answer_that_nobody_began_to_hear_may_have_come_too_early() -> None:
    call = Telling(WEBHOOK)
    call.connect()
    call.answers(1, WEBHOOK.greeting)
    call.says("I want to order.", after=1)
    call.tell(facts.ReplyText(2, NOTICE, is_whole=True, is_protected=True), after=0.1)
    call.says("Roses, I mean.")
    assert call.last(wishes.AskReply).transcript == "I want to order. Roses, I mean."


def test_a_protected_line_in_the_queue_outlives_the_answer_that_is_cut() -> None:
    call = Telling()
    call.connect()
    call.says("Tell me a story.", after=1)
    call.answers(1, "Once upon a time there was a king.", heard=False)
    call.tell(facts.SpeechHeard(1, 9), facts.SayAsked(NOTICE, is_protected=True), after=0.5)
    call.says("Stop it please.")
    assert call.all(wishes.StopSpeech) == [wishes.StopSpeech(1)]
    assert len(call.all(wishes.AskReply)) == 1
    call.tell(facts.SpeechStarted(2), facts.SpeechHeard(2, len(NOTICE)), facts.SpeechEnded(2), after=1)
    assert call.last(wishes.AskReply).transcript == "Stop it please."
    assert call.history()[-3:] == [("agent", "Once upon"), ("agent", NOTICE), ("caller", "Stop it please.")]


def test_a_line_that_is_not_protected_is_cut_with_the_answer() -> None:
    call = Telling()
    call.connect()
    call.says("Tell me a story.", after=1)
    call.answers(1, "Once upon a time there was a king.", heard=False)
    call.tell(facts.SpeechHeard(1, 9), facts.SayAsked(NOTICE), after=0.5)
    call.says("Stop it please.")
    assert len(call.all(wishes.StopSpeech)) == 2


def test_whoever_takes_the_call_over_or_ends_it_is_stopped_by_no_protection() -> None:
    call = Telling(HOSTED)
    call.connect()
    call.tell(facts.SayAsked(NOTICE, is_protected=True), facts.SpeechStarted(1), after=1)
    call.tell(facts.TakeOverAsked("ann", 5.0), after=0.2)
    assert call.all(wishes.StopSpeech) and call.conversation.taken_by == "ann"
