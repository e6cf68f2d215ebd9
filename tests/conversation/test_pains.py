"""What other engines are left for, one test each: mute or stuck agents, words twice, words that were never heard.

The numbers are those of the known complaints: 5 false interruptions, 6 mute afterwards, 7 cannot be interrupted, 8 what
was really said, 17 cleared marks, 18 the goodbye. Each has more tests beside those of what it is about.
"""

from __future__ import annotations

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED, Telling
from tests.conversation.test_interruptions import ANSWER, speaking


def test_5_an_echo_that_arrives_word_by_word_cuts_nothing() -> None:
    call = speaking(heard=20)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    for heard in ("open", "open from", "open from nine"):
        call.tell(facts.WordsHeard(heard), after=0.1)
    call.tell(facts.WordsHeard("Open from nine.", is_final=True, ends_turn=True), after=0.1)
    assert not call.all(wishes.StopSpeech)
    assert call.conversation.agent_state is Agent.SPEAKING


def test_5_an_echo_of_a_recorded_sentence_that_came_before_the_answer_is_one_too() -> None:
    call = Telling(msgspec.structs.replace(HOSTED, conduct=Conduct(fillers=())))
    call.connect()
    call.says("When are you open?", after=1)
    call.wait(2.6)
    clip = call.last(wishes.PlayClip).reply
    call.tell(facts.SpeechStarted(clip), facts.SpeechHeard(clip, 18), facts.VoiceStarted(ago_s=0.08), after=0.1)
    call.tell(facts.WordsHeard("One moment please", is_final=True, ends_turn=True), after=0.2)
    assert not call.all(wishes.StopSpeech) and len(call.all(wishes.AskReply)) == 1


def test_5_a_caller_who_begins_like_an_echo_is_heard() -> None:
    call = speaking(heard=20)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.WordsHeard("open from"), after=0.2)
    call.tell(facts.WordsHeard("Open from when?", is_final=True, ends_turn=True), after=0.3)
    assert call.last(wishes.AskReply).transcript == "Open from when?"


def test_6_settled_words_and_their_late_twin_are_one_turn() -> None:
    """Killed every turn before its first token elsewhere: the words settle, and settle again as the end of speech."""
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    late = call.tell(facts.WordsHeard("When are you open?", is_final=True, ends_turn=True), after=0.2)
    assert late == []
    assert len(call.all(wishes.AskReply)) == 1
    call.answers(1, ANSWER)
    assert call.history() == [("caller", "When are you open?"), ("agent", ANSWER)]


def test_6_a_caller_who_truly_asks_again_is_heard() -> None:
    call = Telling()
    call.connect()
    call.says("Hello?", after=1)
    call.says("Hello?", after=0.1)
    assert call.last(wishes.AskReply).transcript == "Hello? Hello?"


@pytest.mark.parametrize("late", [facts.UtteranceEnded(), facts.WordsHeard("", is_final=True, ends_turn=True)])
def test_6_a_late_end_of_the_utterance_takes_nothing_back(late: facts.AnyFact) -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    assert call.tell(late, after=0.3) == []
    assert call.conversation.agent_state is Agent.THINKING


def test_6_an_agent_interrupted_before_its_first_word_answers_the_next_turn() -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    call.tell(facts.VoiceStarted(ago_s=0.08), after=0.1)
    call.tell(facts.WordsHeard("No wait, where", is_final=False), after=0.2)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.5)
    call.tell(facts.WordsHeard("No wait, where are you?", is_final=True, ends_turn=True), after=0.1)
    number = call.last(wishes.AskReply).reply
    call.answers(number, "In Main Street.")
    assert call.history()[-1] == ("agent", "In Main Street.")
    assert call.conversation.agent_state is Agent.LISTENING


def test_6_a_second_interruption_right_after_going_on_is_heard_as_the_first() -> None:
    call = speaking(heard=10)
    for _ in range(3):
        call.tell(facts.VoiceStarted(ago_s=0.08), after=0.05)
        call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
        call.wait(0.71)
        assert call.conversation.agent_state is Agent.SPEAKING
    call.tell(facts.VoiceStarted(ago_s=0.08), after=0.05)
    call.tell(facts.WordsHeard("Stop it now"), after=0.3)
    assert call.conversation.agent_state is Agent.LISTENING
    held = len(call.all(wishes.HoldSpeech))
    assert held == len(call.all(wishes.ResumeSpeech)) == 4


def test_7_every_state_in_which_the_agent_is_heard_can_be_silenced() -> None:
    """By default, without a setting: in an answer, the greeting, a line it was asked to say, a recorded sentence."""
    call = Telling()
    call.connect()
    call.tell(facts.SayAsked("Your taxi is here."), facts.SpeechStarted(1), after=1)
    assert call.tell(facts.VoiceStarted(ago_s=0.08)) == [wishes.HoldSpeech(1)]
    clip = Telling()
    clip.connect()
    clip.says("When are you open?", after=1)
    clip.tell(facts.ReplyFailed(1, "broke_off"), facts.ReplyFailed(1, "broke_off"))
    apology = clip.last(wishes.PlayClip).reply
    clip.tell(facts.SpeechStarted(apology), after=0.1)
    assert clip.tell(facts.VoiceStarted(ago_s=0.08), after=0.2) == [wishes.HoldSpeech(apology)]
    clip.tell(facts.WordsHeard("I said when"), after=0.3)
    assert wishes.StopSpeech(apology) in clip.all(wishes.StopSpeech)


def test_8_nothing_of_a_cut_answer_is_counted_that_was_told_afterwards() -> None:
    call = speaking(heard=12)
    call.tell(facts.VoiceStarted(ago_s=0.08), facts.WordsHeard("No, listen"), after=0.1)
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1), after=0.1)
    assert call.history()[-1] == ("agent", "We are open")
    assert call.last(wishes.NoteTurn).agent == "We are open"


def test_8_an_answer_that_goes_on_after_a_cough_is_remembered_whole() -> None:
    call = speaking(heard=14)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
    call.wait(1)
    call.tell(facts.SpeechHeard(1, len(ANSWER)), facts.SpeechEnded(1), after=3)
    assert call.history()[-1] == ("agent", ANSWER)
    assert not call.last(wishes.NoteTurn).was_cut


def test_17_the_goodbye_is_over_when_it_was_heard_and_not_when_it_was_cleared() -> None:
    call = Telling()
    call.connect()
    call.says("Bye.", after=1)
    call.tell(facts.ReplyText(1, "Goodbye, and thank you!"), facts.ReplyHangup(1), facts.ReplyDone(1))
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 8), after=0.3)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
    assert not call.all(wishes.EndCall)
    call.wait(1)
    call.tell(facts.SpeechHeard(1, 23), facts.SpeechEnded(1), after=1.2)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_18_two_parties_that_take_leave_of_each_other_come_to_an_end() -> None:
    call = Telling()
    call.connect()
    call.says("Thanks, that was all. Bye!", after=1)
    text = "You are welcome. Goodbye!"
    call.tell(facts.ReplyText(1, text), facts.ReplyHangup(1), facts.ReplyDone(1))
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 5), after=0.3)
    call.says("Bye.")
    call.says("Bye bye.")
    call.tell(facts.SpeechHeard(1, len(text)), facts.SpeechEnded(1))
    call.wait(1)
    assert call.last(wishes.EndCall).reason == "agent_hangup"
    assert len(call.all(wishes.AskReply)) == 1
