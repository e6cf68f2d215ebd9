"""Who has the floor: the caller's sounds, words and keys, and what they do to the agent's speech."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answers import Answers
from parley.conversation.ledger import Line, Row
from parley.conversation.murmurs import is_echo, is_murmur, is_pickup
from parley.conversation.shared import Shared
from parley.conversation.sounding import Sounding
from parley.conversation.speech import SpeechSide
from parley.conversation.states import ON_SOUND, ON_WORDS, Agent, Reaction
from parley.conversation.wishes import CloseMicrophone
from parley.conversation.words import words_of

# An echo is of what was just played: the last few seconds, and a little that is not confirmed yet.
_ECHO_CHARS = 60
_ECHO_AHEAD_CHARS = 15


class Floor:
    """The joint rules of the two machines. Shares their state with the conversation that made it."""

    def __init__(self, shared: Shared, speech: SpeechSide, sounding: Sounding, answers: Answers) -> None:
        self._caller = shared.caller
        self._tally = shared.tally
        self._rules = shared.rules
        self._ledger = shared.ledger
        self._deadlines = shared.deadlines
        self._out = shared.out
        self._speech = speech
        self._sounding = sounding
        self._answers = answers

    def sound_started(self, fact: facts.VoiceStarted, now: float) -> None:
        if self._caller.is_sounding:
            return
        self._deadlines.clear("false_alarm")
        self._deadlines.set("sound", now + self._rules.held_limit_s)
        self._caller.sound_started(now)
        if ON_SOUND[self._speech.state] is Reaction.HOLD:
            self._speech.hold(now)

    def sound_stopped(self, fact: facts.VoiceStopped, now: float) -> None:
        if not self._caller.is_sounding:
            return
        self._deadlines.clear("sound")
        self._caller.sound_stopped(now, fact.ago_s)
        if self._speech.state is Agent.HELD and not self._tally.carrier_lost:
            self._deadlines.set("false_alarm", now + self._rules.false_alarm_s)
        row = self._ledger.rows[-1] if self._ledger.rows else None
        if row is not None and row.spoke_until_is_estimate and not self._caller.text:
            row.spoke_until, row.spoke_until_is_estimate = now - fact.ago_s, False

    def sound_due(self, now: float) -> None:
        """Noise, or a sound that only the recogniser began to hear: nobody may ever tell of its end."""
        self._caller.sound_stopped(now, self._rules.held_limit_s)

    def words(self, fact: facts.WordsHeard, now: float) -> None:
        if self._caller.is_sounding and fact.text.strip():
            self._deadlines.set("sound", now + self._rules.held_limit_s)
        fact = self._caller.without_twin(fact)
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
            self.interrupt(now)
        if fact.text.strip():
            self._tally.check_ins = 0
        self._caller.words(fact, now)
        self.take_due_turn(now)

    def _hold_for_word(self, now: float) -> None:
        """One unsettled word is often taken back: be silent for it, but forget nothing yet."""
        if self._speech.state is not Agent.HELD:
            self._speech.hold(now)
        if not self._caller.is_sounding and not self._tally.carrier_lost:
            self._deadlines.set("false_alarm", now + self._rules.lone_word_s)

    def utterance_ended(self, fact: facts.UtteranceEnded, now: float) -> None:
        self._caller.utterance_ended(now)
        self.take_due_turn(now)

    def _is_aside(self, text: str, now: float) -> bool:
        """Whether words said over the agent leave it the floor: its own echo, a murmur, the hello of picking up."""
        head = self._speech.active[0].line
        if is_echo(text, head.text[max(head.heard - _ECHO_CHARS, 0) : head.heard + _ECHO_AHEAD_CHARS]):
            return True
        if head.kind == "greeting" and self._tally.connected_for(now) < self._rules.pickup_s:
            return is_pickup(text)
        return is_murmur(text) and not head.heard_text.endswith("?") and not self._is_nearly_over(head)

    def _is_nearly_over(self, line: Line) -> bool:
        """Whether the caller has heard so much of the line that whatever is said now answers it."""
        left = len(line.text.rstrip()) - line.heard
        return line.is_complete and line.first_audio_at is not None and left <= self._rules.last_chars

    def no_interruption(self, now: float) -> None:
        """The agent keeps the floor. What the caller said before the agent had it is still a turn to come."""
        if self._speech.state is Agent.HELD and not self._tally.carrier_lost:
            self._deadlines.clear("false_alarm")
            self.resume(now)

    def resume(self, now: float) -> None:
        self._speech.resume(now)
        self._sounding.expect_what_is_owed(now)

    def interrupt(self, now: float) -> None:
        """Words made it final. An answer nobody heard any of came too early: its turn goes on with the new words."""
        rows = list({active.row.number: active.row for active in self._speech.active}.values())
        self._speech.cut("interrupted")
        self._speech.move(Agent.LISTENING)
        self._deadlines.clear("false_alarm")
        for row in rows:
            if row.caller and not row.was_heard and row is self._ledger.rows[-1]:
                row.lines.clear()
                self._caller.put_back(row.caller, row.confidence)
                self._tally.reopened = row
            else:
                self.note(row)

    def take_due_turn(self, now: float) -> None:
        due = self._caller.due
        if due is None or due > now or self._speech.state not in (Agent.LISTENING, Agent.TAKEN_OVER):
            return
        utterance = self._caller.take(now)
        if not utterance.text:
            return
        row = self._ledger.go_on_with(self._tally.reopened, now)
        self._tally.reopened = None
        row.caller, row.confidence = utterance.text, utterance.confidence
        row.spoke_until, row.spoke_until_is_estimate = utterance.spoke_until, utterance.is_estimate
        row.recognised_at, row.endpointed_at = utterance.recognised_at, now
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
            self._tally.taken_by = ""
            self._deadlines.clear("take_over")
            self._out.append(CloseMicrophone())
            self._speech.give_back()

    def note(self, row: Row) -> None:
        """Wish that the row be written down as it stands, unless nobody was heard in it yet."""
        note = self._ledger.note(row)
        if note is not None:
            self._out.append(note)
