"""The caller's side: which words belong to the turn that is being spoken. When it is over says `turn_end`."""

from __future__ import annotations

import msgspec

from parley.conversation.facts import WordsHeard
from parley.conversation.ledger import Ledger
from parley.conversation.rules import TurnRules
from parley.conversation.states import CALLER_MOVES, Caller
from parley.conversation.turns.finished import Ending, ending_of
from parley.conversation.turns.pauses import OwnPauses
from parley.conversation.turns.turn_end import Claim, Evidence, Pause, turn_due
from parley.conversation.words import words_of
from parley.domain.agents import AgentSnapshot

# Of words that a recogniser tells once more it has thought better of one in so many.
_WORDS_A_MISTAKE = 5


class Utterance(msgspec.Struct, frozen=True):
    """A finished turn of the caller.

    `spoke_until` is the call time at which the sound ended; `is_estimate` while only the words' arrival is known.
    `recognised_at` is when the last of the words were settled.
    """

    text: str
    confidence: float
    spoke_until: float
    is_estimate: bool = False
    recognised_at: float = 0.0


class _Sound(msgspec.Struct):
    """The caller's sound, as it was told; `pause` numbers its ends, `heard_until` is the last of them."""

    is_on: bool = False
    is_paused: bool = False
    began_at: float = 0.0
    ended_at: float | None = None
    pause: int = 0
    heard_until: float = -1.0


class _Open(msgspec.Struct):
    """The turn that is being spoken.

    `stirred_at` is when the first sound began that has brought no words yet, `gap_s` the quiet before it. `pressed_at`
    is when keys were pressed, which is a turn's end. `asked` is the pause that the end-of-turn model was asked about,
    and `probability` what it said. `interim_at` is the place among the settled words where the others belong, once keys
    were pressed behind them.
    """

    settled: list[str] = msgspec.field(default_factory=list)
    confidences: list[float] = msgspec.field(default_factory=list)
    interim: str = ""
    interim_confidence: float = 1.0
    interim_at: int | None = None
    words_at: float = 0.0
    voiced_until: float = 0.0
    stirred_at: float | None = None
    gap_s: float = 0.0
    claim: Claim = Claim.NONE
    may_end: bool = False
    pressed_at: float | None = None
    asked: int | None = None
    probability: float | None = None

    @property
    def text(self) -> str:
        """All words, settled or not."""
        at = len(self.settled) if self.interim_at is None else self.interim_at
        return " ".join([*self.settled[:at], self.interim, *self.settled[at:]] if self.interim else self.settled)

    @property
    def confidence(self) -> float:
        """How sure the recogniser is of them, on the whole."""
        known = [*self.confidences, self.interim_confidence] if self.interim else self.confidences
        return round(sum(known) / len(known), 3) if known else 1.0

    def settle(self, text: str, confidence: float) -> None:
        """These words will not change any more."""
        at = len(self.settled) if self.interim_at is None else self.interim_at
        self.settled.insert(at, text)
        self.confidences.insert(at, confidence)


class _Taken(msgspec.Struct):
    """What is remembered of the turn before: its words that are not settled yet, and when its sound ended.

    `goes_on`: what the recogniser is hearing now begins with those words.
    """

    unsettled: list[str] = msgspec.field(default_factory=list)
    spoke_until: float = 0.0
    goes_on: bool = False


