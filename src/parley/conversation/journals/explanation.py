"""A journal told in words: what happened at each step, what was decided and why, and what is waited for next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from parley.conversation.journals.explanation_words import deadline_in_words, fact_in_words, wish_in_words
from parley.conversation.journals.journal import Entry, decode
from parley.conversation.machine import Conversation
from parley.conversation.wishes import AnyWish

# A deadline that moves with every sign of progress: that it moved is no news.
_MOVED_BY_EVERYTHING = frozenset({"stuck"})


class Step(msgspec.Struct, frozen=True):
    """One entry of a journal, run again. Times are seconds of call time.

    `what` is the fact, or what fell due. `agent` and `caller` are the states after it, with where they came from if
    they moved. `waits` are the deadlines that this step set, moved or gave up. `recorded` is what was wished when the
    call was held, in words, where that was something else; else None.
    """

    entry: int
    at: float
    what: str
    agent: str
    caller: str
    reasons: tuple[str, ...]
    wishes: tuple[str, ...]
    waits: tuple[str, ...]
    recorded: tuple[str, ...] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it changed nothing that a reader would look for: sound was played, and that is all."""
        return not (self.wishes or self.reasons or self.waits or "from" in self.agent or "from" in self.caller)

    def lines(self) -> Iterator[str]:
        """The step as it is printed."""
        yield f"{self.at:9.3f} s  {self.what}"
        yield f"{'':13}agent {self.agent}; caller {self.caller}"
        for reason in self.reasons:
            yield f"{'':13}because {reason}"
        for wish in self.wishes:
            yield f"{'':13}-> {wish}"
        for wait in self.waits:
            yield f"{'':13}.. {wait}"
        if self.recorded is not None:
            then = "; ".join(self.recorded) or "nothing"
            yield f"{'':13}!! when the call was held, this was answered with: {then}"


def explain(lines: Iterable[bytes]) -> Iterator[Step]:
    """Run a journal through a fresh conversation and tell each step. Raises BadInput when it cannot be read.

    It goes on behind a step that is answered differently now; from there on it tells what would happen today.
    """
    header, entries = decode(lines)
    conversation = Conversation(header.agent, header.rules)
    for number, entry in enumerate(entries, start=1):
        yield _step(conversation, number, entry)


def _step(conversation: Conversation, number: int, entry: Entry) -> Step:
    agent, caller = conversation.agent_state.value, conversation.caller_state.value
    waited = dict(conversation.waits_for)
    if entry.fact is None:
        due = sorted((at, name) for name, at in waited.items() if at <= entry.at)
        what = "; ".join(deadline_in_words(name) for _, name in due) or "Nothing was due."
        wishes = conversation.handle_deadline(entry.at)
    else:
        what = fact_in_words(entry.fact)
        wishes = conversation.handle(entry.fact, entry.at)
    return Step(
        entry=number,
        at=entry.at,
        what=what,
        agent=_moved(agent, conversation.agent_state.value),
        caller=_moved(caller, conversation.caller_state.value),
        reasons=tuple(conversation.reasons),
        wishes=_in_words(wishes),
        waits=tuple(_waits(waited, conversation.waits_for, entry.at)),
        recorded=None if wishes == entry.wishes else _in_words(entry.wishes),
    )


def _in_words(wishes: Iterable[AnyWish]) -> tuple[str, ...]:
    return tuple(wish_in_words(wish) for wish in wishes)


def _moved(before: str, after: str) -> str:
    return after.replace("_", " ") if before == after else f"{after} (from {before})".replace("_", " ")


def _waits(before: Mapping[str, float], after: Mapping[str, float], now: float) -> Iterator[str]:
    for name, at in sorted(after.items(), key=lambda pair: pair[1]):
        if before.get(name) != at and not (name in before and name in _MOVED_BY_EVERYTHING):
            yield f"in {at - now:.2f} s: {deadline_in_words(name)}"
    for name in sorted(before.keys() - after.keys()):
        if before[name] > now:
            yield f"no longer: {deadline_in_words(name)}"
