"""Telling the caller one thing, and goodbye."""

from __future__ import annotations

import pytest

from parley.conversation import facts, wishes
from parley.conversation.desk.announcing import Announcer
from parley.domain.stages import Announcing
from tests.conversation.desk.telling import Told


def announced(text: str = "We are closed today.") -> Told:
    told = Told(Announcer(Announcing(text), "en-US"))
    told.connect()
    return told


def test_the_text_is_made_while_the_phone_rings_and_the_call_ends_when_it_was_heard() -> None:
    told = Told(Announcer(Announcing("We are closed today."), "en-US"))
    assert told.tell(facts.CallPrepared()) == [wishes.Say(1, "We are closed today."), wishes.FinishSaying(1)]
    told.wait(60.0)  # nobody listens yet, so nobody waits
    assert told.tell(facts.CallConnected()) == []
    told.speaks(5.0)
    assert told.wished[-1] == wishes.EndCall("announced")


@pytest.mark.parametrize("when", ["at_once", "in_time"])
def test_without_a_voice_a_recording_says_that_something_is_wrong(when: str) -> None:
    told = announced()
    if when == "at_once":
        told.tell(facts.PartFailed("text_to_speech", "refused"))
    told.wait(3.1)
    assert told.all(wishes.PlayClip) == [wishes.PlayClip(2, "farewell")]
    told.tell(facts.SpeechEnded(2), after=4.0)
    assert told.wished[-1] == wishes.EndCall("provider_failed")


def test_a_voice_that_failed_before_the_phone_was_there_is_noticed_when_it_is() -> None:
    told = Told(Announcer(Announcing("We are closed today."), "en-US"))
    told.tell(facts.CallPrepared(), facts.PartFailed("text_to_speech", "refused"))
    assert told.tell(facts.CallConnected())[-1] == wishes.PlayClip(2, "farewell")


def test_a_phone_that_confirms_nothing_does_not_keep_the_line_open() -> None:
    told = announced()
    told.tell(facts.SpeechStarted(1))
    told.wait(20.0)
    assert told.wished[-1] == wishes.EndCall("announced")


def test_nothing_to_say_is_said_at_once() -> None:
    assert announced(" ").wished == [wishes.EndCall("announced")]


def test_a_caller_who_hangs_up_has_hung_up() -> None:
    assert announced().tell(facts.HungUp())[-1] == wishes.EndCall("caller_hangup")
