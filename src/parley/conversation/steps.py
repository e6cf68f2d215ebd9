"""What each fact and each deadline does: a table of them, and the steps that concern more than one side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley.conversation import facts, lines
from parley.conversation.answering.speech import Active
from parley.conversation.sides import Sides
from parley.conversation.states import Agent
from parley.conversation.wishes import EndCall, NoteProblem, TransferTo

# ------------------------------------------------------------ the call begins


def _prepared(sides: Sides, fact: facts.CallPrepared, now: float) -> None:
    if sides.agent.greeting and not sides.shared.ledger.rows:
        greeting = sides.speech.say_whole(sides.shared.ledger.open(now), "greeting", sides.agent.greeting)
        if sides.agent.conduct.protects_greeting:
            sides.speech.protect(greeting)


def _connected(sides: Sides, fact: facts.CallConnected, now: float) -> None:
    if sides.shared.tally.connected_at is not None:
        return
    sides.shared.tally.connected_at = now
    sides.speech.has_phone = True
    sides.shared.deadlines.set("max", now + sides.agent.max_call_duration_s)
    sides.parts.connected(now)
    _prepared(sides, facts.CallPrepared(), now)
    for active in sides.speech.active:
        active.row.at_s = now
        if sides.speech.state is Agent.LISTENING:
            sides.speech.move(Agent.THINKING)
        if active.line.first_audio_at is None:
            sides.sounding.expect_audio(active, now)


# ------------------------------------------------------------ the caller


def _words(sides: Sides, fact: facts.WordsHeard, now: float) -> None:
    sides.floor.words(sides.unasked.murmuring.without_echo(fact, now), now)


# ------------------------------------------------------------ the agent


def tell_what_was_kept(sides: Sides, now: float) -> None:
    """An answer that was asked for early may have become a turn's: what it wanted meanwhile is told now."""
    for kept in sides.ahead.released():
        if not sides.is_over:
            ON_FACT[type(kept)](sides, kept, now)
    if not sides.is_over:
        sides.ahead.review(now)


def _done(sides: Sides, fact: facts.ReplyDone, now: float) -> None:
    _over(sides, sides.answers.done(fact, now), now)


def _failed(sides: Sides, fact: facts.ReplyFailed, now: float) -> None:
    _over(sides, sides.failing.failed(fact, now), now)


def _speech_ended(sides: Sides, fact: facts.SpeechEnded, now: float) -> None:
    _over(sides, sides.sounding.ended(fact, now), now)


def _speech_failed(sides: Sides, fact: facts.SpeechFailed, now: float) -> None:
    filler = sides.unasked.fillers.failed(fact, now)
    _over(sides, sides.failing.speech_failed(fact, now) if filler is None else filler, now)


def _speech_due(sides: Sides, now: float) -> None:
    _over(sides, sides.failing.speech_due(now), now)


def _over(sides: Sides, active: Active | None, now: float) -> None:
    """A line is over: write it down, then leave, go on with the next line, or listen."""
    if active is None:
        return
    if sides.floor.keeps_from_leaving(active, now) or sides.keys.keep_from_leaving(active, now):
        return
    if active in sides.speech.active:
        sides.speech.drop(active)
    sides.floor.note(active.row)
    if active.leave is not None:
        _finish(sides, active.leave, now)
    elif not sides.speech.active:
        if sides.speech.state is Agent.HELD:
            sides.floor.resume(now)
        sides.speech.move(Agent.LISTENING)
        sides.floor.take_due_turn(now)
    else:
        sides.sounding.expect_what_is_owed(now)
        if sides.speech.state is Agent.SPEAKING and not sides.speech.is_audible:
            sides.speech.move(Agent.THINKING)
        if active.protected_chars:
            sides.floor.protection_over(now)


def _say_asked(sides: Sides, fact: facts.SayAsked, now: float) -> None:
    if not sides.speech.is_leaving:
        sides.answers.say(fact.text, now, is_protected=fact.is_protected)


# ------------------------------------------------------------ people beside the call


def _hand_back_asked(sides: Sides, fact: facts.HandBackAsked, now: float) -> None:
    sides.steering.hand_back(fact, now)
    sides.parts.leave_if_deaf(now)