class CallerSide:
    """Gathers words. Every method returns nothing; `due` is when the turn is over if nothing more happens."""

    def __init__(self, rules: TurnRules, agent: AgentSnapshot, ledger: Ledger) -> None:
        self.state = Caller.SILENT
        self.due: float | None = None
        self._rules = rules
        self._agent = agent
        self._ledger = ledger
        self._own_pauses = OwnPauses()
        self._sound = _Sound()
        self._open = _Open()
        self._taken = _Taken()
        self._looked_at: tuple[str, str, Ending] = ("", "", Ending.FINISHED)

    @property
    def is_sounding(self) -> bool:
        """Whether the caller makes sound, short gaps included."""
        return self._sound.is_on

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is to be heard of the caller this moment, be it only a gap between words."""
        return self._sound.is_paused or not self._sound.is_on

    @property
    def text(self) -> str:
        """All words of the open turn, settled or not."""
        return self._open.text

    @property
    def confidence(self) -> float:
        """How sure the recogniser is of those words, 0 to 1."""
        return self._open.confidence

    @property
    def ending(self) -> Ending:
        """What the open turn's last words say about its end."""
        text, question = self._open.text, self._question
        if (text, question) != self._looked_at[:2]:
            self._looked_at = (text, question, ending_of(text, question, self._agent.listen.language))
        return self._looked_at[2]

    @property
    def is_likely_over(self) -> bool:
        """Whether the caller has probably finished the open turn: a guess to prepare by, never to speak by."""
        if not self._open.text or not (self._open.may_end or self.is_quiet):
            return False
        probability = self._open.probability
        if probability is not None and probability <= self._rules.judged_unfinished:
            return False
        return self.ending in (Ending.ANSWER, Ending.FINISHED)

    # ------------------------------------------------------------ sound

    def has_heard(self, at: float) -> bool:
        """Whether the sound of that moment is over already: a recogniser tells late that a short word began."""
        return not self._sound.is_on and at <= self._sound.heard_until

    def sound_started(self, now: float, ago_s: float = 0.0) -> None:
        """Sound in the middle of a turn puts off its end: it may be words."""
        sound, turn = self._sound, self._open
        if turn.text and turn.stirred_at is None:
            turn.stirred_at = now
            turn.gap_s = 0.0 if sound.ended_at is None else now - ago_s - sound.ended_at
        sound.is_on, sound.is_paused, sound.began_at, sound.ended_at = True, False, now - ago_s, None
        turn.probability = None
        self._move(Caller.TALKING)
        self._reckon()

    def sound_paused(self, now: float, ago_s: float) -> None:
        """The sound fell quiet: its end, or a gap between words."""
        self._sound.is_paused = self._sound.is_on

    def sound_resumed(self, now: float) -> None:
        """It was a gap."""
        self._sound.is_paused = False

    def sound_stopped(self, now: float, ago_s: float) -> None:
        """The sound ended, `ago_s` seconds before this."""
        sound, turn = self._sound, self._open
        sound.is_on = sound.is_paused = False
        sound.ended_at = sound.heard_until = now - ago_s
        sound.pause += 1
        if not turn.text:
            self._move(Caller.SILENT)
        elif turn.stirred_at is None:
            turn.voiced_until = max(sound.ended_at, turn.words_at - self._rules.words_lag_s)
        self._reckon()

    # ------------------------------------------------------------ words

    def words(self, fact: WordsHeard, now: float) -> None:
        """Take words; interim ones keep the turn open, settled ones may end it."""
        text = fact.text.strip()
        self._open.may_end = fact.may_end_turn
        if text:
            self._learn()
            self._voiced(now)
        if not fact.is_final:
            if text:
                self._open.interim, self._open.claim = text, Claim.NONE
                self._open.interim_confidence = fact.confidence
                self._move(Caller.TALKING)
                self._reckon()
            return
        if text:
            self._open.settle(text, fact.confidence)
        self._open.interim, self._open.interim_at = "", None
        if not self._open.settled:
            self._move(Caller.TALKING if self._sound.is_on else Caller.SILENT)
            self._reckon()
            return
        if fact.ends_turn:
            self._open.claim = Claim.CERTAIN if fact.turn_is_certain else Claim.PAUSE
        elif text:
            self._open.claim = Claim.NONE
        self._move(Caller.PAUSED)
        self._reckon()

    def utterance_ended(self, now: float) -> None:
        """The recogniser's long gap passed: a pause, unless a sound began since the words that may bring more."""
        if self._open.settled and not (self._sound.is_on and self._open.stirred_at is not None):
            self._open.claim = Claim.PAUSE
            self._move(Caller.PAUSED)
            self._reckon()

    def keys(self, keys: str, now: float) -> None:
        """Pressed keys are a turn of their own behind what was said before them."""
        turn = self._open
        place = len(turn.settled) if turn.interim and turn.interim_at is None else turn.interim_at
        turn.settled.append(f"[pressed {keys}]")
        turn.confidences.append(1.0)
        turn.interim_at = place
        turn.words_at = self._sound.ended_at = turn.pressed_at = now
        self._move(Caller.PAUSED)
        self._reckon()

    # ------------------------------------------------------------ the end-of-turn model

    def pause_to_judge(self) -> int | None:
        """The number of this pause, once, if there are words in it and the turn is not over yet."""
        turn = self._open
        if self._sound.is_on or self._sound.ended_at is None or not turn.text or turn.asked == self._sound.pause:
            return None
        turn.asked = self._sound.pause
        return turn.asked

    def judged(self, pause: int, probability: float) -> None:
        """The model has listened to a pause; whatever has happened since makes that worthless."""
        if self._open.asked == pause == self._sound.pause and not self._sound.is_on and self._open.text:
            self._open.probability = probability
            self._reckon()

    # ------------------------------------------------------------ the turn

    def take(self, now: float) -> Utterance:
        """The turn is over: hand it out and begin anew."""
        turn, ended_at = self._open, self._sound.ended_at
        utterance = Utterance(
            text=turn.text,
            confidence=turn.confidence,
            spoke_until=turn.words_at if ended_at is None else ended_at,
            is_estimate=ended_at is None,
            recognised_at=turn.words_at,
        )
        before = self._taken.unsettled if self._taken.goes_on or not turn.interim else []
        self._taken = _Taken([*before, *words_of(turn.interim)], utterance.spoke_until)
        self._own_pauses.turn_taken()
        self._sound.ended_at = None
        self.forget()
        return utterance

    def without_twin(self, fact: WordsHeard) -> WordsHeard:
        """Words that were taken before they were settled may be settled later: only what is new of them counts."""
        taken, self._taken.unsettled = self._taken.unsettled, [] if fact.is_final else self._taken.unsettled
        words = words_of(fact.text)
        known = _repeated(taken, words)
        self._taken.goes_on = bool(known)
        if known:
            return msgspec.structs.replace(fact, text=" ".join(fact.text.split()[known:]))
        if words and taken[: len(words)] == words:
            if fact.is_final:  # the rest of them is settled next
                self._taken.unsettled = taken[len(words) :]
            return msgspec.structs.replace(fact, text="")
        return fact

    def put_back(self, text: str, confidence: float) -> None:
        """The turn was not over after all: these words come before whatever is heard next."""
        self._open.settled.insert(0, text)
        self._open.confidences.insert(0, confidence)
        self._own_pauses.went_on(self._sound.began_at - self._taken.spoke_until)

    def forget(self) -> None:
        """Drop the words heard so far (they were a murmur or an echo)."""
        self._open = _Open()
        self._move(Caller.TALKING if self._sound.is_on else Caller.SILENT)
        self._reckon()

    def leave(self) -> None:
        self._open = _Open()
        self.due = None
        self._move(Caller.GONE)

    # ------------------------------------------------------------ within

    @property
    def _question(self) -> str:
        """What the agent said last, as far as it was heard."""
        lines = self._ledger.rows[-1].lines if self._ledger.rows else ()
        return lines[-1].heard_text if lines else ""

    def _learn(self) -> None:
        """The sound before these words ended a pause within the turn; one in a number says nothing of the caller."""
        turn = self._open
        if turn.gap_s and self.ending in (Ending.FINISHED, Ending.UNFINISHED):
            self._own_pauses.learn(turn.gap_s)
        turn.gap_s = 0.0

    def _voiced(self, now: float) -> None:
        """Words came: whatever sound there is, or was last, is theirs."""
        turn = self._open
        turn.words_at = now
        if not (self._sound.is_on and now - self._sound.began_at < self._rules.words_lag_s):
            turn.stirred_at = None  # a sound that is younger than its words could be has brought none yet
        turn.voiced_until = max(self._sound.ended_at or 0.0, now - self._rules.words_lag_s)

    def _reckon(self) -> None:
        """When the turn is over, by what is known now."""
        turn = self._open
        if turn.pressed_at is not None or not turn.text:
            self.due = turn.pressed_at
            return
        quiet_since = None if self._sound.is_on else (self._sound.ended_at or turn.voiced_until)
        seen = Evidence(self.ending, not turn.interim, turn.claim, turn.probability)
        pause = Pause(turn.words_at, turn.voiced_until, quiet_since, turn.stirred_at)
        self.due = turn_due(seen, pause, self._rules, self._own_pauses, self._agent.conduct)

    def _move(self, to: Caller) -> None:
        if to is self.state:
            return
        assert to in CALLER_MOVES[self.state], f"caller: {self.state} -> {to}"
        self.state = to


def _repeated(taken: list[str], words: list[str]) -> int:
    """How many of the words taken before a text says again at its beginning; 0 where it says something else.

    A recogniser often thinks better of the last word it has told, which is new then, and now and then of another.
    """
    if not taken or len(words) < len(taken):
        return 0
    wrong = [at for at, (before, now) in enumerate(zip(taken, words, strict=False)) if before != now]
    is_last_wrong = len(taken) > 1 and wrong[-1:] == [len(taken) - 1]
    return 0 if len(wrong) - is_last_wrong > len(taken) // _WORDS_A_MISTAKE else len(taken) - is_last_wrong
