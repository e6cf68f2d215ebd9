"""From the caller's finished turn to the last heard word of the answer, and what to do when a part fails on the way."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.deadlines import Deadlines
from parley.conversation.ledger import Ledger, LineKind, Row
from parley.conversation.rules import TurnRules
from parley.conversation.speech import Active, SpeechSide
from parley.conversation.states import Agent
from parley.conversation.wishes import (
    AnyWish,
    AskReply,
    CancelReply,
    EndCall,
    NoteProblem,
    PressDigits,
    RetryReply,
    RetrySpeech,
    StopSpeech,
    TransferTo,
)
from parley.domain.agents import AgentSnapshot


class Answers:
    """Follows each line of the agent. A line that a method returns is over: its owner writes it down and goes on."""

    def __init__(
        self,
        agent: AgentSnapshot,
        rules: TurnRules,
        speech: SpeechSide,
        ledger: Ledger,
        deadlines: Deadlines,
        out: list[AnyWish],
    ) -> None:
        self.failures = 0
        self._agent = agent
        self._rules = rules
        self._speech = speech
        self._ledger = ledger
        self._deadlines = deadlines
        self._out = out

    # ------------------------------------------------------------ asking

    def say(self, text: str, now: float, *, leave: EndCall | TransferTo | None = None) -> None:
        """Say a line of our own; with `leave` it is the goodbye."""
        kind: LineKind = "said" if leave is None else "goodbye"
        active = self._speech.say_whole(self._ledger.open(now), kind, text, leave=leave)
        if self._speech.state is Agent.LISTENING:
            self._speech.move(Agent.THINKING)
        if leave is not None:
            self._speech.leave_with(active, now)
        self.expect_audio(active, now)

    def ask(self, row: Row, now: float) -> None:
        active = self._speech.open(row, "answer")
        active.is_asked = True
        self._out.append(AskReply(active.line.number, row.number, row.caller, row.confidence))
        self._speech.move(Agent.THINKING)
        if self._agent.voice_mode == "hosted":
            self._deadlines.set("reply_retry", now + self._rules.reply_retry_s)
            self._deadlines.set("bridge", now + self._rules.bridge_s)
            self._deadlines.set("reply_limit", now + self._rules.reply_limit_s)

    def text(self, fact: facts.ReplyText, now: float) -> None:
        active = self._speech.find(fact.reply)
        if active is None or active.line.is_complete:
            return
        self._deadlines.clear("reply_retry")
        length = len(active.line.text)
        self._speech.add_text(active, fact.text, now, is_whole=fact.is_whole)
        self._grown(active, length, now)

    def phrase_due(self, now: float) -> None:
        lengths = [(active, len(active.line.text)) for active in self._speech.active]
        self._speech.phrase_due(now)
        for active, length in lengths:
            self._grown(active, length, now)

    def _grown(self, active: Active, length: int, now: float) -> None:
        """Only words to speak are progress: a model that thinks aloud, or leaks its tools, leaves the line silent."""
        if len(active.line.text) == length:
            return
        if active.is_asked:
            self._deadlines.clear("reply_limit", "stall")
        if not length:
            self.expect_audio(active, now)
        if active.leave is not None and self._speech.state is Agent.LEAVING:
            self._speech.leave_with(active, now)

    def digits(self, fact: facts.ReplyDigits, now: float) -> None:
        if self._speech.find(fact.reply) is not None:
            self._deadlines.clear("reply_retry", "bridge", "reply_limit")
            self._out.append(PressDigits(fact.digits))

    def hangup(self, fact: facts.ReplyHangup, now: float) -> None:
        self._leave_after(fact.reply, EndCall("agent_hangup"), now)

    def transfer(self, fact: facts.ReplyTransfer, now: float) -> None:
        if self._agent.transfer_number:
            self._leave_after(fact.reply, TransferTo(self._agent.transfer_number), now)
        elif self._speech.find(fact.reply) is not None:
            self._out.append(NoteProblem("transfer_without_number"))

    def done(self, fact: facts.ReplyDone, now: float) -> Active | None:
        """The reply is complete; returns its line when nothing of it will be heard, so that it is over already."""
        active = self._speech.find(fact.reply)
        if active is None or active.line.is_complete:
            return None
        self._deadlines.clear("reply_retry", "reply_limit", "stall")
        had_text = bool(active.line.text)
        self._speech.complete(active)
        if not active.line.text:
            self._deadlines.clear("bridge")
        if not active.line.text and active.leave is None and self._agent.voice_mode == "hosted":
            self._speech.drop(active)
            self.apologise(active.row, "responder_empty", now)
            return None
        if not active.line.text:
            return active
        if not had_text:
            self.expect_audio(active, now)
        return None

    def _leave_after(self, number: int, leave: EndCall | TransferTo, now: float) -> None:
        active = self._speech.find(number)
        if active is None:
            return
        self._deadlines.clear("reply_retry", "bridge", "reply_limit")
        active.leave = leave
        if self._speech.state is not Agent.HELD and active.line.text:
            self._speech.leave_with(active, now)

    # ------------------------------------------------------------ being heard

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
            line.heard_at = now
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

    # ------------------------------------------------------------ failing

    def reply_retry_due(self) -> None:
        for active in self._waiting():
            if not active.was_retried:
                active.was_retried = True
                self._out.append(RetryReply(active.line.number))

    def bridge_due(self, now: float) -> None:
        """Still nothing to be heard: the caller is asked for a moment, and the answer may still come."""
        silent = [one for one in self._speech.active if one.is_asked and one.line.first_audio_at is None]
        if not silent or self._speech.state is not Agent.THINKING:
            return
        has_words_since = silent[0].line.first_text_at if silent[0].line.text else None
        if has_words_since is not None and now < has_words_since + self._rules.voice_patience_s:
            self._deadlines.set("bridge", has_words_since + self._rules.voice_patience_s)
        else:
            self._speech.play_clip(silent[0].row, "one_moment", now)

    def reply_limit_due(self, now: float) -> None:
        for active in self._waiting():
            self._out.append(CancelReply(active.line.number))
            self._speech.drop(active)
            self.apologise(active.row, "responder_timeout", now)

    def stall_due(self, now: float) -> None:
        """The model fell silent in mid-answer: close what was said, and say that something is wrong."""
        for active in [one for one in self._speech.active if one.is_asked and not one.line.is_complete]:
            self._out.append(CancelReply(active.line.number))
            self._speech.complete(active)
            self.apologise(active.row, "responder_stalled", now)

    def failed(self, fact: facts.ReplyFailed, now: float) -> Active | None:
        """Returns the line when it is over in silence."""
        active = self._speech.find(fact.reply)
        if active is None or active.line.is_complete:
            return None
        if active.line.text:
            self._speech.complete(active)
            if fact.silent:
                self._out.append(NoteProblem(fact.reason))
            else:
                self.apologise(active.row, fact.reason, now)
            return None
        if fact.silent:
            self._out.append(NoteProblem(fact.reason))
            return active
        if not active.was_retried:
            active.was_retried = True
            self._speech.start_over(active)
            self._out.append(RetryReply(active.line.number))
            return None
        self._deadlines.clear("reply_retry", "bridge", "reply_limit")
        self._speech.drop(active)
        self.apologise(active.row, fact.reason, now)
        return None

    def speech_due(self, now: float) -> Active | None:
        """The voice owes audio too long: once more through a fresh connection, then no more.

        A line that waits for another one to be wholly spoken is not late; its time begins when that one is over.
        """
        for active in [one for one in self._speech.active if one.owes_audio and not self._speech.is_in_line(one)]:
            if active.voice_was_retried:
                return self._give_up(active, "voice_timeout", now)
            active.voice_was_retried = True
            self._out.append(RetrySpeech(active.line.number))
            self._deadlines.set("speech", now + self._rules.speech_limit_s - self._rules.speech_retry_s)
        return None

    def speech_failed(self, fact: facts.SpeechFailed, now: float) -> Active | None:
        active = self._speech.find(fact.reply)
        return None if active is None else self._give_up(active, fact.reason, now)

    def _give_up(self, active: Active, reason: str, now: float) -> Active:
        self._out.append(StopSpeech(active.line.number))
        if active.is_asked and not active.line.is_complete:
            self._out.append(CancelReply(active.line.number))
        active.owes_audio = False
        active.line.is_complete = True
        self._deadlines.clear("speech", "stall")
        self._speech.drop(active)
        if active.leave is None:
            self.apologise(active.row, reason, now)
        else:
            self._out.append(NoteProblem(reason))
        return active

    def apologise(self, row: Row, reason: str, now: float) -> None:
        """Let the caller hear, without any provider, that something is wrong; when it keeps happening, say farewell.

        A human who speaks in the agent's place is not interrupted for it.
        """
        self._out.append(NoteProblem(reason))
        if self._speech.state is Agent.TAKEN_OVER:
            return
        self.failures += 1
        if self._speech.state is Agent.LISTENING:
            self._speech.move(Agent.THINKING)
        if self.failures >= self._rules.failures:
            self._speech.play_clip(row, "farewell", now, leave=EndCall("provider_failed"))
        else:
            self._speech.play_clip(row, "apology", now)

    def _waiting(self) -> list[Active]:
        return [one for one in self._speech.active if one.is_asked and not one.line.text and not one.line.is_complete]
