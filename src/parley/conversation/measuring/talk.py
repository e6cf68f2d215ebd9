"""Who spoke how long, who cut whom short, and how long nobody spoke: measured from a call's own facts and wishes.

An observer beside the conversation. It decides nothing, hears no audio, and costs a microsecond a fact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Entry
from parley.conversation.measuring.stretches import Stretch, gaps, longest_monologue, shared_s, total_s

MOST_STRETCHES = 10_000
"""Of each side. What is said after so many is not measured."""

MOST_STOPS = 200
"""Of one session. Those after them are not kept one by one."""

_SOUND_LIMIT_S = 4.0
_SPEECH_LIMIT_S = 3.0


class Stop(msgspec.Struct, frozen=True):
    """One time that the agent fell silent for the caller, and what came of it: see `NoteInterruption`.

    `at_s` is seconds since the `from_s` of the measure that it is part of.
    """

    at_s: float
    stopped_ms: float
    outcome: wishes.InterruptionOutcome
    cause: str


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """What one session measured of a call, in seconds. `from_s` is when it began, since the call was created.

    The caller's time is the time in which a voice was detected, the agent's that in which its speech was played;
    `measured_s` is from the moment the phone was connected to the end. Silence is neither's time, as long as no human
    has the call in the agent's place. `interruptions` counts how often the caller cut
    the agent short for good, `talked_over` how often the agent went on after a sound of the caller, and
    `agent_interruptions` how often the agent began while the caller had not finished. `stops` has each time that
    the agent fell silent for the caller, for good or not.
    """

    from_s: float = 0.0
    measured_s: float
    caller_s: float
    agent_s: float
    overlap_s: float
    silence_s: float
    longest_silence_s: float
    longest_caller_s: float
    longest_agent_s: float
    first_agent_audio_s: float | None
    interruptions: int
    talked_over: int
    agent_interruptions: int
    stops: tuple[Stop, ...] = ()


def merged(parts: Iterable[Talk]) -> Talk | None:
    """One measure of a call that several sessions held in turn; None of none. What was between them counts nowhere."""
    ordered = sorted(parts, key=lambda part: part.from_s)
    if not ordered:
        return None

    def each(name: str) -> list[Any]:
        return [getattr(part, name) for part in ordered]

    sums = ("measured_s", "caller_s", "agent_s", "overlap_s", "silence_s")
    counts = ("interruptions", "talked_over", "agent_interruptions")
    longest = ("longest_silence_s", "longest_caller_s", "longest_agent_s")
    values: dict[str, Any] = {name: round(sum(each(name)), 3) for name in sums}
    values |= {name: sum(each(name)) for name in counts} | {name: max(each(name)) for name in longest}
    first = ordered[0]
    stops = tuple(
        msgspec.structs.replace(stop, at_s=round(stop.at_s + part.from_s - first.from_s, 3))
        for part in ordered
        for stop in part.stops
    )
    return Talk(from_s=first.from_s, first_agent_audio_s=first.first_agent_audio_s, stops=stops, **values)


def read(stored: Mapping[str, Any] | None) -> Talk | None:
    """What a call's row holds, under a key for each session that held it, as one measure."""
    return merged(msgspec.convert(part, Talk) for part in (stored or {}).values())


class _Side:
    """One side's speech: the stretches that are over, and the one that is not."""

    __slots__ = ("_limit_s", "done", "seen", "since")

    def __init__(self, limit_s: float) -> None:
        self.done: list[Stretch] = []
        self.since: float | None = None
        self.seen = 0.0
        self._limit_s = limit_s

    def begin(self, at: float) -> None:
        """It is to be heard at this moment, whether it was before or not."""
        if self.since is None:
            self.since = at
        self.seen = at

    def end(self, at: float) -> None:
        if self.since is not None and at > self.since:
            self.done.append((max(self.since, self.done[-1][1]) if self.done else self.since, at))
        self.since = None

    def settle(self, now: float) -> None:
        """Nothing told of it for too long: it was over when it was heard last, and nobody said so."""
        if self.since is not None and now - self.seen > self._limit_s:
            self.end(self.seen)


