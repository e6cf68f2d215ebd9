"""Conversation and speaker together, whenever a caller speaks into the agent: what was heard is what is remembered."""

from __future__ import annotations

import re
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.states import Agent
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED
from tests.live.doubles import BYTES_PER_CHAR
from tests.live.duet import Duet
from tests.searching import tries

STORY = "Once upon a time there was an old king who lived in a land far, far away from here. "
GOODBYE = "Thank you for calling us, have a very nice day, and goodbye for now. "


QUIET = Conduct(fillers=())


def telling_a_story(conduct: Conduct = QUIET) -> Duet:
    call = Duet(msgspec.structs.replace(HOSTED, conduct=conduct))
    call.connect()
    call.says("Tell me a story.", after=0.5)
    call.answers(STORY, after=0.1)
    call.wait(0.5)
    return call


def remembered(call: Duet) -> list[str]:
    """The agent's words in the history."""
    return [word for line in call.conversation.history() if line.role == "agent" for word in line.text.split()]


def state(call: Duet) -> Agent:
    return call.conversation.agent_state


def were_played(words: list[str], call: Duet) -> bool:
    """Whether each of them came out of the phone as often as it is remembered; a line may overtake another."""
    played = " ".join(call.phone.words(keeps_broken=True))
    return Counter(words) <= Counter(re.findall(r"[^\s.?]+[.?]?", played))  # no space between two lines


@pytest.mark.parametrize("at_s", [0.02, 0.36, 1.1, 1.74, 2.62, 3.2])
def test_a_cough_costs_no_word_and_doubles_none(at_s: float) -> None:
    call = telling_a_story()
    call.tell(facts.VoiceStarted(ago_s=0.08), after=at_s)
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
    call.wait(8)
    assert call.phone.words() == STORY.split() == remembered(call)
    [stop] = call.all(wishes.NoteInterruption)
    assert (stop.outcome, stop.cause, stop.stopped_ms) == ("resumed", "cough", 80.0)


@pytest.mark.parametrize("at_s", [0.36, 1.1, 1.74, 2.62])
def test_words_cut_at_the_last_word_that_was_wholly_played(at_s: float) -> None:
    call = telling_a_story()
    call.tell(facts.VoiceStarted(ago_s=0.08), after=at_s)
    frames = len(call.phone.played)
    call.tell(facts.WordsHeard("Stop it now"), after=0.3)
    call.wait(3)
    assert len(call.phone.played) == frames
    assert remembered(call) == call.phone.words()[: len(remembered(call))] != []
    assert len(call.phone.words()) - len(remembered(call)) <= 1


def test_a_second_cough_while_it_goes_on_costs_nothing_either() -> None:
    call = telling_a_story()
    for _ in range(3):
        call.tell(facts.VoiceStarted(ago_s=0.08), after=0.1)
        call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
        call.wait(0.72)
    call.wait(8)
    assert call.phone.words() == STORY.split() == remembered(call)


def test_an_interruption_in_the_gap_between_two_lines_holds_the_second_one() -> None:
    call = telling_a_story()
    call.tell(facts.SayAsked("Your taxi is here. "))
    while call.conversation.ledger.rows[0].heard_text != STORY.strip():
        call.wait(0.02)
    call.tell(facts.VoiceStarted(ago_s=0.08))
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
    call.wait(4)
    assert call.phone.words() == [*STORY.split(), "Your", "taxi", "is", "here."] == remembered(call)


def test_an_interruption_at_the_very_end_leaves_nobody_stuck() -> None:
    for early in range(12):
        call = telling_a_story()
        call.wait((len(STORY) - len(call.phone.played) / BYTES_PER_CHAR) / 20 - 0.02 * early)
        call.tell(facts.VoiceStarted(ago_s=0.08))
        call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
        call.wait(2)
        assert state(call) is Agent.LISTENING
        call.says("And then?")
        call.answers("He died. ")
        call.wait(2)
        assert call.conversation.history()[-1].text == "He died."


def test_a_clip_that_is_interrupted_goes_on_or_is_forgotten() -> None:
    call = Duet()
    call.connect()
    call.says("When are you open?", after=0.5)
    call.tell(facts.ReplyFailed(1, "broke_off"), facts.ReplyFailed(1, "broke_off"), after=0.1)
    [clip] = call.all(wishes.PlayClip)
    call.tell(facts.VoiceStarted(ago_s=0.08), after=1)
    assert state(call) is Agent.HELD
    call.tell(facts.VoiceStopped(ago_s=0.24), after=0.4)
    call.wait(1)
    assert state(call) is Agent.SPEAKING
    call.says("I asked when you open.", after=0.2)
    assert wishes.StopSpeech(clip.reply) in call.all(wishes.StopSpeech)
    call.answers("At nine. ")
    call.wait(2)
    assert call.conversation.history()[-1].text == "At nine."


