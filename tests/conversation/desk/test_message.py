"""Taking a message: every caller reaches the beep, and what they say after it is kept."""

from __future__ import annotations

import pytest

from parley.conversation import facts, wishes
from parley.conversation.desk import wishes as desk
from parley.conversation.desk.facts import DeskFact
from parley.conversation.desk.message import MessageTaker
from parley.domain.stages import TakingMessage
from parley.domain.voicemails import greeting_for
from tests.conversation.desk.telling import Told

STAGE = TakingMessage("vm_1", "Ada is out.", longest_s=60.0, silence_s=4.0)
THANKS = "Thank you for your message. Goodbye."


def asked(stage: TakingMessage = STAGE) -> Told:
    told = Told(MessageTaker(stage, "en-US"))
    told.connect()
    return told


def at_the_beep(stage: TakingMessage = STAGE) -> Told:
    told = asked(stage)
    told.speaks()
    told.tell(facts.SpeechEnded(told.all(desk.Beep)[-1].reply), after=0.4)
    assert told.wished[-1] == desk.BeginTake()
    return told


def spoken(words: str = "Call me back.", seconds: float = 3.0) -> Told:
    told = at_the_beep()
    told.tell(facts.VoiceStarted(), after=1.0)
    told.tell(facts.VoiceStopped(0.24), after=seconds)
    if words:
        told.tell(facts.WordsHeard(words, is_final=True, ends_turn=True, confidence=0.9), after=0.1)
    return told


def test_greeting_beep_message_thanks() -> None:
    told = asked()
    assert told.speaks() == "Ada is out."
    told.wait(0.1)
    assert told.all(desk.Beep) == [desk.Beep(2)]
    told.tell(facts.SpeechEnded(2))
    told.tell(facts.VoiceStarted(), after=1.0)
    told.tell(facts.WordsHeard("Call", confidence=0.5))
    told.tell(facts.WordsHeard("Call me.", is_final=True, confidence=0.9), after=0.5)
    told.tell(facts.WordsHeard("It is Bo.", is_final=True, confidence=0.7), after=0.5)
    told.tell(facts.VoiceStopped(0.25))
    told.wait(4.0)
    assert told.all(desk.EndTake) == [desk.EndTake(3.6)]  # the silence, less a little of it
    [kept] = told.all(desk.KeepMessage)
    assert (kept.transcript, round(kept.confidence, 3), kept.was_empty) == ("Call me. It is Bo.", 0.8, False)
    assert told.speaks() == THANKS
    assert told.wished[-1] == wishes.EndCall("message_taken")


def test_without_a_greeting_of_its_own_a_stage_says_the_usual_one() -> None:
    told = asked(TakingMessage("vm_1"))
    assert told.speaks() == greeting_for("en")


def test_a_broken_voice_is_a_beep_after_three_seconds() -> None:
    told = asked()
    told.wait(2.9)
    assert not told.all(desk.Beep)
    told.wait(0.2)
    assert told.wished[-2:] == [wishes.StopSpeech(1), desk.Beep(2)]


@pytest.mark.parametrize(
    "fact", [facts.SpeechFailed(1, "refused"), facts.PartFailed("text_to_speech", "refused"), facts.KeyPressed("#")]
)
def test_a_greeting_that_fails_or_is_skipped_is_a_beep_at_once(fact: DeskFact) -> None:
    assert asked().tell(fact)[-1] == desk.Beep(2)


def test_a_voice_that_failed_before_the_phone_was_there_beeps_when_it_is() -> None:
    told = Told(MessageTaker(STAGE, "en"))
    told.tell(facts.CallPrepared(), facts.PartFailed("text_to_speech", "refused"))
    told.wait(30.0)
    assert not told.all(desk.BeginTake)
    beep = told.tell(facts.CallConnected())[-1]
    assert isinstance(beep, desk.Beep)
    told.tell(facts.SpeechEnded(beep.reply), after=0.4)
    assert told.wished[-1] == desk.BeginTake()


def test_a_voice_that_stalls_in_the_middle_of_the_greeting_beeps_too() -> None:
    told = asked()
    told.tell(facts.SpeechStarted(1))
    told.tell(facts.SpeechStarved(1), after=0.5)
    told.wait(3.1)
    assert told.all(desk.Beep)


def test_a_beep_that_no_mark_confirms_has_been_heard_soon_after_its_end() -> None:
    told = asked()
    told.speaks()
    told.wait(1.5)
    assert told.wished[-1] == desk.BeginTake()


def test_a_caller_who_hangs_up_has_left_a_message_and_its_last_words_are_waited_for() -> None:
    told = at_the_beep()
    told.tell(facts.VoiceStarted(), after=1.0)
    told.tell(facts.WordsHeard("Please call"), after=2.0)
    told.tell(facts.HungUp())
    hung_up_at = told.now
    assert told.wished[-1] == desk.EndTake(0.0)
    told.tell(facts.WordsHeard("Please call me.", is_final=True, ends_turn=True), after=0.3)
    assert told.wished[-2:] == [desk.KeepMessage("Please call me.", 1.0, False), wishes.EndCall("caller_hangup")]
    assert told.machine.over_at == hung_up_at


