"""A late answer: a short word in the agent's own voice, again and again, and never in the answer's way."""

from __future__ import annotations

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.lines import fillers
from parley.conversation.words import count_words
from parley.domain.agents import AgentSnapshot, Conduct
from tests.conversation.telling import HOSTED, WEBHOOK, Telling


def with_fillers(agent: AgentSnapshot, *texts: str) -> AgentSnapshot:
    return msgspec.structs.replace(agent, conduct=Conduct(fillers=texts))


def asked(agent: AgentSnapshot = HOSTED) -> Telling:
    call = Telling(agent)
    call.connect()
    if call.all(wishes.Say):
        call.answers(1, agent.greeting)
    call.says("When are you open?", after=1)
    return call


def reply_of(call: Telling) -> int:
    return call.last(wishes.AskReply).reply


def said(call: Telling, *, before: int = 0) -> list[str]:
    return [wish.text for wish in call.all(wishes.Say)][before:]


def sounds(call: Telling, *, whole: bool = True) -> int:
    """The voice makes a sound of the filler 0.2 s later, and the phone plays it in 0.6 s, or has just begun."""
    filler = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(filler.reply), after=0.2)
    call.tell(facts.SpeechHeard(filler.reply, 4), after=0.3)
    if whole:
        call.tell(facts.SpeechEnded(filler.reply), after=0.3)
    return filler.reply


@pytest.mark.parametrize("agent", [HOSTED, WEBHOOK])
def test_a_late_answer_is_waited_for_with_a_word(agent: AgentSnapshot) -> None:
    call = asked(agent)
    before = len(said(call))
    call.wait(1.35)
    assert not said(call, before=before)
    asked_at = call.now - 1.35
    call.wait(0.1)
    assert said(call, before=before) == ["Let me see."]
    assert 1.2 <= next(at for at, wish in call.told if wish == call.last(wishes.Say)) - asked_at <= 1.6
    sounds(call)
    call.answers(reply_of(call), "From nine.")
    assert call.history()[-1] == ("agent", "Let me see. From nine.")
    assert not call.all(wishes.PlayClip)


def test_an_answer_in_time_needs_no_filler() -> None:
    call = asked()
    call.tell(facts.ReplyText(1, "From nine to five."), after=1.3)
    call.wait(0.7)
    assert said(call) == ["From nine to five."]


def test_an_answer_that_comes_while_the_filler_is_spoken_follows_it() -> None:
    call = asked()
    call.wait(1.5)
    filler = sounds(call, whole=False)
    call.tell(facts.ReplyText(1, "From nine."), facts.ReplyDone(1))
    assert not call.all(wishes.StopSpeech)
    call.tell(facts.SpeechEnded(filler), after=0.3)
    call.tell(facts.SpeechStarted(1), facts.SpeechHeard(1, 10), facts.SpeechEnded(1), after=0.1)
    note = call.last(wishes.NoteTurn)
    assert (note.agent, note.was_cut) == ("Let me see. From nine.", False)


def test_an_answer_that_overtakes_a_filler_without_sound_is_all_that_is_said() -> None:
    call = asked()
    call.wait(1.45)
    filler = call.last(wishes.Say).reply
    new = call.tell(facts.ReplyText(1, "From nine."), facts.ReplyDone(1), after=0.05)
    assert wishes.StopSpeech(filler) in new
    call.answers(1, "")
    call.tell(facts.SpeechHeard(1, 10), facts.SpeechEnded(1), after=0.5)
    note = call.last(wishes.NoteTurn)
    assert (note.agent, note.intended, note.was_cut) == ("From nine.", "From nine.", False)
    call.wait(5)
    assert len(said(call)) == 2


def test_the_second_filler_is_another_one() -> None:
    call = asked(with_fillers(WEBHOOK, "Hm.", "Well."))
    call.wait(1.5)
    sounds(call)
    ended_at = call.now
    call.wait(3)
    again_at = next(at for at, wish in call.told if wish == call.last(wishes.Say))
    assert 2 <= again_at - ended_at <= 3
    assert said(call, before=1) == ["Hm.", "Well."]


def test_a_very_late_answer_is_waited_for_with_a_word_now_and_then() -> None:
    """A webhook may take half a minute, and a caller who hears nothing for ten seconds hangs up."""
    call = asked(with_fillers(WEBHOOK, "Hm.", "Well."))
    call.wait(1.5)
    sounds(call)
    call.wait(2.5)
    for _ in range(3):
        sounds(call)
        ended_at, before = call.now, len(said(call))
        call.wait(4)
        assert len(said(call)) == before  # it is not hurried either
        call.wait(1)
        assert len(said(call)) == before + 1
        assert call.now - ended_at < 6
    sounds(call)
    assert said(call, before=1) == ["Hm.", "Well.", "Hm.", "Well.", "Hm."]
    call.answers(reply_of(call), "From nine.")
    assert call.history()[-1] == ("agent", "Hm. Well. Hm. Well. Hm. From nine.")
    call.wait(5)
    assert said(call)[-1] == "From nine."


def test_the_same_is_never_said_twice_in_a_row_across_turns() -> None:
    call = asked(with_fillers(WEBHOOK, "Hm.", "Well.", "So."))
    for _ in range(4):
        call.wait(1.5)
        sounds(call)
        call.answers(reply_of(call), "Yes.")
        call.says("And then?", after=1)
    spoken = [text for text in said(call, before=1) if text != "Yes."]
    assert spoken == ["Hm.", "Well.", "So.", "Hm."]


def test_one_filler_alone_is_said_once_a_turn() -> None:
    call = asked(with_fillers(WEBHOOK, "Hm."))
    call.wait(1.5)
    sounds(call)
    call.wait(10)
    assert said(call, before=1) == ["Hm."]


