"""A part fails: the caller hears something within three seconds, and the call goes on as long as it makes sense."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, wishes
from parley.domain.agents import AgentSnapshot, Conduct
from tests.conversation.telling import HOSTED, WEBHOOK, Telling

WITHOUT_FILLERS = msgspec.structs.replace(HOSTED, conduct=Conduct(fillers=()))


# Nobody who could take the caller over, and nothing of its own to say while an answer is late.
ALONE = msgspec.structs.replace(HOSTED, transfer_number="", conduct=Conduct(fillers=()))


def asked(agent: AgentSnapshot = HOSTED) -> Telling:
    call = Telling(agent)
    call.connect()
    if call.all(wishes.Say):
        call.answers(1, "Hello, this is Bob.")
    call.says("When are you open?", after=1)
    return call


def seconds_until_sound(call: Telling) -> float:
    """From the end of the caller's speech to the first thing that needs no provider."""
    at = next(at for at, wish in call.told if isinstance(wish, wishes.PlayClip))
    asked_at = next(at for at, wish in call.told if isinstance(wish, wishes.AskReply))
    return at - asked_at + 0.3


def test_a_silent_model_is_asked_again_and_the_caller_for_a_moment() -> None:
    call = asked(WITHOUT_FILLERS)
    call.wait(3)
    assert [type(wish).__name__ for _, wish in call.told[-2:]] == ["RetryReply", "PlayClip"]
    assert call.last(wishes.PlayClip).clip == "one_moment"
    assert seconds_until_sound(call) < 3.0
    clip = call.last(wishes.PlayClip).reply
    call.tell(facts.SpeechStarted(clip), facts.SpeechEnded(clip), after=1)
    call.wait(0.5)
    call.answers(1, "From nine to five.")
    assert call.history()[-1] == ("agent", "One moment, please. From nine to five.")


def test_a_model_that_never_answers_is_apologised_for() -> None:
    call = asked()
    call.wait(13)
    assert [wish.clip for wish in call.all(wishes.PlayClip)] == ["one_moment", "apology"]
    assert wishes.CancelReply(1) in call.all(wishes.CancelReply)
    assert wishes.NoteProblem("responder_timeout") in call.all(wishes.NoteProblem)


def test_a_refused_reply_is_asked_for_once_more_then_apologised_for() -> None:
    call = asked()
    assert call.tell(facts.ReplyFailed(1, "rate_limited"), after=0.1) == [wishes.RetryReply(1)]
    failed = call.tell(facts.ReplyFailed(1, "rate_limited"), after=0.1)
    assert failed == [wishes.NoteProblem("rate_limited"), wishes.PlayClip(2, "apology")]


def test_a_model_that_stops_in_mid_answer_is_closed_and_apologised_for() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "We are open. "), after=0.2)
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 13), after=0.5)
    call.wait(2.6)
    assert wishes.FinishSaying(1) in call.all(wishes.FinishSaying)
    assert call.last(wishes.PlayClip).clip == "apology"
    assert call.history()[-1] == ("agent", "We are open.")


def test_three_failures_in_a_row_end_the_call_with_a_farewell() -> None:
    call = Telling(ALONE)
    call.connect()
    for turn in range(3):
        call.says("Hello there.", after=1)
        reply = call.last(wishes.AskReply).reply
        call.tell(facts.ReplyFailed(reply, "down"), facts.ReplyFailed(reply, "down"))
        clip = call.last(wishes.PlayClip)
        assert clip.clip == ("farewell" if turn == 2 else "apology")
        call.tell(facts.SpeechStarted(clip.reply), facts.SpeechEnded(clip.reply), after=2)
    assert call.last(wishes.EndCall).reason == "provider_failed"


