"""Interrupting the agent: what makes it fall silent, what makes that final, and what is remembered as heard."""

from __future__ import annotations

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from tests.conversation.telling import HOSTED, WEBHOOK, Telling

ANSWER = "We are open from nine to five. On Saturdays we close at noon."


def speaking(heard: int = 0, answer: str = ANSWER) -> Telling:
    """A call in which the agent is in the middle of its first answer."""
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    call.answers(1, answer, heard=False)
    if heard:
        call.tell(facts.SpeechHeard(1, heard), after=1)
    return call


def of_speech(wished: list[wishes.AnyWish]) -> list[wishes.AnyWish]:
    """What is wished of the voice."""
    return [one for one in wished if isinstance(one, wishes.HoldSpeech | wishes.ResumeSpeech | wishes.StopSpeech)]


def test_the_agent_falls_silent_at_once_and_words_make_it_final() -> None:
    call = speaking(heard=31)
    assert call.tell(facts.VoiceStarted()) == [wishes.HoldSpeech(1)]
    final = call.tell(facts.WordsHeard("Wait, on"), after=0.3)
    assert final[0] == wishes.StopSpeech(1)
    note = next(wish for wish in final if isinstance(wish, wishes.NoteTurn))
    assert (note.agent, note.was_cut, note.intended) == ("We are open from nine to five.", True, ANSWER)
    assert call.history()[-1] == ("agent", "We are open from nine to five.")


def test_the_history_of_the_next_turn_holds_only_what_was_heard() -> None:
    call = speaking(heard=12)
    call.says("And on Sunday?", after=0.1)
    assert call.history() == [("caller", "When are you open?"), ("agent", "We are open"), ("caller", "And on Sunday?")]


def test_half_a_word_was_not_heard() -> None:
    call = speaking(heard=14)
    call.tell(facts.WordsHeard("Stop it"))
    assert call.history()[-1] == ("agent", "We are open")


def test_a_cough_lets_the_agent_go_on() -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted())
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.4)
    assert of_speech(call.wait(0.8)) == [wishes.ResumeSpeech(1)]
    assert call.conversation.agent_state is Agent.SPEAKING
    assert not call.all(wishes.StopSpeech)


def test_a_lone_word_that_is_taken_back_costs_nothing() -> None:
    call = speaking(heard=10)
    assert call.tell(facts.WordsHeard("the")) == [wishes.HoldSpeech(1)]
    assert call.tell(facts.WordsHeard("", is_final=True), after=0.3) == []
    assert of_speech(call.wait(1.3)) == [wishes.ResumeSpeech(1)]


def test_a_lone_word_that_is_settled_is_an_interruption() -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted())
    assert call.tell(facts.WordsHeard("Stop"), after=0.2) == []
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.3)
    final = call.tell(facts.WordsHeard("Stop.", is_final=True, ends_turn=True), after=0.2)
    assert final[0] == wishes.StopSpeech(1)
    assert call.last(wishes.AskReply).transcript == "Stop."


def test_noise_that_never_becomes_words_is_talked_over() -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted())
    assert of_speech(call.wait(4.1)) == [wishes.ResumeSpeech(1)]


@pytest.mark.parametrize("murmur", ["Mm-hmm.", "Yeah.", "okay", "uh huh", "I see."])
def test_a_murmur_is_no_interruption(murmur: str) -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted())
    assert call.tell(facts.WordsHeard(murmur), after=0.2) == []
    assert of_speech(call.tell(facts.WordsHeard(murmur, is_final=True, ends_turn=True), after=0.4)) == [
        wishes.ResumeSpeech(1)
    ]
    assert len(call.all(wishes.AskReply)) == 1


def test_yes_to_a_question_is_an_answer() -> None:
    question = "Shall I book it?"
    call = speaking(heard=len(question), answer=question)
    call.says("Yes.", after=0.05)
    assert call.last(wishes.AskReply).transcript == "Yes."


def test_yes_at_the_edge_of_a_sentence_is_an_answer_to_it() -> None:
    offer = "I can book the blue room for you tonight."
    call = speaking(heard=len(offer) - 8, answer=offer)
    call.tell(facts.VoiceStarted())
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.4)
    call.tell(facts.WordsHeard("Yes.", is_final=True, ends_turn=True), after=0.2)
    assert call.last(wishes.AskReply).transcript == "Yes."


