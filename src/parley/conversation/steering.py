"""What people beside the call do with it: whisper to the agent, speak in its place, give the call back."""

from __future__ import annotations

import msgspec

from parley.conversation import facts
from parley.conversation.answering.answers import Answers
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.floor import Floor
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import OpenMicrophone

MOST_WHISPERS = 20
"""The newest are kept: all of them are told again with every turn."""


class Whisper(msgspec.Struct, frozen=True):
    """An instruction the caller does not hear. `at_s` is seconds since the call began."""

    text: str
    at_s: float


class Steering:
    """Shares its state with the conversation that made it. A call that is leaving can be steered no more."""

    def __init__(self, shared: Shared, speech: SpeechSide, answers: Answers, floor: Floor) -> None:
        self.whispers: list[Whisper] = []
        self._tally = shared.tally
        self._deadlines = shared.deadlines
        self._out = shared.out
        self._speech = speech
        self._answers = answers
        self._floor = floor

    def whisper(self, text: str, now: float) -> None:
        self.whispers.append(Whisper(text, round(now, 3)))
        del self.whispers[:-MOST_WHISPERS]

    def take_over(self, fact: facts.TakeOverAsked, now: float) -> None:
        """Silence the agent at once; from whoever has the call already, this says that they are still there."""
        tally = self._tally
        if tally.connected_at is None or self._speech.is_leaving:
            return
        if self._speech.state is not Agent.TAKEN_OVER:
            self._floor.cut_short(now)
            self._speech.move(Agent.TAKEN_OVER)
            self._deadlines.clear("false_alarm")
            tally.taken_by, tally.check_ins = fact.by, 0
            self._out.append(OpenMicrophone(fact.by))
        if tally.taken_by == fact.by:
            self._deadlines.set("take_over", now + fact.for_s)

    def hand_back(self, fact: facts.HandBackAsked, now: float) -> None:
        """Let the agent go on. What the caller says from here on is answered again."""
        if self._speech.state is not Agent.TAKEN_OVER:
            return
        self._floor.end_take_over()
        if fact.note:
            self.whisper(fact.note, now)
        if fact.say:
            self._answers.say(fact.say, now)
