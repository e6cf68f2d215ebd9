"""Waiting for an agent: when what is said, and every way in which a wait ends."""

from __future__ import annotations

import pytest

from parley.conversation import facts, wishes
from parley.conversation.desk import wishes as desk
from parley.conversation.desk.facts import DeskFact, MoveAsked, NextUnwritten, NextWritten, PlaceTold, TurnCame
from parley.conversation.desk.lines import callback_offer, hold_the_line, place, wait
from parley.conversation.desk.waiting import WaitingRoom
from parley.domain.stages import Waiting
from tests.conversation.desk.telling import Told

HOLD = hold_the_line("en")


def waiting(stage: Waiting | None = None, language: str = "en-US") -> Told:
    told = Told(WaitingRoom(stage or Waiting("wait_1"), language))
    told.connect()
    return told


def test_music_plays_from_the_first_moment_and_after_every_word() -> None:
    told = waiting()
    assert told.wished == [desk.PlayMusic()]
    told.tell(PlaceTold(3))
    assert told.speaks() == f"{HOLD} You are number 3 in the queue."
    assert told.wished[-1] == desk.PlayMusic()


def test_a_caller_whose_place_nobody_tells_is_spoken_to_all_the_same() -> None:
    told = waiting()
    told.wait(0.9)
    assert not told.all(wishes.Say)
    told.wait(0.2)
    assert told.speaks() == HOLD


def test_a_better_place_is_told_soon_but_not_twice_in_a_breath_and_the_same_one_every_half_minute() -> None:
    told = waiting()
    told.tell(PlaceTold(3))
    told.speaks()
    heard_at = told.now
    told.tell(PlaceTold(2), after=1.0)
    assert len(told.all(wishes.Say)) == 1
    told.wait(7.0)
    assert (told.last_at(wishes.Say), told.speaks()) == (heard_at + 8.0, place("en", 2))
    heard_at = told.now
    told.tell(PlaceTold(2), after=20.0)
    assert len(told.all(wishes.Say)) == 2
    told.wait(20.0)
    assert (told.last_at(wishes.Say), told.speaks()) == (heard_at + 30.0, place("en", 2))


def test_a_place_that_improves_while_it_is_told_is_told_anew() -> None:
    told = waiting()
    told.tell(PlaceTold(4))
    told.tell(PlaceTold(1))
    told.speaks()
    told.wait(8.0)
    assert told.speaks() == "You are next in line."


def test_a_place_that_became_worse_is_told_in_its_turn() -> None:
    told = waiting()
    told.tell(PlaceTold(2))
    told.speaks()
    told.tell(PlaceTold(5), after=10.0)
    told.wait(19.0)
    assert len(told.all(wishes.Say)) == 1
    told.wait(1.0)
    assert told.speaks() == place("en", 5)


@pytest.mark.parametrize(
    ("wait_s", "said"),
    [
        (20, "It should take less than a minute."),
        (60, "It should take less than a minute."),
        (61, "The estimated wait is 2 minutes."),
        (300, "The estimated wait is 5 minutes."),
    ],
)
def test_an_estimated_wait_is_rounded_up(wait_s: float, said: str) -> None:
    assert wait("en-GB", wait_s) == said
    told = waiting(Waiting("wait_1", announces_position=False, announces_wait=True))
    told.tell(PlaceTold(3, wait_s))
    assert told.speaks() == f"{HOLD} {said}"


def test_a_queue_that_announces_nothing_greets_once_and_then_plays_music() -> None:
    told = waiting(Waiting("wait_1", announces_position=False))
    told.tell(PlaceTold(3))
    assert told.speaks() == HOLD
    told.tell(PlaceTold(1), after=600.0)
    told.wait(600.0)
    assert len(told.all(wishes.Say)) == 1


def test_callers_are_spoken_to_in_their_agents_language_else_in_english() -> None:
    told = waiting(language="de-AT")
    told.tell(PlaceTold(2))
    assert told.speaks().endswith("Sie sind Nummer 2 in der Warteschlange.")
    assert place("xx", 2) == place("en", 2)


def test_a_dead_voice_leaves_music_and_is_tried_again_later() -> None:
    told = waiting()
    told.tell(PlaceTold(2))
    told.wait(1.6)
    assert told.all(wishes.RetrySpeech) == [wishes.RetrySpeech(1)]
    told.wait(1.5)
    assert told.all(wishes.StopSpeech) == [wishes.StopSpeech(1)]
    assert told.wished[-1] == desk.PlayMusic()
    told.wait(29.5)
    assert len(told.all(wishes.Say)) == 1
    told.wait(0.5)
    assert told.speaks().endswith("You are number 2 in the queue.")


def test_a_voice_that_failed_for_good_is_not_asked_again_and_the_turn_comes_all_the_same() -> None:
    told = waiting()
    told.tell(PlaceTold(2))
    told.tell(facts.PartFailed("text_to_speech", "refused"))
    said = len(told.all(wishes.Say))
    told.wait(300.0)
    assert len(told.all(wishes.Say)) == said
    assert told.tell(TurnCame()) == [desk.Leave()]


def test_the_turn_is_a_closed_stream_also_in_the_middle_of_a_word() -> None:
    told = waiting()
    told.tell(PlaceTold(1))
    assert told.tell(TurnCame()) == [desk.Leave()]
    assert told.machine.is_over
    assert told.machine.next_deadline() is None
    assert told.tell(facts.HungUp()) == []