class TalkObserver:
    """Watches one session. Tell it every step of the conversation, in order."""

    def __init__(self) -> None:
        self._span: list[float] = []  # when the phone was connected, and when it was over
        self._caller, self._agent = _Side(_SOUND_LIMIT_S), _Side(_SPEECH_LIMIT_S)
        self._human = _Side(math.inf)  # when one had the call, whether they spoke or not
        self._murmurs: set[int] = set()  # sounds of listening are nobody's speech
        self._begun: set[int] = set()  # replies of which the phone has audio that it has not played to its end
        self._held_for = ""  # "sound" of the caller, or "other"; empty while the agent is not held
        self._began_in_sound: float | None = None
        self._stops: list[wishes.NoteInterruption] = []
        self._tally = {"interruptions": 0, "talked_over": 0, "agent_interruptions": 0}

    def observe(self, entry: Entry) -> None:
        """Take one step: a fact (None where a deadline fell due) and what the conversation wished for it."""
        if len(self._span) == 2:
            return
        now, fact = entry.at, entry.fact
        if isinstance(fact, facts.CallConnected) and not self._span:
            self._span.append(now)
        if fact is not None and (take := self._ON_FACT.get(type(fact))) is not None:
            take(self, fact, now)
        if entry.wishes:
            self._follow(entry, now)
        if len(self._caller.done) + len(self._agent.done) >= MOST_STRETCHES:
            self._finish(now)

    def talk(self, from_s: float = 0.0) -> Talk | None:
        """What was measured, once the conversation is over; None if no phone was ever connected."""
        if len(self._span) != 2:
            return None
        began, ended = self._span
        caller, agent = _within(self._caller.done, began, ended), _within(self._agent.done, began, ended)
        silences = [*gaps(caller, [*agent, *_within(self._human.done, began, ended)], began, ended)]
        return Talk(
            from_s=round(from_s + began, 3),
            measured_s=round(ended - began, 3),
            caller_s=round(total_s(caller), 3),
            agent_s=round(total_s(agent), 3),
            overlap_s=round(shared_s(caller, agent), 3),
            silence_s=round(total_s(silences), 3),
            longest_silence_s=round(max(end - start for start, end in silences), 3),
            longest_caller_s=round(longest_monologue(caller, agent), 3),
            longest_agent_s=round(longest_monologue(agent, caller), 3),
            first_agent_audio_s=round(agent[0][0] - began, 3) if agent else None,
            stops=tuple(
                Stop(round(made.at_s - began, 3), made.stopped_ms, made.outcome, made.cause) for made in self._stops
            ),
            **self._tally,
        )

    # ------------------------------------------------------------ the caller

    def _sound_started(self, fact: facts.VoiceStarted, now: float) -> None:
        self._caller.settle(now)
        self._agent.settle(now)
        self._caller.begin(now)

    def _sound_stopped(self, fact: facts.VoiceStopped, now: float) -> None:
        self._quiet(now - fact.ago_s)

    def _words(self, fact: facts.WordsHeard, now: float) -> None:
        if self._caller.since is not None and fact.text.strip():
            self._caller.seen = now

    def _utterance_ended(self, fact: facts.UtteranceEnded, now: float) -> None:
        """Whoever else should have told of the sound's end did not: it ended with its last words."""
        if self._caller.since is not None:
            self._quiet(self._caller.seen)

    def _quiet(self, at: float) -> None:
        if self._began_in_sound is not None and self._caller.since is not None and self._began_in_sound < at:
            self._tally["agent_interruptions"] += 1
        self._began_in_sound = None
        self._caller.end(at)

    # ------------------------------------------------------------ the agent

    def _speech_started(self, fact: facts.SpeechStarted, now: float) -> None:
        self._caller.settle(now)
        self._agent.settle(now)
        if fact.reply in self._murmurs:
            return
        self._begun.add(fact.reply)
        if self._held_for:
            return
        if self._agent.since is None and self._caller.since is not None:
            self._began_in_sound = now
        self._agent.begin(now)

    def _speech_heard(self, fact: facts.SpeechHeard, now: float) -> None:
        if fact.reply in self._begun and not self._held_for:
            self._agent.settle(now)
            self._agent.begin(now)

    def _speech_ended(self, fact: facts.SpeechEnded, now: float) -> None:
        self._begun.discard(fact.reply)
        if not self._begun:
            self._agent.end(now)

    def _speech_paused(self, fact: facts.SpeechStarved | facts.PartLost, now: float) -> None:
        if isinstance(fact, facts.SpeechStarved) or fact.part == "carrier":
            self._agent.end(now)

    # ------------------------------------------------------------ what was wished

    def _follow(self, entry: Entry, now: float) -> None:
        cut = False
        is_over_agent = isinstance(entry.fact, facts.VoiceStarted) and self._agent.since is not None
        for wish in entry.wishes:
            if isinstance(wish, wishes.Murmur):
                self._murmurs.add(wish.reply)
            elif isinstance(wish, wishes.StopSpeech):
                cut = self._stopped(wish.reply, now) or cut
            elif isinstance(wish, wishes.HoldSpeech):
                by_caller = isinstance(entry.fact, facts.VoiceStarted | facts.WordsHeard)
                self._held_for = "sound" if by_caller and self._agent.since is not None else "other"
                is_over_agent = False
                self._agent.end(now)
            elif isinstance(wish, wishes.ResumeSpeech):
                self._resumed(now, went_on=not cut)
            elif isinstance(wish, wishes.NoteInterruption):
                self._stops = [*self._stops, wish][:MOST_STOPS]
            elif isinstance(wish, wishes.OpenMicrophone):
                self._human.begin(now)
            elif isinstance(wish, wishes.CloseMicrophone):
                self._human.end(now)
            elif isinstance(wish, wishes.EndCall):
                self._finish(now)
                return
        self._tally["interruptions"] += cut and _is_of_the_caller(entry)
        self._tally["talked_over"] += is_over_agent and not cut

    def _stopped(self, reply: int, now: float) -> bool:
        """Whether audio of that reply had left for the phone."""
        if reply not in self._begun:
            return False
        self._begun.discard(reply)
        if not self._begun:
            self._agent.end(now)
        return True

    def _resumed(self, now: float, *, went_on: bool) -> None:
        if self._held_for == "sound" and went_on and self._begun:
            self._tally["talked_over"] += 1
        self._held_for = ""
        if self._begun:
            self._agent.begin(now)

    def _finish(self, now: float) -> None:
        self._caller.settle(now)
        self._agent.settle(now)
        self._quiet(now)
        self._agent.end(now)
        self._human.end(now)
        if self._span:
            self._span.append(now)

    _ON_FACT: ClassVar[Mapping[type, Callable[[TalkObserver, Any, float], None]]] = {
        facts.VoiceStarted: _sound_started,
        facts.VoiceStopped: _sound_stopped,
        facts.WordsHeard: _words,
        facts.UtteranceEnded: _utterance_ended,
        facts.SpeechStarted: _speech_started,
        facts.SpeechHeard: _speech_heard,
        facts.SpeechEnded: _speech_ended,
        facts.SpeechStarved: _speech_paused,
        facts.PartLost: _speech_paused,
    }


def _is_of_the_caller(entry: Entry) -> bool:
    """Whether it was the caller's words or keys that stopped the agent, and nothing that the server wanted to say."""
    if entry.fact is None:
        return any(isinstance(wish, wishes.AskReply) for wish in entry.wishes)
    return isinstance(entry.fact, facts.WordsHeard | facts.KeyPressed)


def _within(stretches: Sequence[Stretch], began: float, ended: float) -> list[Stretch]:
    return [(max(start, began), min(end, ended)) for start, end in stretches if end > began and start < ended]