def _take_over_due(sides: Sides, now: float) -> None:
    """Nobody has said for too long that the human is still there: the caller must not be left in silence."""
    sides.shared.out.append(NoteProblem("take_over_expired"))
    _hand_back_asked(sides, facts.HandBackAsked(say=lines.back_again(sides.agent.language)), now)


def _transfer_asked(sides: Sides, fact: facts.TransferAsked, now: float) -> None:
    if sides.speech.is_leaving:
        return
    sides.floor.cut_short(now)
    if fact.say:
        sides.answers.say(fact.say, now, leave=TransferTo(fact.number), is_protected=True)
    else:
        _finish(sides, TransferTo(fact.number), now)


# ------------------------------------------------------------ the end


def _max_due(sides: Sides, now: float) -> None:
    if sides.speech.is_leaving and sides.speech.state is not Agent.HANDING_OVER:
        sides.speech.protect_goodbye(now)
        return
    sides.floor.cut_short(now)
    goodbye = lines.time_goodbye(sides.agent.language)
    sides.answers.say(goodbye, now, leave=EndCall("max_duration"), is_protected=True)


def _goodbye_due(sides: Sides, now: float) -> None:
    """Nothing confirmed that the goodbye was heard; the call ends all the same."""
    leave = next((one.leave for one in sides.speech.active if one.leave is not None), None)
    _finish(sides, leave or EndCall("agent_hangup"), now)


def _media_due(sides: Sides, now: float) -> None:
    _finish(sides, EndCall("media_lost"), now)


def _hung_up(sides: Sides, fact: facts.HungUp, now: float) -> None:
    _finish(sides, EndCall(fact.reason), now)


def _end_asked(sides: Sides, fact: facts.EndAsked, now: float) -> None:
    _finish(sides, EndCall(fact.reason), now)


def _finish(sides: Sides, leave: EndCall | TransferTo, now: float) -> None:
    """Write down what is open, as far as it came, and go, or let the caller go."""
    sides.ahead.withdraw("call_over")
    sides.floor.cut_short(now)
    sides.keys.settle(now)
    sides.floor.take_rest(now)
    if isinstance(leave, TransferTo):
        sides.transfers.begin(leave, now)
        return
    sides.shared.caller.leave()
    sides.speech.move(Agent.GONE)
    sides.shared.deadlines.clear_all()
    sides.shared.out.append(leave)


# ------------------------------------------------------------ bookkeeping


def do_unasked(sides: Sides, fact: facts.AnyFact | None, now: float) -> None:
    """After a step: what the agent does by itself, for the line not to sound dead."""
    if not sides.is_over:
        _over(sides, sides.unasked.follow(fact, now), now)


def rearm(sides: Sides, now: float) -> None:
    """Keep the deadlines that follow from the state: the caller's turn, and what the agent does unasked."""
    if sides.is_over:
        return
    sides.speech.date_first_words(now)
    is_listening = sides.speech.state in (Agent.LISTENING, Agent.TAKEN_OVER)
    if sides.shared.caller.due is None or not is_listening or sides.shared.tally.is_keying:
        sides.shared.deadlines.clear("turn")
    else:
        sides.shared.deadlines.set("turn", sides.shared.caller.due)
        sides.floor.ask_of_pause()
    sides.unasked.rearm(now)
    sides.watchdog.look(now)


# ------------------------------------------------------------ which fact and which deadline goes where