class TestBeingCalledBack:
    OFFERING = Waiting("wait_1", offers_callback=True)

    def pressed(self) -> Told:
        told = waiting(self.OFFERING)
        told.tell(PlaceTold(3))
        assert told.speaks().endswith(callback_offer("en"))
        assert told.tell(facts.KeyPressed("1")) == [desk.AskNext("callback_wanted"), desk.PlayMusic()]
        return told

    def test_it_is_promised_once_it_is_written_and_the_call_ends_when_that_was_heard(self) -> None:
        told = self.pressed()
        told.tell(NextWritten("callback_wanted", comes=False))
        assert not told.machine.is_over
        assert "call you back" in told.speaks()
        assert told.wished[-1] == wishes.EndCall("callback_wanted")

    def test_whoever_hangs_up_on_the_goodbye_is_called_back_all_the_same(self) -> None:
        told = self.pressed()
        told.tell(NextWritten("callback_wanted", comes=False))
        assert told.tell(facts.HungUp())[-1] == wishes.EndCall("callback_wanted")

    def test_whoever_hangs_up_before_it_was_written_hung_up(self) -> None:
        assert self.pressed().tell(facts.HungUp())[-1] == wishes.EndCall("caller_hangup")

    def test_one_that_cannot_be_written_is_not_promised_and_may_be_asked_for_again(self) -> None:
        told = self.pressed()
        told.tell(NextUnwritten("callback_wanted"))
        assert told.speaks().startswith("I'm sorry")
        assert told.tell(facts.KeyPressed("1"))[0] == desk.AskNext("callback_wanted")

    def test_pressing_on_asks_once(self) -> None:
        assert self.pressed().tell(facts.KeyPressed("1"), facts.KeyPressed("1")) == []

    def test_the_key_works_while_the_offer_is_being_made(self) -> None:
        told = waiting(self.OFFERING)
        told.tell(PlaceTold(3))
        pressed = told.tell(facts.KeyPressed("1"))
        assert pressed == [desk.AskNext("callback_wanted"), wishes.StopSpeech(1), desk.PlayMusic()]

    def test_where_it_is_not_offered_the_key_means_nothing(self) -> None:
        assert waiting().tell(facts.KeyPressed("1")) == []

    def test_no_place_is_told_while_it_is_being_written(self) -> None:
        told = self.pressed()
        said = len(told.all(wishes.Say))
        told.tell(PlaceTold(1), after=1.0)
        told.wait(60.0)
        assert len(told.all(wishes.Say)) == said

    def test_where_something_comes_next_the_call_goes_on(self) -> None:
        told = self.pressed()
        told.tell(NextWritten("callback_wanted", comes=True))
        told.speaks()
        assert told.wished[-1] == desk.Leave()


def test_a_process_that_stops_moves_its_callers_where_somebody_takes_them() -> None:
    told = waiting()
    assert told.tell(MoveAsked()) == [desk.AskNext("moved")]
    assert told.tell(NextWritten("moved", comes=True)) == [desk.Leave()]


@pytest.mark.parametrize("answer", [NextWritten("moved", comes=False), NextUnwritten("moved")])
def test_callers_whom_nobody_takes_stay(answer: DeskFact) -> None:
    told = waiting()
    told.tell(MoveAsked())
    assert told.tell(answer) == []
    assert told.tell(TurnCame()) == [desk.Leave()]


def test_nobody_waits_for_ever_and_a_lost_database_is_asked_again() -> None:
    told = waiting()
    told.wait(7199.0)
    assert not told.all(desk.AskNext)
    told.wait(1.0)
    assert told.all(desk.AskNext) == [desk.AskNext("overflowed")]
    told.tell(NextUnwritten("overflowed"))
    told.wait(10.0)
    assert len(told.all(desk.AskNext)) == 2
    assert told.tell(NextWritten("overflowed", comes=False)) == [wishes.EndCall("overflowed")]


def test_lines_that_somebody_wants_said_are_said_in_order() -> None:
    told = waiting()
    told.tell(PlaceTold(1))
    told.tell(facts.SayAsked("We close soon."), facts.SayAsked("Please hold."))
    told.speaks()
    assert [told.speaks(), told.speaks()] == ["We close soon.", "Please hold."]
    assert told.wished[-1] == desk.PlayMusic()


@pytest.mark.parametrize(
    ("fact", "reason"),
    [(facts.HungUp(), "caller_hangup"), (facts.EndAsked(), "api_request"), (facts.HungUp("canceled"), "canceled")],
)
def test_a_wait_ends_for_the_reason_that_ended_it(fact: DeskFact, reason: str) -> None:
    assert waiting().tell(fact) == [wishes.EndCall(reason)]


def test_a_stream_that_breaks_may_come_back_and_is_not_waited_for_for_ever() -> None:
    told = waiting()
    told.tell(facts.PartLost("carrier", "media_lost"))
    told.tell(facts.PartRestored("carrier"), after=9.0)
    told.wait(20.0)
    assert not told.machine.is_over
    told.tell(facts.PartLost("carrier", "media_lost"))
    told.wait(10.0)
    assert told.wished[-1] == wishes.EndCall("media_lost")
