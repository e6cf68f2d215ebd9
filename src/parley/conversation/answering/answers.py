"""From the caller's finished turn to the complete text of the answer, and what the answer wants done."""

from __future__ import annotations

from parley.conversation import facts, lines
from parley.conversation.answering.ahead import Ahead
from parley.conversation.answering.failing import Failing
from parley.conversation.answering.pressing import MOST_KEYS, ON_THE_WAY_S, pressing_s
from parley.conversation.answering.sounding import Sounding
from parley.conversation.answering.speech import Active, Pressed, SpeechSide
from parley.conversation.ledger import LineKind, Row
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import AskReply, EndCall, NoteProblem, PressDigits, TransferTo


class Answers:
    """Follows the text of each line. A line that a method returns is over: its owner writes it down and goes on."""

    def __init__(self, shared: Shared, speech: SpeechSide, sounding: Sounding, failing: Failing, ahead: Ahead) -> None:
        self._agent = shared.agent
        self._rules = shared.rules
        self._ledger = shared.ledger
        self._deadlines = shared.deadlines
        self._out = shared.out
        self._speech = speech
        self._sounding = sounding
        self._failing = failing
        self._ahead = ahead

    def say(
        self, text: str, now: float, *, leave: EndCall | TransferTo | None = None, is_protected: bool = False
    ) -> None:
        """Say a line of our own; with `leave` it is the goodbye. A protected one is heard to its end."""
        kind: LineKind = "said" if leave is None else "goodbye"
        active = self._speech.say_whole(self._ledger.open(now), kind, text, leave=leave)
        if self._speech.state is Agent.LISTENING:
            self._speech.move(Agent.THINKING)
        if is_protected:
            self._speech.protect(active)
        if leave is not None and is_protected:
            self._speech.protect_goodbye(now)
        elif leave is not None:
            self._speech.expect_goodbye(now)
        self._sounding.expect_audio(active, now)

    def ask(self, row: Row, now: float) -> None:
        """The turn is over: take the answer that was asked for early, if it still fits, or ask for one."""
        active = self._ahead.confirm(row)
        if active is None:
            active = self._speech.open(row, "answer")
            active.is_asked = True
            self._out.append(AskReply(active.line.number, row.number, row.caller, row.confidence, row.digits))
        self._speech.move(Agent.THINKING)
        if self._agent.voice_mode == "hosted":
            self._deadlines.set("bridge", now + self._rules.bridge_s)
            self._deadlines.set("reply_retry", now + self._rules.reply_retry_s)
            self._deadlines.set("reply_limit", now + self._rules.reply_limit_s)
        if active.line.text:
            self._sounding.expect_audio(active, now)

    def text(self, fact: facts.ReplyText, now: float) -> None:
        active = self._speech.find(fact.reply)
        if active is None or active.line.is_complete:
            return
        self._deadlines.clear("reply_retry")
        length = len(active.line.text)
        self._speech.add_text(active, fact.text, now, is_whole=fact.is_whole, is_protected=fact.is_protected)
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
            self._sounding.expect_audio(active, now)
        if active.leave is not None:
            self._speech.expect_goodbye(now)

    def digits(self, fact: facts.ReplyDigits, now: float) -> None:
        active = self._speech.find(fact.reply)
        if active is not None:
            active.has_acted = True
            self._deadlines.clear("reply_retry", "bridge", "reply_limit")
            active.keys += len(fact.digits)
            if active.keys > MOST_KEYS:
                if active.keys - len(fact.digits) <= MOST_KEYS:  # told once
                    self._out.append(NoteProblem("too_many_keys"))
                return
            before = active.pressed
            left_s = max(before.at + before.for_s - ON_THE_WAY_S - now, 0.0) if before is not None else 0.0
            active.pressed = Pressed(len(active.line.text), now, left_s + pressing_s(fact.digits))
            self._out.append(PressDigits(fact.digits))

    def hangup(self, fact: facts.ReplyHangup, now: float) -> None:
        self._leave_after(fact.reply, EndCall("agent_hangup"), now)

    def transfer(self, fact: facts.ReplyTransfer, now: float) -> None:
        if self._agent.transfer_number:
            self._leave_after(fact.reply, TransferTo(self._agent.transfer_number), now)
        elif (active := self._speech.find(fact.reply)) is not None:
            self._out.append(NoteProblem("transfer_without_number"))
            if not active.has_words:  # whoever asked for a human is not answered with silence
                self._speech.add_text(active, lines.nobody_took_it(self._agent.language), now, is_whole=True)
                self._grown(active, 0, now)

    def refused(self, fact: facts.ReplyRefused) -> None:
        if self._speech.find(fact.reply) is not None:
            self._out.append(NoteProblem(fact.code))

    def silent(self, fact: facts.ReplySilent) -> None:
        """The caller is answered by not being spoken to; words that come all the same count for more."""
        active = self._speech.find(fact.reply)
        if active is not None:
            active.has_acted = True
            self._deadlines.clear("reply_retry", "bridge", "reply_limit")
            self._sounding.failures = 0

    def done(self, fact: facts.ReplyDone, now: float) -> Active | None:
        """The reply is complete; returns its line when nothing of it will be heard, so that it is over already."""
        active = self._speech.find(fact.reply)
        if active is None or (active.line.is_complete and active.line.text):
            return None
        self._deadlines.clear("reply_retry", "reply_limit", "stall")
        had_text = bool(active.line.text)
        if isinstance(active.leave, EndCall) and not active.has_words and self._agent.voice_mode == "hosted":
            self._speech.add_text(active, lines.goodbye(self._agent.language), now, is_whole=True)
        self._speech.complete(active)
        if not active.line.text:
            self._deadlines.clear("bridge")
            return self._said_nothing(active, now)
        if not had_text:
            self._sounding.expect_audio(active, now)
            if active.leave is not None:
                self._speech.expect_goodbye(now)
        return None

    def _said_nothing(self, active: Active, now: float) -> Active | None:
        """A chat model that neither speaks nor acts has failed; a customer's server may want nothing."""
        if self._agent.voice_mode == "webhook" or active.leave is not None or active.has_acted:
            return active
        self._speech.drop(active)
        self._failing.apologise(active.row, "responder_empty", now)
        return None

    def _leave_after(self, number: int, leave: EndCall | TransferTo, now: float) -> None:
        active = self._speech.find(number)
        if active is None:
            return
        self._deadlines.clear("reply_retry", "bridge", "reply_limit")
        active.leave = leave
        self._speech.expect_goodbye(now)