ON_FACT: Mapping[type, Callable[[Sides, Any, float], None]] = {
    facts.CallPrepared: _prepared,
    facts.CallConnected: _connected,
    facts.VoiceStarted: lambda sides, fact, now: sides.floor.sound_started(fact, now),
    facts.VoiceStopped: lambda sides, fact, now: sides.floor.sound_stopped(fact, now),
    facts.VoicePaused: lambda sides, fact, now: sides.shared.caller.sound_paused(now, fact.ago_s),
    facts.VoiceResumed: lambda sides, fact, now: sides.shared.caller.sound_resumed(now),
    facts.WordsHeard: _words,
    facts.UtteranceEnded: lambda sides, fact, now: sides.floor.utterance_ended(fact, now),
    facts.TurnJudged: lambda sides, fact, now: sides.floor.turn_judged(fact, now),
    facts.KeyPressed: lambda sides, fact, now: sides.keys.key(fact, now),
    facts.ReplyText: lambda sides, fact, now: sides.answers.text(fact, now),
    facts.ReplyDigits: lambda sides, fact, now: sides.answers.digits(fact, now),
    facts.ReplyHangup: lambda sides, fact, now: sides.answers.hangup(fact, now),
    facts.ReplyTransfer: lambda sides, fact, now: sides.answers.transfer(fact, now),
    facts.ReplySilent: lambda sides, fact, now: sides.answers.silent(fact),
    facts.ReplyRefused: lambda sides, fact, now: sides.answers.refused(fact),
    facts.ReplyDone: _done,
    facts.ReplyFailed: _failed,
    facts.SpeechSynthesised: lambda sides, fact, now: sides.sounding.synthesised(fact, now),
    facts.SpeechStarted: lambda sides, fact, now: sides.sounding.started(fact, now),
    facts.SpeechHeard: lambda sides, fact, now: sides.floor.heard(fact, now),
    facts.SpeechStarved: lambda sides, fact, now: sides.sounding.starved(fact, now),
    facts.SpeechEnded: _speech_ended,
    facts.SpeechFailed: _speech_failed,
    facts.PartLost: lambda sides, fact, now: sides.parts.lost(fact, now),
    facts.PartRestored: lambda sides, fact, now: sides.parts.restored(fact, now),
    facts.PartFailed: lambda sides, fact, now: sides.parts.failed(fact, now),
    facts.PartReplaced: lambda sides, fact, now: sides.parts.replaced(fact, now),
    facts.EndAsked: _end_asked,
    facts.SayAsked: _say_asked,
    facts.Whispered: lambda sides, fact, now: sides.steering.whisper(fact.text, now),
    facts.TakeOverAsked: lambda sides, fact, now: sides.steering.take_over(fact, now),
    facts.HandBackAsked: _hand_back_asked,
    facts.HumanHeard: lambda sides, fact, now: sides.floor.note(sides.shared.ledger.human(fact.text, now)),
    facts.TransferAsked: _transfer_asked,
    facts.TransferReturned: lambda sides, fact, now: sides.transfers.came_back(fact, now),
    facts.HungUp: _hung_up,
}

ON_DEADLINE: Mapping[str, Callable[[Sides, float], None]] = {
    "turn": lambda sides, now: sides.floor.take_due_turn(now),
    "phrase": lambda sides, now: sides.answers.phrase_due(now),
    "reply_retry": lambda sides, now: sides.failing.reply_retry_due(now),
    "bridge": lambda sides, now: sides.failing.bridge_due(now),
    "reply_limit": lambda sides, now: sides.failing.reply_limit_due(now),
    "stall": lambda sides, now: sides.failing.stall_due(now),
    "speech": _speech_due,
    "held": lambda sides, now: sides.floor.no_interruption(now, "noise"),
    "give_way": lambda sides, now: sides.floor.give_way_due(now),
    "sound": lambda sides, now: sides.floor.sound_due(now),
    "false_alarm": lambda sides, now: sides.floor.no_interruption(now, "cough"),
    "keys": lambda sides, now: sides.keys.due(now),
    "deaf": lambda sides, now: sides.parts.deaf_due(now),
    "deaf_limit": lambda sides, now: sides.parts.deaf_limit_due(now),
    "unheard": lambda sides, now: sides.parts.unheard.due(now),
    "media": _media_due,
    "silence": lambda sides, now: sides.unasked.check_ins.due(now),
    "filler": lambda sides, now: sides.unasked.fillers.due(now),
    "filler_sound": lambda sides, now: _over(sides, sides.unasked.fillers.sound_due(now), now),
    "monologue": lambda sides, now: sides.unasked.monologue.due(now),
    "murmur": lambda sides, now: sides.unasked.murmuring.due(now),
    "murmur_sound": lambda sides, now: sides.unasked.murmuring.sound_due(),
    "max": _max_due,
    "goodbye": _goodbye_due,
    "take_over": _take_over_due,
    "transfer": lambda sides, now: sides.transfers.due(now),
    "stuck": lambda sides, now: _over(sides, sides.watchdog.due(), now),
}
