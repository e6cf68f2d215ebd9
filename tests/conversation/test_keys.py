"""Keys the caller presses: gathered, told, kept where nobody listens, and hidden where they are nobody's business."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from parley.audio.dtmf import dtmf
from parley.audio.formats import MULAW_8K
from parley.conversation import facts, wishes
from parley.conversation.answering.pressing import pressing_s
from parley.conversation.journals.journal import Header, decode, encode, without_keys
from parley.conversation.journals.replay import replay
from parley.conversation.rules import TurnRules
from parley.domain.agents import AgentSnapshot, Conduct, KeyEntry
from tests.conversation.telling import HOSTED, WEBHOOK, Telling


def agent_with(agent: AgentSnapshot = HOSTED, *, protects_greeting: bool = False, **keys: Any) -> AgentSnapshot:
    entry = KeyEntry(**keys)
    return msgspec.structs.replace(agent, conduct=Conduct(keys=entry, protects_greeting=protects_greeting))


def connected(agent: AgentSnapshot = HOSTED) -> Telling:
    call = Telling(agent)
    call.connect()
    if agent.greeting:
        call.answers(1, agent.greeting)
    call.wait(1)
    return call


def press(call: Telling, keys: str, *, apart_s: float = 0.2) -> None:
    for key in keys:
        call.tell(facts.KeyPressed(key), after=apart_s)


def asked(call: Telling) -> list[tuple[str, str]]:
    return [(wish.transcript, wish.digits) for wish in call.all(wishes.AskReply)]


@pytest.mark.parametrize(
    ("entry", "keys", "transcript", "digits"),
    [
        ({}, "12#", "[pressed 12]", "12"),
        ({}, "#", "[pressed #]", "#"),
        ({}, "*#", "[pressed *]", "*"),
        ({"terminator": "*"}, "1#2*", "[pressed 1#2]", "1#2"),
        ({"count": 4}, "1234", "[pressed 1234]", "1234"),
        ({"count": 4}, "12#", "[pressed 12]", "12"),
        ({"terminator": "", "count": 3}, "1#2", "[pressed 1#2]", "1#2"),
    ],
)
def test_what_completes_an_entry(entry: dict[str, Any], keys: str, transcript: str, digits: str) -> None:
    call = connected(agent_with(**entry))
    press(call, keys[:-1])
    assert not asked(call)
    press(call, keys[-1])
    assert asked(call) == [(transcript, digits)]


@pytest.mark.parametrize("pause_s", [0.8, 1.5, 4.0])
def test_a_pause_completes_an_entry(pause_s: float) -> None:
    call = connected(agent_with(pause_s=pause_s))
    press(call, "12", apart_s=pause_s - 0.1)
    call.wait(pause_s - 0.1)
    assert not asked(call)
    call.wait(0.2)
    assert asked(call) == [("[pressed 12]", "12")]


def test_a_stuck_key_does_not_press_for_ever() -> None:
    call = connected()
    press(call, "5" * 64, apart_s=0.1)
    assert asked(call) == [(f"[pressed {'5' * 64}]", "5" * 64)]


def test_the_first_key_silences_the_agent() -> None:
    call = connected()
    call.says("What can I choose?", after=1)
    call.answers(1, "Press one for sales, or two for support.", heard=False)
    call.tell(facts.SpeechHeard(1, 20), after=1)
    new = call.tell(facts.KeyPressed("1"), after=0.2)
    assert wishes.StopSpeech(1) in new
    assert call.history()[-1] == ("agent", "Press one for sales,")
    call.wait(1.6)
    assert asked(call)[-1] == ("[pressed 1]", "1")


def test_words_before_the_keys_are_part_of_the_same_turn() -> None:
    call = connected()
    call.tell(facts.VoiceStarted(), facts.WordsHeard("My number is"))
    press(call, "42")
    call.tell(
        facts.VoiceStopped(ago_s=0.2), facts.WordsHeard("My number is.", is_final=True, ends_turn=True), after=0.2
    )
    assert not asked(call)
    press(call, "7#")
    assert asked(call) == [("My number is. [pressed 427]", "427")]


def test_keys_added_to_a_turn_that_nobody_answered_yet_are_told_with_the_earlier_ones() -> None:
    call = connected()
    press(call, "1#")
    press(call, "2#")
    assert asked(call) == [("[pressed 1]", "1"), ("[pressed 1] [pressed 2]", "12")]
    first, second = call.all(wishes.AskReply)
    assert first.turn == second.turn


def test_the_next_turn_has_its_own_keys() -> None:
    call = connected()
    press(call, "1#")
    call.answers(1, "Thank you.")
    call.says("What now?", after=1)
    assert asked(call)[-1] == ("What now?", "")


def test_keys_into_a_protected_greeting_are_answered_after_it() -> None:
    call = Telling(agent_with(WEBHOOK, protects_greeting=True))
    call.connect()
    call.tell(facts.SpeechStarted(1))
    press(call, "12#")
    assert not call.all(wishes.StopSpeech)
    assert not asked(call)
    call.tell(facts.SpeechHeard(1, len(WEBHOOK.greeting)), facts.SpeechEnded(1), after=1)
    assert asked(call) == [("[pressed 12]", "12")]


def test_keys_into_the_last_words_are_in_the_transcript() -> None:
    call = connected()
    call.says("Goodbye.")
    call.wait(0.1)
    call.tell(facts.ReplyText(1, "Thank you for calling, goodbye."), facts.ReplyHangup(1), facts.ReplyDone(1))
    call.tell(facts.SpeechStarted(1), after=0.2)
    press(call, "12")
    call.tell(facts.HungUp())
    assert call.last(wishes.NoteTurn).caller.endswith("[pressed 12]")


def test_keys_into_the_words_before_a_transfer_are_not_those_of_the_turn_after_it() -> None:
    call = Telling(msgspec.structs.replace(WEBHOOK, greeting=""))
    call.connect()
    call.tell(facts.TransferAsked("+15550101", "Putting you through."), after=1)
    call.tell(facts.SpeechStarted(1), facts.KeyPressed("4"), facts.KeyPressed("#"))
    call.tell(facts.SpeechHeard(1, 20), facts.SpeechEnded(1), after=1)
    call.tell(facts.TransferReturned("busy"), after=1)
    call.answers(2, call.spoken(2))
    call.says("Then help me.", after=1)
    assert call.last(wishes.AskReply).digits == ""


def test_half_an_entry_is_not_lost_when_the_caller_hangs_up() -> None:
    call = connected()
    press(call, "12")
    call.tell(facts.HungUp())
    assert call.last(wishes.NoteTurn).caller == "[pressed 12]"


def test_hidden_keys_are_told_to_the_customers_server_alone() -> None:
    call = connected(agent_with(WEBHOOK, is_hidden=True))
    press(call, "4711#")
    assert asked(call) == [("[pressed 4 hidden keys]", "4711")]
    assert "4711" not in str(call.history()) + str(call.all(wishes.NoteTurn))
    call.answers(call.last(wishes.AskReply).reply, "Thank you.")
    press(call, "8#")
    assert asked(call)[-1] == ("[pressed 1 hidden key]", "8")


def test_hidden_keys_are_told_to_no_model() -> None:
    call = connected(agent_with(HOSTED, is_hidden=True))
    press(call, "4711#")
    assert asked(call) == [("[pressed 4 hidden keys]", "")]


@pytest.mark.parametrize("entry", [{}, {"count": 4}, {"terminator": "*"}])
def test_a_journal_holds_no_hidden_key_and_replays_all_the_same(entry: dict[str, Any]) -> None:
    agent = agent_with(WEBHOOK, is_hidden=True, **entry)
    call = connected(agent)
    for keys in ("4711#", "#", "12*", "98"):
        press(call, keys)
        call.wait(2)
        call.answers(call.last(wishes.AskReply).reply, "Thank you.")
    steps = [without_keys(step, agent.conduct.keys) for step in call.steps]
    lines = [encode(Header("call_1", agent, TurnRules())), *map(encode, steps)]
    assert replay(lines).difference is None
    told = [entry.fact.digit for entry in decode(lines)[1] if isinstance(entry.fact, facts.KeyPressed)]
    assert set(told) <= {"x", agent.conduct.keys.terminator}
    digits = [w.digits for entry in decode(lines)[1] for w in entry.wishes if isinstance(w, wishes.AskReply)]
    assert digits
    assert set("".join(digits)) <= {"x", agent.conduct.keys.terminator}


def hangs_up_after(*said: facts.AnyFact) -> Telling:
    """The agent's webhook answers with keys and hangs up."""
    call = connected(WEBHOOK)
    call.says("Press nine to confirm.")
    reply = call.last(wishes.AskReply).reply
    assert reply == 2
    call.tell(*said, facts.ReplyHangup(reply), facts.ReplyDone(reply), after=0.1)
    return call


