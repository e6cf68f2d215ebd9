"""Whatever happens in whatever order: an early answer does nothing before its turn is over."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.domain.agents import AgentSnapshot
from tests.conversation.laws import Laws
from tests.conversation.telling import Telling
from tests.conversation.test_ahead import EAGER, EAGER_WEBHOOK
from tests.searching import tries

TEXTS = ["Yes.", "Yes. And then", "Yes. And then what?", "I would like to"]
NUMBERS = st.sampled_from([0, 0, 0, 1])


def _facts() -> st.SearchStrategy[tuple[str, Any]]:
    caller = st.sampled_from(
        [facts.VoiceStarted(), facts.VoicePaused(0.06), facts.VoiceResumed(), facts.VoiceStopped(0.24)]
    )
    words = st.builds(
        lambda text, is_final: facts.WordsHeard(text, is_final, ends_turn=is_final),
        st.sampled_from(TEXTS),
        st.booleans(),
    )
    reply = st.sampled_from(
        [
            lambda number: facts.ReplyText(number, "At nine, I think. "),
            lambda number: facts.ReplyText(number, "word"),
            lambda number: facts.ReplyDigits(number, "12"),
            lambda number: facts.ReplyHangup(number),
            lambda number: facts.ReplyTransfer(number),
            lambda number: facts.ReplySilent(number),
            lambda number: facts.ReplyDone(number),
            lambda number: facts.ReplyFailed(number, "broke_off"),
            lambda number: facts.SpeechFailed(number, "voice"),
            lambda number: facts.SpeechStarted(number),
            lambda number: facts.SpeechEnded(number),
        ]
    )
    wait = st.sampled_from([0.05, 0.3, 1.5, 3.0])
    other = st.sampled_from([facts.SayAsked("Hold on."), facts.TakeOverAsked("ann", 5.0), facts.KeyPressed("1")])
    return st.one_of(
        st.tuples(st.just("tell"), caller),
        st.tuples(st.just("tell"), words),
        st.tuples(st.just("of_last"), reply),
        st.tuples(st.just("of_last"), reply),
        st.tuples(st.just("wait"), wait),
        st.tuples(st.just("tell"), other),
    )


@tries(300)
@given(agent=st.sampled_from([EAGER, EAGER_WEBHOOK]), told=st.lists(_facts(), max_size=40))
def test_what_is_asked_early_does_nothing_before_its_turn_is_over(
    agent: AgentSnapshot, told: list[tuple[str, Any]]
) -> None:
    call = Telling(agent)
    call.connect()
    laws, seen = Laws(call.conversation), 0
    for how, what in told:
        asked = call.all(wishes.AskReply)
        if how == "wait":
            call.wait(what)
        elif how == "tell":
            call.tell(what)
        elif asked:
            is_early = asked[-1].is_early and not _is_settled(call, asked[-1].reply)
            before = call.conversation.history()
            new = call.tell(what(asked[-1].reply))
            if is_early:
                allowed = wishes.HoldBack | wishes.Say | wishes.FinishSaying | wishes.StopSpeech | wishes.CancelReply
                assert all(isinstance(wish, allowed) for wish in new)
                assert call.conversation.history() == before
        for entry in call.steps[seen:]:
            laws.check_wishes(entry)
        seen = len(call.steps)
    _check_settled_once(call)


def _is_settled(call: Telling, reply: int) -> bool:
    return any(
        isinstance(wish, wishes.ConfirmReply | wishes.CancelReply) and wish.reply == reply for _, wish in call.told
    )


def _check_settled_once(call: Telling) -> None:
    """Every early asking but the last was confirmed or taken back, and only what was held back is let out."""
    early = [asked.reply for asked in call.all(wishes.AskReply) if asked.is_early]
    confirmed = [wish.reply for wish in call.all(wishes.ConfirmReply)]
    assert len(confirmed) == len(set(confirmed))
    assert set(confirmed) <= set(early)
    let_out = [wish.reply for wish in call.all(wishes.LetOut)]
    assert set(let_out) <= set(confirmed) & {wish.reply for wish in call.all(wishes.HoldBack)}
    assert all(_is_settled(call, reply) for reply in early[:-1])
