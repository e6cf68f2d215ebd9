"""The agent's own "mm-hm": at the pauses of a long story, as a sound and never as a turn."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest

from parley.conversation import facts, wishes
from parley.conversation.measuring.talk import TalkObserver
from parley.conversation.states import Agent
from parley.conversation.unasked.murmuring import sounds_like_clause_end
from parley.domain.agents import AgentSnapshot, Conduct
from tests.conversation.telling import HOSTED, Telling

LISTENER = msgspec.structs.replace(HOSTED, conduct=Conduct(gives_backchannel=True))
CLAUSES = ("So I was at the shop last Monday,", "and the man at the counter told me,", "that the parcel had gone,")


def clause(call: Telling, text: str, *, talked_s: float = 3.3, ends_turn: bool = True) -> None:
    """The caller says a clause and falls quiet; the recogniser settles it 0.3 s after that."""
    if not _is_sounding(call):
        call.tell(facts.VoiceStarted())
    words = text.split()
    for count in range(1, len(words)):
        call.tell(facts.WordsHeard(" ".join(words[:count])), after=talked_s / len(words))
    call.tell(facts.VoicePaused(ago_s=0.06), after=talked_s / len(words))
    call.tell(facts.VoiceStopped(ago_s=0.26), after=0.2)
    call.tell(facts.WordsHeard(text, is_final=True, ends_turn=ends_turn), after=0.04)


def _is_sounding(call: Telling) -> bool:
    told = [step.fact for step in call.steps if isinstance(step.fact, facts.VoiceStarted | facts.VoiceStopped)]
    return bool(told) and isinstance(told[-1], facts.VoiceStarted)


def story(agent: AgentSnapshot = LISTENER, clauses: tuple[str, ...] = CLAUSES[:2]) -> Telling:
    """A caller who has talked for about seven seconds, and fell quiet 0.3 s ago."""
    call = Telling(agent)
    call.connect()
    call.wait(1)
    for text in clauses[:-1]:
        clause(call, text)
        call.wait(0.4)
    clause(call, clauses[-1])
    return call


def murmurs(call: Telling) -> list[str]:
    return [wish.text for wish in call.all(wishes.Murmur)]


def sounds(call: Telling) -> int:
    number = call.last(wishes.Murmur).reply
    call.tell(facts.SpeechStarted(number), after=0.15)
    call.tell(facts.SpeechHeard(number, 6), after=0.3)
    call.tell(facts.SpeechEnded(number), after=0.2)
    return number


def test_a_long_story_is_murmured_at_after_a_clause_and_nothing_else_changes() -> None:
    call = story()
    paused_at = call.now - 0.3
    call.wait(0.1)
    assert murmurs(call) == ["Mm-hm."]
    at = next(at for at, wish in call.told if isinstance(wish, wishes.Murmur))
    assert 0.3 <= at - paused_at <= 0.4
    sounds(call)
    assert call.conversation.agent_state is Agent.LISTENING
    assert call.history() == []
    assert not call.conversation.ledger.rows
    assert not any(isinstance(wish, wishes.HoldSpeech | wishes.NoteTurn) for _, wish in call.told)
    (aside,) = call.conversation.ledger.asides
    assert (aside.text, aside.heard) == ("Mm-hm.", 6)
    assert aside.until_s > aside.at_s > at


def test_the_story_goes_on_and_is_one_turn() -> None:
    call = story()
    call.wait(0.1)
    sounds(call)
    clause(call, "so what can you do for me?", talked_s=2)
    assert call.last(wishes.AskReply).transcript == f"{CLAUSES[0]} {CLAUSES[1]} so what can you do for me?"


def test_murmurs_are_seconds_apart_and_never_the_same_twice_in_a_row() -> None:
    call = story()
    call.wait(0.1)
    heard = 0
    for number in range(12):
        if len(murmurs(call)) > heard:
            sounds(call)
            heard += 1
        clause(call, f"and then number {number} came along,", talked_s=2)
        call.wait(0.4)
    made = [at for at, wish in call.told if isinstance(wish, wishes.Murmur)]
    assert len(made) >= 4
    assert all(after - before >= 6 for before, after in pairwise(made))
    texts = murmurs(call)
    assert all(before != after for before, after in pairwise(texts))


def test_who_has_just_begun_to_talk_is_not_murmured_at() -> None:
    call = story(clauses=CLAUSES[:1])
    call.wait(1)
    assert not murmurs(call)


@pytest.mark.parametrize(
    "text",
    [
        "and do you know what he said to me?",
        "and then I went over to the",
        "and that is all that happened.",
    ],
)
def test_neither_after_a_question_nor_within_a_phrase_nor_at_the_end_of_the_turn(text: str) -> None:
    call = story(clauses=(CLAUSES[0], text))
    call.wait(0.5)
    assert not murmurs(call)


def test_a_sentence_whose_turn_is_not_over_yet_is_a_place_too() -> None:
    call = Telling(LISTENER)
    call.connect()
    call.wait(1)
    clause(call, CLAUSES[0])
    call.wait(0.4)
    clause(call, "And he had sold it already.", ends_turn=False)
    call.wait(0.1)
    assert murmurs(call) == ["Mm-hm."]


def test_words_that_are_not_settled_may_yet_be_the_end_of_the_turn() -> None:
    call = story(clauses=CLAUSES[:1])
    call.wait(0.4)
    call.tell(facts.VoiceStarted())
    call.tell(facts.WordsHeard("and the man at the counter told me,"), after=3)
    call.tell(facts.VoicePaused(ago_s=0.06), after=0.5)
    call.wait(0.6)
    assert not murmurs(call)


def test_a_recogniser_that_says_itself_when_turns_may_end_is_believed() -> None:
    call = story(clauses=CLAUSES[:1])
    call.tell(facts.WordsHeard("I see", may_end_turn=True), after=0.4)
    call.tell(facts.VoiceStarted())
    call.tell(facts.WordsHeard("I see and the man at the counter told me, well,"), after=3)
    call.tell(facts.VoicePaused(ago_s=0.06), after=0.5)
    call.wait(0.35)
    assert murmurs(call) == ["Mm-hm."]
    call = story(clauses=CLAUSES[:1])
    call.tell(facts.VoiceStarted(), after=0.4)
    call.tell(facts.WordsHeard("and the man told me he was sorry,", may_end_turn=True), after=3)
    call.tell(facts.VoicePaused(ago_s=0.06), after=0.5)
    call.wait(0.6)
    assert not murmurs(call)


def test_a_caller_who_goes_on_at_once_is_not_murmured_into() -> None:
    call = story(clauses=CLAUSES[:1])
    call.wait(0.4)
    call.tell(facts.VoiceStarted())
    call.tell(facts.WordsHeard(CLAUSES[1], is_final=True), after=3)
    call.tell(facts.VoicePaused(ago_s=0.06), after=0.5)
    call.tell(facts.VoiceResumed(), after=0.15)
    call.wait(0.5)
    assert not murmurs(call)


def test_a_voice_that_is_slow_with_it_is_stopped() -> None:
    call = story()
    call.wait(0.1)
    call.wait(0.7)
    assert call.last(wishes.StopSpeech).reply == call.last(wishes.Murmur).reply
    assert [aside.heard for aside in call.conversation.ledger.asides] == [0]


def test_one_that_the_voice_never_finishes_is_stopped_before_the_answer_waits_for_it() -> None:
    call = story()
    call.wait(0.1)
    number = call.last(wishes.Murmur).reply
    call.tell(facts.SpeechStarted(number), facts.SpeechHeard(number, 3), after=0.2)
    call.wait(1.9)
    assert not call.all(wishes.StopSpeech)
    call.wait(0.2)
    assert call.last(wishes.StopSpeech).reply == number
    assert [aside.heard for aside in call.conversation.ledger.asides] == [3]


def test_an_answer_takes_back_a_murmur_without_sound_and_follows_one_that_sounds() -> None:
    call = story()
    call.wait(0.1)
    call.tell(facts.WordsHeard("That is it.", is_final=True, ends_turn=True), after=0.1)
    assert call.last(wishes.StopSpeech).reply == call.last(wishes.Murmur).reply
    call = story()
    call.wait(0.1)
    number = call.last(wishes.Murmur).reply
    call.tell(facts.SpeechStarted(number))
    call.tell(facts.WordsHeard("That is it.", is_final=True, ends_turn=True), after=0.1)
    reply = call.last(wishes.AskReply).reply
    call.tell(facts.SpeechEnded(number), after=0.2)
    assert not call.all(wishes.StopSpeech)
    call.answers(reply, "I am sorry to hear that.")
    assert call.history()[-1] == ("agent", "I am sorry to hear that.")


@pytest.mark.parametrize("echo", ["Mm-hm.", "mhm", "Mm-hmm."])
def test_its_echo_is_neither_a_turn_nor_part_of_one(echo: str) -> None:
    call = story()
    call.wait(0.1)
    number = call.last(wishes.Murmur).reply
    call.tell(facts.SpeechStarted(number), after=0.15)
    call.tell(facts.VoiceStarted(), after=0.3)
    call.tell(facts.SpeechEnded(number), facts.WordsHeard(echo), after=0.3)
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.3)
    call.tell(facts.WordsHeard(echo, is_final=True), after=0.2)
    call.wait(3)
    assert [asked.transcript for asked in call.all(wishes.AskReply)] == [" ".join(CLAUSES[:2])]


def test_its_echo_at_the_edge_of_the_callers_words_is_left_out() -> None:
    call = story()
    call.wait(0.1)
    sounds(call)
    call.tell(facts.VoiceStarted())
    call.tell(facts.WordsHeard("Mm-hm. so what now?", is_final=True, ends_turn=True), after=1)
    assert call.last(wishes.AskReply).transcript.endswith("told me, so what now?")


def test_words_are_the_callers_own_where_no_murmur_was_heard_or_others_stand_beside_them() -> None:
    call = story()
    call.wait(0.1)
    call.wait(0.7)  # it was stopped without a sound
    call.tell(facts.WordsHeard("Mm-hm.", is_final=True), after=0.1)
    call.tell(facts.WordsHeard("So what now?", is_final=True, ends_turn=True), after=0.5)
    assert call.last(wishes.AskReply).transcript.endswith("Mm-hm. So what now?")


def test_an_agent_that_was_not_told_to_murmurs_never() -> None:
    call = story(HOSTED, CLAUSES)
    call.wait(0.5)
    assert not murmurs(call)


def test_a_murmur_is_nobodys_speech_in_what_is_measured() -> None:
    call = story()
    call.wait(0.1)
    number = call.last(wishes.Murmur).reply
    call.tell(facts.SpeechStarted(number), after=0.1)
    call.tell(facts.VoiceStarted(), after=0.1)
    call.tell(facts.SpeechEnded(number), after=0.3)
    call.tell(facts.HungUp(), after=1)
    observer = TalkObserver()
    for step in call.steps:
        observer.observe(step)
    talk = observer.talk()
    assert talk is not None
    assert (talk.agent_s, talk.agent_interruptions, talk.talked_over, talk.overlap_s) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("I went there,", True),
        ("I went there", True),
        ("I went to the", False),
        ("did I go?", False),
        ("and so—", True),
    ],
)
def test_where_a_listener_nods(text: str, ends: bool) -> None:
    assert sounds_like_clause_end(text) is ends
