"""The caller's turn: when it is over, and what is asked then."""

from __future__ import annotations

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.turns.finished import looks_finished
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED, WEBHOOK, Telling


def test_a_finished_sentence_is_answered_at_once() -> None:
    call = Telling()
    call.connect()
    call.says("What are your opening hours?", after=1)
    asked = call.last(wishes.AskReply)
    assert (asked.transcript, asked.confidence) == ("What are your opening hours?", 0.9)
    assert call.told[-1][0] == call.now


def test_a_pause_inside_a_sentence_is_not_answered() -> None:
    call = Telling()
    call.connect()
    call.says("I would like to", after=1)
    assert not call.all(wishes.AskReply)
    call.says("book a table.", after=0.6)
    assert [asked.transcript for asked in call.all(wishes.AskReply)] == ["I would like to book a table."]


def test_an_unfinished_sentence_is_answered_after_a_longer_pause() -> None:
    call = Telling()
    call.connect()
    call.says("I would like to", after=1)
    call.wait(1.3)
    assert call.last(wishes.AskReply).transcript == "I would like to"


def test_words_after_an_answer_was_asked_for_but_before_any_was_heard_belong_to_the_same_turn() -> None:
    call = Telling()
    call.connect()
    call.says("I need a table.", after=1)
    call.tell(facts.ReplyText(1, "For how many?"), after=0.3)
    call.says("For four people.", after=0.2)
    first, second = call.all(wishes.AskReply)
    assert second.transcript == "I need a table. For four people."
    assert second.turn == first.turn
    assert wishes.CancelReply(1, reason="interrupted") in call.all(wishes.CancelReply)
    call.tell(facts.ReplyText(1, "Too late."), facts.SpeechStarted(1))
    assert "Too late." not in call.spoken(1)


def test_settled_words_without_an_end_of_turn_are_taken_after_quiet() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("Good evening.", is_final=True), after=0.5)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.1)
    assert not call.all(wishes.AskReply)
    call.wait(1.5)
    assert call.last(wishes.AskReply).transcript == "Good evening."


def test_words_that_were_never_settled_are_not_lost() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("Are you open"), after=0.5)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.1)
    call.wait(2.1)
    assert call.last(wishes.AskReply).transcript == "Are you open"


def test_words_that_are_settled_after_they_were_taken_do_not_count_twice() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("Are you open"), after=0.5)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.1)
    call.wait(2.1)
    call.tell(facts.WordsHeard("Are you open?", is_final=True, ends_turn=True), after=0.2)
    assert [asked.transcript for asked in call.all(wishes.AskReply)] == ["Are you open"]
    assert not call.all(wishes.CancelReply)


def test_what_is_new_in_words_settled_late_belongs_to_the_turn() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("Are you open"), after=0.5)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.1)
    call.wait(2.1)
    call.tell(facts.WordsHeard("Are you open on Sundays?", is_final=True, ends_turn=True), after=0.2)
    assert call.last(wishes.AskReply).transcript == "Are you open on Sundays?"


def test_the_end_of_an_utterance_closes_settled_words() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.WordsHeard("Hello there.", is_final=True), after=1)
    call.tell(facts.UtteranceEnded(), after=0.2)
    assert call.last(wishes.AskReply).transcript == "Hello there."


def test_empty_ends_ask_nothing() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.WordsHeard("", is_final=True, ends_turn=True), facts.UtteranceEnded(), after=1)
    call.wait(3)
    assert not call.all(wishes.AskReply)


def test_a_recogniser_made_for_it_is_believed() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.WordsHeard("I would like to", is_final=True, ends_turn=True, turn_is_certain=True), after=1)
    assert call.last(wishes.AskReply).transcript == "I would like to"


def test_latencies_are_counted_from_the_end_of_the_callers_sound() -> None:
    call = Telling()
    call.connect()
    call.says("Hi there!", after=1)
    ended_at = call.now - 0.1 - 0.2
    call.tell(facts.ReplyText(1, "Good day. "), facts.ReplyDone(1), after=0.2)
    call.tell(facts.SpeechStarted(1), after=0.15)
    call.tell(facts.SpeechHeard(1, 5), after=0.3)
    call.tell(facts.SpeechEnded(1), after=0.5)
    noted = call.last(wishes.NoteTurn).latencies
    expected = [0.3, 0.5, 0.65, 0.95]
    got = [noted.recognised_ms, noted.first_text_ms, noted.first_audio_ms, noted.heard_ms]
    assert got == [pytest.approx(one * 1000, abs=0.2) for one in expected]
    assert ended_at > 0


def test_pressed_keys_are_a_turn() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.KeyPressed("1"), after=1)
    call.tell(facts.KeyPressed("2"), after=0.5)
    assert not call.all(wishes.AskReply)
    call.wait(1.6)
    assert call.last(wishes.AskReply).transcript == "[pressed 12]"
    call.answers(1, "Thank you.")
    call.tell(facts.KeyPressed("3"), facts.KeyPressed("#"), after=1)
    assert call.last(wishes.AskReply).transcript == "[pressed 3]"


def test_the_greeting_is_said_ahead_and_only_once() -> None:
    call = Telling(WEBHOOK)
    ahead = call.tell(facts.CallPrepared())
    assert ahead == [wishes.Say(1, "Hello, this is Bob."), wishes.FinishSaying(1)]
    call.wait(20)
    assert call.tell(facts.CallConnected()) == []
    call.answers(1, "Hello, this is Bob.")
    note = call.last(wishes.NoteTurn)
    assert (note.row, note.caller, note.agent, note.was_cut) == (0, "", "Hello, this is Bob.", False)


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("What time is it?", True),
        ("Yes", True),
        ("No", True),
        ("book a table for two", True),
        ("I would like to", False),
        ("My number is", False),
        ("and then,", False),
        ("so um", False),
        ("I was wondering if", False),
        ("no thank you", True),
        ("yes it is", True),
        ("I think I do", True),
        ("call me when you're", False),
        ("好的。", True),
        ("", True),
    ],
)
def test_whether_a_sentence_is_finished(text: str, finished: bool) -> None:
    assert looks_finished(text) is finished


