"""How a call ends, and that nothing of it is lost or comes after it."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Entry, Header, encode
from parley.conversation.journals.replay import replay
from parley.conversation.machine import Conversation
from parley.conversation.rules import TurnRules
from parley.conversation.states import Agent
from tests.conversation.telling import HOSTED, WEBHOOK, Telling
from tests.searching import tries


def test_the_caller_hangs_up_in_mid_reply() -> None:
    call = Telling()
    call.connect()
    call.says("When are you open?", after=1)
    call.answers(1, "From nine to five, every day.", heard=False)
    call.tell(facts.SpeechHeard(1, 9), after=0.5)
    call.tell(facts.HungUp())
    assert call.last(wishes.EndCall).reason == "caller_hangup"
    note = call.last(wishes.NoteTurn)
    assert (note.agent, note.was_cut) == ("From nine", True)
    assert call.conversation.next_deadline() is None


def test_words_that_were_not_answered_yet_are_written_down() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.WordsHeard("Never mind, I'll"), after=1)
    call.tell(facts.HungUp())
    assert call.last(wishes.NoteTurn).caller == "Never mind, I'll"


def test_a_silent_caller_is_asked_for_twice_and_then_let_go() -> None:
    call = Telling()
    call.connect()
    for text in ("Are you still there?", "I can't hear you. Is anybody on the line?"):
        call.wait(15.1)
        said = call.last(wishes.Say)
        assert said.text == text
        call.tell(facts.SpeechStarted(said.reply), facts.SpeechEnded(said.reply), after=1)
    call.wait(15.1)
    goodbye = call.last(wishes.Say)
    assert "Goodbye" in goodbye.text
    call.tell(facts.SpeechStarted(goodbye.reply), facts.SpeechEnded(goodbye.reply), after=2)
    assert call.last(wishes.EndCall).reason == "silence"


def test_a_word_is_enough_to_be_there() -> None:
    call = Telling()
    call.connect()
    call.wait(15.1)
    said = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(said.reply), facts.SpeechEnded(said.reply), after=1)
    call.says("Yes, I am.", after=1)
    call.answers(call.last(wishes.AskReply).reply, "Take your time.")
    call.wait(15.1)
    assert call.last(wishes.Say).text == "Are you still there?"


def test_the_longest_call_ends_with_a_goodbye_that_is_heard() -> None:
    call = Telling(msgspec.structs.replace(HOSTED, max_call_duration_s=10.0))
    call.connect()
    call.says("Tell me everything.", after=8)
    call.answers(1, "Well, it is a long story indeed.", heard=False)
    call.wait(2)
    goodbye = call.last(wishes.Say)
    assert "Goodbye" in goodbye.text
    call.tell(facts.SpeechStarted(goodbye.reply), facts.SpeechEnded(goodbye.reply), after=3)
    assert call.last(wishes.EndCall).reason == "max_duration"


def test_words_said_into_last_words_that_nothing_interrupts_are_written_down() -> None:
    call = Telling(msgspec.structs.replace(HOSTED, max_call_duration_s=60))
    call.connect()
    call.says("Tell me everything.", after=57)
    call.wait(2)
    goodbye = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(goodbye.reply))
    call.tell(facts.SpeechHeard(goodbye.reply, 40), after=2)
    call.tell(facts.WordsHeard("Wait, my number is"), after=0.1)
    call.tell(facts.WordsHeard("Mm-hm.", is_final=True, ends_turn=True), after=0.1)
    call.tell(facts.WordsHeard("Wait, my name.", is_final=True, ends_turn=True), after=0.1)
    call.tell(facts.SpeechEnded(goodbye.reply), after=2)
    assert call.last(wishes.EndCall).reason == "max_duration"
    assert call.history()[-2:] == [("agent", goodbye.text), ("caller", "Wait, my name.")]


def test_an_answer_that_hangs_up_and_never_says_how_does_not_outlast_the_longest_call() -> None:
    call = Telling(msgspec.structs.replace(WEBHOOK, greeting="", max_call_duration_s=60, silence_check_in_s=100))
    call.connect()
    call.says("That was all.", after=57)
    call.tell(facts.ReplyHangup(1), after=0.1)
    call.wait(10)
    assert call.conversation.is_over


def test_the_api_ends_a_call_at_once() -> None:
    call = Telling(WEBHOOK)
    call.connect()
    call.tell(facts.EndAsked())
    assert call.last(wishes.EndCall).reason == "api_request"


def test_a_line_asked_for_by_the_api_is_said() -> None:
    call = Telling()
    call.connect()
    call.tell(facts.SayAsked("Your taxi is here."), after=1)
    said = call.last(wishes.Say)
    call.tell(facts.SpeechStarted(said.reply), facts.SpeechEnded(said.reply), after=2)
    assert call.history() == [("agent", "Your taxi is here.")]


_texts = st.sampled_from(["Yes.", "I want to", "Hello there", "mm-hmm", "", "Stop", "<tool_call>x</tool_call> Hi. "])
_replies = st.integers(0, 6)
_facts = st.one_of(
    st.builds(facts.VoiceStarted),
    st.builds(facts.VoiceStopped, st.floats(0, 0.4)),
    st.builds(facts.WordsHeard, _texts, st.booleans(), st.booleans(), st.booleans()),
    st.builds(facts.UtteranceEnded),
    st.builds(facts.ReplyText, _replies, _texts, st.booleans()),
    st.builds(facts.ReplyDone, _replies),
    st.builds(facts.ReplyHangup, _replies),
    st.builds(facts.ReplyTransfer, _replies),
    st.builds(facts.ReplyFailed, _replies, st.just("x"), st.booleans()),
    st.builds(facts.SpeechStarted, _replies),
    st.builds(facts.SpeechHeard, _replies, st.integers(0, 80)),
    st.builds(facts.SpeechEnded, _replies),
    st.builds(facts.SpeechStarved, _replies),
    st.builds(facts.SpeechFailed, _replies, st.just("x")),
    st.builds(facts.KeyPressed, st.sampled_from("01#*")),
    st.builds(facts.PartLost, st.sampled_from(["speech_to_text", "carrier"]), st.just("x")),
    st.builds(facts.PartRestored, st.sampled_from(["speech_to_text", "carrier"])),
    st.builds(facts.SayAsked, _texts.filter(bool)),
    st.builds(facts.Whispered, _texts),
    st.builds(facts.TakeOverAsked, st.sampled_from(["ann", "bob"]), st.floats(0.5, 5)),
    st.builds(facts.HandBackAsked, _texts, _texts),
    st.builds(facts.HumanHeard, _texts.filter(bool)),
    st.builds(facts.TransferReturned, st.sampled_from(["busy", "failed"])),
    st.builds(facts.TransferAsked, st.just("+15550100"), st.sampled_from(["", "One moment."])),
    st.builds(facts.CallConnected),
    st.just(facts.PartFailed("speech_to_text", "x")),
    st.just(facts.HungUp()),
)


@tries(400)
@given(st.sampled_from([HOSTED, WEBHOOK]), st.lists(st.tuples(st.floats(0, 3), _facts), max_size=40))
def test_whatever_is_told_in_whatever_order(agent: object, told: list[tuple[float, facts.AnyFact]]) -> None:
    """No order of facts breaks the tables; one end at most and nothing after it; the journal replays to the same."""
    call = Telling(agent)  # type: ignore[arg-type]
    journal = [encode(Header("call_1", call.conversation.agent, TurnRules()))]
    call.connect()
    fresh = Conversation(call.conversation.agent)
    entries = [Entry(0.0, fact, fresh.handle(fact, 0.0)) for fact in (facts.CallPrepared(), facts.CallConnected())]
    now = 0.0
    for pause, fact in told:
        now += pause
        while (at := fresh.next_deadline()) is not None and at <= now:
            entries.append(Entry(at, None, fresh.handle_deadline(at)))
        call.tell(fact, after=pause)
        entries.append(Entry(now, fact, fresh.handle(fact, now)))
    ends = [place for place, (_, wish) in enumerate(call.told) if isinstance(wish, wishes.EndCall)]
    assert len(ends) <= 1
    assert not ends or ends[0] == len(call.told) - 1
    for row in call.conversation.ledger.rows:
        assert (row.heard_text or "") in row.intended or row.heard_text is None
        assert all(line.heard <= len(line.text) for line in row.lines)
    assert_one_voice(call)
    result = replay(journal + [encode(entry) for entry in entries])
    assert result.difference is None
    assert result.entries == len(entries)


def assert_one_voice(call: Telling) -> None:
    """While a human has the call nobody is asked for a reply, and it is always settled when the human's time is up."""
    is_open = False
    for _, wish in call.told:
        if isinstance(wish, wishes.OpenMicrophone | wishes.CloseMicrophone):
            assert is_open is isinstance(wish, wishes.CloseMicrophone)
            is_open = not is_open
        if is_open:
            assert not isinstance(wish, wishes.AskReply | wishes.PlayClip | wishes.EndCall | wishes.TransferTo)
    assert is_open is bool(call.conversation.taken_by) is (call.conversation.agent_state is Agent.TAKEN_OVER)
    assert not is_open or call.conversation.next_deadline() is not None


def test_a_replay_shows_the_first_difference() -> None:
    fresh = Conversation(WEBHOOK)
    entries = [Entry(0.0, facts.CallPrepared(), fresh.handle(facts.CallPrepared(), 0.0))]
    entries.append(Entry(1.0, facts.HungUp(), [wishes.EndCall("agent_hangup")]))
    result = replay([encode(Header("call_1", WEBHOOK, TurnRules())), *(encode(entry) for entry in entries)])
    assert result.difference is not None
    assert (result.difference.entry, result.difference.at) == (2, 1.0)


def test_a_journal_cut_off_by_a_crash_is_read_up_to_the_cut() -> None:
    fresh = Conversation(WEBHOOK)
    line = encode(Entry(0.0, facts.CallPrepared(), fresh.handle(facts.CallPrepared(), 0.0)))
    assert replay([encode(Header("call_1", WEBHOOK, TurnRules())), line, line[:20]]).entries == 1
