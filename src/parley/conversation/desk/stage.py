"""What all stages of the front desk have in common: how they begin, break, speak and end."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.deadlines import Deadlines
from parley.conversation.desk.facts import DeskFact
from parley.conversation.desk.prompts import Outcome, Prompts
from parley.conversation.desk.rules import DeskRules
from parley.conversation.desk.wishes import DeskWish, Leave
from parley.conversation.wishes import EndCall

_MEDIA = "media"


class StageMachine:
    """Facts in, wishes out, as `Conversation` does it. A stage overrides the steps it has something to do in."""

    def __init__(self, language: str, rules: DeskRules | None = None) -> None:
        self.language = language
        self.rules = rules or DeskRules()
        self.is_over = False
        self.over_at: float | None = None
        """When the call was over, or left; earlier than `is_over` where something remained to be done after it."""
        self._out: list[DeskWish] = []
        self._deadlines = Deadlines()
        self._prompts = Prompts(self.rules, self._deadlines, self._out)
        self._is_connected = False

    def handle(self, fact: DeskFact, now: float) -> list[DeskWish]:
        """Take one fact; facts about what is over already change nothing."""
        if not self.is_over:
            self._take(fact, now)
        return self._take_wishes()

    def next_deadline(self) -> float | None:
        """When to call `handle_deadline`; None while nothing is waited for."""
        return self._deadlines.next()

    def handle_deadline(self, now: float) -> list[DeskWish]:
        """Do what is due at `now`, in the order it fell due."""
        while not self.is_over and (name := self._deadlines.pop_due(now)) is not None:
            if name == _MEDIA:
                self._gone("media_lost", now)
            elif name.startswith("voice"):
                self._came_out(self._prompts.due(name, now), now)
            else:
                self._due(name, now)
        return self._take_wishes()

    def _take_wishes(self) -> list[DeskWish]:
        out = list(self._out)
        self._out.clear()
        return out

    def _take(self, fact: DeskFact, now: float) -> None:
        match fact:
            case facts.CallPrepared():
                self._prepared(now)
            case facts.CallConnected() if not self._is_connected:
                self._is_connected = True
                self._prompts.connected(now)
                self._connected(now)
            case facts.HungUp() | facts.EndAsked():
                self._gone(fact.reason, now)
            case facts.PartLost(part="carrier"):
                self._prompts.disconnected()
                self._deadlines.set(_MEDIA, now + self.rules.media_grace_s)
            case facts.PartRestored(part="carrier"):
                self._deadlines.clear(_MEDIA)
                self._prompts.connected(now)
            case _:
                self._came_out(self._prompts.handle(fact, now), now)
                self._hear(fact, now)

    def _say(self, text: str, now: float) -> None:
        if not self._prompts.say(text, now):
            self._said("failed", now)

    def _came_out(self, outcome: Outcome | None, now: float) -> None:
        if outcome is not None:
            self._said(outcome, now)

    def _end(self, reason: str, now: float) -> None:
        self._out.append(EndCall(reason))
        self._close(now)

    def _leave(self, now: float) -> None:
        self._out.append(Leave())
        self._close(now)

    def _close(self, now: float) -> None:
        self.is_over = True
        if self.over_at is None:
            self.over_at = now
        self._deadlines.clear_all()

    # ------------------------------------------------------------ a stage's own steps

    def _prepared(self, now: float) -> None:
        """Nobody listens yet, but what will be said first can be made."""

    def _connected(self, now: float) -> None:
        """The phone is there, for the first time."""

    def _said(self, outcome: Outcome, now: float) -> None:
        """What was said last is over."""

    def _hear(self, fact: DeskFact, now: float) -> None:
        """Any other fact."""

    def _due(self, name: str, now: float) -> None:
        """A deadline of the stage's own."""

    def _gone(self, reason: str, now: float) -> None:
        """The caller is gone, or somebody wants the call to end."""
        self._prompts.stop()
        self._end(reason, now)