def test_a_heard_answer_forgives_earlier_failures() -> None:
    call = Telling()
    call.connect()
    for _ in range(4):
        call.says("Hello there.", after=1)
        reply = call.last(wishes.AskReply).reply
        call.tell(facts.ReplyFailed(reply, "down"), facts.ReplyFailed(reply, "down"))
        clip = call.last(wishes.PlayClip)
        assert clip.clip == "apology"
        call.tell(facts.SpeechStarted(clip.reply), facts.SpeechEnded(clip.reply), after=2)
        call.says("And now?", after=1)
        call.answers(call.last(wishes.AskReply).reply, "Better.")


def test_a_webhooks_failure_is_silence_for_the_turn() -> None:
    call = asked(WEBHOOK)
    reply = call.last(wishes.AskReply).reply
    call.tell(facts.ReplyFailed(reply, "http_status", silent=True), after=1.3)
    call.wait(10)
    assert not call.all(wishes.PlayClip)
    assert not call.all(wishes.RetryReply)
    call.says("Hello, anybody there?", after=1)
    call.answers(call.last(wishes.AskReply).reply, "Yes, sorry.")
    assert call.history()[-1] == ("agent", "Yes, sorry.")


def test_an_empty_reply_is_silence_for_the_turn() -> None:
    call = asked(WEBHOOK)
    call.tell(facts.ReplyDone(call.last(wishes.AskReply).reply))
    call.says("Are you there?", after=1)
    assert call.last(wishes.AskReply).transcript == "Are you there?"


def test_a_silent_voice_is_retried_and_then_apologised_for() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "From nine to five."), facts.ReplyDone(1), after=0.2)
    said_at = call.now
    call.wait(3)
    assert [at - said_at < 2.6 for at, wish in call.told if isinstance(wish, wishes.PlayClip)] == [True]
    assert wishes.RetrySpeech(1) in call.all(wishes.RetrySpeech)
    assert call.last(wishes.StopSpeech).reply == 1
    assert call.last(wishes.PlayClip).clip == "apology"
    clip = call.last(wishes.PlayClip).reply
    call.tell(facts.SpeechStarted(clip), facts.SpeechEnded(clip), after=2)
    assert call.history()[-1][1].startswith("I'm sorry")


def test_a_slow_model_and_a_silent_voice_together_still_leave_no_dead_line() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "From nine to five."), facts.ReplyDone(1), after=1.2)
    call.wait(2)
    assert call.last(wishes.PlayClip).clip == "one_moment"
    assert seconds_until_sound(call) < 3.0


def test_words_that_came_late_get_a_moment_to_be_spoken_before_they_are_bridged() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "From nine to five."), facts.ReplyDone(1), after=2.4)
    call.tell(facts.SpeechStarted(1), after=0.4)
    call.wait(2)
    assert not call.all(wishes.PlayClip)


def test_a_cough_does_not_spare_a_late_model_the_question_for_a_moment() -> None:
    call = asked(ALONE)
    call.tell(facts.VoiceStarted(), after=2.3)
    call.tell(facts.VoiceStopped(0.24), after=0.4)
    call.wait(1.5)
    assert [clip.clip for clip in call.all(wishes.PlayClip)] == ["one_moment"]


def test_a_voice_that_dries_up_in_mid_answer_is_retried() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "From nine to five. Every day."), facts.ReplyDone(1), facts.SpeechStarted(1))
    call.tell(facts.SpeechHeard(1, 19), facts.SpeechStarved(1), after=1)
    call.wait(1.3)
    assert call.last(wishes.RetrySpeech).reply == 1
    call.tell(facts.SpeechHeard(1, 25), facts.SpeechEnded(1), after=0.5)
    call.wait(3)
    assert not call.all(wishes.PlayClip)


def test_a_greeting_that_cannot_be_spoken_is_apologised_for() -> None:
    call = Telling(WEBHOOK)
    call.connect()
    call.wait(3)
    assert call.last(wishes.PlayClip).clip == "apology"