def test_words_that_come_after_the_sound_and_are_never_settled_are_a_turn() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.8)
    call.tell(facts.WordsHeard("Is anybody there"), after=0.1)
    call.wait(2.1)
    assert call.last(wishes.AskReply).transcript == "Is anybody there"


def test_noise_after_an_unfinished_sentence_does_not_keep_it_waiting_for_ever() -> None:
    call = Telling()
    call.connect()
    call.says("I would like to", after=1)
    call.tell(facts.VoiceStarted(), after=0.3)
    assert not call.all(wishes.AskReply)
    call.wait(7)
    assert call.last(wishes.AskReply).transcript == "I would like to"


def test_a_sound_whose_end_nobody_tells_is_no_caller() -> None:
    """The recogniser tells when voice began but not when it ended; our own detector may not have heard it at all."""
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.wait(20)
    assert call.last(wishes.Say).text == "Are you still there?"


def test_a_recogniser_that_tells_late_of_a_short_sound_begins_no_second_one() -> None:
    call = Telling()
    call.connect()
    call.says("Yes.", after=1)
    assert call.tell(facts.VoiceStarted(ago_s=1.2), after=0.1) == []
    assert call.tell(facts.VoiceStarted(ago_s=0.1), after=0.1) == [wishes.HoldSpeech(1)]


def test_words_keep_a_long_sound_alive() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    for count in range(1, 5):
        call.tell(facts.WordsHeard("and then " * count), after=2.9)
    assert not call.all(wishes.AskReply)


def test_keys_come_behind_the_words_that_were_being_recognised_when_they_were_pressed() -> None:
    greeted = msgspec.structs.replace(HOSTED, greeting="Hello.", conduct=Conduct(protects_greeting=True))
    call = Telling(greeted)
    call.connect()
    call.tell(facts.SpeechStarted(1), after=0.1)
    call.tell(facts.VoiceStarted(), after=0.1)
    call.tell(facts.WordsHeard("It"), facts.WordsHeard("It", is_final=True), after=0.3)
    call.tell(facts.WordsHeard("is five"), facts.KeyPressed("1"), facts.KeyPressed("#"), after=0.3)
    call.tell(facts.VoiceStopped(), facts.WordsHeard("is five.", is_final=True, ends_turn=True), after=0.2)
    call.tell(facts.WordsHeard("And now?", is_final=True, ends_turn=True), after=0.2)
    call.tell(facts.SpeechHeard(1, 6), facts.SpeechEnded(1), after=0.2)
    call.wait(2)
    assert [wish.transcript for wish in call.all(wishes.AskReply)] == ["It is five. [pressed 1] And now?"]


@pytest.mark.parametrize(
    ("before", "settled", "new"),
    [
        ("I have bought fif", "I have bought fifty apples.", "fifty apples."),
        ("I have bought fifty", "I have bought fifty apples.", "apples."),
        ("Is it far", "Is there a bus?", "Is there a bus?"),
        ("I went to mein street with all of them", "I went to Main Street with all of them. Today.", "Today."),
        ("Yes", "No, thanks.", "No, thanks."),
    ],
)
def test_a_recogniser_may_think_better_of_words_that_were_taken_unsettled(before: str, settled: str, new: str) -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard(before), facts.KeyPressed("1"), facts.KeyPressed("#"), after=0.5)
    call.tell(facts.WordsHeard(settled, is_final=True, ends_turn=True), facts.VoiceStopped(), after=0.1)
    call.wait(3)
    assert call.last(wishes.AskReply).transcript == f"{before} [pressed 1] {new}"


def test_words_that_were_taken_unsettled_count_once_when_they_are_settled_piece_by_piece() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("It is five"), facts.KeyPressed("1"), facts.KeyPressed("#"), after=0.5)
    assert call.last(wishes.AskReply).transcript == "It is five [pressed 1]"
    call.tell(facts.WordsHeard("It is", is_final=True), after=0.1)
    call.tell(facts.WordsHeard("five,"), after=0.1)
    call.tell(facts.WordsHeard("five, please.", is_final=True, ends_turn=True), facts.VoiceStopped(), after=0.1)
    call.wait(3)
    assert call.last(wishes.AskReply).transcript == "It is five [pressed 1] please."


def test_words_that_are_settled_as_the_caller_goes_on_end_no_turn() -> None:
    """What the recogniser tells of a pause comes when the next words have begun to be said."""
    call = Telling()
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    call.tell(facts.WordsHeard("The table is for four"), after=1)
    call.tell(facts.VoiceStopped(ago_s=0.25), after=0.3)
    call.tell(facts.VoiceStarted(ago_s=0.08), after=0.2)
    call.tell(facts.WordsHeard("The table is for four.", is_final=True, ends_turn=True), after=0.1)
    assert not call.all(wishes.ConfirmReply) and all(wish.is_early for wish in call.all(wishes.AskReply))
    call.tell(facts.WordsHeard("on Monday."), after=0.3)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.5)
    call.tell(facts.WordsHeard("on Monday.", is_final=True, ends_turn=True), after=0.1)
    assert call.history() == [("caller", "The table is for four. on Monday.")]
