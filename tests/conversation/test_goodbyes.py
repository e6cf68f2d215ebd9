"""The last words of a call: heard before the line drops, and given up for a caller who has more to say."""

from __future__ import annotations

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED, WEBHOOK, Telling

GOODBYE = "Thank you for calling, have a nice day. Goodbye!"


def leaving(agent: object = HOSTED, *, heard: int = 10) -> Telling:
    """A call in which the agent says its goodbye."""
    call = Telling(agent)  # type: ignore[arg-type]
    call.connect()
    call.says("That was all.", after=1)
    reply = call.last(wishes.AskReply).reply
    call.tell(facts.ReplyText(reply, GOODBYE), facts.ReplyHangup(reply), facts.ReplyDone(reply))
    call.tell(facts.SpeechStarted(reply), facts.SpeechHeard(reply, heard), after=0.5)
    return call


def state(call: Telling) -> Agent:
    return call.conversation.agent_state


def heard_out(call: Telling, number: int = 1) -> None:
    call.tell(facts.SpeechHeard(number, len(GOODBYE)), facts.SpeechEnded(number), after=2)


def test_a_caller_with_more_to_say_is_listened_to_and_nobody_hangs_up() -> None:
    call = leaving()
    call.says("Wait, one more question.", after=0.2)
    assert call.last(wishes.AskReply).transcript == "Wait, one more question."
    assert call.history()[-2:] == [("agent", "Thank you"), ("caller", "Wait, one more question.")]
    call.answers(2, "Of course.")
    call.wait(12)
    assert not call.all(wishes.EndCall)
    assert call.conversation.can_be_steered


@pytest.mark.parametrize("farewell", ["Bye bye.", "Thank you, you too, bye!", "Mm-hmm.", "No, thank you. Bye."])
def test_a_caller_who_takes_leave_as_well_starts_no_second_farewell(farewell: str) -> None:
    call = leaving()
    call.says(farewell, after=0.2)
    assert not call.all(wishes.StopSpeech)
    assert len(call.all(wishes.AskReply)) == 1
    heard_out(call)
    assert call.last(wishes.EndCall).reason == "agent_hangup"
    assert call.history()[-1] == ("agent", GOODBYE)


def test_a_cough_into_the_goodbye_only_delays_it() -> None:
    call = leaving()
    call.tell(facts.VoiceStarted(ago_s=0.08))
    assert state(call) is Agent.HELD
    call.wait(3)
    assert not call.all(wishes.EndCall)
    call.tell(facts.VoiceStopped(ago_s=0.2))
    call.wait(1)
    assert state(call) is Agent.SPEAKING
    heard_out(call)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_sound_at_the_very_end_of_the_goodbye_is_waited_for() -> None:
    call = leaving()
    call.tell(facts.VoiceStarted(ago_s=0.08), after=1)
    heard_out(call)
    assert not call.all(wishes.EndCall)
    call.tell(facts.WordsHeard("Hang on", is_final=False))
    call.tell(facts.WordsHeard("Hang on, what about Sunday?", is_final=True, ends_turn=True), after=0.5)
    assert call.last(wishes.AskReply).transcript == "Hang on, what about Sunday?"
    call.wait(2)
    assert not call.all(wishes.EndCall)
    assert call.history()[1] == ("agent", GOODBYE)


def test_a_sound_at_the_very_end_that_was_a_cough_ends_the_call() -> None:
    call = leaving()
    call.tell(facts.VoiceStarted(ago_s=0.08), after=1)
    call.tell(facts.SpeechHeard(1, len(GOODBYE)), facts.SpeechEnded(1), after=0.1)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.3)
    assert not call.all(wishes.EndCall)
    call.wait(0.8)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_hangup_that_comes_while_the_agent_is_held_waits_for_the_caller() -> None:
    call = Telling()
    call.connect()
    call.says("That was all.", after=1)
    call.tell(facts.ReplyText(1, GOODBYE), facts.SpeechStarted(1), facts.SpeechHeard(1, 10), after=0.5)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.ReplyHangup(1), facts.ReplyDone(1), after=0.1)
    assert state(call) is Agent.HELD
    call.tell(facts.WordsHeard("Bye.", is_final=True, ends_turn=True), after=0.2)
    assert state(call) is Agent.SPEAKING
    call.tell(facts.VoiceStopped(ago_s=0.2))
    heard_out(call)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_farewell_behind_the_goodbye_is_no_reason_to_wait() -> None:
    call = leaving()
    call.tell(facts.VoiceStarted(ago_s=0.08), after=1)
    heard_out(call)
    assert not call.all(wishes.EndCall)
    call.tell(facts.WordsHeard("Bye bye.", is_final=True, ends_turn=True), after=0.3)
    call.wait(0)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_hangup_without_a_word_ends_the_call_at_once() -> None:
    call = Telling(WEBHOOK)
    call.connect()
    call.answers(1, WEBHOOK.greeting)
    call.says("Bye.", after=1)
    call.tell(facts.ReplyHangup(2), facts.ReplyDone(2))
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_hangup_without_a_word_waits_for_a_caller_who_makes_a_sound() -> None:
    call = Telling(WEBHOOK)
    call.connect()
    call.answers(1, WEBHOOK.greeting)
    call.says("That was all.", after=1)
    call.tell(facts.VoiceStarted(ago_s=0.08), after=0.1)
    call.tell(facts.ReplyHangup(2), facts.ReplyDone(2))
    assert not call.all(wishes.EndCall)
    call.tell(facts.WordsHeard("Or no, one more thing.", is_final=True, ends_turn=True), after=0.3)
    assert call.last(wishes.AskReply).transcript == "That was all. Or no, one more thing."
    call.wait(1)
    assert not call.all(wishes.EndCall)