def test_a_goodbye_that_cannot_be_spoken_still_ends_the_call() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "Goodbye."), facts.ReplyHangup(1), facts.ReplyDone(1), facts.SpeechFailed(1, "gone"))
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_caller_is_told_when_the_recogniser_is_gone() -> None:
    call = Telling(ALONE)
    call.connect()
    call.tell(facts.PartLost("speech_to_text", "closed"), after=1)
    call.wait(2.5)
    assert call.last(wishes.PlayClip).clip == "cannot_hear"
    call.tell(facts.PartFailed("speech_to_text", "gave_up"), after=8)
    farewell = call.last(wishes.PlayClip)
    call.tell(facts.SpeechStarted(farewell.reply), facts.SpeechEnded(farewell.reply), after=3)
    assert call.last(wishes.EndCall).reason == "provider_failed"


def test_the_agent_finishes_its_sentence_before_it_says_that_it_cannot_hear() -> None:
    call = asked()
    call.answers(1, "From nine to five, every day of the week.", heard=False)
    call.tell(facts.PartLost("speech_to_text", "closed"), after=0.1)
    call.wait(3)
    assert not call.all(wishes.PlayClip)
    call.tell(facts.SpeechEnded(1))
    call.wait(0.6)
    assert call.last(wishes.PlayClip).clip == "cannot_hear"


def test_a_short_gap_of_the_recogniser_is_not_mentioned() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.PartLost("speech_to_text", "closed"), after=1)
    call.tell(facts.PartRestored("speech_to_text"), after=1)
    call.wait(5)
    assert not call.all(wishes.PlayClip)


def test_a_broken_stream_is_not_the_end_until_it_stays_away() -> None:
    call = asked()
    call.answers(1, "From nine to five, every day of the week.", heard=False)
    assert wishes.HoldSpeech(1) in call.tell(facts.PartLost("carrier", "lost"), after=0.5)
    call.wait(5)
    assert not call.all(wishes.ResumeSpeech)
    assert wishes.ResumeSpeech(1) in call.tell(facts.PartRestored("carrier"))
    call.tell(facts.PartLost("carrier", "lost"))
    call.wait(10.5)
    assert call.last(wishes.EndCall).reason == "media_lost"


def test_a_transfer_waits_for_the_words_before_it_and_needs_a_number() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "I'll put you through."), facts.ReplyTransfer(1), facts.ReplyDone(1))
    call.tell(facts.SpeechStarted(1))
    assert not call.all(wishes.TransferTo)
    call.tell(facts.SpeechEnded(1), after=2)
    assert call.last(wishes.TransferTo).number == "+15550100"

    nobody = asked(msgspec.structs.replace(HOSTED, transfer_number=""))
    nobody.tell(facts.ReplyText(1, "I'll put you through."), facts.ReplyTransfer(1), facts.ReplyDone(1))
    nobody.tell(facts.SpeechStarted(1), facts.SpeechEnded(1))
    assert wishes.NoteProblem("transfer_without_number") in nobody.all(wishes.NoteProblem)
    assert not nobody.all(wishes.TransferTo)


def test_digits_are_pressed_when_they_arrive() -> None:
    call = asked()
    assert wishes.PressDigits("1#") in call.tell(facts.ReplyDigits(1, "1#"))


def test_a_model_that_hangs_up_without_a_word_says_goodbye_first() -> None:
    call = asked()
    call.tell(facts.ReplyHangup(1), facts.ReplyDone(1), facts.SpeechStarted(1))
    assert call.spoken(1) == "Goodbye."
    assert not call.all(wishes.EndCall)
    call.tell(facts.SpeechHeard(1, 8), facts.SpeechEnded(1), after=0.6)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_webhook_that_hangs_up_without_a_word_ends_the_call_at_once() -> None:
    call = asked(WEBHOOK)
    call.tell(facts.ReplyHangup(2), facts.ReplyDone(2))
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_a_model_that_only_thinks_aloud_is_no_answer() -> None:
    call = asked()
    for _ in range(60):
        call.tell(facts.ReplyText(1, "<think>Let me see. " if call.now < 3 else "Well. "), after=0.2)
    call.wait(1)
    assert [wish.clip for wish in call.all(wishes.PlayClip)] == ["one_moment", "apology"]


