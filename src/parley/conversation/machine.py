"""Who may speak, when: a pure state machine. No I/O, no clock.

`Conversation.handle(fact, now)` returns what should be done about it; `next_deadline()` says when to call
`handle_deadline(now)`. `now` is seconds since the call began and never goes back. The same facts at the same moments
always give the same wishes, so a recorded call can be run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from parley.conversation import facts, lines
from parley.conversation.ahead import Ahead
from parley.conversation.answers import Answers
from parley.conversation.failing import Failing
from parley.conversation.floor import Floor
from parley.conversation.keys import KeyPad
from parley.conversation.ledger import Ledger, Spoken
from parley.conversation.parts import Parts
from parley.conversation.rules import TurnRules
from parley.conversation.shared import Shared
from parley.conversation.sounding import Sounding
from parley.conversation.speech import Active, SpeechSide
from parley.conversation.states import Agent, Caller
from parley.conversation.steering import Steering, Whisper
from parley.conversation.transfers import Transfers
from parley.conversation.unasked import Unasked
from parley.conversation.watchdog import Watchdog
from parley.conversation.wishes import AnyWish, EndCall, NoteProblem, TransferTo
from parley.domain.agents import AgentSnapshot

_MOST_AT_ONCE = 50


class Conversation:
    """One call's conversation between `agent` and whoever is on the line."""

    def __init__(self, agent: AgentSnapshot, rules: TurnRules | None = None) -> None:
        self._shared = shared = Shared(agent, rules or TurnRules())
        self._speech = speech = SpeechSide(shared)
        self._sounding = Sounding(shared, speech)
        self._failing = Failing(shared, speech, self._sounding)
        self._ahead = Ahead(shared, speech)
        self._answers = Answers(shared, speech, self._sounding, self._failing, self._ahead)
        self._floor = Floor(shared, speech, self._sounding, self._answers)
        self._keys = KeyPad(shared, speech, self._floor)
        self._unasked = Unasked(shared, speech, self._sounding, self._answers, self._floor, self._ahead)
        self._parts = Parts(shared, speech, self._sounding, self._failing, self._floor)
        self._watchdog = Watchdog(shared, speech)
        self._steering = Steering(shared, speech, self._answers, self._floor)
        self._transfers = Transfers(shared, speech, self._answers, self._parts)

    @property
    def agent(self) -> AgentSnapshot:
        return self._shared.agent

    @property
    def rules(self) -> TurnRules:
        return self._shared.rules

    @property
    def ledger(self) -> Ledger:
        """Every word of the agent with how far it came."""
        return self._shared.ledger

    @property
    def agent_state(self) -> Agent:
        return self._speech.state

    @property
    def caller_state(self) -> Caller:
        return self._shared.caller.state

    @property
    def is_over(self) -> bool:
        return self._speech.state is Agent.GONE

    @property
    def taken_by(self) -> str:
        """Which human speaks in the agent's place; empty while the agent has the call."""
        return self._shared.tally.taken_by

    @property
    def is_connected(self) -> bool:
        """Whether a phone was ever there to hear anything."""
        return self._shared.tally.connected_at is not None

    def is_open(self, row: int) -> bool:
        """Whether something of this row of the transcript is still to be said."""
        return any(active.row.number == row for active in self._speech.active)

    @property
    def can_be_steered(self) -> bool:
        """Whether the phone is connected, and the last words of the call are not being said."""
        return self.is_connected and not self._speech.is_leaving

    def whispers(self) -> Sequence[Whisper]:
        """What the agent was told behind the caller's back, oldest first."""
        return self._steering.whispers

    @property
    def returned(self) -> facts.TransferReturned | None:
        """What came of the last transfer, if the caller is here because nobody took it."""
        return self._transfers.returned

    def history(self) -> Sequence[Spoken]:
        """What was truly said and heard so far, oldest first."""
        return self._shared.ledger.history()

    @property
    def reasons(self) -> Sequence[str]:
        """Why the last step decided as it did, in short phrases: for people, never for a decision."""
        return self._shared.reasons

    @property
    def waits_for(self) -> Mapping[str, float]:
        """Every deadline by its name, in call time."""
        return self._shared.deadlines.all()

    def handle(self, fact: facts.AnyFact, now: float) -> list[AnyWish]:
        """Take one fact; facts about what is over already change nothing."""
        self._shared.reasons.clear()
        if not self.is_over:
            self._parts.unheard.note(fact, now)
            if not self._ahead.keeps(fact, now):
                self._ON_FACT[type(fact)](self, fact, now)
            self._tell_what_was_kept(now)
            self._do_unasked(fact, now)
            self._rearm(now)
        return self._take_wishes()

    def next_deadline(self) -> float | None:
        """When to call `handle_deadline`, in call time; None while nothing is waited for."""
        return self._shared.deadlines.next()

    def handle_deadline(self, now: float) -> list[AnyWish]:
        """Do what is due at `now`, in the order it fell due.

        Raises RuntimeError when deadlines set each other for at once without end: a bug, better seen than waited for.
        """
        self._shared.reasons.clear()
        done: list[str] = []
        while not self.is_over and (name := self._shared.deadlines.pop_due(now)) is not None:
            if len(done) >= _MOST_AT_ONCE:
                raise RuntimeError(f"A conversation's deadlines feed on each other: {', '.join(sorted(set(done)))}")
            done.append(name)
            self._ON_DEADLINE[name](self, now)
            self._tell_what_was_kept(now)
            self._do_unasked(None, now)
            self._rearm(now)
        return self._take_wishes()

    # ------------------------------------------------------------ the call begins

    def _prepared(self, fact: facts.CallPrepared, now: float) -> None:
        if self.agent.greeting and not self._shared.ledger.rows:
            greeting = self._speech.say_whole(self._shared.ledger.open(now), "greeting", self.agent.greeting)
            if self.agent.conduct.protects_greeting:
                self._speech.protect(greeting)

    def _connected(self, fact: facts.CallConnected, now: float) -> None:
        if self._shared.tally.connected_at is not None:
            return
        self._shared.tally.connected_at = now
        self._speech.has_phone = True
        self._shared.deadlines.set("max", now + self.agent.max_call_duration_s)
        self._parts.connected(now)
        self._prepared(facts.CallPrepared(), now)
        for active in self._speech.active:
            active.row.at_s = now
            if self._speech.state is Agent.LISTENING:
                self._speech.move(Agent.THINKING)
            if active.line.first_audio_at is None:
                self._sounding.expect_audio(active, now)

    # ------------------------------------------------------------ the caller

    def _words(self, fact: facts.WordsHeard, now: float) -> None:
        self._floor.words(self._unasked.murmuring.without_echo(fact, now), now)

    # ------------------------------------------------------------ the agent

    def _tell_what_was_kept(self, now: float) -> None:
        """An answer that was asked for early may have become a turn's: what it wanted meanwhile is told now."""
        for kept in self._ahead.released():
            if not self.is_over:
                self._ON_FACT[type(kept)](self, kept, now)
        if not self.is_over:
            self._ahead.review(now)

    def _done(self, fact: facts.ReplyDone, now: float) -> None:
        self._over(self._answers.done(fact, now), now)

    def _failed(self, fact: facts.ReplyFailed, now: float) -> None:
        self._over(self._failing.failed(fact, now), now)

    def _speech_ended(self, fact: facts.SpeechEnded, now: float) -> None:
        self._over(self._sounding.ended(fact, now), now)

    def _speech_failed(self, fact: facts.SpeechFailed, now: float) -> None:
        filler = self._unasked.fillers.failed(fact, now)
        self._over(self._failing.speech_failed(fact, now) if filler is None else filler, now)

    def _speech_due(self, now: float) -> None:
        self._over(self._failing.speech_due(now), now)

    def _over(self, active: Active | None, now: float) -> None:
        """A line is over: write it down, then leave, go on with the next line, or listen."""
        if active is None:
            return
        if self._floor.keeps_from_leaving(active, now) or self._keys.keep_from_leaving(active, now):
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
            self._sounding.expect_what_is_owed(now)
            if self._speech.state is Agent.SPEAKING and not self._speech.is_audible:
                self._speech.move(Agent.THINKING)
            if active.protected_chars:
                self._floor.protection_over(now)

    def _say_asked(self, fact: facts.SayAsked, now: float) -> None:
        if not self._speech.is_leaving:
            self._answers.say(fact.text, now, is_protected=fact.is_protected)

    # ------------------------------------------------------------ people beside the call

    def _hand_back_asked(self, fact: facts.HandBackAsked, now: float) -> None:
        self._steering.hand_back(fact, now)
        self._parts.leave_if_deaf(now)

    def _take_over_due(self, now: float) -> None:
        """Nobody has said for too long that the human is still there: the caller must not be left in silence."""
        self._shared.out.append(NoteProblem("take_over_expired"))
        self._hand_back_asked(facts.HandBackAsked(say=lines.back_again(self.agent.language)), now)

    def _transfer_asked(self, fact: facts.TransferAsked, now: float) -> None:
        if self._speech.is_leaving:
            return
        self._floor.cut_short(now)
        if fact.say:
            self._answers.say(fact.say, now, leave=TransferTo(fact.number), is_protected=True)
        else:
            self._finish(TransferTo(fact.number), now)

    # ------------------------------------------------------------ the end

    def _max_due(self, now: float) -> None:
        if self._speech.is_leaving and self._speech.state is not Agent.HANDING_OVER:
            self._speech.protect_goodbye(now)
            return
        self._floor.cut_short(now)
        goodbye = lines.time_goodbye(self.agent.language)
        self._answers.say(goodbye, now, leave=EndCall("max_duration"), is_protected=True)

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
        """Write down what is open, as far as it came, and go, or let the caller go."""
        self._ahead.withdraw("call_over")
        self._floor.cut_short(now)
        self._keys.settle(now)
        if self._shared.caller.text:
            row = self._shared.ledger.go_on_with(self._shared.tally.reopened, now)
            utterance = self._shared.caller.take(now)
            row.caller, row.confidence, row.spoke_until = utterance.text, utterance.confidence, utterance.spoke_until
            self._shared.tally.reopened = None
            self._floor.note(row)
        if isinstance(leave, TransferTo):
            self._transfers.begin(leave, now)
            return
        self._shared.caller.leave()
        self._speech.move(Agent.GONE)
        self._shared.deadlines.clear_all()
        self._shared.out.append(leave)

    # ------------------------------------------------------------ bookkeeping

    def _do_unasked(self, fact: facts.AnyFact | None, now: float) -> None:
        """After a step: what the agent does by itself, for the line not to sound dead."""
        if not self.is_over:
            self._keys.deliver(now)
            self._over(self._unasked.follow(fact, now), now)

    def _rearm(self, now: float) -> None:
        """Keep the deadlines that follow from the state: the caller's turn, and what the agent does unasked."""
        if self.is_over:
            return
        self._speech.date_first_words(now)
        is_listening = self._speech.state in (Agent.LISTENING, Agent.TAKEN_OVER)
        if self._shared.caller.due is None or not is_listening or self._shared.tally.is_keying:
            self._shared.deadlines.clear("turn")
        else:
            self._shared.deadlines.set("turn", self._shared.caller.due)
            self._floor.ask_of_pause()
        self._unasked.rearm(now)
        self._watchdog.look(now)

    def _take_wishes(self) -> list[AnyWish]:
        wishes = self._shared.out.copy()
        self._shared.out.clear()
        return wishes

    # ------------------------------------------------------------ which fact and which deadline goes where

    _ON_FACT: ClassVar[dict[type, Callable[[Conversation, Any, float], None]]] = {
        facts.CallPrepared: _prepared,
        facts.CallConnected: _connected,
        facts.VoiceStarted: lambda self, fact, now: self._floor.sound_started(fact, now),
        facts.VoiceStopped: lambda self, fact, now: self._floor.sound_stopped(fact, now),
        facts.VoicePaused: lambda self, fact, now: self._shared.caller.sound_paused(now, fact.ago_s),
        facts.VoiceResumed: lambda self, fact, now: self._shared.caller.sound_resumed(now),
        facts.WordsHeard: _words,
        facts.UtteranceEnded: lambda self, fact, now: self._floor.utterance_ended(fact, now),
        facts.TurnJudged: lambda self, fact, now: self._floor.turn_judged(fact, now),
        facts.KeyPressed: lambda self, fact, now: self._keys.key(fact, now),
        facts.ReplyText: lambda self, fact, now: self._answers.text(fact, now),
        facts.ReplyDigits: lambda self, fact, now: self._answers.digits(fact, now),
        facts.ReplyHangup: lambda self, fact, now: self._answers.hangup(fact, now),
        facts.ReplyTransfer: lambda self, fact, now: self._answers.transfer(fact, now),
        facts.ReplySilent: lambda self, fact, now: self._answers.silent(fact),
        facts.ReplyRefused: lambda self, fact, now: self._answers.refused(fact),
        facts.ReplyDone: _done,
        facts.ReplyFailed: _failed,
        facts.SpeechSynthesised: lambda self, fact, now: self._sounding.synthesised(fact, now),
        facts.SpeechStarted: lambda self, fact, now: self._sounding.started(fact, now),
        facts.SpeechHeard: lambda self, fact, now: self._floor.heard(fact, now),
        facts.SpeechStarved: lambda self, fact, now: self._sounding.starved(fact, now),
        facts.SpeechEnded: _speech_ended,
        facts.SpeechFailed: _speech_failed,
        facts.PartLost: lambda self, fact, now: self._parts.lost(fact, now),
        facts.PartRestored: lambda self, fact, now: self._parts.restored(fact, now),
        facts.PartFailed: lambda self, fact, now: self._parts.failed(fact, now),
        facts.PartReplaced: lambda self, fact, now: self._parts.replaced(fact, now),
        facts.EndAsked: _end_asked,
        facts.SayAsked: _say_asked,
        facts.Whispered: lambda self, fact, now: self._steering.whisper(fact.text, now),
        facts.TakeOverAsked: lambda self, fact, now: self._steering.take_over(fact, now),
        facts.HandBackAsked: _hand_back_asked,
        facts.HumanHeard: lambda self, fact, now: self._floor.note(self._shared.ledger.human(fact.text, now)),
        facts.TransferAsked: _transfer_asked,
        facts.TransferReturned: lambda self, fact, now: self._transfers.came_back(fact, now),
        facts.HungUp: _hung_up,
    }

    _ON_DEADLINE: ClassVar[dict[str, Callable[[Conversation, float], None]]] = {
        "turn": lambda self, now: self._floor.take_due_turn(now),
        "phrase": lambda self, now: self._answers.phrase_due(now),
        "reply_retry": lambda self, now: self._failing.reply_retry_due(now),
        "bridge": lambda self, now: self._failing.bridge_due(now),
        "reply_limit": lambda self, now: self._failing.reply_limit_due(now),
        "stall": lambda self, now: self._failing.stall_due(now),
        "speech": _speech_due,
        "held": lambda self, now: self._floor.no_interruption(now, "noise"),
        "give_way": lambda self, now: self._floor.give_way_due(now),
        "sound": lambda self, now: self._floor.sound_due(now),
        "false_alarm": lambda self, now: self._floor.no_interruption(now, "cough"),
        "keys": lambda self, now: self._keys.due(now),
        "deaf": lambda self, now: self._parts.deaf_due(now),
        "deaf_limit": lambda self, now: self._parts.deaf_limit_due(now),
        "unheard": lambda self, now: self._parts.unheard.due(now),
        "media": _media_due,
        "silence": lambda self, now: self._unasked.check_ins.due(now),
        "filler": lambda self, now: self._unasked.fillers.due(now),
        "filler_sound": lambda self, now: self._over(self._unasked.fillers.sound_due(now), now),
        "monologue": lambda self, now: self._unasked.monologue.due(now),
        "murmur": lambda self, now: self._unasked.murmuring.due(now),
        "murmur_sound": lambda self, now: self._unasked.murmuring.sound_due(),
        "max": _max_due,
        "goodbye": _goodbye_due,
        "take_over": _take_over_due,
        "transfer": lambda self, now: self._transfers.due(now),
        "stuck": lambda self, now: self._over(self._watchdog.due(), now),
    }
