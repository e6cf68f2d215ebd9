"""The agent's own "mm-hm" at the pauses of a long story: a sound, never a turn.

A murmur has no row and no history, and moves neither the agent's state nor the caller's. The ledger keeps it aside, so
that what a recording contains can be accounted for to the last word.
"""

from __future__ import annotations

import msgspec

from parley.conversation import facts, lines
from parley.conversation.answering.speech import SpeechSide
from parley.conversation.ledger import Aside
from parley.conversation.shared import Shared
from parley.conversation.states import Agent, Caller
from parley.conversation.turns.finished import looks_finished
from parley.conversation.unasked.monologue import Story
from parley.conversation.wishes import Murmur, StopSpeech
from parley.conversation.words import word_set, words_of

_Sound = facts.SpeechStarted | facts.SpeechHeard | facts.SpeechEnded | facts.SpeechFailed

_ECHO_S = 2.0
# A recogniser spells these in many ways.
_HUMS = word_set("mm mmm mhm mm-hm mm-hmm mmhm mmhmm hm hmm uh-huh aham ajá")
_CLAUSE_ENDS = (",", ";", ":", ".", "!", "…", "—", "–", "、", "。", "।")
# So many words were said since the last murmur, or a pause is no sign of a story going on.
_LEAST_WORDS = 4


def sounds_like_clause_end(text: str) -> bool:
    """Whether a listener might nod here: after a clause, but neither after a question nor within a phrase."""
    stripped = text.rstrip()
    if stripped.endswith(("?", "？", "؟")):
        return False
    return stripped.endswith(_CLAUSE_ENDS) or looks_finished(stripped)


def _is_hum(word: str) -> bool:
    return _HUMS.issuperset(words_of(word))


