"""An answer that is asked for before the turn is certainly over: ready when it is, and never there if it is not."""

from __future__ import annotations

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.rules import TurnRules
from parley.conversation.states import Agent
from parley.domain.agents import AgentSnapshot, Conduct, KeyEntry
from tests.conversation.telling import HOSTED, WEBHOOK, Telling

AHEAD = Conduct(thinks_ahead=True)
EAGER = msgspec.structs.replace(HOSTED, conduct=AHEAD)
EAGER_WEBHOOK = msgspec.structs.replace(WEBHOOK, greeting="", conduct=AHEAD)
RULES = TurnRules()


def paused(text: str = "When do you open?", agent: AgentSnapshot = EAGER) -> Telling:
    """The caller has said this, and nothing is to be heard of them this moment."""
    call = Telling(agent)
    call.connect()
    says_more(call, text)
    return call


def says_more(call: Telling, text: str) -> list[wishes.AnyWish]:
    new = call.tell(facts.VoiceStarted(), after=1)
    return new + call.tell(facts.WordsHeard(text), facts.VoicePaused(0.06), after=0.8)


def finishes(call: Telling, text: str = "When do you open?") -> list[wishes.AnyWish]:
    """The recogniser settles the words, and the turn is over."""
    new = call.tell(facts.VoiceStopped(0.24), after=0.2)
    return new + call.tell(facts.WordsHeard(text, is_final=True, ends_turn=True, confidence=0.9), after=0.06)


def test_the_answer_is_asked_for_in_the_pause_and_nothing_is_written_down() -> None:
    call = paused()
    assert call.last(wishes.AskReply) == wishes.AskReply(1, 0, "When do you open?", is_early=True)
    assert call.conversation.agent_state is Agent.LISTENING
    assert not call.conversation.ledger.rows
    assert call.history() == []
    assert not call.all(wishes.NoteTurn)


def test_whoever_is_asked_early_learns_how_sure_the_words_are() -> None:
    call = Telling(EAGER)
    call.connect()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("When do", is_final=True, confidence=0.9), after=1)
    call.tell(facts.WordsHeard("you open?", confidence=0.3), facts.VoicePaused(0.06), after=0.5)
    asked = call.last(wishes.AskReply)
    assert (asked.transcript, asked.confidence, asked.is_early) == ("When do you open?", 0.6, True)


def test_nobody_is_asked_early_who_does_not_want_to() -> None:
    call = paused(agent=HOSTED)
    assert not call.all(wishes.AskReply)
    finishes(call)
    assert [asked.is_early for asked in call.all(wishes.AskReply)] == [False]


def test_nobody_is_asked_in_the_midst_of_a_sentence_or_of_the_callers_sound() -> None:
    assert not paused("I would like to").all(wishes.AskReply)
    call = Telling(EAGER)
    call.connect()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("When do you open?"), after=1)
    assert not call.all(wishes.AskReply)
    call.tell(facts.VoicePaused(0.06))
    assert call.all(wishes.AskReply)


def test_a_recogniser_that_thinks_the_turn_is_over_is_enough() -> None:
    call = Telling(EAGER)
    call.connect()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("When do you open?", may_end_turn=True), after=1)
    assert call.last(wishes.AskReply).is_early


def test_its_words_are_prepared_by_the_voice_and_let_out_when_the_turn_is_over() -> None:
    call = paused()
    prepared = call.tell(facts.ReplyText(1, "At nine, "), facts.ReplyText(1, "every day."), after=0.1)
    assert prepared == [wishes.HoldBack(1), wishes.Say(1, "At nine, "), wishes.Say(1, "every day.")]
    call.tell(facts.SpeechSynthesised(1))
    over = finishes(call)
    assert [type(wish) for wish in over] == [wishes.NoteTurn, wishes.ConfirmReply, wishes.LetOut]
    assert len(call.all(wishes.AskReply)) == 1
    assert call.conversation.agent_state is Agent.THINKING
    call.tell(facts.SpeechStarted(1), facts.ReplyDone(1))
    call.tell(facts.SpeechHeard(1, 19), facts.SpeechEnded(1), after=1)
    assert call.history() == [("caller", "When do you open?"), ("agent", "At nine, every day.")]
    assert call.last(wishes.NoteTurn).row == 0


def test_words_held_back_for_company_go_to_the_voice_in_time() -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "We open at"))
    assert call.wait(RULES.first_piece_s + 0.001) == [wishes.HoldBack(1), wishes.Say(1, "We open ")]


