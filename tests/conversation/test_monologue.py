"""A caller who talks for minutes is cut in on politely, at a breath."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, wishes
from parley.conversation.lines import cut_in
from parley.domain.agents import AgentSnapshot, Conduct
from tests.conversation.telling import HOSTED, Telling

SORRY = cut_in("en")


def talkative(agent: AgentSnapshot = HOSTED, *, for_s: float) -> Telling:
    """A caller who has talked for so long without a breath; new words are heard every second."""
    call = Telling(agent)
    call.connect()
    call.tell(facts.VoiceStarted(), after=1)
    go_on(call, for_s)
    return call


def go_on(call: Telling, for_s: float) -> None:
    for _ in range(round(for_s)):
        call.tell(facts.WordsHeard("and on and on", is_final=True), after=1)


def cut(call: Telling) -> bool:
    return any(wish.text == SORRY for wish in call.all(wishes.Say))


def test_a_monologue_is_cut_in_on_at_the_first_breath_after_three_minutes() -> None:
    call = talkative(for_s=178)
    call.tell(facts.VoicePaused(ago_s=0.06), facts.VoiceResumed(), after=0.5)
    go_on(call, 4)
    assert not cut(call)
    new = call.tell(facts.VoicePaused(ago_s=0.06), after=0.5)
    assert wishes.Say(2, SORRY) in new
    asked = call.last(wishes.AskReply)
    assert asked.transcript.startswith("and on and on and on")
    call.tell(facts.SpeechStarted(2), after=0.2)
    call.tell(facts.SpeechHeard(2, len(SORRY)), facts.SpeechEnded(2), after=2)
    call.answers(asked.reply, "We can help with that.")
    assert call.history()[-1] == ("agent", f"{SORRY} We can help with that.")


def test_the_sentence_is_said_to_its_end_though_the_caller_talks_on_and_they_are_heard_afterwards() -> None:
    call = talkative(for_s=182)
    call.tell(facts.VoicePaused(ago_s=0.06), facts.VoiceResumed())
    call.tell(facts.SpeechStarted(2), after=0.2)
    call.tell(facts.WordsHeard("but what I wanted to say is this."), after=1)
    assert not any(isinstance(wish, wishes.StopSpeech | wishes.HoldSpeech) for _, wish in call.told)
    call.tell(facts.WordsHeard("but what I wanted to say is this.", is_final=True), after=0.5)
    call.tell(facts.SpeechHeard(2, len(SORRY)), facts.SpeechEnded(2), after=0.5)
    call.tell(facts.VoiceStopped(ago_s=0.24), facts.UtteranceEnded(), after=1)
    assert call.last(wishes.AskReply).transcript == "but what I wanted to say is this."


def test_an_answer_that_was_prepared_does_not_overtake_the_sentence() -> None:
    call = talkative(msgspec.structs.replace(HOSTED, conduct=Conduct(thinks_ahead=True, monologue_s=30)), for_s=29)
    call.tell(facts.WordsHeard("and that is all.", is_final=True), facts.VoicePaused(ago_s=0.06), after=0.5)
    early = call.last(wishes.AskReply)
    call.tell(facts.ReplyText(early.reply, "We can help. "), after=0.1)
    call.wait(0.5)
    asked = call.last(wishes.AskReply)
    assert cut(call)
    assert (early.is_early, asked.is_early, asked.reply > early.reply) == (True, False, True)
    assert wishes.StopSpeech(early.reply) in call.all(wishes.StopSpeech)


def test_without_any_breath_it_is_cut_in_on_all_the_same() -> None:
    call = talkative(for_s=199)
    assert not cut(call)
    go_on(call, 3)
    assert cut(call)


def test_a_pause_that_lasts_at_that_very_moment_is_a_breath() -> None:
    call = talkative(for_s=179)
    call.tell(facts.VoicePaused(ago_s=0.06), facts.WordsHeard("and", is_final=False), after=0.9)
    call.wait(0.3)
    assert cut(call)


def test_somebody_who_is_answered_now_and_then_holds_no_monologue() -> None:
    call = talkative(for_s=120)
    call.tell(facts.VoiceStopped(ago_s=0.24))
    call.tell(facts.WordsHeard("That is all.", is_final=True, ends_turn=True), after=0.1)
    call.answers(1, "I see.")
    call.tell(facts.VoiceStarted(), after=1)
    go_on(call, 120)
    call.tell(facts.VoicePaused(ago_s=0.06))
    assert not cut(call)


def test_zero_means_never() -> None:
    agent = msgspec.structs.replace(HOSTED, conduct=Conduct(monologue_s=0))
    call = talkative(agent, for_s=400)
    call.tell(facts.VoicePaused(ago_s=0.06))
    assert not cut(call)


def test_it_is_in_the_agents_language_and_after_the_agents_own_time() -> None:
    agent = msgspec.structs.replace(HOSTED, language="de-DE", conduct=Conduct(monologue_s=30))
    call = talkative(agent, for_s=31)
    call.tell(facts.VoicePaused(ago_s=0.06))
    assert call.last(wishes.Say).text == cut_in("de")


def test_noise_without_a_word_is_no_monologue() -> None:
    call = Telling()
    call.connect()
    for _ in range(300):
        call.tell(facts.VoiceStarted(), after=0.5)
        call.tell(facts.VoicePaused(ago_s=0.06), facts.VoiceStopped(ago_s=0.24), after=0.5)
    assert not cut(call)