def test_what_nothing_interrupts_is_heard_to_its_end_and_answered_then() -> None:
    call = telling_a_story(Conduct(fillers=(), interruption_sensitivity=0.0))
    call.says("Stop, tell me another one.", after=0.3)
    while len(call.all(wishes.AskReply)) < 2:
        call.wait(0.02)
    assert call.phone.words() == STORY.split()
    assert call.all(wishes.AskReply)[-1].transcript == "Stop, tell me another one."


def test_a_protected_line_outlives_the_answer_that_is_cut() -> None:
    call = telling_a_story()
    call.tell(facts.SayAsked("Your taxi is here. ", is_protected=True))
    call.says("Stop, tell me another one.", after=0.3)
    call.wait(3)
    assert call.phone.words()[-4:] == ["Your", "taxi", "is", "here."]
    assert call.all(wishes.AskReply)[-1].transcript == "Stop, tell me another one."
    call.answers("As you wish. ")
    call.wait(3)
    assert call.conversation.history()[-1].text == "As you wish."


def test_a_goodbye_is_heard_and_one_that_is_talked_into_is_none() -> None:
    for words, ends in (("Bye bye.", True), ("Wait, one more thing.", False)):
        call = Duet(msgspec.structs.replace(HOSTED, conduct=QUIET))
        call.connect()
        call.says("That was all.", after=0.5)
        reply = call.all(wishes.AskReply)[-1].reply
        call.tell(facts.ReplyText(reply, GOODBYE), facts.ReplyHangup(reply), facts.ReplyDone(reply), after=0.1)
        call.says(words, after=1)
        if not ends:
            call.answers("Of course. ")
        call.wait(6)
        assert call.conversation.is_over is ends
        assert (call.phone.words() == GOODBYE.split()) is ends
        assert were_played(remembered(call), call)
        assert len(call.all(wishes.AskReply)) == (1 if ends else 2)


_FACTS: dict[str, facts.AnyFact] = {
    "sound": facts.VoiceStarted(ago_s=0.08),
    "quiet": facts.VoiceStopped(ago_s=0.24),
    "word": facts.WordsHeard("Well"),
    "echo": facts.WordsHeard("there was an old"),
    "words": facts.WordsHeard("Well then what"),
    "final": facts.WordsHeard("What about Sunday?", is_final=True, ends_turn=True),
    "taken_back": facts.WordsHeard("", is_final=True),
    "murmur": facts.WordsHeard("Mm-hmm.", is_final=True, ends_turn=True),
    "bye": facts.WordsHeard("Okay, bye.", is_final=True, ends_turn=True),
    "say": facts.SayAsked("A line. "),
    "notice": facts.SayAsked("This is a notice. ", is_protected=True),
    "key": facts.KeyPressed("1"),
}
_acts = st.sampled_from([*_FACTS, "answer", "part", "goodbye", "hang_up", "transfer"])
_conducts = st.builds(
    Conduct,
    interruption_sensitivity=st.sampled_from([0.0, 0.2, 0.45, 0.8, 1.0]),
    protects_greeting=st.booleans(),
    fillers=st.just(()),
)


def _do(call: Duet, act: str) -> None:
    reply = asked[-1].reply if (asked := call.all(wishes.AskReply)) else 0
    match act:
        case "answer":
            call.tell(facts.ReplyText(reply, STORY), facts.ReplyDone(reply))
        case "part":
            call.tell(facts.ReplyText(reply, "There was an old "))
        case "goodbye":
            call.tell(facts.ReplyText(reply, GOODBYE), facts.ReplyHangup(reply), facts.ReplyDone(reply))
        case "hang_up":
            call.tell(facts.ReplyHangup(reply), facts.ReplyDone(reply))
        case "transfer":
            call.tell(
                facts.ReplyText(reply, "One moment, please. "), facts.ReplyTransfer(reply), facts.ReplyDone(reply)
            )
        case _:
            call.tell(_FACTS[act])


@tries(120)
@given(_conducts, st.lists(st.tuples(_acts, st.floats(0, 1.5)), max_size=14))
def test_whoever_speaks_into_it_the_agent_remembers_what_was_played(
    conduct: Conduct, acts: list[tuple[str, float]]
) -> None:
    call = Duet(msgspec.structs.replace(HOSTED, greeting="Hello, this is Ada. ", conduct=conduct))
    call.connect()
    call.wait(0.3)
    for act, pause in acts:
        _do(call, act)
        call.wait(pause)
    call.tell(facts.VoiceStopped())
    call.wait(6)
    if not call.all(wishes.PlayClip):
        assert were_played(remembered(call), call)
    held, resumed = call.all(wishes.HoldSpeech), call.all(wishes.ResumeSpeech)
    assert len(held) == len(resumed)
    assert len(call.all(wishes.NoteInterruption)) <= len(held) + len(call.all(wishes.StopSpeech))
