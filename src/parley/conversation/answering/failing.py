"""What to do when the answer, or its sound, does not come: ask again, ask for a moment, give up, apologise."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.sounding import Sounding
from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.ledger import Row
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import (
    CancelReply,
    EndCall,
    NoteProblem,
    RetryReply,
    RetrySpeech,
    StopSpeech,
    TransferTo,
)


class Failing:
    """Looks after lines that are late or broken. A line that a method returns is over, as in `Sounding`."""

    def __init__(self, shared: Shared, speech: SpeechSide, sounding: Sounding) -> None:
        agent = shared.agent
        self._rules = shared.rules
        self._tally = shared.tally
        self._deadlines = shared.deadlines
        self._out = shared.out
        self._speech = speech
        self._sounding = sounding
        self._transfer_number = agent.transfer_number
        # Every spare is tried, and after them the first once more; without spares, the only one.
        self._most_retries = 1 + len(agent.spare_models)
        self._most_voice_retries = max(1, len(agent.spare_voices))

    def reply_retry_due(self, now: float) -> None:
        """Nothing was said yet: the next model is asked, beside those that were."""
        for active in self._waiting():
            if active.retries < self._most_retries:
                active.retries += 1
                self._out.append(RetryReply(active.line.number))
            if active.retries < self._most_retries:
                self._deadlines.set("reply_retry", now + self._rules.reply_retry_s)

    def bridge_due(self, now: float) -> None:
        """Still nothing to be heard: the caller is asked for a moment, and the answer may still come."""
        silent = [one for one in self._speech.active if one.is_asked and one.line.first_audio_at is None]
        if not silent or self._speech.state not in (Agent.THINKING, Agent.SPEAKING, Agent.HELD):
            return
        if self._speech.state is not Agent.THINKING:  # something else is heard, or the caller is listened to
            self._deadlines.set("bridge", now + self._rules.voice_patience_s)
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
        """The model fell silent in mid-answer: close what was said, and say that something is wrong.

        No other model goes on with the sentence: it would begin it anew, and the caller hear half of it twice. What the
        caller says next goes to the next model, whose history holds what was heard.
        """
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
        if active.retries < self._most_retries:
            active.retries += 1
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
            if active.voice_retries >= self._most_voice_retries:
                return self._give_up(active, "voice_timeout", now)
            active.voice_retries += 1
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
        self._sounding.failures += 1
        if self._speech.state is Agent.LISTENING:
            self._speech.move(Agent.THINKING)
        most = self._rules.mute_failures if self._tally.is_mute else self._rules.failures
        if self._sounding.failures >= most:
            self.leave(row, now)
        else:
            self._speech.play_clip(row, "apology", now)

    def leave(self, row: Row, now: float) -> None:
        """The agent cannot go on: put the caller through to somebody who can, if there is anybody, else say farewell.

        The farewell is for callers who have nowhere else to go: the driver may have a voicemail for them instead.
        """
        if self._transfer_number and not self._tally.is_returned:
            self._speech.play_clip(row, "handing_over", now, leave=TransferTo(self._transfer_number))
        else:
            self._speech.play_clip(row, "farewell", now, leave=EndCall("provider_failed"))

    def _waiting(self) -> list[Active]:
        return [one for one in self._speech.active if one.is_asked and not one.line.text and not one.line.is_complete]
