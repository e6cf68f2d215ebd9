"""What the agent does by itself so that a call never sounds dead: it decides after every step whether to."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.ahead import Ahead
from parley.conversation.answering.answers import Answers
from parley.conversation.answering.sounding import Sounding
from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.floor import Floor
from parley.conversation.shared import Shared
from parley.conversation.unasked.check_ins import CheckIns
from parley.conversation.unasked.fillers import Fillers
from parley.conversation.unasked.monologue import Monologue, Story
from parley.conversation.unasked.murmuring import Murmuring


class Unasked:
    """Fillers for a late answer, questions into a silence, a word into a monologue, murmurs in a story."""

    def __init__(
        self, shared: Shared, speech: SpeechSide, sounding: Sounding, answers: Answers, floor: Floor, ahead: Ahead
    ) -> None:
        self._story = Story(shared, speech)
        self.fillers = Fillers(shared, speech)
        self.check_ins = CheckIns(shared, speech, answers)
        self.monologue = Monologue(shared, speech, sounding, floor, ahead, self._story)
        self.murmuring = Murmuring(shared, speech, self._story)

    def follow(self, fact: facts.AnyFact | None, now: float) -> Active | None:
        """What a step means for all of them; returns a line that is over with it. `fact` is None for a deadline."""
        self._story.follow(fact, now)
        if isinstance(fact, facts.VoicePaused | facts.VoiceStopped):
            self.murmuring.pause_began(now)
        self.check_ins.follow(fact, now)
        self.monologue.follow(fact, now)
        self.murmuring.follow(fact, now)
        return self.fillers.follow(fact, now)

    def rearm(self, now: float) -> None:
        """Set the deadlines that follow from how things stand."""
        self.fillers.rearm(now)
        self.check_ins.rearm(now)
        self.monologue.rearm()
        self.murmuring.rearm()