def test_an_empty_list_means_none() -> None:
    call = asked(with_fillers(WEBHOOK))
    call.wait(20)
    assert len(said(call)) == 1
    assert not call.all(wishes.PlayClip)


def test_a_voice_that_makes_no_sound_of_it_is_what_hangs_and_the_recording_is_played() -> None:
    call = asked(WEBHOOK)
    call.wait(2.6)
    assert [clip.clip for clip in call.all(wishes.PlayClip)] == ["one_moment"]
    assert call.last(wishes.StopSpeech).reply == call.all(wishes.Say)[1].reply
    clip = call.last(wishes.PlayClip).reply
    call.tell(facts.SpeechStarted(clip), facts.SpeechEnded(clip), after=1)
    call.wait(10)
    assert len(call.all(wishes.PlayClip)) == 1
    call.answers(reply_of(call), "From nine.")
    assert call.history()[-1] == ("agent", "One moment, please. From nine.")


def test_a_voice_that_refuses_the_filler_is_not_apologised_for() -> None:
    call = asked(WEBHOOK)
    call.wait(1.45)
    call.tell(facts.SpeechFailed(call.last(wishes.Say).reply, "voice_refused"), after=0.1)
    assert [clip.clip for clip in call.all(wishes.PlayClip)] == ["one_moment"]


def test_a_voice_that_breaks_off_in_a_filler_is_not_apologised_for_either() -> None:
    call = asked(WEBHOOK)
    call.wait(1.45)
    filler = sounds(call, whole=False)
    call.tell(facts.SpeechFailed(filler, "voice_failed"))
    assert not call.all(wishes.PlayClip)
    call.answers(reply_of(call), "From nine.")
    assert call.history()[-1] == ("agent", "Let From nine.")


def test_a_filler_that_is_held_back_by_a_cough_is_not_the_voices_fault() -> None:
    call = asked(WEBHOOK)
    call.wait(1.45)
    call.tell(facts.VoiceStarted())
    call.tell(facts.VoiceStopped(ago_s=0.2), after=1.2)
    call.wait(0.8)
    assert not call.all(wishes.PlayClip)
    sounds(call)
    call.answers(reply_of(call), "From nine.")
    assert call.history()[-1] == ("agent", "Let me see. From nine.")


def test_an_answer_that_is_over_while_a_sound_holds_the_filler_leaves_nothing_behind() -> None:
    call = asked(WEBHOOK)
    call.wait(1.45)
    call.tell(facts.VoiceStarted())
    call.tell(facts.ReplyFailed(reply_of(call), "timeout", silent=True))
    call.tell(facts.VoiceStopped(ago_s=0.2), after=0.5)
    call.says("Hello?", after=1)
    assert call.last(wishes.AskReply).transcript == "Hello?"


def test_the_caller_is_not_spoken_over() -> None:
    call = asked()
    call.tell(facts.VoiceStarted(), after=1.2)
    call.wait(1.5)
    assert not said(call)
    call.tell(facts.VoiceStopped(ago_s=0.2))
    call.wait(0.9)
    assert said(call) == ["Let me see."]


def test_a_webhook_that_fails_while_the_filler_is_spoken_is_silence_for_the_rest_of_the_turn() -> None:
    call = asked(WEBHOOK)
    call.wait(1.5)
    filler = sounds(call, whole=False)
    call.tell(facts.ReplyFailed(reply_of(call), "timeout", silent=True))
    call.tell(facts.SpeechEnded(filler), after=0.3)
    call.wait(5)
    assert call.history()[-1] == ("agent", "Let me see.")
    call.says("Hello?", after=1)
    assert call.last(wishes.AskReply).transcript == "Hello?"


def test_a_webhook_that_fails_before_the_filler_has_a_sound_is_silence() -> None:
    call = asked(WEBHOOK)
    call.wait(1.45)
    call.tell(facts.ReplyFailed(reply_of(call), "timeout", silent=True))
    assert call.last(wishes.StopSpeech).reply == call.last(wishes.Say).reply
    assert call.last(wishes.NoteTurn).agent is None
    call.wait(5)
    assert not call.all(wishes.PlayClip)
    call.says("Hello?", after=1)
    assert call.last(wishes.AskReply).transcript == "Hello?"


def test_a_filler_is_not_the_answer_in_the_latencies() -> None:
    call = asked()
    call.wait(1.5)
    sounds(call)
    call.answers(1, "From nine.")
    latencies = call.last(wishes.NoteTurn).latencies
    assert latencies.first_audio_ms is not None
    assert latencies.first_audio_ms > 2000


def test_fillers_are_in_the_agents_language() -> None:
    call = asked(msgspec.structs.replace(HOSTED, language="de-AT"))
    call.wait(1.5)
    assert said(call) == [fillers("de")[0]]
    assert all(
        count_words(text) >= 3 for tag in ("en", "es", "fr", "de", "it", "pt", "nl", "hi") for text in fillers(tag)
    )
    assert len({fillers(tag) for tag in ("en", "es", "fr", "de", "it", "pt", "nl", "ja", "hi")}) == 9


def test_the_echo_of_a_filler_cuts_nothing_and_asks_nothing() -> None:
    call = asked()
    call.wait(1.5)
    filler = sounds(call, whole=False)
    call.tell(facts.VoiceStarted(), after=0.1)
    call.tell(facts.WordsHeard("Let me"), after=0.1)
    call.tell(facts.SpeechHeard(filler, 11), facts.SpeechEnded(filler))
    call.tell(facts.VoiceStopped(ago_s=0.24), facts.WordsHeard("Let me see.", is_final=True), after=0.3)
    call.wait(1)
    assert len(call.all(wishes.AskReply)) == 1
    assert not call.all(wishes.CancelReply)
