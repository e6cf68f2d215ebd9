"""Answers prepared ahead, down to the phone: heard the moment the turn is over, and not one sample of the others."""

from __future__ import annotations

from string import ascii_lowercase

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED
from tests.live.doubles import BYTES_PER_CHAR
from tests.live.duet import Duet
from tests.searching import tries

EAGER = msgspec.structs.replace(HOSTED, conduct=Conduct(thinks_ahead=True))


def paused(text: str) -> Duet:
    call = Duet(EAGER)
    call.connect()
    call.tell(facts.VoiceStarted(), after=0.5)
    call.tell(facts.WordsHeard(text), facts.VoicePaused(0.06), after=0.8)
    return call


def letters_played(call: Duet, at_least: float = 0.3) -> str:
    """Which letters the phone has played so often in a row, as the doubles sound; clips have no such runs."""
    played, run = bytes(call.phone.played), round(at_least * BYTES_PER_CHAR)
    return "".join(letter for letter in ascii_lowercase if letter.encode() * run in played)


def test_the_answer_sounds_the_moment_the_turn_is_over() -> None:
    call = paused("When do you open?")
    call.answers("aaaa bbbb.", after=0.2)
    call.tell(facts.VoiceStopped(0.24), after=0.5)
    assert not call.phone.played
    assert call.voice.text[1] == "aaaa bbbb."
    call.tell(facts.WordsHeard("When do you open?", is_final=True, ends_turn=True))
    call.wait(0.04)
    assert letters_played(call) == "a"
    call.wait(2)
    assert [line.text for line in call.conversation.history()] == ["When do you open?", "aaaa bbbb."]


def test_nothing_of_an_answer_that_was_taken_back_is_played_and_the_next_one_is() -> None:
    call = paused("When do you open?")
    call.answers("aaaa bbbb.", after=0.2)
    call.wait(0.3)
    call.tell(facts.WordsHeard("When do you open? On Sundays?"))
    assert 1 in call.voice.cancelled
    call.answers("cccc dddd.", after=0.2)
    call.tell(
        facts.VoiceStopped(0.24), facts.WordsHeard("When do you open? On Sundays?", is_final=True, ends_turn=True)
    )
    call.wait(2)
    assert letters_played(call) == "cd"
    assert call.conversation.history()[-1].text == "cccc dddd."


def test_a_line_asked_for_meanwhile_is_heard_and_the_answer_behind_it_asked_anew() -> None:
    call = paused("When do you open?")
    call.answers("aaaa.", after=0.2)
    call.tell(facts.SayAsked("ssss."), after=0.2)
    call.tell(facts.VoiceStopped(0.24), after=0.1)
    call.wait(1)
    assert letters_played(call) == "s"
    call.tell(facts.WordsHeard("When do you open?", is_final=True, ends_turn=True))
    call.wait(0.5)
    call.answers("bbbb.")
    call.wait(1)
    assert letters_played(call) == "bs"


_OFTEN = ("goes on", "goes on", "is answered in a pause", "is answered in a pause")
_SELDOM = ("pauses", "ends", "coughs", "answers", "is done", "says", "takes over", "waits")
STEPS = st.lists(st.sampled_from([*_OFTEN, *_SELDOM]), max_size=25)


def _in_a_letter_of_its_own(reply: int) -> facts.ReplyText:
    return facts.ReplyText(reply, chr(ord("a") + reply) * 8 + ". ")


def _caller(call: Duet, step: str, words: list[str]) -> None:
    match step:
        case "goes on":
            words.append("word")
            call.tell(facts.VoiceStarted(), facts.WordsHeard(" ".join(words)), after=0.1)
        case "pauses" | "is answered in a pause":
            call.tell(facts.VoicePaused(0.06), after=0.1)
        case "coughs":
            call.tell(facts.VoiceStarted(), facts.VoiceStopped(0.2), after=0.1)
        case "ends":
            call.tell(facts.VoiceStopped(0.24), facts.WordsHeard(" ".join(words), is_final=True, ends_turn=True))
            words.clear()


def _others(call: Duet, step: str) -> None:
    asked = call.all(wishes.AskReply)
    match step:
        case "answers" | "is answered in a pause" if asked:
            call.tell(_in_a_letter_of_its_own(asked[-1].reply))
        case "is done" if asked:
            call.tell(facts.ReplyDone(asked[-1].reply))
        case "says":
            call.tell(facts.SayAsked("."))
        case "takes over":
            call.tell(facts.TakeOverAsked("ann", 1.0))
        case "waits":
            call.wait(0.6)


@tries(120)
@given(STEPS)
def test_the_phone_never_plays_what_no_turn_was_given(steps: list[str]) -> None:
    """Each asking answers in a letter of its own, so that what was played tells which of them were heard."""
    call = Duet(EAGER)
    call.connect()
    words: list[str] = []
    for step in steps:
        _caller(call, step, words)
        _others(call, step)
        call.wait(0.2)
        confirmed = {wish.reply for wish in call.all(wishes.ConfirmReply)}
        early = {asking.reply for asking in call.all(wishes.AskReply) if asking.is_early} - confirmed
        assert not {chr(ord("a") + reply) for reply in early} & set(letters_played(call, 2.5))