def test_a_caller_who_answers_the_last_question_into_silence_is_still_there() -> None:
    call = Telling()
    call.connect()
    for _ in range(2):
        call.wait(15.1)
        said = call.last(wishes.Say)
        call.tell(facts.SpeechStarted(said.reply), facts.SpeechEnded(said.reply), after=1)
    call.wait(15.1)
    goodbye = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(goodbye.reply), facts.SpeechHeard(goodbye.reply, 20), after=1)
    call.says("I am here, I am here.")
    assert call.last(wishes.AskReply).transcript == "I am here, I am here."
    call.wait(5)
    assert not call.all(wishes.EndCall)


def test_a_caller_can_refuse_to_be_put_through() -> None:
    call = Telling()
    call.connect()
    call.says("I want to complain.", after=1)
    call.tell(facts.ReplyText(1, "I am putting you through now."), facts.ReplyTransfer(1), facts.ReplyDone(1))
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 9), after=0.3)
    call.says("No, thank you.")
    assert not call.all(wishes.TransferTo)
    assert call.last(wishes.AskReply).transcript == "No, thank you."


def test_an_announcement_is_heard_before_the_transfer_whatever_is_murmured() -> None:
    call = Telling()
    call.connect()
    call.says("I want to complain.", after=1)
    text = "I am putting you through now, okay?"
    call.tell(facts.ReplyText(1, text), facts.ReplyTransfer(1), facts.ReplyDone(1))
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, len(text)), after=0.3)
    call.says("Yes, okay.")
    assert not call.all(wishes.TransferTo)
    call.tell(facts.SpeechEnded(1), after=0.1)
    assert call.all(wishes.TransferTo)


def test_what_ends_the_call_for_its_own_reasons_is_talked_away_by_nobody() -> None:
    call = Telling(msgspec.structs.replace(HOSTED, max_call_duration_s=10.0))
    call.connect()
    call.wait(10)
    goodbye = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(goodbye.reply), facts.SpeechHeard(goodbye.reply, 9), after=0.5)
    call.says("Wait, I have a question.")
    assert not call.all(wishes.HoldSpeech) and not call.all(wishes.AskReply)
    call.tell(facts.SpeechEnded(goodbye.reply), after=2)
    assert call.last(wishes.EndCall).reason == "max_duration"


def test_a_goodbye_during_which_the_time_is_up_is_the_last_one() -> None:
    call = leaving(msgspec.structs.replace(HOSTED, max_call_duration_s=10.0))
    call.tell(facts.VoiceStarted(ago_s=0.08), after=10 - call.now - 0.2)
    call.wait(0.3)
    assert state(call) is Agent.LEAVING
    call.tell(facts.WordsHeard("Wait, one more question", is_final=True, ends_turn=True))
    assert len(call.all(wishes.AskReply)) == 1
    heard_out(call)
    assert call.all(wishes.EndCall)


def test_words_into_the_goodbye_of_an_agent_that_nothing_interrupts_are_answered_after_it() -> None:
    call = leaving(msgspec.structs.replace(HOSTED, conduct=Conduct(interruption_sensitivity=0.0)))
    call.says("Wait, one more question.", after=0.1)
    assert not call.all(wishes.StopSpeech)
    heard_out(call)
    assert not call.all(wishes.EndCall)
    assert call.last(wishes.AskReply).transcript == "Wait, one more question."
    assert call.history()[1] == ("agent", GOODBYE)


def test_a_goodbye_that_is_cut_leaves_no_deadline_behind() -> None:
    call = leaving()
    call.says("Wait, one more question.", after=0.2)
    assert "goodbye" not in call.conversation.waits_for


def test_a_goodbye_whose_stream_breaks_waits_for_the_phone() -> None:
    call = leaving()
    call.tell(facts.PartLost("carrier", "media_lost"))
    call.wait(9)
    assert not call.all(wishes.EndCall)
    call.tell(facts.PartRestored("carrier"))
    heard_out(call)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_goodbye_whose_voice_fails_waits_for_a_caller_who_makes_a_sound() -> None:
    for words, is_over in (("Wait, one more question.", False), ("", True)):
        call = leaving()
        call.tell(facts.VoiceStarted(ago_s=0.08), facts.SpeechFailed(1, "broke_off"), after=0.1)
        assert not call.all(wishes.EndCall)
        call.tell(facts.VoiceStopped(ago_s=0.24), after=0.5)
        call.tell(facts.WordsHeard(words, is_final=True, ends_turn=True), after=0.1)
        call.wait(1)
        assert call.conversation.is_over is is_over
        assert len(call.all(wishes.AskReply)) == (1 if is_over else 2)


def test_a_hangup_that_is_asked_for_while_the_stream_is_broken_waits_for_the_phone_too() -> None:
    call = Telling()
    call.connect()
    call.says("That was all.", after=1)
    call.tell(facts.ReplyText(1, GOODBYE), facts.SpeechStarted(1), facts.SpeechHeard(1, 10), after=0.5)
    call.tell(facts.PartLost("carrier", "media_lost"), facts.ReplyHangup(1), facts.ReplyDone(1))
    call.wait(9.5)
    assert not call.all(wishes.EndCall)


def test_a_call_that_says_goodbye_is_neither_steered_nor_given_another_line() -> None:
    call = leaving()
    assert not call.conversation.can_be_steered
    assert call.tell(facts.SayAsked("One more thing."), facts.TakeOverAsked("ann", 5.0)) == []
