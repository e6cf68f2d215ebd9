"""Handing the caller to a human: heard first, spoken about where it comes to nothing, and never a silence."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, wishes
from parley.conversation.measuring.talk import TalkObserver
from parley.conversation.states import Agent
from tests.conversation.telling import HOSTED, WEBHOOK, Telling

NOBODY = "I'm sorry, nobody could take your call right now. How else can I help?"


def handed_over() -> Telling:
    """A call in which the agent said that it puts the caller through, and did."""
    call = Telling()
    call.connect()
    call.says("A human, please.", after=1)
    call.tell(facts.ReplyText(1, "One moment."), facts.ReplyTransfer(1), facts.ReplyDone(1), facts.SpeechStarted(1))
    assert not call.all(wishes.TransferTo), "the announcement comes first"
    call.tell(facts.SpeechHeard(1, 11), facts.SpeechEnded(1), after=1)
    return call


def hears(call: Telling) -> None:
    """The phone plays the line that nobody could take the call."""
    number = call.last(wishes.Say).reply
    call.tell(facts.SpeechStarted(number), after=0.1)
    call.tell(facts.SpeechHeard(number, len(NOBODY)), facts.SpeechEnded(number), after=3)


def test_the_conversation_lives_until_the_carrier_has_the_caller() -> None:
    call = handed_over()
    assert call.last(wishes.TransferTo).number == HOSTED.transfer_number
    assert not call.conversation.is_over
    assert not call.conversation.can_be_steered
    assert call.tell(facts.SayAsked("Wait!"), facts.TransferAsked("+15550123"), facts.TakeOverAsked("ann", 5.0)) == []
    call.tell(facts.HungUp("transferred"))
    assert call.last(wishes.EndCall).reason == "transferred"


def test_a_transfer_that_cannot_be_begun_is_spoken_about_and_the_talk_goes_on() -> None:
    call = handed_over()
    call.tell(facts.TransferReturned("failed", "+15550100"), after=0.1)
    assert call.last(wishes.Say).text == NOBODY
    assert call.conversation.returned == facts.TransferReturned("failed", "+15550100")
    hears(call)
    call.says("Then tell me the price.", after=1)
    assert call.last(wishes.AskReply).transcript == "Then tell me the price."
    assert ("agent", NOBODY) in call.history()


def test_a_transfer_of_which_nothing_is_heard_has_failed() -> None:
    call = handed_over()
    call.wait(4.5)
    assert wishes.NoteProblem("transfer_failed") in call.all(wishes.NoteProblem)
    assert call.last(wishes.Say).text == NOBODY
    said = len(call.all(wishes.Say))
    call.tell(facts.TransferReturned("failed"), after=0.5)
    assert len(call.all(wishes.Say)) == said, "it is said once"


def test_words_said_while_the_caller_is_handed_over_are_answered_if_they_stay() -> None:
    call = handed_over()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("And one more thing.", is_final=True, ends_turn=True), after=0.2)
    assert not call.all(wishes.AskReply)[1:]
    call.tell(facts.VoiceStopped(), facts.TransferReturned("failed"), after=0.2)
    hears(call)
    call.wait(3)
    assert call.last(wishes.AskReply).transcript == "And one more thing."


def test_a_caller_who_comes_back_hears_so_at_once_in_the_agents_language() -> None:
    call = Telling(msgspec.structs.replace(WEBHOOK, greeting="", language="de-DE"))
    call.tell(facts.CallPrepared(), facts.TransferReturned("busy", "+15550123"))
    assert call.last(wishes.Say).text.startswith("Es tut mir leid, im Moment konnte niemand")
    assert call.wait(30) == [], "until the phone is there, nobody waits for the voice"
    call.tell(facts.CallConnected())
    assert len(call.all(wishes.Say)) == 1
    assert call.conversation.agent_state is Agent.THINKING
    assert call.conversation.returned == facts.TransferReturned("busy", "+15550123")


def test_a_supervisors_transfer_gives_the_caller_to_the_agent_if_nobody_takes_it() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.TakeOverAsked("ann", 6.0), after=1)
    call.tell(facts.TransferAsked("+15550123"), after=1)
    assert call.last(wishes.TransferTo).number == "+15550123"
    call.tell(facts.TransferReturned("failed"), after=0.2)
    assert call.conversation.taken_by == ""
    assert call.last(wishes.Say).text == NOBODY
    hears(call)
    call.wait(6)
    assert not call.all(wishes.NoteProblem), "the human's time has not run out, it is over"


def test_a_caller_who_hangs_up_meanwhile_ends_the_call() -> None:
    call = handed_over()
    call.tell(facts.HungUp(), after=0.1)
    assert call.last(wishes.EndCall).reason == "caller_hangup"


def test_an_agent_that_nobody_can_hear_with_hands_over_once_and_then_says_farewell() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.PartLost("speech_to_text", "x"), facts.PartFailed("speech_to_text", "x"), after=1)
    first = call.last(wishes.PlayClip)
    assert first.clip == "handing_over"
    call.tell(facts.SpeechStarted(first.reply), facts.SpeechEnded(first.reply), after=4)
    assert call.all(wishes.TransferTo)
    call.tell(facts.TransferReturned("failed"), after=0.2)
    assert call.last(wishes.PlayClip).clip == "farewell"
    call.wait(20)
    assert len(call.all(wishes.TransferTo)) == 1
    assert call.last(wishes.EndCall).reason == "provider_failed"


def test_what_is_measured_of_the_talk_goes_on_after_a_refused_transfer() -> None:
    call = handed_over()
    call.tell(facts.TransferReturned("failed"), after=0.5)
    call.tell(facts.HungUp(), after=7)
    observer = TalkObserver()
    for step in call.steps:
        observer.observe(step)
    talk = observer.talk()
    assert talk is not None
    assert talk.measured_s == round(call.now, 3)


def test_an_agent_without_a_number_says_that_nobody_can_take_the_call_if_it_says_nothing_else() -> None:
    for agent in (msgspec.structs.replace(HOSTED, transfer_number=""), msgspec.structs.replace(WEBHOOK, greeting="")):
        call = Telling(agent)
        call.connect()
        call.says("A human, please.", after=1)
        call.tell(facts.ReplyTransfer(1), facts.ReplyDone(1), after=0.1)
        assert call.spoken(1).strip() == NOBODY
        hears(call)
        assert call.conversation.agent_state is Agent.LISTENING
        assert call.all(wishes.NoteProblem) == [wishes.NoteProblem("transfer_without_number")]
        call.says("Are you sure?", after=1)
        call.tell(facts.ReplyText(call.last(wishes.AskReply).reply, "I will try."), after=0.1)
        call.tell(facts.ReplyTransfer(call.last(wishes.AskReply).reply), after=0.1)
        assert call.spoken(call.last(wishes.AskReply).reply).strip() == "I will try.", "its own words are enough"
