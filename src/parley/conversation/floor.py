"""Who has the floor: the caller's sounds, words and keys, and what they do to the agent's speech."""

from __future__ import annotations

import msgspec

from parley.conversation import facts
from parley.conversation.answers import Answers
from parley.conversation.caller import CallerSide
from parley.conversation.deadlines import Deadlines
from parley.conversation.hearing import is_echo, is_murmur, is_pickup, words_of
from parley.conversation.ledger import Ledger, Line, Row
from parley.conversation.rules import TurnRules
from parley.conversation.speech import SpeechSide
from parley.conversation.states import ON_SOUND, ON_WORDS, Agent, Reaction
from parley.conversation.wishes import AnyWish, CloseMicrophone

# An echo is of what was just played: the last few seconds, and a little that is not confirmed yet.
_ECHO_CHARS = 60
_ECHO_AHEAD_CHARS = 15


class Tally(msgspec.Struct):
    """The little that is remembered besides the two machines and the ledger.

    `is_deaf`: the recogniser is gone for good, and only a human in the agent's place keeps the call alive.
    """

    connected_at: float | None = None
    check_ins: int = 0
    keys: str = ""
    reopened: Row | None = None
    carrier_lost: bool = False
    taken_by: str = ""
    is_deaf: bool = False


class Floor:
    """The joint rules of the two machines. Shares their state with the conversation that made it."""

    def __init__(
        self,
        rules: TurnRules,
        ledger: Ledger,
        deadlines: Deadlines,
        speech: SpeechSide,
        answers: Answers,
        out: list[AnyWish],
    ) -> None:
        self.caller = CallerSide(rules)
        self.tally = Tally()
        self._rules = rules
        self._ledger = ledger
        self._deadlines = deadlines
        self._speech = speech
        self._answers = answers
        self._out = out

    def sound_started(self, fact: facts.VoiceStarted, now: float) -> None:
        if self.caller.is_sounding:
            return
        self._deadlines.clear("false_alarm")
        self._deadlines.set("sound", now + self._rules.held_limit_s)
        self.caller.sound_started(now)
        if ON_SOUND[self._speech.state] is Reaction.HOLD:
            self._speech.hold(now)

    def sound_stopped(self, fact: facts.VoiceStopped, now: float) -> None:
        if not self.caller.is_sounding:
            return
        self._deadlines.clear("sound")
        self.caller.sound_stopped(now, fact.ago_s)
        if self._speech.state is Agent.HELD and not self.tally.carrier_lost:
            self._deadlines.set("false_alarm", now + self._rules.false_alarm_s)
        row = self._ledger.rows[-1] if self._ledger.rows else None
        if row is not None and row.spoke_until_is_estimate and not self.caller.text:
            row.spoke_until, row.spoke_until_is_estimate = now - fact.ago_s, False

    def sound_due(self, now: float) -> None:
        """Noise, or a sound that only the recogniser began to hear: nobody may ever tell of its end."""
        self.caller.sound_stopped(now, self._rules.held_limit_s)

    def words(self, fact: facts.WordsHeard, now: float) -> None:
        if self.caller.is_sounding and fact.text.strip():
            self._deadlines.set("sound", now + self._rules.held_limit_s)
        fact = self.caller.without_twin(fact)
        reaction = ON_WORDS[self._speech.state]
        if reaction is Reaction.NOTHING:
            return
        if reaction is Reaction.INTERRUPT:
            if not fact.text.strip():
                return
            if self._is_aside(fact.text, now):
                if fact.is_final:
                    self.no_interruption(now)
                return
            if not fact.is_final and len(words_of(fact.text)) < self._rules.sure_words:
                self._hold_for_word(now)
                return
            self._interrupt(now)
        if fact.text.strip():
            self.tally.check_ins = 0
        self.caller.words(fact, now)
        self.take_due_turn(now)

    def _hold_for_word(self, now: float) -> None:
        """One unsettled word is often taken back: be silent for it, but forget nothing yet."""
        if self._speech.state is not Agent.HELD:
            self._speech.hold(now)
        if not self.caller.is_sounding and not self.tally.carrier_lost:
            self._deadlines.set("false_alarm", now + self._rules.lone_word_s)

    def utterance_ended(self, fact: facts.UtteranceEnded, now: float) -> None:
        self.caller.utterance_ended(now)
        self.take_due_turn(now)

    def _is_aside(self, text: str, now: float) -> bool:
        """Whether words said over the agent leave it the floor: its own echo, a murmur, the hello of picking up."""
        head = self._speech.active[0].line
        if is_echo(text, head.text[max(head.heard - _ECHO_CHARS, 0) : head.heard + _ECHO_AHEAD_CHARS]):
            return True
        if head.kind == "greeting" and self.connected_for(now) < self._rules.pickup_s:
            return is_pickup(text)
        return is_murmur(text) and not head.heard_text.endswith("?") and not self._is_nearly_over(head)

    def _is_nearly_over(self, line: Line) -> bool:
        """Whether the caller has heard so much of the line that whatever is said now answers it."""
        left = len(line.text.rstrip()) - line.heard
        return line.is_complete and line.first_audio_at is not None and left <= self._rules.last_chars

    def connected_for(self, now: float) -> float:
        """Seconds since the phone's audio was attached; 0 before."""
        return 0.0 if self.tally.connected_at is None else now - self.tally.connected_at

    def no_interruption(self, now: float) -> None:
        """The agent keeps the floor. What the caller said before the agent had it is still a turn to come."""
        if self._speech.state is Agent.HELD and not self.tally.carrier_lost:
            self._deadlines.clear("false_alarm")
            self.resume(now)

    def resume(self, now: float) -> None:
        self._speech.resume(now)
        self._answers.expect_what_is_owed(now)

    def _interrupt(self, now: float) -> None:
        """Words made it final. An answer nobody heard any of came too early: its turn goes on with the new words."""
        rows = list({active.row.number: active.row for active in self._speech.active}.values())
        self._speech.cut()
        self._speech.move(Agent.LISTENING)
        self._deadlines.clear("false_alarm")
        for row in rows:
            if row.caller and not row.was_heard and row is self._ledger.rows[-1]:
                row.lines.clear()
                self.caller.put_back(row.caller, row.confidence)
                self.tally.reopened = row
            else:
                self.note(row)

    def key(self, fact: facts.KeyPressed, now: float) -> None:
        if ON_WORDS[self._speech.state] is Reaction.NOTHING:
            return
        self.tally.keys += fact.digit
        if fact.digit == "#":
            self.keys_due(now)
        else:
            self._deadlines.set("keys", now + self._rules.keys_pause_s)

    def keys_due(self, now: float) -> None:
        keys, self.tally.keys = self.tally.keys, ""
        self._deadlines.clear("keys")
        reaction = ON_WORDS[self._speech.state]
        if not keys or reaction is Reaction.NOTHING:
            return
        if reaction is Reaction.INTERRUPT:
            self._interrupt(now)
        self.tally.check_ins = 0
        self.caller.keys(keys, now)
        self.take_due_turn(now)

    def take_due_turn(self, now: float) -> None:
        due = self.caller.due
        if due is None or due > now or self._speech.state not in (Agent.LISTENING, Agent.TAKEN_OVER):
            return
        utterance = self.caller.take(now)
        if not utterance.text:
            return
        row = self._ledger.go_on_with(self.tally.reopened, now)
        self.tally.reopened = None
        row.caller, row.confidence = utterance.text, utterance.confidence
        row.spoke_until, row.spoke_until_is_estimate = utterance.spoke_until, utterance.is_estimate
        row.recognised_at = now
        self.note(row)
        if self._speech.state is Agent.LISTENING:
            self._answers.ask(row, now)

    def cut_short(self, now: float) -> None:
        """Whoever speaks on our side stops: write down how far the agent came, and close a human's microphone."""
        rows = {active.row.number: active.row for active in self._speech.active}
        self._speech.cut()
        for row in rows.values():
            self.note(row)
        self.end_take_over()
        if self._speech.state is not Agent.LEAVING:
            self._speech.move(Agent.LISTENING)

    def end_take_over(self) -> None:
        """The human, if there is one, is heard no more."""
        if self._speech.state is Agent.TAKEN_OVER:
            self.tally.taken_by = ""
            self._deadlines.clear("take_over")
            self._out.append(CloseMicrophone())
            self._speech.give_back()

    def note(self, row: Row) -> None:
        """Wish that the row be written down as it stands, unless nobody was heard in it yet."""
        note = self._ledger.note(row)
        if note is not None:
            self._out.append(note)