def test_the_agents_own_echo_is_no_interruption() -> None:
    call = speaking(heard=20)
    call.tell(facts.VoiceStarted())
    assert of_speech(call.tell(facts.WordsHeard("open from nine", is_final=True), after=0.3)) == [
        wishes.ResumeSpeech(1)
    ]


def test_repeating_the_agents_words_as_a_question_is_an_interruption() -> None:
    call = speaking(heard=20)
    call.says("Open from nine?", after=0.1)
    assert call.last(wishes.AskReply).transcript == "Open from nine?"


def test_picking_up_with_hello_does_not_cost_the_greeting() -> None:
    call = Telling(msgspec.structs.replace(WEBHOOK, greeting="Good morning, this is the clinic calling."))
    call.connect()
    call.tell(facts.SpeechStarted(1))
    call.tell(facts.VoiceStarted(), after=0.3)
    assert of_speech(call.tell(facts.WordsHeard("Hello?", is_final=True, ends_turn=True), after=0.5)) == [
        wishes.ResumeSpeech(1)
    ]


def test_late_words_of_a_cut_reply_are_dropped_by_number() -> None:
    call = speaking(heard=10)
    call.tell(facts.WordsHeard("No, listen"))
    late: list[facts.AnyFact] = [
        facts.ReplyText(1, "More."),
        facts.SpeechStarted(1),
        facts.SpeechHeard(1, 40),
        facts.SpeechEnded(1),
        facts.ReplyFailed(1, "late"),
        facts.SpeechFailed(1, "late"),
    ]
    assert call.tell(*late) == []
    assert call.history()[-1] == ("agent", "We are")


def test_an_answer_that_was_still_being_generated_is_cancelled_at_its_source() -> None:
    call = Telling()
    call.connect()
    call.says("Tell me a story.", after=1)
    call.tell(facts.ReplyText(1, "Once upon a time "), after=0.2)
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 9), after=0.5)
    cut = call.tell(facts.WordsHeard("Stop, please"))
    assert cut[:2] == [wishes.StopSpeech(1), wishes.CancelReply(1, heard="Once upon", reason="interrupted")]


def test_a_goodbye_is_not_interrupted_and_ends_the_call_when_it_was_heard() -> None:
    call = Telling(HOSTED)
    call.connect()
    call.says("That was all, bye.", after=1)
    call.tell(facts.ReplyText(1, "Goodbye!"), facts.ReplyHangup(1), facts.ReplyDone(1), facts.SpeechStarted(1))
    call.says("Bye bye.", after=0.2)
    assert not call.all(wishes.StopSpeech)
    assert not call.all(wishes.EndCall)
    call.tell(facts.SpeechHeard(1, 8), facts.SpeechEnded(1))
    assert call.last(wishes.EndCall).reason == "agent_hangup"
    assert call.history()[-1] == ("agent", "Goodbye!")


def test_a_goodbye_that_goes_on_after_the_hangup_was_asked_for_is_heard_whole() -> None:
    call = Telling()
    call.connect()
    call.says("Bye.", after=1)
    call.tell(facts.ReplyText(1, "Goodbye! "), facts.ReplyHangup(1), facts.SpeechStarted(1))
    call.tell(facts.ReplyText(1, "And thank you for calling the garden centre, we hope to see you very soon. " * 2))
    call.tell(facts.ReplyDone(1))
    call.wait(12)
    assert not call.all(wishes.EndCall)


def test_a_goodbye_that_nothing_confirms_ends_the_call_all_the_same() -> None:
    call = Telling()
    call.connect()
    call.says("Bye.", after=1)
    call.tell(facts.ReplyText(1, "Goodbye!"), facts.ReplyHangup(1), facts.ReplyDone(1), facts.SpeechStarted(1))
    call.wait(7)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_sound_while_the_answer_is_being_made_holds_it_back() -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    assert call.tell(facts.VoiceStarted(), after=0.1) == [wishes.HoldSpeech(1)]
    call.tell(facts.ReplyText(1, ANSWER), facts.ReplyDone(1))
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.3)
    assert of_speech(call.wait(0.8)) == [wishes.ResumeSpeech(1)]
    assert call.conversation.agent_state is Agent.THINKING


