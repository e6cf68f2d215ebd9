"""Whatever is told in whatever order: a stage ends once, keeps what was said, and never spins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.desk import wishes as desk
from parley.conversation.desk.announcing import Announcer
from parley.conversation.desk.facts import DeskFact, MoveAsked, NextUnwritten, NextWritten, PlaceTold, TurnCame
from parley.conversation.desk.message import MessageTaker
from parley.conversation.desk.rules import DeskRules
from parley.conversation.desk.stage import StageMachine
from parley.conversation.desk.waiting import WaitingRoom
from parley.domain.stages import Announcing, StageEnd, TakingMessage, Waiting
from tests.conversation.desk.telling import Told
from tests.searching import tries

ASKED: list[StageEnd] = ["callback_wanted", "moved", "overflowed"]
replies = st.integers(1, 4)
told_facts: st.SearchStrategy[DeskFact] = st.one_of(
    st.sampled_from(
        [
            facts.CallPrepared(),
            facts.CallConnected(),
            facts.VoiceStarted(),
            facts.VoiceStopped(0.24),
            facts.WordsHeard("Call me"),
            facts.WordsHeard("Call me.", is_final=True),
            facts.WordsHeard("Bye.", is_final=True, ends_turn=True),
            facts.UtteranceEnded(),
            facts.KeyPressed("1"),
            facts.KeyPressed("#"),
            facts.PartLost("carrier", "media_lost"),
            facts.PartRestored("carrier"),
            facts.PartLost("text_to_speech", "lost"),
            facts.PartFailed("text_to_speech", "refused"),
            facts.PartFailed("speech_to_text", "refused"),
            facts.SayAsked("One more thing."),
            facts.EndAsked(),
            MoveAsked(),
            TurnCame(),
        ]
    ),
    replies.map(facts.SpeechStarted),
    replies.map(facts.SpeechEnded),
    replies.map(facts.SpeechStarved),
    replies.map(lambda reply: facts.SpeechFailed(reply, "refused")),
    st.integers(1, 9).map(lambda position: PlaceTold(position, position * 40.0)),
    st.builds(NextWritten, st.sampled_from(ASKED), st.booleans()),
    st.sampled_from(ASKED).map(NextUnwritten),
)
stories = st.lists(st.tuples(told_facts, st.sampled_from([0.0, 0.1, 0.5, 2.0, 7.0, 31.0])), max_size=40)


def lived_through(machine: StageMachine, story: list[tuple[DeskFact, float]]) -> Told:
    """The story, and then the caller hangs up."""
    told = Told(machine)
    told.tell(facts.CallPrepared())
    for fact, after in story:
        told.tell(fact, after=after)
    told.tell(facts.HungUp())
    told.wait(60.0)
    assert len(told.wished) < 20 * (len(story) + 20), "it feeds on itself"
    ends = [wish for wish in told.wished if isinstance(wish, wishes.EndCall | desk.Leave)]
    assert machine.is_over
    assert ends == told.wished[-1:], "one end, and nothing after it"
    assert machine.next_deadline() is None
    return told


@tries(150)
@given(stories)
def test_a_wait_ends_once_and_asks_one_question_at_a_time(story: list[tuple[DeskFact, float]]) -> None:
    stage = Waiting("wait_1", announces_wait=True, offers_callback=True)
    lived_through(WaitingRoom(stage, "en-US", DeskRules(longest_wait_s=200.0)), story)


@tries(150)
@given(stories)
def test_a_message_is_begun_after_a_beep_and_kept_once(story: list[tuple[DeskFact, float]]) -> None:
    told = lived_through(MessageTaker(TakingMessage("vm_1", "Hello.", longest_s=60.0), "en-US"), story)
    names = [type(wish).__name__ for wish in told.wished]
    assert names.count("KeepMessage") == 1
    assert names.count("BeginTake") == names.count("EndTake") <= 1
    if "BeginTake" in names:
        assert names.index("Beep") < names.index("BeginTake") < names.index("EndTake") < names.index("KeepMessage")
    else:
        assert told.all(desk.KeepMessage)[0].was_empty


@tries(150)
@given(stories)
def test_an_announcement_ends_once(story: list[tuple[DeskFact, float]]) -> None:
    lived_through(Announcer(Announcing("We are closed."), "en-US"), story)
