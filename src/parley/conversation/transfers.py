"""Handing the caller to a human, and having them again where nobody took the call."""

from __future__ import annotations

from parley.conversation import facts, lines
from parley.conversation.answering.answers import Answers
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.parts import Parts
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import NoteProblem, TransferTo


class Transfers:
    """The conversation lives on until the carrier has the caller: a transfer that cannot be begun is spoken about.

    `returned` is what came of the last one, for whoever answers the caller's turns from then on.
    """

    def __init__(self, shared: Shared, speech: SpeechSide, answers: Answers, parts: Parts) -> None:
        self.returned: facts.TransferReturned | None = None
        self._agent = shared.agent
        self._deadlines = shared.deadlines
        self._rules = shared.rules
        self._ledger = shared.ledger
        self._tally = shared.tally
        self._out = shared.out
        self._speech = speech
        self._answers = answers
        self._parts = parts

    def begin(self, transfer: TransferTo, now: float) -> None:
        """What had to be heard was heard, and nobody speaks any more."""
        self._deadlines.clear("goodbye", "keys", "false_alarm")
        self._deadlines.set("transfer", now + self._rules.transfer_limit_s)
        self._speech.move(Agent.HANDING_OVER)
        self._out.append(transfer)

    def came_back(self, fact: facts.TransferReturned, now: float) -> None:
        """Say so at once: whoever waited for a human must not be left in silence."""
        is_here = self._speech.state is Agent.HANDING_OVER
        if not is_here and (self.returned is not None or self._speech.state is not Agent.LISTENING):
            return
        self.returned, self._tally.is_returned = fact, True
        self._deadlines.clear("transfer")
        if is_here:
            self._speech.take_back()
        said = lines.nobody_took_it(self._agent.language)
        if self._tally.connected_at is None:  # like a greeting, it is ready when the phone is there
            self._speech.say_whole(self._ledger.open(now), "said", said)
        else:
            self._answers.say(said, now)
        self._parts.leave_if_deaf(now)

    def due(self, now: float) -> None:
        """Nobody says what became of it."""
        self._out.append(NoteProblem("transfer_failed"))
        self.came_back(facts.TransferReturned("failed"), now)
