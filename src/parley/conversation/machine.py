"""Who may speak, when: a pure state machine. No I/O, no clock.

`Conversation.handle(fact, now)` returns what should be done about it; `next_deadline()` says when to call
`handle_deadline(now)`. `now` is seconds since the call began and never goes back. The same facts at the same moments
always give the same wishes, so a recorded call can be run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from parley.conversation import facts, lines
from parley.conversation.answers import Answers
from parley.conversation.deadlines import Deadlines
from parley.conversation.floor import Floor
from parley.conversation.ledger import Ledger, Spoken
from parley.conversation.rules import TurnRules
from parley.conversation.speech import Active, SpeechSide
from parley.conversation.states import ON_SOUND, Agent, Caller, Reaction
from parley.conversation.steering import Steering, Whisper
from parley.conversation.wishes import AnyWish, EndCall, NoteProblem, TransferTo
from parley.domain.agents import AgentSnapshot


class Conversation:
    """One call's conversation between `agent` and whoever is on the line."""

    def __init__(self, agent: AgentSnapshot, rules: TurnRules | None = None) -> None:
        self.agent = agent
        self.rules = rules or TurnRules()
        self.ledger = Ledger()
        self._out: list[AnyWish] = []
        self._deadlines = Deadlines()
        self._speech = SpeechSide(self.rules, self.ledger, self._deadlines, self._out)
        self._answers = Answers(agent, self.rules, self._speech, self.ledger, self._deadlines, self._out)
        self._floor = Floor(self.rules, self.ledger, self._deadlines, self._speech, self._answers, self._out)
        self._steering = Steering(self._speech, self._answers, self._floor, self._deadlines, self._out)

    @property
    def agent_state(self) -> Agent:
        return self._speech.state

    @property
    def is_over(self) -> bool:
        return self._speech.state is Agent.GONE

    @property
    def taken_by(self) -> str:
        """Which human speaks in the agent's place; empty while the agent has the call."""
        return self._floor.tally.taken_by

    @property
    def is_connected(self) -> bool:
        """Whether a phone was ever there to hear anything."""
        return self._floor.tally.connected_at is not None

    def is_open(self, row: int) -> bool:
        """Whether something of this row of the transcript is still to be said."""
        return any(active.row.number == row for active in self._speech.active)

    @property
    def can_be_steered(self) -> bool:
        """Whether the phone is connected, and the last words of the call are not being said."""
        is_leaving = self._speech.state in (Agent.LEAVING, Agent.GONE)
        return self.is_connected and not is_leaving

    def whispers(self) -> Sequence[Whisper]:
        """What the agent was told behind the caller's back, oldest first."""
        return self._steering.whispers

    def history(self) -> Sequence[Spoken]:
        """What was truly said and heard so far, oldest first."""
        return self.ledger.history()

    def handle(self, fact: facts.AnyFact, now: float) -> list[AnyWish]:
        """Take one fact; facts about what is over already change nothing."""
        if not self.is_over:
            self._ON_FACT[type(fact)](self, fact, now)
            self._rearm(now)
        return self._take_wishes()

    def next_deadline(self) -> float | None:
        """When to call `handle_deadline`, in call time; None while nothing is waited for."""
        return self._deadlines.next()

    def handle_deadline(self, now: float) -> list[AnyWish]:
        """Do what is due at `now`, in the order it fell due."""
        while not self.is_over and (name := self._deadlines.pop_due(now)) is not None:
            self._ON_DEADLINE[name](self, now)
            self._rearm(now)
        return self._take_wishes()

    # ------------------------------------------------------------ the call begins

    def _prepared(self, fact: facts.CallPrepared, now: float) -> None:
        if self.agent.greeting and not self.ledger.rows:
            self._speech.say_whole(self.ledger.open(now), "greeting", self.agent.greeting)

    def _connected(self, fact: facts.CallConnected, now: float) -> None:
        if self._floor.tally.connected_at is not None:
            return
        self._floor.tally.connected_at = now
        self._speech.has_phone = True
        self._deadlines.set("max", now + self.agent.max_call_duration_s)
        self._prepared(facts.CallPrepared(), now)
        for active in self._speech.active:
            active.row.at_s = now
            if self._speech.state is Agent.LISTENING:
                self._speech.move(Agent.THINKING)
            if active.line.first_audio_at is None:
                self._answers.expect_audio(active, now)

    # ------------------------------------------------------------ the agent

    def _done(self, fact: facts.ReplyDone, now: float) -> None:
        self._over(self._answers.done(fact, now), now)

    def _failed(self, fact: facts.ReplyFailed, now: float) -> None:
        self._over(self._answers.failed(fact, now), now)

    def _speech_ended(self, fact: facts.SpeechEnded, now: float) -> None:
        self._over(self._answers.ended(fact, now), now)

    def _speech_failed(self, fact: facts.SpeechFailed, now: float) -> None:
        self._over(self._answers.speech_failed(fact, now), now)

    def _speech_due(self, now: float) -> None:
        self._over(self._answers.speech_due(now), now)

    def _over(self, active: Active | None, now: float) -> None:
        """A line is over: write it down, then leave, go on with the next line, or listen."""
        if active is None:
            return
        if active in self._speech.active:
            self._speech.drop(active)
        self._floor.note(active.row)
        if active.leave is not None:
            self._finish(active.leave, now)
        elif not self._speech.active:
            if self._speech.state is Agent.HELD:
                self._floor.resume(now)
            self._speech.move(Agent.LISTENING)
            self._floor.take_due_turn(now)
        else:
            self._answers.expect_what_is_owed(now)
            if self._speech.state is Agent.SPEAKING and not self._speech.is_audible:
                self._speech.move(Agent.THINKING)

    def _say_asked(self, fact: facts.SayAsked, now: float) -> None:
        if self._speech.state is not Agent.LEAVING:
            self._answers.say(fact.text, now)

    # ------------------------------------------------------------ people beside the call

    def _hand_back_asked(self, fact: facts.HandBackAsked, now: float) -> None:
        self._steering.hand_back(fact, now)
        self._leave_if_deaf(now)

    def _take_over_due(self, now: float) -> None:
        """Nobody has said for too long that the human is still there: the caller must not be left in silence."""
        self._out.append(NoteProblem("take_over_expired"))
        self._hand_back_asked(facts.HandBackAsked(say=lines.back_again(self.agent.language)), now)

    def _transfer_asked(self, fact: facts.TransferAsked, now: float) -> None:
        if self._speech.state is Agent.LEAVING:
            return
        self._floor.cut_short(now)
        if fact.say:
            self._answers.say(fact.say, now, leave=TransferTo(fact.number))
        else:
            self._finish(TransferTo(fact.number), now)

    # ------------------------------------------------------------ parts

    def _lost(self, fact: facts.PartLost, now: float) -> None:
        self._out.append(NoteProblem(f"{fact.part}_lost"))
        if fact.part == "speech_to_text":
            self._deadlines.set("deaf", now + self.rules.deaf_s)
        elif fact.part == "carrier":
            self._floor.tally.carrier_lost = True
            self._speech.has_phone = False
            self._deadlines.set("media", now + self.rules.media_grace_s)
            if ON_SOUND[self._speech.state] is Reaction.HOLD:
                self._speech.hold(now)
            self._deadlines.clear("held", "false_alarm", "speech")

    def _restored(self, fact: facts.PartRestored, now: float) -> None:
        if fact.part == "speech_to_text":
            self._deadlines.clear("deaf")
        elif fact.part == "carrier":
            self._floor.tally.carrier_lost = False
            self._speech.has_phone = self._floor.tally.connected_at is not None
            self._deadlines.clear("media")
            if self._speech.state is Agent.HELD:
                self._floor.resume(now)
            else:
                self._answers.expect_what_is_owed(now)

    def _part_failed(self, fact: facts.PartFailed, now: float) -> None:
        self._out.append(NoteProblem(f"{fact.part}_failed"))
        if fact.part == "speech_to_text" and self._speech.state is not Agent.LEAVING:
            self._deadlines.clear("deaf")
            self._floor.tally.is_deaf = True
            self._leave_if_deaf(now)

    def _leave_if_deaf(self, now: float) -> None:
        """Nobody hears the caller any more; unless a human does."""
        if self._floor.tally.is_deaf and self._speech.state is not Agent.TAKEN_OVER:
            self._floor.cut_short(now)
            self._speech.move(Agent.THINKING)
            self._speech.play_clip(self.ledger.open(now), "farewell", now, leave=EndCall("provider_failed"))

    def _deaf_due(self, now: float) -> None:
        if self._speech.state in (Agent.SPEAKING, Agent.HELD, Agent.TAKEN_OVER):
            self._deadlines.set("deaf", now + self.rules.deaf_again_s)
        elif self._speech.state is not Agent.LEAVING and self._floor.tally.connected_at is not None:
            self._speech.move(Agent.THINKING)
            self._speech.play_clip(self.ledger.open(now), "cannot_hear", now)

    # ------------------------------------------------------------ the end

    def _silence_due(self, now: float) -> None:
        if self._floor.tally.check_ins < self.rules.check_ins:
            self._floor.tally.check_ins += 1
            self._answers.say(lines.check_in(self.agent.language), now)
        else:
            self._answers.say(lines.silence_goodbye(self.agent.language), now, leave=EndCall("silence"))

    def _max_due(self, now: float) -> None:
        if self._speech.state is Agent.LEAVING:
            return
        self._floor.cut_short(now)
        self._answers.say(lines.time_goodbye(self.agent.language), now, leave=EndCall("max_duration"))

    def _goodbye_due(self, now: float) -> None:
        """Nothing confirmed that the goodbye was heard; the call ends all the same."""
        leave = next((one.leave for one in self._speech.active if one.leave is not None), None)
        self._finish(leave or EndCall("agent_hangup"), now)

    def _media_due(self, now: float) -> None:
        self._finish(EndCall("media_lost"), now)

    def _hung_up(self, fact: facts.HungUp, now: float) -> None:
        self._finish(EndCall(fact.reason), now)

    def _end_asked(self, fact: facts.EndAsked, now: float) -> None:
        self._finish(EndCall(fact.reason), now)

    def _finish(self, leave: EndCall | TransferTo, now: float) -> None:
        """Write down what is open, as far as it came, and go."""
        self._floor.cut_short(now)
        if self._floor.caller.text:
            row = self.ledger.go_on_with(self._floor.tally.reopened, now)
            utterance = self._floor.caller.take(now)
            row.caller, row.confidence, row.spoke_until = utterance.text, utterance.confidence, utterance.spoke_until
            self._floor.note(row)
        self._floor.caller.leave()
        self._speech.move(Agent.GONE)
        self._deadlines.clear_all()
        self._out.append(leave)

    # ------------------------------------------------------------ bookkeeping

    def _rearm(self, now: float) -> None:
        """Keep the two deadlines that follow from the state: the end of the caller's turn, and a long silence."""
        if self.is_over:
            return
        is_listening = self._speech.state in (Agent.LISTENING, Agent.TAKEN_OVER)
        if self._floor.caller.due is None or not is_listening:
            self._deadlines.clear("turn")
        else:
            self._deadlines.set("turn", self._floor.caller.due)
        quiet = self._speech.state is Agent.LISTENING and self._floor.caller.state is Caller.SILENT
        if not quiet or self._floor.tally.connected_at is None:
            self._deadlines.clear("silence")
        elif "silence" not in self._deadlines:
            self._deadlines.set("silence", now + self.agent.silence_check_in_s)

    def _take_wishes(self) -> list[AnyWish]:
        wishes = self._out.copy()
        self._out.clear()
        return wishes

    # ------------------------------------------------------------ which fact and which deadline goes where

    _ON_FACT: ClassVar[dict[type, Callable[[Conversation, Any, float], None]]] = {
        facts.CallPrepared: _prepared,
        facts.CallConnected: _connected,
        facts.VoiceStarted: lambda self, fact, now: self._floor.sound_started(fact, now),
        facts.VoiceStopped: lambda self, fact, now: self._floor.sound_stopped(fact, now),
        facts.WordsHeard: lambda self, fact, now: self._floor.words(fact, now),
        facts.UtteranceEnded: lambda self, fact, now: self._floor.utterance_ended(fact, now),
        facts.KeyPressed: lambda self, fact, now: self._floor.key(fact, now),
        facts.ReplyText: lambda self, fact, now: self._answers.text(fact, now),
        facts.ReplyDigits: lambda self, fact, now: self._answers.digits(fact, now),
        facts.ReplyHangup: lambda self, fact, now: self._answers.hangup(fact, now),
        facts.ReplyTransfer: lambda self, fact, now: self._answers.transfer(fact, now),
        facts.ReplyDone: _done,
        facts.ReplyFailed: _failed,
        facts.SpeechStarted: lambda self, fact, now: self._answers.started(fact, now),
        facts.SpeechHeard: lambda self, fact, now: self._answers.heard(fact, now),
        facts.SpeechStarved: lambda self, fact, now: self._answers.starved(fact, now),
        facts.SpeechEnded: _speech_ended,
        facts.SpeechFailed: _speech_failed,
        facts.PartLost: _lost,
        facts.PartRestored: _restored,
        facts.PartFailed: _part_failed,
        facts.EndAsked: _end_asked,
        facts.SayAsked: _say_asked,
        facts.Whispered: lambda self, fact, now: self._steering.whisper(fact.text, now),
        facts.TakeOverAsked: lambda self, fact, now: self._steering.take_over(fact, now),
        facts.HandBackAsked: _hand_back_asked,
        facts.HumanHeard: lambda self, fact, now: self._floor.note(self.ledger.human(fact.text, now)),
        facts.TransferAsked: _transfer_asked,
        facts.HungUp: _hung_up,
    }

    _ON_DEADLINE: ClassVar[dict[str, Callable[[Conversation, float], None]]] = {
        "turn": lambda self, now: self._floor.take_due_turn(now),
        "phrase": lambda self, now: self._answers.phrase_due(now),
        "reply_retry": lambda self, now: self._answers.reply_retry_due(),
        "bridge": lambda self, now: self._answers.bridge_due(now),
        "reply_limit": lambda self, now: self._answers.reply_limit_due(now),
        "stall": lambda self, now: self._answers.stall_due(now),
        "speech": _speech_due,
        "held": lambda self, now: self._floor.resume(now),
        "sound": lambda self, now: self._floor.sound_due(now),
        "false_alarm": lambda self, now: self._floor.no_interruption(now),
        "keys": lambda self, now: self._floor.keys_due(now),
        "deaf": _deaf_due,
        "media": _media_due,
        "silence": _silence_due,
        "max": _max_due,
        "goodbye": _goodbye_due,
        "take_over": _take_over_due,
    }
