"""What the sides of one conversation have in common: who the agent is, what was said, what is waited for and wished."""

from __future__ import annotations

import msgspec

from parley.conversation.deadlines import Deadlines
from parley.conversation.ledger import Ledger, Row
from parley.conversation.rules import TurnRules
from parley.conversation.turns.caller import CallerSide
from parley.conversation.wishes import AnyWish
from parley.domain.agents import AgentSnapshot


class Tally(msgspec.Struct):
    """The little that is remembered besides the two machines and the ledger.

    `is_hearing_lost`: nobody hears the caller at the moment. `is_deaf`: the recogniser is gone for good, and only a
    human in the agent's place keeps the call alive. `is_mute`: so is every voice; only recorded sentences can be said.
    `is_keying`: keys were pressed, and more may follow; `digits` are those that are complete and belong to the open
    turn. `is_returned`: a transfer came to nothing.
    """

    connected_at: float | None = None
    check_ins: int = 0
    reopened: Row | None = None
    carrier_lost: bool = False
    taken_by: str = ""
    is_deaf: bool = False
    is_hearing_lost: bool = False
    is_mute: bool = False
    is_returned: bool = False
    is_keying: bool = False
    digits: str = ""

    def connected_for(self, now: float) -> float:
        """Seconds since the phone's audio was attached; 0 before."""
        return 0.0 if self.connected_at is None else now - self.connected_at


class Shared:
    """Made once by the conversation and handed to each of its sides. Wishes go to `out`, in order.

    `reasons` are short phrases for why this step decided as it did; nothing is ever decided by them.
    """

    __slots__ = ("agent", "caller", "deadlines", "ledger", "out", "reasons", "rules", "tally")

    def __init__(self, agent: AgentSnapshot, rules: TurnRules) -> None:
        self.agent = agent
        self.rules = rules
        self.ledger = Ledger()
        self.deadlines = Deadlines()
        self.caller = CallerSide(rules, agent, self.ledger)
        self.tally = Tally()
        self.out: list[AnyWish] = []
        self.reasons: list[str] = []