def test_a_short_answer_is_finished_for_the_voice_before_the_turn_is_over() -> None:
    call = paused()
    done = call.tell(facts.ReplyText(1, "Nine"), facts.ReplyDone(1))
    assert done == [wishes.HoldBack(1), wishes.Say(1, "Nine"), wishes.FinishSaying(1)]
    assert wishes.FinishSaying(1) not in finishes(call)
    call.tell(facts.SpeechStarted(1), facts.SpeechEnded(1), after=0.5)
    assert call.history()[-1] == ("agent", "Nine")
    assert call.conversation.agent_state is Agent.LISTENING


def test_a_caller_who_goes_on_is_asked_for_anew_and_the_first_answer_never_was() -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "At nine."), facts.ReplyHangup(1), facts.ReplyDone(1), after=0.1)
    call.tell(facts.VoiceResumed())
    gone = call.tell(facts.WordsHeard("When do you open? On"), after=0.2)
    assert gone == [wishes.StopSpeech(1), wishes.CancelReply(1, reason="caller_went_on")]
    call.tell(facts.ReplyText(1, "At nine."), facts.SpeechStarted(1))
    finishes(call, "When do you open? On Sundays?")
    assert call.last(wishes.AskReply) == wishes.AskReply(2, 0, "When do you open? On Sundays?", 0.9)
    assert call.history() == [("caller", "When do you open? On Sundays?")]
    assert not call.all(wishes.LetOut)


def test_nothing_is_stopped_that_nothing_was_said_of() -> None:
    call = paused()
    assert call.tell(facts.WordsHeard("When do you open? On")) == [wishes.CancelReply(1, reason="caller_went_on")]


def test_a_cough_alone_takes_nothing_back() -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "At nine."), facts.VoiceStopped(0.24), after=0.1)
    assert call.tell(facts.VoiceStarted(), after=0.1) == []
    assert call.tell(facts.VoicePaused(0.06), facts.VoiceStopped(0.24), after=0.2) == []
    over = call.tell(facts.WordsHeard("When do you open?", is_final=True, ends_turn=True), after=0.1)
    assert wishes.LetOut(1) in over
    assert len(call.all(wishes.AskReply)) == 1


def test_words_that_are_settled_otherwise_are_answered_as_they_are() -> None:
    call = paused("When do you open")
    finishes(call, "WHEN do you open?")
    assert wishes.ConfirmReply(1) in call.all(wishes.ConfirmReply)  # the same words, spelt in another way
    call = paused("When do you open")
    finishes(call, "When did you open?")
    assert [(asked.transcript, asked.is_early) for asked in call.all(wishes.AskReply)] == [
        ("When do you open", True),
        ("When did you open?", False),
    ]
    assert not call.all(wishes.ConfirmReply)


def test_what_it_wants_waits_for_the_turn_and_is_done_in_its_order() -> None:
    call = paused()
    wants: list[facts.AnyFact] = [
        facts.ReplyDigits(1, "12"),
        facts.ReplyText(1, "I put you through."),
        facts.ReplyDigits(1, "3"),
        facts.ReplyRefused(1, "tool_not_offered"),
        facts.ReplyTransfer(1),
        facts.ReplyDone(1),
    ]
    early = call.tell(*wants, after=0.1)
    assert {type(wish) for wish in early} == {wishes.HoldBack, wishes.Say, wishes.FinishSaying}
    over = finishes(call)
    assert [wish for wish in over if isinstance(wish, wishes.PressDigits | wishes.NoteProblem)] == [
        wishes.PressDigits("12"),
        wishes.PressDigits("3"),
        wishes.NoteProblem("tool_not_offered"),
    ]
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 18), facts.SpeechEnded(1), after=1)
    call.wait(2)  # the last key is pressed behind the words
    assert call.last(wishes.TransferTo).number == HOSTED.transfer_number


def test_what_a_withdrawn_answer_wanted_is_never_done() -> None:
    call = paused()
    call.tell(facts.ReplyDigits(1, "12"), facts.ReplyHangup(1), facts.ReplyDone(1))
    finishes(call, "When do you open? On Sundays?")
    call.wait(1)
    assert not call.all(wishes.PressDigits)
    assert not call.all(wishes.EndCall)


@pytest.mark.parametrize("failure", [facts.ReplyFailed(1, "broke_off"), facts.SpeechFailed(1, "voice_failed")])
@pytest.mark.parametrize("said", [True, False])
def test_a_failure_is_nobodys_business_and_the_turn_is_asked_as_ever(failure: facts.AnyFact, said: bool) -> None:
    call = paused()
    if said:
        call.tell(facts.ReplyText(1, "At nine."))
    call.tell(failure)
    assert not call.all(wishes.NoteProblem)
    assert len(call.all(wishes.AskReply)) == 1  # the same words are not tried early again
    finishes(call)
    assert call.last(wishes.AskReply) == wishes.AskReply(2, 0, "When do you open?", 0.9)
    assert not call.all(wishes.RetryReply)
    assert not call.all(wishes.PlayClip)


