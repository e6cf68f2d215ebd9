"""Parts of the call that break: the recogniser, the voice, the carrier's stream."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.failing import Failing
from parley.conversation.answering.sounding import Sounding
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.floor import Floor
from parley.conversation.shared import Shared
from parley.conversation.states import ON_SOUND, Agent, Reaction
from parley.conversation.turns.unheard import Unheard
from parley.conversation.wishes import NoteProblem


class Parts:
    """What the conversation makes of a part that is lost, mended, or gone for good."""

    def __init__(self, shared: Shared, speech: SpeechSide, sounding: Sounding, failing: Failing, floor: Floor) -> None:
        self._tally = shared.tally
        self._rules = shared.rules
        self._ledger = shared.ledger
        self._deadlines = shared.deadlines
        self._out = shared.out
        self._speech = speech
        self._sounding = sounding
        self._failing = failing
        self.unheard = Unheard(shared, speech)
        self._floor = floor

    def lost(self, fact: facts.PartLost, now: float) -> None:
        self._out.append(NoteProblem(f"{fact.part}_lost"))
        if fact.part == "speech_to_text":
            self._tally.is_hearing_lost = True
            self._deadlines.set("deaf", now + self._rules.deaf_s)
        elif fact.part == "carrier":
            self._tally.carrier_lost = True
            self._speech.has_phone = False
            self._deadlines.set("media", now + self._rules.media_grace_s)
            if ON_SOUND[self._speech.state] is Reaction.HOLD:
                self._speech.hold(now)
            self._deadlines.clear("held", "false_alarm", "speech")

    def connected(self, now: float) -> None:
        """The phone is there: what was lost before that, its caller was not told of."""
        if self._tally.is_hearing_lost:
            self._deadlines.set("deaf", now + self._rules.deaf_s)

    def restored(self, fact: facts.PartRestored, now: float) -> None:
        if fact.part == "speech_to_text":
            self._tally.is_hearing_lost = False
            self._deadlines.clear("deaf", "deaf_limit")
        elif fact.part == "carrier":
            self._tally.carrier_lost = False
            self._speech.has_phone = self._tally.connected_at is not None
            self._deadlines.clear("media")
            if self._speech.state is Agent.HELD:
                self._floor.resume(now)
            else:
                self._sounding.expect_what_is_owed(now)

    def replaced(self, fact: facts.PartReplaced, now: float) -> None:
        """The next provider has shown that it works; nobody claims so before it has."""
        self._out.append(NoteProblem(f"{fact.part}_replaced"))
        if fact.part == "speech_to_text":
            self._tally.is_hearing_lost = False
            self._deadlines.clear("deaf", "deaf_limit")

    def failed(self, fact: facts.PartFailed, now: float) -> None:
        self._out.append(NoteProblem(f"{fact.part}_failed"))
        if fact.part == "speech_to_text":
            self._deaf_for_good(now)
        elif fact.part == "text_to_speech":
            self._tally.is_mute = True

    def _deaf_for_good(self, now: float) -> None:
        self._tally.is_deaf = True
        self._deadlines.clear("deaf", "deaf_limit")
        if not self._speech.is_leaving:
            self.leave_if_deaf(now)

    def leave_if_deaf(self, now: float) -> None:
        """Nobody hears the caller any more; unless a human does."""
        if self._tally.is_deaf and self._speech.state is not Agent.TAKEN_OVER:
            self._floor.cut_short(now)
            self._speech.move(Agent.THINKING)
            self._failing.leave(self._ledger.open(now), now)

    def deaf_due(self, now: float) -> None:
        """Tell the caller; later, if something else is being said, or nobody is there to be told."""
        if self._speech.state in (Agent.SPEAKING, Agent.HELD, Agent.TAKEN_OVER):
            self._deadlines.set("deaf", now + self._rules.deaf_again_s)
        elif not self._speech.is_leaving and self._tally.connected_at is not None:
            self._speech.move(Agent.THINKING)
            self._speech.play_clip(self._ledger.open(now), "cannot_hear", now)
            self._deadlines.set("deaf_limit", now + self._rules.deaf_limit_s)

    def deaf_limit_due(self, now: float) -> None:
        """The caller was asked to hold the line, and no recogniser has come back."""
        self._out.append(NoteProblem("speech_to_text_failed"))
        self._deaf_for_good(now)
