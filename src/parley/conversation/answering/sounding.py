"""From the text of a line to its last heard word: what the voice owes, and how far the caller has heard."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.shared import Shared
from parley.conversation.states import Agent


class Sounding:
    """Follows the sound of each line. A line that a method returns is over: its owner writes it down and goes on."""

    def __init__(self, shared: Shared, speech: SpeechSide) -> None:
        self.failures = 0
        self._agent = shared.agent
        self._rules = shared.rules
        self._deadlines = shared.deadlines
        self._speech = speech

    def expect_audio(self, active: Active, now: float) -> None:
        """The voice was given text: from now on it owes audio."""
        active.owes_audio = True
        self.expect_what_is_owed(now)

    def expect_what_is_owed(self, now: float) -> None:
        """Give the voice its time, if it owes anything and there is somebody to hear it now."""
        if not self._speech.has_phone or self._speech.state is Agent.HELD:
            self._deadlines.clear("speech")
        elif any(active.owes_audio for active in self._speech.active):
            self._deadlines.set("speech", now + self._rules.speech_retry_s)

    def synthesised(self, fact: facts.SpeechSynthesised, now: float) -> None:
        """The voice's first audio is here, whether or not it may be played yet."""
        active = self._speech.find(fact.reply)
        if active is not None and active.line.synthesised_at is None:
            active.line.synthesised_at = now

    def started(self, fact: facts.SpeechStarted, now: float) -> None:
        active = self._speech.find(fact.reply)
        if active is None:
            return
        if active.line.first_audio_at is None:
            active.line.first_audio_at = now
        self._paid(active)
        if active.is_asked:
            self._deadlines.clear("bridge")
        if self._speech.state in (Agent.THINKING, Agent.LISTENING):
            self._speech.move(Agent.SPEAKING)

    def heard(self, fact: facts.SpeechHeard, now: float) -> None:
        active = self._speech.find(fact.reply)
        if active is None or fact.chars <= active.line.heard:
            return
        line = active.line
        if line.heard_at is None:
            # A phone that counts in frames may confirm one early: no sound was heard before it left.
            line.heard_at = max(now - fact.began_ago_s, line.first_audio_at or 0.0)
        line.heard = min(fact.chars, len(line.text))
        self._paid(active)
        waits_for_more = active.is_asked and not line.is_complete and line.heard >= len(line.text.rstrip())
        if waits_for_more and self._agent.voice_mode == "hosted":
            self._deadlines.set("stall", now + self._rules.stall_s)

    def ended(self, fact: facts.SpeechEnded, now: float) -> Active | None:
        """All of the line was heard; returns it, now over."""
        active = self._speech.find(fact.reply)
        if active is None or not active.line.is_complete:
            return None
        active.line.heard = len(active.line.text)
        if active.line.heard_at is None:
            active.line.heard_at = now
        self._paid(active)
        if active.line.kind == "answer":
            self.failures = 0
        return active

    def starved(self, fact: facts.SpeechStarved, now: float) -> None:
        active = self._speech.find(fact.reply)
        if active is not None and not active.owes_audio:
            self.expect_audio(active, now)

    def _paid(self, active: Active) -> None:
        active.owes_audio = False
        if not any(other.owes_audio for other in self._speech.active):
            self._deadlines.clear("speech")