def test_an_interruption_before_the_first_word_does_not_keep_the_next_answer_back() -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    assert call.tell(facts.VoiceStarted(), after=0.1) == [wishes.HoldSpeech(1)]
    assert call.tell(facts.WordsHeard("On Sunday, I mean"), after=0.3)[-1] == wishes.ResumeSpeech(1)
    assert call.conversation.agent_state is Agent.LISTENING


@pytest.mark.parametrize(
    ("text", "heard", "understood"),
    [
        ("営業時間は午前九時から午後五時までです。", 10, "営業時間は午前九時か"),
        ("เราเปิดเก้าโมงเช้า", 7, "เราเปิด"),
        ("We open at 九時から十時 daily", 13, "We open at 九時"),
        ("우리는 아홉 시에 엽니다", 5, "우리는"),
    ],
)
def test_what_was_heard_of_a_script_without_spaces_is_remembered(text: str, heard: int, understood: str) -> None:
    call = speaking(heard=heard, answer=text)
    call.tell(facts.WordsHeard("Wait a moment"))
    assert call.history()[-1] == ("agent", understood)


def test_the_greeting_is_spoken_and_not_thought_about() -> None:
    call = Telling(WEBHOOK)
    call.tell(facts.CallPrepared())
    call.tell(facts.SpeechStarted(1), facts.CallConnected(), after=2)
    assert call.conversation.agent_state is Agent.SPEAKING


def test_a_cough_over_a_line_does_not_cost_the_words_that_were_said_before_it() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.WordsHeard("I have a question about"), after=1)
    call.tell(facts.SayAsked("This call is recorded."), facts.SpeechStarted(1), after=0.2)
    call.tell(facts.VoiceStarted(), after=0.2)
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.3)
    call.tell(facts.SpeechHeard(1, 22), facts.SpeechEnded(1), after=1.5)
    call.wait(1)
    assert call.last(wishes.AskReply).transcript == "I have a question about"


def test_a_turn_that_went_on_stands_behind_what_was_said_meanwhile() -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    call.tell(facts.WordsHeard("On Sunday, I mean"), after=0.1)
    call.tell(facts.SayAsked("This call is recorded."), after=0.1)
    call.tell(facts.SpeechStarted(2), facts.SpeechEnded(2), after=1)
    call.tell(facts.WordsHeard("On Sunday, I mean.", is_final=True, ends_turn=True), after=0.1)
    call.answers(call.last(wishes.AskReply).reply, "No.")
    assert call.history() == [
        ("agent", "This call is recorded."),
        ("caller", "When are you open? On Sunday, I mean."),
        ("agent", "No."),
    ]


def test_a_sound_that_ends_while_the_stream_is_broken_lets_nobody_go_on() -> None:
    call = speaking(heard=10)
    call.tell(facts.VoiceStarted())
    call.tell(facts.PartLost("carrier", "lost"), after=0.1)
    call.tell(facts.VoiceStopped(ago_s=0.2))
    assert call.wait(3) == []
    assert of_speech(call.tell(facts.PartRestored("carrier"))) == [wishes.ResumeSpeech(1)]


@pytest.mark.parametrize("heard", ["Let me s", "Let me see."])
def test_okay_to_an_agent_that_asks_for_a_moment_costs_no_answer(heard: str) -> None:
    """Whoever is told "let me see" says "okay", and has said nothing that another answer would be to."""
    call = Telling(HOSTED)
    call.connect()
    call.says("When are you open?", after=1)
    asked = call.last(wishes.AskReply).reply
    call.wait(1.5)
    filler = call.last(wishes.Say)
    assert filler.text == "Let me see."
    call.tell(facts.SpeechStarted(filler.reply), facts.SpeechHeard(filler.reply, len(heard)), after=0.2)
    call.tell(facts.VoiceStarted(), after=0.1)
    call.tell(facts.VoiceStopped(ago_s=0.1), after=0.4)
    call.tell(facts.WordsHeard("Okay.", is_final=True, ends_turn=True), after=0.1)
    call.tell(facts.SpeechHeard(filler.reply, len(filler.text)), facts.SpeechEnded(filler.reply), after=0.2)
    assert [wish.reply for wish in call.all(wishes.AskReply)] == [asked]
    assert not call.all(wishes.CancelReply)
    call.answers(asked, "From nine.")
    assert call.history() == [("caller", "When are you open?"), ("agent", "Let me see. From nine.")]
