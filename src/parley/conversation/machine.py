"""Who may speak, when: a pure state machine. No I/O, no clock.

`Conversation.handle(fact, now)` returns what should be done about it; `next_deadline()` says when to call
`handle_deadline(now)`. `now` is seconds since the call began and never goes back. The same facts at the same moments
always give the same wishes, so a recorded call can be run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parley.conversation import facts
from parley.conversation.ledger import Ledger, Spoken
from parley.conversation.rules import TurnRules
from parley.conversation.sides import Sides
from parley.conversation.states import Agent, Caller
from parley.conversation.steering import Whisper
from parley.conversation.steps import ON_DEADLINE, ON_FACT, do_unasked, rearm, tell_what_was_kept
from parley.conversation.wishes import AnyWish
from parley.domain.agents import AgentSnapshot

_MOST_AT_ONCE = 50


class Conversation:
    """One call's conversation between `agent` and whoever is on the line."""

    def __init__(self, agent: AgentSnapshot, rules: TurnRules | None = None) -> None:
        self._sides = Sides.of(agent, rules or TurnRules())

    @property
    def agent(self) -> AgentSnapshot:
        return self._sides.shared.agent

    @property
    def rules(self) -> TurnRules:
        return self._sides.shared.rules

    @property
    def ledger(self) -> Ledger:
        """Every word of the agent with how far it came."""
        return self._sides.shared.ledger

    @property
    def agent_state(self) -> Agent:
        return self._sides.speech.state

    @property
    def caller_state(self) -> Caller:
        return self._sides.shared.caller.state

    @property
    def open_words(self) -> str:
        """What the caller has said in the turn that is open."""
        return self._sides.shared.caller.text

    @property
    def is_over(self) -> bool:
        return self._sides.speech.state is Agent.GONE

    @property
    def taken_by(self) -> str:
        """Which human speaks in the agent's place; empty while the agent has the call."""
        return self._sides.shared.tally.taken_by

    @property
    def is_connected(self) -> bool:
        """Whether a phone was ever there to hear anything."""
        return self._sides.shared.tally.connected_at is not None

    def is_open(self, row: int) -> bool:
        """Whether something of this row of the transcript is still to be said."""
        return any(active.row.number == row for active in self._sides.speech.active)

    @property
    def can_be_steered(self) -> bool:
        """Whether the phone is connected, and the last words of the call are not being said."""
        return self.is_connected and not self._sides.speech.is_leaving

    def whispers(self) -> Sequence[Whisper]:
        """What the agent was told behind the caller's back, oldest first."""
        return self._sides.steering.whispers

    @property
    def returned(self) -> facts.TransferReturned | None:
        """What came of the last transfer, if the caller is here because nobody took it."""
        return self._sides.transfers.returned

    def history(self) -> Sequence[Spoken]:
        """What was truly said and heard so far, oldest first."""
        return self._sides.shared.ledger.history()

    @property
    def reasons(self) -> Sequence[str]:
        """Why the last step decided as it did, in short phrases: for people, never for a decision."""
        return self._sides.shared.reasons

    @property
    def waits_for(self) -> Mapping[str, float]:
        """Every deadline by its name, in call time."""
        return self._sides.shared.deadlines.all()

    def handle(self, fact: facts.AnyFact, now: float) -> list[AnyWish]:
        """Take one fact; facts about what is over already change nothing."""
        self._sides.shared.reasons.clear()
        if not self.is_over:
            self._sides.parts.unheard.note(fact, now)
            if not self._sides.ahead.keeps(fact, now):
                ON_FACT[type(fact)](self._sides, fact, now)
            tell_what_was_kept(self._sides, now)
            do_unasked(self._sides, fact, now)
            rearm(self._sides, now)
        return self._take_wishes()

    def next_deadline(self) -> float | None:
        """When to call `handle_deadline`, in call time; None while nothing is waited for."""
        return self._sides.shared.deadlines.next()

    def handle_deadline(self, now: float) -> list[AnyWish]:
        """Do what is due at `now`, in the order it fell due.

        Raises RuntimeError when deadlines set each other for at once without end: a bug, better seen than waited for.
        """
        self._sides.shared.reasons.clear()
        done: list[str] = []
        while not self.is_over and (name := self._sides.shared.deadlines.pop_due(now)) is not None:
            if len(done) >= _MOST_AT_ONCE:
                raise RuntimeError(f"A conversation's deadlines feed on each other: {', '.join(sorted(set(done)))}")
            done.append(name)
            ON_DEADLINE[name](self._sides, now)
            tell_what_was_kept(self._sides, now)
            do_unasked(self._sides, None, now)
            rearm(self._sides, now)
        return self._take_wishes()

    def _take_wishes(self) -> list[AnyWish]:
        wishes = self._sides.shared.out.copy()
        self._sides.shared.out.clear()
        return wishes
