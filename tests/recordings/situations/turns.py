"""When the caller has finished, and when not yet."""

from __future__ import annotations

import msgspec

from parley.conversation import facts, wishes
from parley.domain.agents import Conduct
from tests.conversation.telling import HOSTED
from tests.recordings.scene import Scene, Situation, Story

AHEAD = msgspec.structs.replace(HOSTED, conduct=Conduct(thinks_ahead=True))
BOUNDED = msgspec.structs.replace(HOSTED, conduct=Conduct(longest_pause_s=2.0))


def dictated_number(scene: Scene) -> None:
    """Pauses between the groups of a number are no ends of a turn, whatever the recogniser thinks."""
    scene.says("My number is four one five", after=0.5)
    scene.says("five five five", after=0.7)
    scene.says("oh one double two.", after=0.7)
    scene.wait(0.8)
    scene.answers("Thank you.")
    scene.wait(2)


def spelled_name(scene: Scene) -> None:
    scene.says("It is spelled S M", after=0.5)
    scene.says("I T H.", after=0.6)
    scene.wait(2.5)
    scene.answers("Mister Smith, thank you.")
    scene.wait(2)


def unfinished_sentence(scene: Scene) -> None:
    scene.says("I would like to", after=0.5)
    scene.says("book a table for two.", after=0.6)
    scene.answers("For when?")
    scene.wait(2)


def yes(scene: Scene) -> None:
    """A short complete answer is answered at once."""
    scene.asks_and_hears("Can I book a table?", "For two people?")
    scene.says("Yes.", after=0.5)
    assert len(scene.all(wishes.AskReply)) == 2
    scene.answers("It is booked.")
    scene.wait(2)


def slow_talker(scene: Scene) -> None:
    """Somebody who pauses long in the middle of sentences is given longer after a few of them."""
    for first, second in (("I was wondering if", "you have a room."), ("It should be on", "the second floor.")):
        scene.says(first, after=0.5)
        scene.says(second, after=0.9)
        scene.answers("I see.")
        scene.wait(1.5)


def words_never_settled(scene: Scene) -> None:
    scene.utters("What time do you close?", after=0.5)
    scene.wait(2.5)
    scene.answers("At five.")
    scene.wait(2)


def gap_instead_of_end(scene: Scene) -> None:
    """In noise the recogniser never hears a pause; its word gap has to do."""
    scene.utters("What time do you close?", after=0.5)
    scene.tell(facts.WordsHeard("What time do you close?", is_final=True), after=0.2)
    scene.tell(facts.UtteranceEnded(), after=0.5)
    scene.answers("At five.")
    scene.wait(2)


def cough_in_a_pause(scene: Scene) -> None:
    scene.says("I would like a table for", after=0.5, ends=False)
    scene.coughs(after=0.3)
    scene.says("four people.", after=0.3)
    scene.answers("For four.")
    scene.wait(2)


def longest_pause(scene: Scene) -> None:
    """However unfinished it sounds, after the longest pause it is answered."""
    scene.says("My number is four one five", after=0.5)
    scene.wait(2.2)
    scene.answers("And then?")
    scene.wait(2)


def ahead_and_right(scene: Scene) -> None:
    scene.utters("What time do you close?", after=0.5)
    assert scene.all(wishes.AskReply)[-1].is_early
    scene.begins_to_answer("At five o'clock.", after=0.0)
    scene.tell(facts.ReplyDone(scene.asked))
    assert not scene.phone.played
    scene.tell(facts.WordsHeard("What time do you close?", is_final=True, ends_turn=True), after=0.06)
    scene.wait(2)


def ahead_and_wrong(scene: Scene) -> None:
    """The early answer is dropped unheard, and the caller who went on is answered once."""
    scene.utters("What time do you close?", after=0.5)
    scene.begins_to_answer("At five o'clock.", after=0.0)
    scene.utters("What time do you close? On Sundays I mean.", after=0.1)
    scene.tell(
        facts.WordsHeard("What time do you close? On Sundays, I mean.", is_final=True, ends_turn=True), after=0.06
    )
    scene.answers("We are closed on Sundays.")
    scene.wait(3)


def ahead_and_leaving(scene: Scene) -> None:
    """What an early answer wants done is not done before its turn is final, and not at all if it was not."""
    scene.utters("Thank you, that is all.", after=0.5)
    scene.begins_to_answer("Goodbye.", after=0.0)
    scene.tell(facts.ReplyHangup(scene.asked), facts.ReplyDone(scene.asked))
    scene.utters("Thank you, that is all. Oh, one more thing, do you deliver?", after=0.1)
    scene.tell(
        facts.WordsHeard("Thank you, that is all. Oh, one more thing, do you deliver?", is_final=True, ends_turn=True),
        after=0.06,
    )
    scene.answers("Yes, we do.")
    scene.wait(3)


SITUATIONS = (
    Situation(
        "dictated-number",
        "2: cut in while a number was dictated",
        dictated_number,
        Story((("caller", "My number is four one five five five five oh one double two."), ("agent", "Thank you."))),
    ),
    Situation(
        "spelled-name",
        "2: cut in while a name was spelled",
        spelled_name,
        Story((("caller", "It is spelled S M I T H."), ("agent", "Mister Smith, thank you."))),
    ),
    Situation(
        "unfinished-sentence",
        "2: cut in at a breath",
        unfinished_sentence,
        Story((("caller", "I would like to book a table for two."), ("agent", "For when?"))),
    ),
    Situation(
        "yes",
        "2: waiting after a yes",
        yes,
        Story(
            (
                ("caller", "Can I book a table?"),
                ("agent", "For two people?"),
                ("caller", "Yes."),
                ("agent", "It is booked."),
            )
        ),
    ),
    Situation(
        "slow-talker",
        "2: pauses of a slow talker",
        slow_talker,
        Story(
            (
                ("caller", "I was wondering if you have a room."),
                ("agent", "I see."),
                ("caller", "It should be on the second floor."),
                ("agent", "I see."),
            )
        ),
    ),
    Situation(
        "never-settled",
        "20: words that are never settled",
        words_never_settled,
        Story((("caller", "What time do you close?"), ("agent", "At five."))),
    ),
    Situation(
        "gap-instead-of-end",
        "2: noise hides the pause",
        gap_instead_of_end,
        Story((("caller", "What time do you close?"), ("agent", "At five."))),
    ),
    Situation(
        "cough-in-a-pause",
        "5: a cough between two words",
        cough_in_a_pause,
        Story((("caller", "I would like a table for four people."), ("agent", "For four."))),
    ),
    Situation(
        "longest-pause",
        "2: dead air after half a sentence",
        longest_pause,
        Story((("caller", "My number is four one five"), ("agent", "And then?"))),
        BOUNDED,
    ),
    Situation(
        "ahead-and-right",
        "2: an answer that waits for the turn to end",
        ahead_and_right,
        Story((("caller", "What time do you close?"), ("agent", "At five o'clock."))),
        AHEAD,
    ),
    Situation(
        "ahead-and-wrong",
        "8: what was never spoken is remembered",
        ahead_and_wrong,
        Story((("caller", "What time do you close? On Sundays, I mean."), ("agent", "We are closed on Sundays."))),
        AHEAD,
    ),
    Situation(
        "ahead-and-leaving",
        "18: hung up too early",
        ahead_and_leaving,
        Story(
            (
                ("caller", "Thank you, that is all. Oh, one more thing, do you deliver?"),
                ("agent", "Yes, we do."),
            )
        ),
        AHEAD,
    ),
)