def test_words_that_never_settle_are_kept_as_they_are() -> None:
    told = at_the_beep()
    told.tell(facts.VoiceStarted(), facts.WordsHeard("Please call"), facts.HungUp(), after=1.0)
    told.wait(1.5)
    assert told.all(desk.KeepMessage) == [desk.KeepMessage("Please call", 0.0, False)]


def test_the_hash_key_ends_a_message_and_its_tone_is_cut_off() -> None:
    told = at_the_beep()
    told.tell(facts.VoiceStarted(), after=1.0)
    told.tell(facts.KeyPressed("5"), facts.KeyPressed("#"), after=2.0)
    assert told.all(desk.EndTake) == [desk.EndTake(0.3)]
    assert told.speaks() == THANKS
    assert told.wished[-1] == wishes.EndCall("message_taken")
    assert len(told.all(desk.KeepMessage)) == 1


def test_a_key_long_after_the_last_word_cuts_off_the_silence_before_it() -> None:
    told = spoken()
    told.tell(facts.KeyPressed("#"), after=3.0)
    [end] = told.all(desk.EndTake)
    assert end.drop_s == pytest.approx(3.0 + 0.1 + 0.24 - 0.4)


def test_the_longest_message_ends_in_the_middle_of_a_word() -> None:
    told = at_the_beep()
    told.tell(facts.VoiceStarted(), after=1.0)
    told.wait(59.0)
    assert told.all(desk.EndTake) == [desk.EndTake(0.0)]
    assert told.speaks() == THANKS


def test_a_caller_who_says_nothing_is_told_so() -> None:
    told = at_the_beep()
    told.wait(10.0)
    assert told.all(desk.KeepMessage) == [desk.KeepMessage("", 0.0, was_empty=True)]
    assert told.speaks() == "I did not hear a message. Goodbye."
    assert told.wished[-1] == wishes.EndCall("silence")


@pytest.mark.parametrize("after", [0.0, 5.0])
def test_a_caller_who_hangs_up_without_a_word_leaves_nothing(after: float) -> None:
    for told in (asked(), at_the_beep()):
        told.tell(facts.HungUp(), after=after)
        told.wait(2.0)
        assert told.all(desk.KeepMessage) == [desk.KeepMessage("", 0.0, was_empty=True)]
        assert told.wished[-1] == wishes.EndCall("caller_hangup")


def test_somebody_too_quiet_for_our_detector_is_heard_by_the_recogniser() -> None:
    told = at_the_beep()
    told.tell(facts.WordsHeard("Hello?"), after=9.0)
    told.tell(facts.WordsHeard("Hello?", is_final=True), after=3.0)
    told.wait(3.9)
    assert not told.all(desk.EndTake)
    told.wait(0.1)
    assert told.all(desk.EndTake) == [desk.EndTake(3.6)]
    assert not told.all(desk.KeepMessage)[0].was_empty


def test_a_recogniser_that_fails_costs_the_words_and_nothing_else() -> None:
    told = at_the_beep()
    told.tell(facts.PartFailed("speech_to_text", "refused"), facts.VoiceStarted(), after=1.0)
    told.tell(facts.VoiceStopped(0.24), after=3.0)
    told.wait(4.0)
    assert told.all(desk.KeepMessage) == [desk.KeepMessage("", 0.0, was_empty=False)]
    assert told.speaks() == THANKS


def test_who_goes_on_after_a_pause_is_not_cut_off() -> None:
    told = spoken()
    told.tell(facts.VoiceStarted(), after=3.0)
    told.wait(30.0)
    assert not told.all(desk.EndTake)


def test_a_caller_who_hangs_up_on_the_thanks_has_left_one_message() -> None:
    told = spoken()
    told.tell(facts.KeyPressed("#"), after=2.0)
    told.tell(facts.HungUp())
    assert len(told.all(desk.KeepMessage)) == 1
    assert told.wished[-1] == wishes.EndCall("caller_hangup")


def test_a_server_that_stops_keeps_what_was_said() -> None:
    told = spoken()
    told.tell(facts.EndAsked("server_shutdown"), after=0.5)
    told.wait(1.5)
    assert told.wished[-2:] == [desk.KeepMessage("Call me back.", 0.9, False), wishes.EndCall("server_shutdown")]


def test_a_broken_stream_keeps_what_was_said() -> None:
    told = at_the_beep(TakingMessage("vm_1", "Ada is out.", silence_s=20.0))
    told.tell(facts.VoiceStarted(), facts.PartLost("carrier", "media_lost"), after=1.0)
    told.wait(11.5)
    assert told.all(desk.KeepMessage) == [desk.KeepMessage("", 0.0, was_empty=False)]
    assert told.wished[-1] == wishes.EndCall("media_lost")


def test_a_voice_that_cannot_thank_does_not_keep_the_line_open() -> None:
    told = spoken()
    told.tell(facts.PartFailed("text_to_speech", "refused"), facts.KeyPressed("#"), after=2.0)
    told.wait(2.0)
    assert told.wished[-1] == wishes.EndCall("message_taken")
