"""What people beside the call do with it: whisper, take over, hand back, transfer. Never two voices, never silence."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.conversation.steering import MOST_WHISPERS
from tests.conversation.telling import HOSTED, WEBHOOK, Telling


def talking() -> Telling:
    """A call in which the agent is heard to say its first answer, half of it."""
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    call.answers(1, "From nine to five, every day.", heard=False)
    call.tell(facts.SpeechHeard(1, 9), after=0.5)
    return call


def taken_over() -> Telling:
    call = talking()
    call.tell(facts.TakeOverAsked("ann", 6.0))
    return call


def test_a_whisper_says_nothing_and_is_remembered() -> None:
    call = talking()
    assert call.tell(facts.Whispered("Offer a discount.")) == []
    assert [whisper.text for whisper in call.conversation.whispers()] == ["Offer a discount."]
    assert ("agent", "Offer a discount.") not in call.history()


def test_only_the_newest_whispers_are_kept() -> None:
    call = talking()
    call.tell(*(facts.Whispered(str(number)) for number in range(MOST_WHISPERS + 5)))
    kept = [whisper.text for whisper in call.conversation.whispers()]
    assert kept == [str(number) for number in range(5, MOST_WHISPERS + 5)]


def test_taking_over_silences_the_agent_at_once_and_writes_down_what_was_heard() -> None:
    call = talking()
    wished = call.tell(facts.TakeOverAsked("ann", 6.0))
    assert isinstance(wished[0], wishes.StopSpeech)
    assert wished[-1] == wishes.OpenMicrophone("ann")
    note = call.last(wishes.NoteTurn)
    assert (note.agent, note.was_cut, note.speaker) == ("From nine", True, "agent")
    assert call.conversation.taken_by == "ann"


def test_a_reply_that_was_being_asked_for_is_asked_for_no_more() -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    wished = call.tell(facts.TakeOverAsked("ann", 6.0))
    assert wishes.CancelReply(1) in wished
    call.answers(1, "From nine to five.")
    assert call.all(wishes.Say) == []


def test_while_a_human_has_the_call_words_are_rows_and_nobody_is_asked() -> None:
    call = taken_over()
    call.says("Is that a human?", after=0.5)
    call.tell(facts.HumanHeard("Yes, this is Ann."), after=0.5)
    assert len(call.all(wishes.AskReply)) == 1
    assert [(note.caller, note.agent, note.speaker) for note in call.all(wishes.NoteTurn)[-2:]] == [
        ("Is that a human?", None, "agent"),
        ("", "Yes, this is Ann.", "human"),
    ]
    assert not call.last(wishes.NoteTurn).was_cut


def test_nobody_is_asked_whether_they_are_still_there_while_a_human_speaks() -> None:
    call = talking()
    call.tell(facts.TakeOverAsked("ann", 60.0))
    assert call.wait(50) == []


def test_after_the_hand_back_the_agent_answers_and_knows_who_said_what() -> None:
    call = taken_over()
    call.says("Is that a human?", after=0.5)
    call.tell(facts.HumanHeard("Yes. I hand you back now."), after=0.5)
    wished = call.tell(facts.HandBackAsked(note="They want a table for two."), after=1)
    assert wished == [wishes.CloseMicrophone()]
    call.says("A table, please.", after=1)
    asked = call.last(wishes.AskReply)
    assert asked.transcript == "A table, please."
    assert call.history()[-4:] == [
        ("agent", "From nine"),
        ("caller", "Is that a human?"),
        ("human", "Yes. I hand you back now."),
        ("caller", "A table, please."),
    ]
    assert [whisper.text for whisper in call.conversation.whispers()] == ["They want a table for two."]


def test_the_agent_says_a_line_when_the_call_is_handed_back_with_one() -> None:
    call = taken_over()
    call.tell(facts.HandBackAsked(say="Where were we?"), after=1)
    assert call.last(wishes.Say).text == "Where were we?"
    assert call.conversation.agent_state is Agent.THINKING


def test_words_that_are_being_said_at_the_hand_back_are_a_turn_for_the_agent() -> None:
    call = taken_over()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("And what about"), after=0.5)
    call.tell(facts.HandBackAsked(), after=0.2)
    call.tell(facts.VoiceStopped(), facts.WordsHeard("And what about Sunday?", is_final=True, ends_turn=True), after=1)
    assert call.last(wishes.AskReply).transcript == "And what about Sunday?"


def test_a_human_who_is_gone_is_handed_back_for_with_a_line() -> None:
    call = taken_over()
    call.tell(facts.TakeOverAsked("ann", 6.0), after=5)
    assert call.wait(5.9) == [], "asking again means being still there"
    wished = call.wait(0.2)
    assert wished[:2] == [wishes.NoteProblem("take_over_expired"), wishes.CloseMicrophone()]
    assert call.last(wishes.Say).text == "I'm back with you. How can I help?"
    assert call.conversation.taken_by == ""


def test_who_has_the_call_keeps_it() -> None:
    call = taken_over()
    assert call.tell(facts.TakeOverAsked("bob", 60.0), after=1) == []
    assert call.conversation.taken_by == "ann"
    assert call.wait(5.1), "what bob asked for did not put off the end of ann's time"


def can_be_steered(call: Telling) -> bool:
    return call.conversation.can_be_steered


def test_nobody_takes_over_before_the_phone_is_there_or_during_the_goodbye() -> None:
    call = Telling(WEBHOOK)
    call.tell(facts.CallPrepared())
    assert not can_be_steered(call)
    assert call.tell(facts.TakeOverAsked("ann", 6.0)) == []
    call.tell(facts.CallConnected())
    assert can_be_steered(call)
    leaving = talking()
    leaving.tell(facts.ReplyHangup(1))
    assert not can_be_steered(leaving)
    assert leaving.tell(facts.TakeOverAsked("ann", 6.0)) == []
    assert leaving.tell(facts.TransferAsked("+15550123")) == []


def test_a_line_that_the_human_asks_for_is_said_and_the_call_stays_theirs() -> None:
    call = taken_over()
    call.tell(facts.SayAsked("One moment."), after=0.5)
    said = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(said.reply), facts.SpeechEnded(said.reply), after=1)
    assert call.conversation.taken_by == "ann"


def test_a_voice_that_fails_does_not_speak_over_a_human() -> None:
    call = taken_over()
    call.tell(facts.SayAsked("One moment."), after=0.5)
    call.tell(facts.SpeechFailed(call.last(wishes.Say).reply, "voice_failed"))
    assert call.all(wishes.PlayClip) == []
    assert call.conversation.taken_by == "ann"


def test_a_recogniser_that_is_gone_ends_the_call_only_when_the_human_leaves() -> None:
    call = taken_over()
    call.tell(facts.PartLost("speech_to_text", "x"), facts.PartFailed("speech_to_text", "x"), after=1)
    assert call.wait(4) == []
    call.tell(facts.HandBackAsked())
    assert call.last(wishes.PlayClip).clip == "handing_over"


def test_the_longest_call_ends_for_a_human_too() -> None:
    call = Telling(msgspec.structs.replace(HOSTED, max_call_duration_s=10.0))
    call.connect()
    call.tell(facts.TakeOverAsked("ann", 60.0), after=1)
    wished = call.wait(9)
    assert wished[0] == wishes.CloseMicrophone()
    assert "Goodbye" in call.last(wishes.Say).text


def test_a_transfer_that_is_asked_for_happens_at_once() -> None:
    call = taken_over()
    wished = call.tell(facts.TransferAsked("+15550123"), after=1)
    assert wished == [wishes.CloseMicrophone(), wishes.TransferTo("+15550123")]


def test_a_transfer_with_a_line_happens_when_the_line_was_heard() -> None:
    call = talking()
    call.tell(facts.TransferAsked("+15550123", "I put you through."))
    assert call.all(wishes.TransferTo) == []
    said = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(said.reply), facts.SpeechEnded(said.reply), after=1)
    assert call.last(wishes.TransferTo).number == "+15550123"
    assert call.last(wishes.NoteTurn).agent == "I put you through."