def test_an_answer_that_came_to_nothing_early_is_what_it_would_have_been() -> None:
    call = paused()
    call.tell(facts.ReplyDone(1))
    finishes(call)
    assert call.last(wishes.PlayClip).clip == "apology"
    call = paused(agent=EAGER_WEBHOOK)
    call.tell(facts.ReplyDone(1))
    finishes(call)
    assert not call.all(wishes.PlayClip)
    assert call.conversation.agent_state is Agent.LISTENING


def test_text_that_cannot_be_spoken_is_no_answer_early_either() -> None:
    for nothing in ("<think>Hm.</think> ", " ", "\n"):
        call = paused()
        call.tell(facts.ReplyText(1, nothing), facts.ReplyDone(1))
        finishes(call)
        assert call.last(wishes.PlayClip).clip == "apology"


def test_saying_nothing_on_purpose_is_an_answer() -> None:
    for call in (paused(), paused(agent=EAGER_WEBHOOK)):
        call.tell(facts.ReplySilent(1), facts.ReplyDone(1))
        finishes(call)
        assert call.conversation.agent_state is Agent.LISTENING
        assert call.wait(10) == []
        assert call.last(wishes.NoteTurn).agent is None
        call.wait(10)
        assert call.all(wishes.Say)  # nobody has spoken for long: the caller is asked for


def test_who_speaks_is_not_silent_and_who_presses_keys_has_answered() -> None:
    for agent in (HOSTED, EAGER):
        call = paused(agent=agent)
        finishes(call)
        call.tell(facts.ReplyText(1, "Sure"), facts.ReplySilent(1), facts.ReplyDone(1))
        assert call.spoken(1) == "Sure"
        call = paused(agent=agent)
        finishes(call)
        call.tell(facts.ReplyDigits(1, "1"), facts.ReplyDone(1))
        assert call.all(wishes.PressDigits) == [wishes.PressDigits("1")]
        assert not call.all(wishes.PlayClip)
        assert call.conversation.agent_state is Agent.LISTENING


def test_a_slow_answer_is_waited_for_from_the_end_of_the_turn() -> None:
    call = paused()
    call.tell(facts.VoiceStopped(0.24), after=1.0)
    assert not call.all(wishes.RetryReply)
    finishes(call)
    over_at = call.now
    call.wait(RULES.reply_retry_s - 0.01)
    assert not call.all(wishes.RetryReply)
    call.wait(0.02)
    assert call.all(wishes.RetryReply) == [wishes.RetryReply(1)]
    call.wait(20)
    late = next(at for at, wish in call.told if wish == wishes.NoteProblem("responder_timeout"))
    assert late == pytest.approx(over_at + RULES.reply_limit_s)


def test_a_voice_that_prepared_nothing_is_given_its_time_from_the_end_of_the_turn() -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "At nine."), facts.ReplyDone(1))
    finishes(call)
    over_at = call.now
    call.wait(3)
    assert next(at for at, wish in call.told if wish == wishes.RetrySpeech(1)) == pytest.approx(
        over_at + RULES.speech_retry_s
    )


def test_nobody_is_asked_early_while_keys_are_being_pressed_or_the_phone_is_away() -> None:
    call = Telling(EAGER)
    call.connect()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("Here it comes."), facts.KeyPressed("1"), after=1)
    call.tell(facts.VoicePaused(0.06), after=0.1)
    assert not call.all(wishes.AskReply)
    call.tell(facts.KeyPressed("2"), facts.KeyPressed("#"), after=0.2)
    assert (call.last(wishes.AskReply).digits, call.last(wishes.AskReply).is_early) == ("12", False)
    call = Telling(EAGER)
    call.connect()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("Yes."), facts.PartLost("carrier", "gone"), after=1)
    call.tell(facts.VoicePaused(0.06), after=0.1)
    assert not call.all(wishes.AskReply)


def test_keys_pressed_into_the_pause_are_part_of_the_turn_and_answered_with_it() -> None:
    call = paused("Here it comes.")
    call.tell(facts.ReplyText(1, "Thank you."), facts.KeyPressed("3"), facts.KeyPressed("#"), after=0.1)
    asked = call.last(wishes.AskReply)
    assert (asked.reply, asked.digits, asked.is_early) == (2, "3", False)
    assert not call.all(wishes.LetOut)


