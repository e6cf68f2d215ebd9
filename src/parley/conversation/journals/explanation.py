"""A journal told in words: what happened at each step, what was decided and why, and what is waited for next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from parley.conversation.facts import AnyFact, SpeechHeard, WordsHeard
from parley.conversation.journals.explanation_words import deadline_in_words, fact_in_words, wish_in_words
from parley.conversation.journals.journal import Entry, decode
from parley.conversation.machine import Conversation
from parley.conversation.wishes import AnyWish, ResumeSpeech, StopSpeech

# A deadline that moves with every sign of progress: that it moved is no news.
_MOVED_BY_EVERYTHING = frozenset({"stuck"})

# Words and sound put many deadlines off, to as far ahead as they were: so little of a difference is no news either.
_PUT_OFF_S = 0.1


class Step(msgspec.Struct, frozen=True):
    """One entry of a journal, run again. Times are seconds of call time.

    `what` is the fact, or what fell due. `agent` and `caller` are the states after it, with where they came from if
    they moved. `waits` are the deadlines that this step set, moved or gave up; one that was merely put off again is
    left out. `recorded` is what was wished when the call was held, in words, where that was something else; else None.
    `is_progress`: one of the many that mostly say no more than that sound was played, or one more word was heard.
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
    is_progress: bool = False

    @property
    def has_moved(self) -> bool:
        """Whether the agent or the caller is in another state than before."""
        return "(from" in self.agent or "(from" in self.caller

    @property
    def is_quiet(self) -> bool:
        """Whether it changed nothing that a reader would look for: sound was played, say, and that is all."""
        is_news = self.wishes or self.reasons or self.waits or self.recorded is not None or self.has_moved
        return self.is_progress and not is_news

    def lines(self) -> Iterator[str]:
        """The step as it is printed; the states only where one of them changed."""
        yield f"{self.at:9.3f} s  {self.what}"
        if self.has_moved:
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
    told: dict[str, float] = {}
    for number, entry in enumerate(entries, start=1):
        yield _step(conversation, number, entry, told)


def _step(conversation: Conversation, number: int, entry: Entry, told: dict[str, float]) -> Step:
    """`told` is how far ahead each deadline was when it was last told of."""
    agent, caller = conversation.agent_state.value, conversation.caller_state.value
    waited = dict(conversation.waits_for)
    if entry.fact is None:
        due = sorted((at, name) for name, at in waited.items() if at <= entry.at)
        what = _sentence("; ".join(deadline_in_words(name) for _, name in due) or "nothing was due")
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
        waits=tuple(_waits(waited, conversation.waits_for, entry.at, told)),
        recorded=None if wishes == entry.wishes else _in_words(entry.wishes),
        is_progress=_is_progress(entry.fact),
    )


def _is_progress(fact: AnyFact | None) -> bool:
    """Also a deadline that found nothing left to do."""
    return fact is None or isinstance(fact, SpeechHeard) or (isinstance(fact, WordsHeard) and not fact.is_final)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def _in_words(wishes: Iterable[AnyWish]) -> tuple[str, ...]:
    """A line that was held and is then given up leaves nothing to go on with: only its silence ends."""
    told: list[str] = []
    is_stopped = False
    for wish in wishes:
        is_stopped = is_stopped or isinstance(wish, StopSpeech)
        is_bare = is_stopped and isinstance(wish, ResumeSpeech)
        told.append("let what is said next be heard" if is_bare else wish_in_words(wish))
    return tuple(told)


def _moved(before: str, after: str) -> str:
    return after.replace("_", " ") if before == after else f"{after} (from {before})".replace("_", " ")


def _waits(
    before: Mapping[str, float], after: Mapping[str, float], now: float, told: dict[str, float]
) -> Iterator[str]:
    for name, at in sorted(after.items(), key=lambda pair: pair[1]):
        if before.get(name) != at and not _is_put_off(name, at - now, before, told):
            told[name] = at - now
            yield f"in {at - now:.2f} s: {deadline_in_words(name)}"
    for name in sorted(before.keys() - after.keys()):
        if before[name] > now:
            yield f"no longer: {deadline_in_words(name)}"


def _is_put_off(name: str, ahead_s: float, before: Mapping[str, float], told: Mapping[str, float]) -> bool:
    """Whether a deadline that was there already is as far ahead again as when it was last told of."""
    return name in before and (name in _MOVED_BY_EVERYTHING or abs(ahead_s - told[name]) <= _PUT_OFF_S)
