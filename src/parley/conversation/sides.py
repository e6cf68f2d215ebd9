"""The sides of one conversation, joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from parley.conversation.answering.ahead import Ahead
from parley.conversation.answering.answers import Answers
from parley.conversation.answering.failing import Failing
from parley.conversation.answering.sounding import Sounding
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.floor import Floor
from parley.conversation.keys import KeyPad
from parley.conversation.parts import Parts
from parley.conversation.rules import TurnRules
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.steering import Steering
from parley.conversation.transfers import Transfers
from parley.conversation.unasked.sides import Unasked
from parley.conversation.watchdog import Watchdog
from parley.domain.agents import AgentSnapshot


@dataclass(frozen=True, slots=True)
class Sides:
    """Each looks after one thing and knows only those before it in this list."""

    shared: Shared
    speech: SpeechSide
    sounding: Sounding
    failing: Failing
    ahead: Ahead
    answers: Answers
    floor: Floor
    keys: KeyPad
    unasked: Unasked
    parts: Parts
    watchdog: Watchdog
    steering: Steering
    transfers: Transfers

    @classmethod
    def of(cls, agent: AgentSnapshot, rules: TurnRules) -> Self:
        """All sides of a new conversation."""
        shared = Shared(agent, rules)
        speech = SpeechSide(shared)
        sounding = Sounding(shared, speech)
        failing = Failing(shared, speech, sounding)
        ahead = Ahead(shared, speech)
        answers = Answers(shared, speech, sounding, failing, ahead)
        floor = Floor(shared, speech, sounding, answers)
        parts = Parts(shared, speech, sounding, failing, floor)
        return cls(
            shared=shared,
            speech=speech,
            sounding=sounding,
            failing=failing,
            ahead=ahead,
            answers=answers,
            floor=floor,
            keys=KeyPad(shared, speech, floor),
            unasked=Unasked(shared, speech, sounding, answers, floor, ahead),
            parts=parts,
            watchdog=Watchdog(shared, speech),
            steering=Steering(shared, speech, answers, floor),
            transfers=Transfers(shared, speech, answers, parts),
        )

    @property
    def agent(self) -> AgentSnapshot:
        return self.shared.agent

    @property
    def is_over(self) -> bool:
        return self.speech.state is Agent.GONE
