"""A silent caller: asked in other words each time, left in peace when they asked for it, and never asked too early."""

from __future__ import annotations

import pytest

from parley.conversation import facts, wishes
from parley.conversation.lines import check_in
from parley.conversation.unasked.check_ins import asks_to_wait
from tests.conversation.telling import WEBHOOK, Telling


def asked(call: Telling) -> list[str]:
    return [wish.text for wish in call.all(wishes.Say) if wish.text in (check_in("en"), check_in("en", 1))]


def heard(call: Telling) -> None:
    """The phone plays what was said last."""
    said = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(said.reply), after=0.2)
    call.tell(facts.SpeechHeard(said.reply, len(said.text)), facts.SpeechEnded(said.reply), after=1)


def silent_twice() -> Telling:
    call = Telling()
    call.connect()
    call.wait(15.1)
    heard(call)
    return call


def test_the_second_question_is_another_one() -> None:
    call = silent_twice()
    call.wait(15.1)
    assert asked(call) == ["Are you still there?", "I can't hear you. Is anybody on the line?"]


@pytest.mark.parametrize("sign", ["sound", "key"])
def test_any_sign_of_life_begins_the_count_and_the_wait_anew(sign: str) -> None:
    call = silent_twice()
    call.wait(10)
    if sign == "sound":
        call.tell(facts.VoiceStarted())
        call.tell(facts.VoiceStopped(), after=0.5)
    else:
        call.tell(facts.KeyPressed("5"))
        call.wait(2)
        call.answers(call.last(wishes.AskReply).reply, "Thank you.")
    call.wait(14)
    assert len(asked(call)) == 1
    call.wait(3)
    assert asked(call) == [check_in("en")] * 2


def test_the_echo_of_the_question_is_no_sign_of_life() -> None:
    call = silent_twice()
    call.tell(facts.VoiceStarted(), after=0.4)
    call.tell(facts.VoiceStopped(), after=0.3)
    call.wait(16)
    assert asked(call) == [check_in("en"), check_in("en", 1)]


def test_nobody_is_asked_while_the_agent_owes_the_answer() -> None:
    call = Telling(WEBHOOK)
    call.connect()
    call.answers(1, WEBHOOK.greeting)
    call.says("When are you open?", after=1)
    call.wait(40)
    assert not asked(call)


def test_a_caller_who_asked_to_wait_is_left_in_peace_and_then_asked() -> None:
    call = Telling()
    call.connect()
    call.says("Hold on, please.", after=1)
    call.answers(1, "Take your time.")
    call.wait(50)
    assert not asked(call)
    call.wait(10.2)
    assert asked(call) == [check_in("en")]
    heard(call)
    call.wait(15.1)
    assert asked(call) == [check_in("en"), check_in("en", 1)]


def test_only_the_last_turn_counts_as_asking_to_wait() -> None:
    call = Telling()
    call.connect()
    call.says("Hold on, please.", after=1)
    call.answers(1, "Take your time.")
    call.says("It is number twelve.", after=5)
    call.answers(call.last(wishes.AskReply).reply, "Thank you.")
    call.wait(15.1)
    assert asked(call) == [check_in("en")]


@pytest.mark.parametrize(
    ("text", "language", "asks"),
    [
        ("Hold on.", "en-US", True),
        ("Okay, just a second, I need to find my card.", "en-GB", True),
        ("Give me a minute!", "en", True),
        ("Einen Moment, bitte.", "de-DE", True),
        ("Warten Sie, ich hole den Brief.", "de", True),
        ("One moment.", "de", True),
        ("Un momento, por favor.", "es-MX", True),
        ("Ne quittez pas.", "fr", True),
        ("Un attimo.", "it", True),
        ("Só um momento.", "pt-BR", True),
        ("Een ogenblik.", "nl", True),
        ("ちょっと待ってください。", "ja-JP", True),
        ("एक मिनट रुकिए।", "hi", True),
        ("Einen Moment.", "en", False),
        ("I don't want to wait on hold.", "en", False),
        ("Can you hold on?", "en", False),
        ("Please don't hold on to it.", "en", False),
        ("I was there for one minute and then the man at the counter told me to leave the shop.", "en", False),
        ("Yes.", "en", False),
        ("", "en", False),
    ],
)
def test_who_asks_to_wait(text: str, language: str, asks: bool) -> None:
    assert asks_to_wait(text, language) is asks