class Murmuring:
    """Decides from facts alone. Owns the deadlines `murmur` and `murmur_sound`."""

    def __init__(self, shared: Shared, speech: SpeechSide, story: Story) -> None:
        self._shared = shared
        self._deadlines = shared.deadlines
        self._speech = speech
        self._story = story
        self._texts = lines.murmurs(shared.agent.language) if shared.agent.conduct.gives_backchannel else ()
        self._aside: Aside | None = None  # the last one
        self._words_then = 0  # said in the open turn when it began
        self._trusts_unsettled = False  # this recogniser says itself when a turn may be over
        self._may_be_over = False

    def follow(self, fact: facts.AnyFact | None, now: float) -> None:
        """Follow the murmur's sound, and the pause that would be the place for one."""
        match fact:
            case facts.WordsHeard() if fact.text.strip():
                self._trusts_unsettled |= fact.turn_is_certain or fact.may_end_turn
                self._may_be_over = fact.may_end_turn or (fact.ends_turn and fact.turn_is_certain)
            case facts.VoiceStarted() | facts.VoiceResumed():
                self._may_be_over = False
            case facts.TurnJudged():
                self._may_be_over = self._may_be_over or fact.probability >= 0.5
            case facts.SpeechStarted() | facts.SpeechHeard() | facts.SpeechEnded() | facts.SpeechFailed():
                self._sound(fact, now)
        if self._speech.state is not Agent.LISTENING:
            self._take_back()
        if isinstance(fact, facts.WordsHeard | facts.TurnJudged) and self._is_the_moment(now):
            self._murmur_if_fitting(now)

    def rearm(self) -> None:
        if not self._texts or self._story.paused_at is None or self._speech.state is not Agent.LISTENING:
            self._deadlines.clear("murmur")

    def pause_began(self, now: float) -> None:
        """The caller's sound fell quiet: if it stays so a little, that is the place."""
        if (
            self._texts
            and self._story.paused_at is not None
            and self._story.for_s(now) >= self._shared.rules.murmur_after_s
        ):
            self._deadlines.set("murmur", self._story.paused_at + self._shared.rules.murmur_pause_s)

    def due(self, now: float) -> None:
        self._murmur_if_fitting(now)

    def sound_due(self) -> None:
        """The voice was too slow, or never finished: nothing that comes after it may wait for that."""
        if self._aside is not None:
            self._stop(self._aside)

    def without_echo(self, fact: facts.WordsHeard, now: float) -> facts.WordsHeard:
        """A caller's phone may send the murmur back: what is nothing else is no word of theirs.

        A hum is left out at the edge of other words, too; "okay" may well be the caller's own there.
        """
        aside = self._aside
        if aside is None or not aside.has_sound or now > aside.until_s + _ECHO_S:
            return fact
        echo, heard = words_of(aside.text), fact.text.split()
        if words_of(fact.text) == echo:
            heard = []
        if _HUMS.issuperset(echo):
            if heard and _is_hum(heard[0]):
                heard = heard[1:]
            if heard and _is_hum(heard[-1]):
                heard = heard[:-1]
        return fact if heard == fact.text.split() else msgspec.structs.replace(fact, text=" ".join(heard))

    # ------------------------------------------------------------ whether

    def _is_the_moment(self, now: float) -> bool:
        """The pause has lasted long enough for it, and not so long that the caller has gone on or is done."""
        paused_at = self._story.paused_at
        if not self._texts or paused_at is None:
            return False
        return (
            self._shared.rules.murmur_pause_s <= now - paused_at + 1e-6
            and now - paused_at <= self._shared.rules.murmur_late_s
        )

    def _murmur_if_fitting(self, now: float) -> None:
        caller, tally = self._shared.caller, self._shared.tally
        last_s = self._aside.until_s if self._aside is not None else float("-inf")
        count = len(words_of(caller.text))
        new = count - self._words_then if count >= self._words_then else count
        fits = (
            self._speech.state is Agent.LISTENING
            and not self._speech.active
            and self._speech.candidate is None
            and not self._may_be_over
            and not (tally.carrier_lost or tally.is_mute)
            and self._story.for_s(now) >= self._shared.rules.murmur_after_s
            and now - last_s >= self._shared.rules.murmur_gap_s
            and new >= _LEAST_WORDS
            and self._knows_that_turn_goes_on(now)
            and sounds_like_clause_end(caller.text)
        )
        if fits:
            self._murmur(now, count)

    def _knows_that_turn_goes_on(self, now: float) -> bool:
        """What is not settled may be settled as the end of the turn the next moment, unless this recogniser says so."""
        caller = self._shared.caller
        if caller.state is not Caller.PAUSED and not self._trusts_unsettled:
            return False
        return caller.due is None or caller.due - now >= self._shared.rules.murmur_lead_s

    # ------------------------------------------------------------ the sound

    def _murmur(self, now: float, words: int) -> None:
        last = self._aside.text if self._aside is not None else ""
        place = self._texts.index(last) + 1 if last in self._texts else 0
        aside = Aside(self._speech.take_number(), now, self._texts[place % len(self._texts)], until_s=now)
        self._aside, self._words_then = aside, words
        self._shared.ledger.asides.append(aside)
        self._shared.out.append(Murmur(aside.number, aside.text))
        self._deadlines.set("murmur_sound", now + self._shared.rules.murmur_sound_s)

    def _sound(self, fact: _Sound, now: float) -> None:
        aside = self._aside
        if aside is None or fact.reply != aside.number:
            return
        aside.until_s = now
        match fact:
            case facts.SpeechStarted():
                aside.at_s, aside.has_sound = now, True
                self._deadlines.set("murmur_sound", now + self._shared.rules.murmur_limit_s)
            case facts.SpeechHeard():
                aside.heard = max(aside.heard, min(fact.chars, len(aside.text)))
            case facts.SpeechEnded():
                aside.heard = len(aside.text)
                self._deadlines.clear("murmur_sound")
            case facts.SpeechFailed():
                self._stop(aside)

    def _take_back(self) -> None:
        """It has no sound yet, and its moment is over. One that sounds is let be: the answer follows it."""
        if self._aside is not None and not self._aside.has_sound and "murmur_sound" in self._deadlines:
            self._stop(self._aside)

    def _stop(self, aside: Aside) -> None:
        self._deadlines.clear("murmur_sound")
        self._shared.out.append(StopSpeech(aside.number))
