"""A conversation told by hand: facts at moments, and the wishes they led to."""

from __future__ import annotations

from typing import TypeVar

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Entry
from parley.conversation.machine import Conversation
from parley.conversation.rules import TurnRules
from parley.domain.agents import AgentSnapshot

Wish = TypeVar("Wish", bound=wishes.Wish)

HOSTED = AgentSnapshot(
    id="agent_1", name="Ada", voice_mode="hosted", system_prompt="Help.", transfer_number="+15550100"
)
WEBHOOK = AgentSnapshot(id="agent_2", name="Bob", voice_mode="webhook", greeting="Hello, this is Bob.")


class Telling:
    """Moves call time by hand. `told` collects every wish with the moment it was made, `steps` what a journal would."""

    def __init__(self, agent: AgentSnapshot = HOSTED, rules: TurnRules | None = None) -> None:
        self.conversation = Conversation(agent, rules)
        self.now = 0.0
        self.told: list[tuple[float, wishes.AnyWish]] = []
        self.steps: list[Entry] = []

    def tell(self, *told: facts.AnyFact, after: float = 0.0) -> list[wishes.AnyWish]:
        """Let `after` seconds pass, deadlines included, then tell the facts; returns what they led to."""
        self.wait(after)
        new: list[wishes.AnyWish] = []
        for fact in told:
            new += self._keep(fact, self.conversation.handle(fact, self.now))
        return new

    def wait(self, seconds: float) -> list[wishes.AnyWish]:
        """Let time pass, calling the deadlines at their moments."""
        end = self.now + seconds
        new: list[wishes.AnyWish] = []
        while (at := self.conversation.next_deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            new += self._keep(None, self.conversation.handle_deadline(self.now))
        self.now = end
        return new

    def connect(self) -> None:
        self.tell(facts.CallPrepared(), facts.CallConnected())

    def says(self, text: str, *, after: float = 0.0) -> list[wishes.AnyWish]:
        """The caller says a whole sentence in one second, and the recogniser ends the turn 0.3 s later."""
        first = text.split()[0]
        new = self.tell(facts.VoiceStarted(), after=after)
        new += self.tell(facts.WordsHeard(first), after=0.3)
        new += self.tell(facts.VoiceStopped(ago_s=0.2), after=0.9)
        return new + self.tell(facts.WordsHeard(text, is_final=True, ends_turn=True, confidence=0.9), after=0.1)

    def answers(self, reply: int, text: str, *, heard: bool = True) -> None:
        """The responder answers at once, and the phone plays all of it (or has just begun to)."""
        self.tell(facts.ReplyText(reply, text), facts.ReplyDone(reply), facts.SpeechStarted(reply))
        if heard:
            self.tell(facts.SpeechHeard(reply, len(text)), facts.SpeechEnded(reply), after=len(text) / 15)

    def all(self, kind: type[Wish]) -> list[Wish]:
        return [wish for _, wish in self.told if isinstance(wish, kind)]

    def last(self, kind: type[Wish]) -> Wish:
        return self.all(kind)[-1]

    def spoken(self, reply: int) -> str:
        """All text of a reply that went to the voice."""
        return "".join(wish.text for wish in self.all(wishes.Say) if wish.reply == reply)

    def history(self) -> list[tuple[str, str]]:
        return [(line.role, line.text) for line in self.conversation.history()]

    def _keep(self, fact: facts.AnyFact | None, new: list[wishes.AnyWish]) -> list[wishes.AnyWish]:
        self.steps.append(Entry(self.now, fact, new))
        self.told += [(self.now, wish) for wish in new]
        return new