def test_keys_are_pressed_to_their_end_before_the_agent_hangs_up() -> None:
    call = hangs_up_after(facts.ReplyDigits(2, "9w#"))
    assert not call.all(wishes.EndCall)
    call.wait(1.4)
    assert not call.all(wishes.EndCall)
    call.wait(0.2)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_keys_behind_the_last_words_are_pressed_after_those() -> None:
    call = hangs_up_after(facts.ReplyText(2, "Thank you.", is_whole=True), facts.ReplyDigits(2, "9"))
    call.tell(facts.SpeechStarted(2), facts.SpeechHeard(2, 10), facts.SpeechEnded(2), after=2)
    assert not call.all(wishes.EndCall)
    call.wait(0.9)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_words_behind_the_keys_are_the_last_of_the_call() -> None:
    said = [facts.ReplyText(2, text, is_whole=True) for text in ("Pressing nine.", " Thank you.")]
    call = hangs_up_after(said[0], facts.ReplyDigits(2, "9"), said[1])
    call.tell(facts.SpeechStarted(2), facts.SpeechHeard(2, 25), facts.SpeechEnded(2), after=2)
    assert call.last(wishes.EndCall).reason == "agent_hangup"


def test_keys_before_a_transfer_whose_words_cannot_be_spoken_do_not_cost_the_transfer() -> None:
    call = Telling()
    call.connect()
    call.says("A human, please.", after=1)
    call.tell(facts.ReplyText(1, "One moment. "), facts.ReplyDigits(1, "123456"), facts.ReplyTransfer(1))
    call.tell(facts.ReplyDone(1), facts.SpeechFailed(1, "refused"))
    call.wait(10)
    assert call.last(wishes.TransferTo).number == HOSTED.transfer_number


@pytest.mark.parametrize("digits", ["1", "1w2W3#", "0123456789*#"])
def test_keys_take_as_long_as_is_waited_for_them(digits: str) -> None:
    assert MULAW_8K.duration_ms(len(dtmf(digits, MULAW_8K))) / 1000 < pressing_s(digits) <= 7


def test_one_reply_presses_no_more_keys_than_anybody_needs() -> None:
    call = connected()
    call.says("My card, please.")
    call.tell(*[facts.ReplyDigits(1, "12") for _ in range(1000)])
    assert sum(len(wish.digits) for wish in call.all(wishes.PressDigits)) == 64
    assert [wish.code for wish in call.all(wishes.NoteProblem)] == ["too_many_keys"]


def test_a_call_ends_when_all_strings_of_keys_were_pressed() -> None:
    call = connected(WEBHOOK)
    call.says("Press them and hang up.")
    call.tell(facts.ReplyDigits(2, "WWWW"), facts.ReplyDigits(2, "1"), facts.ReplyHangup(2), facts.ReplyDone(2))
    call.wait(4)
    assert not call.all(wishes.EndCall)
    call.wait(2)
    assert call.all(wishes.EndCall)
