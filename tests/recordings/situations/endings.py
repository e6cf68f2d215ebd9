"""Goodbyes, transfers, silences."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, lines
from tests.conversation.telling import HOSTED
from tests.recordings.scene import Scene, Situation, Story

THANKS = ("caller", "Thank you, that is all.")
GOODBYE = "Thank you for calling. Goodbye."
ANNOUNCED = "I will put you through to a colleague."
WANTED = ("caller", "I want to talk to a human.")
NOWHERE = msgspec.structs.replace(HOSTED, transfer_number="")
SHORT = msgspec.structs.replace(HOSTED, max_call_duration_s=6.0)


def _leaves(scene: Scene) -> None:
    scene.says(THANKS[1], after=0.5)
    scene.answers(GOODBYE, then=facts.ReplyHangup)


def goodbye(scene: Scene) -> None:
    _leaves(scene)
    scene.wait(4)


def goodbye_into_a_cough(scene: Scene) -> None:
    """A cleared mark is not a played one: the goodbye that was taken back for a cough is heard before the end."""
    _leaves(scene)
    scene.wait(0.5)
    scene.coughs()
    scene.wait(5)


def caller_speaks_into_the_goodbye(scene: Scene) -> None:
    _leaves(scene)
    scene.wait(0.5)
    scene.says("Wait, one more question.")
    scene.answers("Of course, please ask.")
    scene.wait(3)


def caller_says_bye_too(scene: Scene) -> None:
    _leaves(scene)
    scene.wait(0.5)
    scene.says("Okay, bye.")
    scene.wait(4)


def transfer(scene: Scene) -> None:
    scene.says(WANTED[1], after=0.5)
    scene.answers(ANNOUNCED, then=facts.ReplyTransfer)
    scene.wait(4)


def transfer_to_nowhere(scene: Scene) -> None:
    scene.says(WANTED[1], after=0.5)
    scene.answers("I am sorry, nobody is here.", then=facts.ReplyTransfer)
    scene.wait(4)


def word_after_time(scene: Scene) -> None:
    """Nothing interrupts the last words of the longest call; what is said into them was said all the same."""
    scene.wait(6.2)
    scene.says("Wait, one more question.")
    scene.wait(5)


def hung_up(scene: Scene) -> None:
    scene.says("When are you open?", after=0.5)
    scene.answers("We are open from nine to five on every day but Sunday.")
    scene.wait(1.1)
    scene.tell(facts.HungUp())


SITUATIONS = (
    Situation("goodbye", "18: the goodbye is cut", goodbye, Story((THANKS, ("agent", GOODBYE)), end="agent_hangup")),
    Situation(
        "goodbye-and-cough",
        "17: cleared marks count as played",
        goodbye_into_a_cough,
        Story((THANKS, ("agent", GOODBYE)), stops=(("resumed", "cough"),), end="agent_hangup"),
    ),
    Situation(
        "into-the-goodbye",
        "18: hung up on a caller who goes on",
        caller_speaks_into_the_goodbye,
        Story(
            (
                THANKS,
                ("agent", "Thank you"),
                ("caller", "Wait, one more question."),
                ("agent", "Of course, please ask."),
            ),
            stops=(("cut", "words"),),
        ),
    ),
    Situation(
        "bye-bye",
        "18: farewells without end",
        caller_says_bye_too,
        Story((THANKS, ("agent", GOODBYE)), stops=(("resumed", "backchannel"),), end="agent_hangup"),
    ),
    Situation(
        "transfer",
        "12: the announcement is lost",
        transfer,
        Story((WANTED, ("agent", ANNOUNCED)), end="transfer"),
    ),
    Situation(
        "transfer-to-nowhere",
        "12: transferred into nothing",
        transfer_to_nowhere,
        Story((WANTED, ("agent", "I am sorry, nobody is here.")), problems=("transfer_without_number",)),
        NOWHERE,
    ),
    Situation(
        "word-after-time",
        "8: words that were said and are in no transcript",
        word_after_time,
        Story((("agent", lines.time_goodbye("en")), ("caller", "Wait, one more question.")), end="max_duration"),
        SHORT,
    ),
    Situation(
        "hung-up",
        "8: what was not heard is remembered",
        hung_up,
        Story((("caller", "When are you open?"), ("agent", "We are open from nine")), end="caller_hangup"),
    ),
)
