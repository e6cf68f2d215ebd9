"""A stage of the front desk in call time: facts told, wishes collected, deadlines kept."""

from __future__ import annotations

from typing import TypeVar

from parley.conversation import facts, wishes
from parley.conversation.desk.facts import DeskFact
from parley.conversation.desk.stage import StageMachine
from parley.conversation.desk.wishes import DeskWish

Kind = TypeVar("Kind", bound=wishes.Wish)


class Told:
    """Time passes in `wait` alone."""

    def __init__(self, machine: StageMachine) -> None:
        self.machine = machine
        self.now = 0.0
        self.wished: list[DeskWish] = []
        self.at: list[float] = []

    def tell(self, *told: DeskFact, after: float = 0.0) -> list[DeskWish]:
        """Let time pass, tell facts, and return what was wished because of them."""
        self.wait(after)
        before = len(self.wished)
        for fact in told:
            self._note(self.machine.handle(fact, self.now))
        self.wait(0.0)  # what is due at once
        return self.wished[before:]

    def connect(self) -> list[DeskWish]:
        return self.tell(facts.CallPrepared(), facts.CallConnected())

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.machine.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self._note(self.machine.handle_deadline(self.now))
        self.now = end

    def speaks(self, seconds: float = 2.0) -> str:
        """The voice says what it was given last, and the caller hears all of it."""
        said = self.all(wishes.Say)[-1]
        self.tell(facts.SpeechStarted(said.reply))
        self.tell(facts.SpeechEnded(said.reply), after=seconds)
        return said.text

    def all(self, kind: type[Kind]) -> list[Kind]:
        return [wish for wish in self.wished if isinstance(wish, kind)]

    def last_at(self, kind: type[wishes.Wish]) -> float:
        """When such a wish was made last."""
        return [at for at, wish in zip(self.at, self.wished, strict=True) if isinstance(wish, kind)][-1]

    def _note(self, wished: list[DeskWish]) -> None:
        self.wished += wished
        self.at += [self.now] * len(wished)
