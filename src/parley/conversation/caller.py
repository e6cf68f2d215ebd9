"""The caller's side: which words belong to the turn that is being spoken, and when that turn is over."""

from __future__ import annotations

import msgspec

from parley.conversation.facts import WordsHeard
from parley.conversation.finished import looks_finished
from parley.conversation.rules import TurnRules
from parley.conversation.states import CALLER_MOVES, Caller
from parley.conversation.words import words_of


class Utterance(msgspec.Struct, frozen=True):
    """A finished turn of the caller.

    `spoke_until` is the call time at which the sound ended; `is_estimate` while only the words' arrival is known.
    `recognised_at` is when the last of the words were settled.
    """

    text: str
    confidence: float
    spoke_until: float
    is_estimate: bool = False
    recognised_at: float = 0.0


class CallerSide:
    """Gathers words. Every method returns nothing; `due` is when the turn is over if nothing more happens."""

    def __init__(self, rules: TurnRules) -> None:
        self.state = Caller.SILENT
        self.is_sounding = False
        self.is_paused = False
        self.due: float | None = None
        self._rules = rules
        self._settled: list[str] = []
        self._confidences: list[float] = []
        self._interim = ""
        self._sound_ended_at: float | None = None
        self._words_at = 0.0
        self._taken_unsettled: list[str] = []
        self._may_end = False

    @property
    def text(self) -> str:
        """All words of the open turn, settled or not."""
        return " ".join([*self._settled, self._interim] if self._interim else self._settled)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is to be heard of the caller this moment, be it only a gap between words."""
        return self.is_paused or not self.is_sounding

    @property
    def is_likely_over(self) -> bool:
        """Whether the caller has probably finished the open turn: a guess to prepare by, never to speak by."""
        text = self.text
        return bool(text) and (self._may_end or self.is_quiet) and looks_finished(text)

    def sound_paused(self, now: float, ago_s: float) -> None:
        """The sound fell quiet: its end, or a gap between words."""
        self.is_paused = self.is_sounding

    def sound_resumed(self, now: float) -> None:
        """It was a gap."""
        self.is_paused = False

    def judged(self, pause: int, probability: float, now: float) -> None:
        """The end-of-turn model has listened to a pause."""

    def sound_started(self, now: float) -> None:
        """Sound in the middle of a turn puts off its end until the sound is over."""
        self.is_sounding, self.is_paused = True, False
        self.due = self._sound_ended_at = None
        self._move(Caller.TALKING)

    def sound_stopped(self, now: float, ago_s: float) -> None:
        self.is_sounding = self.is_paused = False
        self._sound_ended_at = now - ago_s
        if not self.text:
            self._move(Caller.SILENT)
            return
        wait = self._rules.stale_words_s
        if not self._interim and self._words_at < now - ago_s - self._rules.noise_recheck_s:
            wait = self._rules.noise_recheck_s  # a sound after settled words that brought no new ones
        elif not self._interim and self.state is Caller.PAUSED and self.due is not None:
            return
        self.due = now + wait

    def words(self, fact: WordsHeard, now: float) -> None:
        """Take words; interim ones keep the turn open, settled ones may end it."""
        text = fact.text.strip()
        self._may_end = fact.may_end_turn
        if not fact.is_final:
            if text:
                self._interim, self._words_at = text, now
                self.due = None if self.is_sounding else now + self._rules.stale_words_s
                self._move(Caller.TALKING)
            return
        if text:
            self._settled.append(text)
            self._confidences.append(fact.confidence)
            self._words_at = now
        self._interim = ""
        if not self._settled:
            self._move(Caller.TALKING if self.is_sounding else Caller.SILENT)
            return
        self._move(Caller.PAUSED)
        self.due = now + self._pause_after(fact)

    def utterance_ended(self, now: float) -> None:
        """The recogniser's long gap passed: settled words are a turn, unless the caller is making sound this moment."""
        if self._settled and not self.is_sounding:
            self._move(Caller.PAUSED)
            self.due = now

    def keys(self, keys: str, now: float) -> None:
        """Pressed keys are a turn of their own behind what was said before them."""
        self._settled.append(f"[pressed {keys}]")
        self._confidences.append(1.0)
        self._words_at = self._sound_ended_at = now
        self._move(Caller.PAUSED)
        self.due = now

    def take(self, now: float) -> Utterance:
        """The turn is over: hand it out and begin anew."""
        ended_at = self._sound_ended_at
        known = self._confidences
        utterance = Utterance(
            text=self.text,
            confidence=round(sum(known) / len(known), 3) if known else 1.0,
            spoke_until=self._words_at if ended_at is None else ended_at,
            is_estimate=ended_at is None,
            recognised_at=self._words_at,
        )
        self._sound_ended_at = None
        self._taken_unsettled = words_of(self._interim)
        self.forget()
        return utterance

    def without_twin(self, fact: WordsHeard) -> WordsHeard:
        """Words that were taken before they were settled may be settled later: only what is new of them counts."""
        taken, self._taken_unsettled = self._taken_unsettled, [] if fact.is_final else self._taken_unsettled
        if not taken or words_of(fact.text)[: len(taken)] != taken:
            return fact
        return msgspec.structs.replace(fact, text=" ".join(fact.text.split()[len(taken) :]))

    def put_back(self, text: str, confidence: float) -> None:
        """The turn was not over after all: these words come before whatever is heard next."""
        self._settled.insert(0, text)
        self._confidences.insert(0, confidence)

    def forget(self) -> None:
        """Drop the words heard so far (they were a murmur or an echo)."""
        self._settled, self._confidences, self._interim, self.due = [], [], "", None
        self._may_end = False
        self._move(Caller.TALKING if self.is_sounding else Caller.SILENT)

    def leave(self) -> None:
        self.due = None
        self._move(Caller.GONE)

    def _pause_after(self, fact: WordsHeard) -> float:
        if not fact.ends_turn:
            return self._rules.settle_s
        if fact.turn_is_certain or looks_finished(self.text):
            return 0.0
        return self._rules.incomplete_pause_s

    def _move(self, to: Caller) -> None:
        if to is self.state:
            return
        assert to in CALLER_MOVES[self.state], f"caller: {self.state} -> {to}"
        self.state = to
