"""Callers who talk for minutes: how long they have, and cutting in politely at a breath."""

from __future__ import annotations

from parley.conversation import facts, lines
from parley.conversation.answering.ahead import Ahead
from parley.conversation.answering.sounding import Sounding
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.floor import Floor
from parley.conversation.shared import Shared
from parley.conversation.states import Agent


class Story:
    """Since when the caller talks without the agent having been heard. Short pauses are part of it."""

    __slots__ = ("_gap_s", "_speech", "paused_at", "since")

    def __init__(self, shared: Shared, speech: SpeechSide) -> None:
        self.since: float | None = None
        self.paused_at: float | None = None
        """When the caller's sound fell quiet; None while it goes on."""
        self._gap_s = shared.rules.story_gap_s
        self._speech = speech

    def follow(self, fact: facts.AnyFact | None, now: float) -> None:
        match fact:
            case facts.VoiceStarted():
                self._sound(now - fact.ago_s)
                self.paused_at = None
            case facts.VoiceResumed():
                self.paused_at = None
            case facts.VoicePaused():
                self.paused_at = now - fact.ago_s
            case facts.VoiceStopped():
                self.paused_at = now - fact.ago_s
            case facts.WordsHeard() if fact.text.strip():
                self._sound(now)
            case facts.SpeechHeard() if self._speech.find(fact.reply) is not None:
                self.since = None
            case facts.ReplySilent() | facts.ReplyFailed() | facts.KeyPressed() | facts.TakeOverAsked():
                self.since = None

    def for_s(self, now: float) -> float:
        """How long it has gone on."""
        return 0.0 if self.since is None else now - self.since

    def _sound(self, at: float) -> None:
        rested_s = 0.0 if self.paused_at is None else at - self.paused_at
        if self.since is None or rested_s > self._gap_s:
            self.since = at


class Monologue:
    """Owns the deadline `monologue`: first the moment from which a breath is waited for, then the last one."""

    def __init__(
        self, shared: Shared, speech: SpeechSide, sounding: Sounding, floor: Floor, ahead: Ahead, story: Story
    ) -> None:
        self._shared = shared
        self._longest_s = shared.agent.conduct.monologue_s
        self._speech = speech
        self._sounding = sounding
        self._floor = floor
        self._ahead = ahead
        self._story = story
        self._waits_since: float | None = None  # for a breath

    def follow(self, fact: facts.AnyFact | None, now: float) -> None:
        """A breath is the place to cut in."""
        if self._waits_since is not None and isinstance(fact, facts.VoicePaused | facts.VoiceStopped):
            self._cut_in(now)

    def rearm(self) -> None:
        if self._story.since is None or not self._longest_s or self._speech.state is not Agent.LISTENING:
            self._waits_since = None
            self._shared.deadlines.clear("monologue")
        elif self._waits_since is None:
            self._shared.deadlines.set("monologue", self._story.since + self._longest_s)

    def due(self, now: float) -> None:
        """It has been long enough; or no breath came since it was."""
        grace_s = self._shared.rules.monologue_grace_s
        if self._waits_since is None:
            self._waits_since = now
            self._shared.deadlines.set("monologue", now + grace_s)
            if self._story.paused_at is not None:
                self._cut_in(now)
        else:
            self._cut_in(now)

    def _cut_in(self, now: float) -> None:
        """What was said so far is a turn, and the agent's sentence comes before its answer."""
        caller = self._shared.caller
        if not caller.text or self._speech.state is not Agent.LISTENING:
            return
        self._shared.reasons.append("the caller has talked for too long")
        self._ahead.withdraw("stopped")  # an answer that is ready would be heard before the sentence
        caller.due = now
        self._floor.take_due_turn(now)
        if not self._speech.active:
            return
        answer = self._speech.active[-1]
        line = self._speech.say_whole(answer.row, "said", lines.cut_in(self._shared.agent.language))
        self._speech.active.remove(line)
        self._speech.active.insert(self._speech.active.index(answer), line)  # it is heard first
        self._speech.protect(line)  # they are talking, and mean to go on
        self._sounding.expect_audio(line, now)
        self._story.since = self._waits_since = None
        self._shared.deadlines.clear("monologue")