def test_a_model_that_says_nothing_speakable_is_apologised_for() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "<tool_call>x</tool_call>"), facts.ReplyDone(1), after=0.2)
    assert call.last(wishes.PlayClip).clip == "apology"


def test_machine_talk_that_is_cut_into_chunks_is_not_spoken() -> None:
    call = asked()
    for chunk in ("Sure. <function_ca", "ll>find(4", "2)</function_", "call> It ships today. ``", "`js\nx\n```"):
        call.tell(facts.ReplyText(1, chunk), after=0.2)
    call.tell(facts.ReplyDone(1), after=0.1)
    assert "".join(wish.text for wish in call.all(wishes.Say)).split() == ["Sure.", "It", "ships", "today."]


def test_a_reply_that_breaks_off_before_its_first_word_begins_anew() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "Su"), after=0.1)
    assert call.tell(facts.ReplyFailed(1, "broke_off"))[-1] == wishes.RetryReply(1)
    call.answers(1, "Sure, at nine.")
    assert call.history()[-1] == ("agent", "Sure, at nine.")


def test_a_retry_that_never_answers_is_apologised_for() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "Su"), after=0.1)
    call.tell(facts.ReplyFailed(1, "broke_off"))
    call.wait(13)
    assert call.last(wishes.PlayClip).clip == "apology"


def test_a_turn_that_ends_while_the_stream_is_broken_waits_for_it() -> None:
    call = Telling()
    call.connect()
    call.says("I would like to", after=1)
    call.tell(facts.PartLost("carrier", "lost"), after=0.1)
    call.wait(1.3)
    call.tell(facts.ReplyText(1, "Book a table?"), facts.ReplyDone(1), after=0.2)
    call.wait(4)
    assert not call.all(wishes.RetrySpeech)
    call.tell(facts.PartRestored("carrier"))
    call.wait(1.3)
    assert call.last(wishes.RetrySpeech).reply == 1


def test_a_line_behind_an_answer_that_is_still_spoken_is_not_late() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "Once upon a time. "), facts.SpeechStarted(1), after=0.2)
    call.tell(facts.SayAsked("Your taxi is here."), after=0.2)
    call.tell(facts.ReplyText(1, "There was a king. "), after=2)
    call.wait(2)
    assert not call.all(wishes.RetrySpeech)
    call.tell(facts.ReplyDone(1), facts.SpeechEnded(1))
    call.wait(1.3)
    assert call.last(wishes.RetrySpeech).reply == 2


def test_a_chunk_without_a_full_stop_is_spoken_to_its_end() -> None:
    """The voice holds a last word back while it may go on; after a pause in the answer it cannot."""
    call = asked(WEBHOOK)
    reply = call.last(wishes.AskReply).reply
    call.tell(facts.ReplyText(reply, "One moment please", is_whole=True), facts.SpeechStarted(reply))
    call.wait(0.4)
    assert call.spoken(reply) == "One moment please "
    call.tell(facts.ReplyText(reply, " Your order is on its way.", is_whole=True), after=2)
    assert call.spoken(reply) == "One moment please Your order is on its way."


def test_a_word_sent_in_two_chunks_stays_one_word() -> None:
    call = asked(WEBHOOK)
    reply = call.last(wishes.AskReply).reply
    call.tell(facts.ReplyText(reply, "Good mor", is_whole=True))
    call.tell(facts.ReplyText(reply, "ning", is_whole=True), after=0.1)
    call.tell(facts.ReplyDone(reply), after=0.1)
    assert call.spoken(reply) == "Good morning"