def test_a_caller_who_pauses_at_every_word_is_not_asked_for_at_every_pause() -> None:
    call = paused("One.")
    for count in range(2, 12):
        says_more(call, " ".join(["One."] * count))
    assert len(call.all(wishes.AskReply)) == RULES.early_askings
    call.tell(facts.VoiceStopped(0.24), facts.WordsHeard("That is all.", is_final=True, ends_turn=True), after=1)
    assert not call.last(wishes.AskReply).is_early
    reply = call.last(wishes.AskReply).reply
    call.answers(reply, "I see.")
    says_more(call, "And you?")
    assert call.last(wishes.AskReply).is_early  # another turn


def test_a_call_that_ends_takes_it_back_first() -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "At nine."))
    over = call.tell(facts.HungUp())
    assert over[:2] == [wishes.StopSpeech(1), wishes.CancelReply(1, reason="call_over")]
    assert isinstance(over[-1], wishes.EndCall)
    assert call.last(wishes.NoteTurn).agent is None


@pytest.mark.parametrize(
    "fact",
    [
        facts.TakeOverAsked("ann", 60.0),
        facts.SayAsked("Hold the line."),
        facts.TransferAsked("+15550199", "One moment."),
        facts.PartFailed("speech_to_text", "gone"),
    ],
)
def test_whoever_speaks_instead_takes_it_back(fact: facts.AnyFact) -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "At nine."), facts.ReplyDigits(1, "1"))
    told = call.tell(fact)
    assert wishes.StopSpeech(1) in told
    assert wishes.CancelReply(1) in told
    assert not call.all(wishes.PressDigits)


def test_an_answer_that_does_not_know_a_whisper_is_asked_for_again() -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "At nine."))
    assert call.tell(facts.Whispered("We open at ten today.")) == [wishes.StopSpeech(1), wishes.CancelReply(1)]
    finishes(call)
    assert (call.last(wishes.AskReply).reply, call.last(wishes.AskReply).is_early) == (2, False)


def test_a_turn_that_goes_on_keeps_its_number() -> None:
    call = paused()
    finishes(call)
    assert call.last(wishes.ConfirmReply).reply == 1
    call.tell(facts.VoiceStarted(), after=0.2)
    call.tell(facts.WordsHeard("On Sundays I mean."), facts.VoicePaused(0.06), after=0.4)
    assert call.all(wishes.CancelReply) == [wishes.CancelReply(1, reason="interrupted")]
    both = "When do you open? On Sundays I mean."
    assert call.last(wishes.AskReply) == wishes.AskReply(2, 0, both, 0.95, is_early=True)
    finishes(call, "On Sundays I mean.")
    assert call.last(wishes.ConfirmReply).reply == 2
    assert [row.caller for row in call.conversation.ledger.rows] == ["When do you open? On Sundays I mean."]


def test_an_interrupted_answer_is_cancelled_with_what_was_heard_of_it() -> None:
    call = paused()
    call.tell(facts.ReplyText(1, "At nine, every day."), facts.ReplyDone(1))
    finishes(call)
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 14), after=0.5)
    cut = call.tell(facts.VoiceStarted(), facts.WordsHeard("No, I mean", is_final=True), after=0.1)
    assert wishes.CancelReply(1, heard="At nine, every", reason="interrupted") in cut


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_turn_that_goes_on_behind_keys_is_answered_by_somebody_who_knows_the_keys(is_hidden: bool) -> None:
    agent = msgspec.structs.replace(
        EAGER_WEBHOOK, conduct=Conduct(thinks_ahead=True, keys=KeyEntry(is_hidden=is_hidden))
    )
    call = Telling(agent)
    call.connect()
    for key in "4711#":
        call.tell(facts.KeyPressed(key), after=0.2)
    assert call.last(wishes.AskReply).digits == "4711"
    says_more(call, "That is my number.")
    finishes(call, "That is my number.")
    call.wait(2)
    confirmed = {wish.reply for wish in call.all(wishes.ConfirmReply)} | {
        wish.reply for wish in call.all(wishes.AskReply) if not wish.is_early
    }
    asked = [wish for wish in call.all(wishes.AskReply) if wish.reply in confirmed][-1]
    assert "That is my number." in asked.transcript
    assert asked.digits == "4711"


def test_what_an_early_answer_wants_without_end_is_not_kept_without_end() -> None:
    call = paused()
    flood: list[facts.AnyFact] = [
        facts.ReplyDigits(1, "1"),
        facts.ReplyHangup(1),
        facts.ReplyRefused(1, "tool_not_offered"),
    ] * 5000
    call.tell(facts.ReplyText(1, "At nine. "), *flood)
    over = finishes(call)
    assert len(over) < 100
    assert sum(isinstance(wish, wishes.PressDigits) for wish in over) == 64
