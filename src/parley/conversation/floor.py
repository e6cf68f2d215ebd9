"""Who has the floor: the caller's sounds, words and keys, and what they do to the agent's speech."""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.answers import Answers
from parley.conversation.answering.sounding import Sounding
from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.ledger import Line, Row
from parley.conversation.shared import Shared
from parley.conversation.states import ON_SOUND, ON_WORDS, Agent, Reaction
from parley.conversation.turns.murmurs import Murmurs, is_echo
from parley.conversation.turns.stops import Stops
from parley.conversation.turns.yielding import Yielding, yielding
from parley.conversation.wishes import CloseMicrophone, EndCall, JudgeTurn
from parley.conversation.words import count_words, words_of

# An echo is of what was just played: the last few seconds, and a little that is not confirmed yet.
_ECHO_CHARS = 60
_ECHO_AHEAD_CHARS = 15
# So soon after a turn was taken, its very words, told once more without a sound of the caller, are told twice.
_TWIN_S = 1.5
_QUESTION_ENDS = ("?", "？", "؟")
_REASONS = {
    "echo": "these are the agent's own words, come back",
    "backchannel": "these words only say that the caller listens, or takes leave",
    "cough": "these words were taken as a turn already",
}


class Floor:
    """The joint rules of the two machines. Shares their state with the conversation that made it."""

    def __init__(self, shared: Shared, speech: SpeechSide, sounding: Sounding, answers: Answers) -> None:
        self._shared = shared
        self._caller = shared.caller
        self._deadlines = shared.deadlines
        self._speech = speech
        self._sounding = sounding
        self._answers = answers
        self._murmurs = Murmurs(shared.agent)
        self._stops = Stops(shared.out)
        self._readiness = yielding(shared.agent.conduct.interruption_sensitivity, shared.rules.sure_words)

    # ------------------------------------------------------------ who may be silenced

    @property
    def _yields(self) -> Yielding:
        """How readily the agent gives way now: nobody insists on words that nobody has heard any of."""
        return self._readiness if self._speech.is_audible else Yielding(words=self._shared.rules.sure_words)

    @property
    def _is_protected(self) -> bool:
        is_stubborn = self._speech.state is Agent.SPEAKING and self._yields.is_never
        return is_stubborn or self._speech.is_protected

    @property
    def on_words(self) -> Reaction:
        """What words or keys of the caller do now; into protected words they are gathered, and answered afterwards."""
        reaction = ON_WORDS[self._speech.state]
        return Reaction.GATHER if reaction is Reaction.INTERRUPT and self._is_protected else reaction

    def _hold(self, now: float) -> None:
        self._measure_stop(now)
        self._speech.hold(now)

    def _measure_stop(self, now: float, cause: str = "words") -> None:
        """The agent is about to fall silent, where it was heard."""
        head = self._speech.head
        is_heard = head is not None and self._speech.state is Agent.SPEAKING and not head.is_heard_out
        since = head.line.first_audio_at if head is not None and is_heard else None
        if cause == "keys" and since is not None:
            self._stops.fell_silent_at_once(now)
        else:
            self._stops.fell_silent(now, since, is_sounding=self._caller.is_sounding)

    # ------------------------------------------------------------ sounds

    def sound_started(self, fact: facts.VoiceStarted, now: float) -> None:
        if self._caller.is_sounding or self._caller.has_heard(now - fact.ago_s):
            return
        self._deadlines.clear("false_alarm")
        self._deadlines.set("sound", now + self._shared.rules.held_limit_s)
        self._caller.sound_started(now, fact.ago_s)
        self._stops.sound_began(now - fact.ago_s)
        if ON_SOUND[self._speech.state] is not Reaction.HOLD or self._is_protected:
            return
        wait_s = self._yields.sound_s - fact.ago_s
        if wait_s > 0:
            self._deadlines.set("give_way", now + wait_s)
        else:
            self._hold(now)

    def give_way_due(self, now: float) -> None:
        """The sound has lasted long enough for this agent."""
        if self._caller.is_sounding and ON_SOUND[self._speech.state] is Reaction.HOLD and not self._is_protected:
            self._hold(now)

    def sound_stopped(self, fact: facts.VoiceStopped, now: float) -> None:
        if not self._caller.is_sounding:
            return
        self._deadlines.clear("sound", "give_way")
        self._caller.sound_stopped(now, fact.ago_s)
        if self._speech.state is Agent.HELD and not self._shared.tally.carrier_lost:
            self._deadlines.set("false_alarm", now + self._shared.rules.false_alarm_s)
        row = self._shared.ledger.rows[-1] if self._shared.ledger.rows else None
        if row is not None and row.spoke_until_is_estimate and not self._caller.text:
            row.spoke_until, row.spoke_until_is_estimate = now - fact.ago_s, False

    def sound_due(self, now: float) -> None:
        """Noise, or a sound that only the recogniser began to hear: nobody may ever tell of its end."""
        self._caller.sound_stopped(now, self._shared.rules.held_limit_s)

    # ------------------------------------------------------------ words

    def words(self, fact: facts.WordsHeard, now: float) -> None:
        if self._caller.is_sounding and fact.text.strip():
            self._deadlines.set("sound", now + self._shared.rules.held_limit_s)
        fact = self._caller.without_twin(fact)
        reaction = ON_WORDS[self._speech.state]
        if reaction is Reaction.NOTHING:
            return
        if reaction is Reaction.INTERRUPT and not self._belong_to_turn(fact, now):
            return
        if self._speech.state is Agent.LEAVING and self._aside(fact.text, now) is not None:
            return
        if fact.text.strip():
            self._shared.tally.check_ins = 0
        self._caller.words(fact, now)
        if fact.is_final and self._caller.text:
            self._shared.reasons.append(self._caller.ending.value)
        self.take_due_turn(now)

    def _belong_to_turn(self, fact: facts.WordsHeard, now: float) -> bool:
        """What words said to a busy agent do. True: they are the caller's turn, whether or not they silenced it."""
        if not words_of(fact.text):
            return bool(self._caller.text)  # what was gathered unsettled may be taken back
        aside = "cough" if self._is_twin(fact, now) else self._aside(fact.text, now)
        if aside is not None:
            self._shared.reasons.append(_REASONS[aside])
            if fact.is_final:
                if self._caller.text:
                    self._caller.words(facts.WordsHeard("", is_final=True), now)
                self.no_interruption(now, aside)
            return False
        if self._is_protected:
            return True
        if self._are_enough(fact) and not (not fact.is_final and self._may_become_echo(fact.text)):
            self.interrupt(now)
            return True
        if fact.is_final:
            self._shared.reasons.append("so few words do not interrupt this agent")
            self.no_interruption(now, "backchannel")
            return True
        if not self._yields.sound_s:
            self._hold_for_word(now)
        return False

    def _are_enough(self, fact: facts.WordsHeard) -> bool:
        """Whether so many words make the interruption final, for this agent."""
        yields = self._yields
        count = count_words(fact.text)
        if yields.settled_words > 1:
            count += count_words(self._caller.text)
        return count >= (yields.settled_words if fact.is_final else yields.words)

    def _hold_for_word(self, now: float) -> None:
        """Unsettled words are often taken back, or grow into an echo: be silent for them, but forget nothing yet."""
        if self._speech.state is not Agent.HELD:
            self._hold(now)
        if not self._caller.is_sounding and not self._shared.tally.carrier_lost:
            self._deadlines.set("false_alarm", now + self._shared.rules.lone_word_s)

    def utterance_ended(self, fact: facts.UtteranceEnded, now: float) -> None:
        self._caller.utterance_ended(now)
        self.take_due_turn(now)

    def _aside(self, text: str, now: float) -> str | None:
        """Why words said over the agent leave it the floor: they are its echo, a murmur, a farewell into its own, or
        the hello of picking up. None where they do not."""
        head = self._speech.head
        if head is None:
            return None
        line = head.line
        if is_echo(text, self._played(head)):
            return "echo"
        is_pickup_time = line.kind == "greeting" and (
            self._shared.tally.connected_for(now) < self._shared.rules.pickup_s
        )
        if is_pickup_time and self._murmurs.is_pickup(text):
            return "backchannel"
        leave = next((active.leave for active in self._speech.active if active.leave is not None), None)
        if leave is not None and self._murmurs.is_farewell(text, ends_call=isinstance(leave, EndCall)):
            return "backchannel"
        if self._yields.heeds_backchannels or not self._murmurs.is_backchannel(text):
            return None
        return "backchannel" if leave is not None or not self._is_answered_by_murmur(line) else None

    def _may_become_echo(self, text: str) -> bool:
        """Whether the next word will tell if the agent's own are coming back."""
        head = self._speech.head
        return head is not None and is_echo(text, self._played(head), least_words=2)

    @staticmethod
    def _played(head: Active) -> str:
        """What the phone played last, also of the lines of the row before this one: a filler, a cut-in."""
        line = head.line
        before = " ".join(one.heard_text for one in head.row.lines if one is not line and one.heard)
        now = line.text[max(line.heard - _ECHO_CHARS, 0) : line.heard + _ECHO_AHEAD_CHARS]
        return f"{before[-_ECHO_CHARS:]} {now}"

    def _is_answered_by_murmur(self, line: Line) -> bool:
        """Whether "yes" would say something about the line. One that fills a wait asks nothing."""
        if line.kind == "filler":
            return False
        return line.heard_text.endswith(_QUESTION_ENDS) or (line.kind != "clip" and self._is_nearly_over(line))

    def _is_nearly_over(self, line: Line) -> bool:
        """Whether the caller has heard so much of the line that whatever is said now answers it."""
        left = len(line.text.rstrip()) - line.heard
        return line.is_complete and line.first_audio_at is not None and left <= self._shared.rules.last_chars

    def _is_twin(self, fact: facts.WordsHeard, now: float) -> bool:
        """Whether the recogniser settles once more what was taken as a turn already."""
        row = self._speech.active[0].row if self._speech.active else None
        if row is None or not fact.is_final or row.recognised_at is None or now - row.recognised_at > _TWIN_S:
            return False
        words, taken = words_of(fact.text), words_of(row.caller)
        return taken[-len(words) :] == words and not self._stops.is_since(row.recognised_at)

    # ------------------------------------------------------------ what it comes to

    def no_interruption(self, now: float, cause: str) -> None:
        """The agent keeps the floor. What the caller said before the agent had it is still a turn to come."""
        if self._speech.state is Agent.HELD and not self._shared.tally.carrier_lost:
            self._go_on(now)
            self._stops.decide("resumed", cause)

    def resume(self, now: float) -> None:
        """Go on from where the caller stopped hearing, for another reason than the caller."""
        self._stops.forget()
        self._go_on(now)

    def _go_on(self, now: float) -> None:
        self._speech.resume(now)
        self._sounding.expect_what_is_owed(now)

    def interrupt(self, now: float, cause: str = "words") -> None:
        """Words made it final. An answer nobody heard any of came too early: its turn goes on with the new words."""
        if self._speech.state is not Agent.HELD:
            self._measure_stop(now, cause)
        self._cut(now)
        self._stops.decide("cut", cause)

    def _cut(self, now: float) -> None:
        rows = list({active.row.number: active.row for active in self._speech.active}.values())
        self._speech.cut("interrupted", spares_protected=True)
        spared = {active.row.number for active in self._speech.active}
        self._go_on(now)
        self._deadlines.clear("false_alarm", "give_way")
        for row in rows:
            if row.number in spared:
                continue
            if row.caller and not row.was_heard and row is self._shared.ledger.rows[-1]:
                row.lines.clear()
                self._caller.put_back(row.caller, row.confidence)
                self._shared.tally.reopened = row
            else:
                self.note(row)

    # ------------------------------------------------------------ protected words, and the last ones

    def heard(self, fact: facts.SpeechHeard, now: float) -> None:
        was_protected = self._speech.is_protected
        self._sounding.heard(fact, now)
        if was_protected and not self._speech.is_protected:
            self.protection_over(now)

    def protection_over(self, now: float) -> None:
        """What the caller said into protected words is listened to as soon as they were heard.

        The agent has made them wait on purpose: how long that took is no measure of how soon it falls silent.
        """
        if self._is_protected or self._speech.state not in (Agent.THINKING, Agent.SPEAKING) or self._readiness.is_never:
            return
        if all(active.is_wholly_heard for active in self._speech.active):
            return  # the end of the line is about to be told
        self._stops.forget()
        if self._caller.text:
            self._cut(now)
            self.take_due_turn(now)
        elif self._caller.is_sounding:
            self._speech.hold(now)

    def keeps_from_leaving(self, active: Active, now: float) -> bool:
        """Whether the call, whose last line is over, goes on until a sound of the caller has turned out to be words.

        Words that were said into the last line already, and did not cut it, are a turn: nobody leaves.
        """
        if active.leave is None or self._speech.state not in (Agent.THINKING, Agent.SPEAKING, Agent.HELD):
            return False
        if self._caller.text:
            active.leave = None
            return False
        if not self._caller.is_sounding and self._speech.state is not Agent.HELD:
            return False
        active.is_heard_out = True
        self._speech.keep(active)
        if self._speech.state is not Agent.HELD:
            self._speech.hold(now)
        return True

    def ask_of_pause(self) -> None:
        """Ask the end-of-turn model about a pause that has words before it, once; nothing waits for its answer."""
        if self._shared.rules.judges_turns and (pause := self._caller.pause_to_judge()) is not None:
            self._shared.out.append(JudgeTurn(pause))

    def turn_judged(self, fact: facts.TurnJudged, now: float) -> None:
        self._caller.judged(fact.pause, fact.probability)
        self.take_due_turn(now)

    def take_due_turn(self, now: float) -> None:
        due = self._caller.due
        is_listening = self._speech.state in (Agent.LISTENING, Agent.TAKEN_OVER)
        if self._shared.tally.is_keying or due is None or due > now or not is_listening:
            return
        row = self._take_turn(now)
        row.endpointed_at = now
        self.note(row)
        if self._speech.state is Agent.LISTENING:
            self._answers.ask(row, now)

    def take_rest(self, now: float) -> None:
        """Nobody is left to answer the open turn: write down what there is of it."""
        if self._caller.text:
            self.note(self._take_turn(now))

    def _take_turn(self, now: float) -> Row:
        """Put the caller's words and keys into a row of the transcript."""
        tally, utterance = self._shared.tally, self._caller.take(now)
        row, tally.reopened = self._shared.ledger.go_on_with(tally.reopened, now), None
        row.caller, row.confidence = utterance.text, utterance.confidence
        row.digits, tally.digits = row.digits + tally.digits, ""
        row.spoke_until, row.spoke_until_is_estimate = utterance.spoke_until, utterance.is_estimate
        row.recognised_at, row.endpointed_at = utterance.recognised_at, None
        return row

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
            self._shared.tally.taken_by = ""
            self._deadlines.clear("take_over")
            self._shared.out.append(CloseMicrophone())
            self._speech.give_back()

    def note(self, row: Row) -> None:
        """Wish that the row be written down as it stands, unless nobody was heard in it yet."""
        note = self._shared.ledger.note(row)
        if note is not None:
            self._shared.out.append(note)
