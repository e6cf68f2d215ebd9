"""Asking for an answer while the caller has only probably finished, and keeping all of it back until they have.

What is asked early is no part of the call: it has no row, no history and no sound. Its words go to the voice, which
prepares them, and whatever else it wants waits here. When the turn is taken with the very words it was asked with, it
becomes the turn's answer and what waited is told; in any other case it never was.
"""

from __future__ import annotations

from parley.conversation import facts
from parley.conversation.answering.pressing import MOST_KEYS
from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.ledger import Row
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import AskReply, CancelReason, CancelReply, ConfirmReply, LetOut, StopSpeech
from parley.conversation.words import words_of

# Of the responder and of the voice, about one reply by its number.
_OfReply = (
    facts.ReplyText
    | facts.ReplyDigits
    | facts.ReplyHangup
    | facts.ReplyTransfer
    | facts.ReplySilent
    | facts.ReplyRefused
    | facts.ReplyDone
    | facts.ReplyFailed
    | facts.SpeechSynthesised
    | facts.SpeechFailed
)


class Ahead:
    """Owns the one candidate for the answer to a turn that may be over.

    What the candidate wants besides speaking is kept in `_kept`: so many keys as a reply may press, the rest once.
    """

    def __init__(self, shared: Shared, speech: SpeechSide) -> None:
        self._shared = shared
        self._caller = shared.caller
        self._out = shared.out
        self._speech = speech
        self._asked: list[list[str]] = []  # the words of each early asking of the open turn
        self._kept: list[facts.AnyFact] = []

    def keeps(self, fact: facts.AnyFact, now: float) -> bool:
        """Whether the fact is the candidate's: then it was dealt with here, and changes nothing else yet."""
        candidate = self._speech.candidate
        if isinstance(fact, facts.Whispered):
            self.withdraw("stopped")  # the next answer is to follow it
        if candidate is None or not isinstance(fact, _OfReply) or fact.reply != candidate.line.number:
            return False
        match fact:
            case facts.ReplyText():
                if not candidate.line.is_complete:
                    self._speech.add_text(
                        candidate, fact.text, now, is_whole=fact.is_whole, is_protected=fact.is_protected
                    )
            case facts.SpeechSynthesised():
                candidate.line.synthesised_at = candidate.line.synthesised_at or now
            case facts.ReplyFailed() | facts.SpeechFailed():
                self.withdraw("failed")  # the turn will be asked as if nothing had been
            case _:
                self._keep(fact)
                if isinstance(fact, facts.ReplyDone) and candidate.has_words:
                    self._speech.complete(candidate)  # the voice begins with a short answer only when it is whole
        return True

    def _keep(self, fact: facts.AnyFact) -> None:
        if isinstance(fact, facts.ReplyDigits):
            has_room = sum(isinstance(one, facts.ReplyDigits) for one in self._kept) < MOST_KEYS
        else:
            has_room = fact not in self._kept
        if has_room:
            self._kept.append(fact)

    def review(self, now: float) -> None:
        """After every step: take back what no longer fits, and ask if the caller has probably finished."""
        if not self._shared.agent.conduct.thinks_ahead:
            return
        words = words_of(self._caller.text) if self._caller.text else []
        candidate = self._speech.candidate
        if candidate is not None and not (self._is_idle and words == words_of(candidate.row.caller)):
            self.withdraw("caller_went_on" if self._is_idle else "stopped")
        if not words:
            self._asked.clear()
        elif self._may_ask(words):
            self._asked.append(words)
            self._ask(now)

    def confirm(self, row: Row) -> Active | None:
        """The turn is over: the candidate joins its row if it was asked with the same words, else it never was."""
        candidate = self._speech.candidate
        if candidate is None:
            return None
        if candidate.row.number != row.number or words_of(candidate.row.caller) != words_of(row.caller):
            self.withdraw("caller_went_on")
            return None
        self._speech.candidate = None
        self._out.append(ConfirmReply(candidate.line.number))
        self._speech.join(candidate, row)
        if candidate.line.text:
            self._out.append(LetOut(candidate.line.number))
        return candidate

    def released(self) -> list[facts.AnyFact]:
        """What a candidate that has been confirmed wanted meanwhile, in order: it is to be told now."""
        if self._speech.candidate is not None or not self._kept:
            return []
        kept, self._kept = self._kept, []
        return kept

    def withdraw(self, reason: CancelReason) -> None:
        """Forget the candidate, if there is one."""
        candidate, self._speech.candidate = self._speech.candidate, None
        if candidate is None:
            return
        self._kept.clear()
        if candidate.line.text:
            self._out.append(StopSpeech(candidate.line.number))
        self._out.append(CancelReply(candidate.line.number, reason=reason))
        if not self._speech.active:
            self._shared.deadlines.clear("phrase")

    @property
    def _is_idle(self) -> bool:
        """Whether the agent does nothing but listen."""
        return self._speech.state is Agent.LISTENING and not self._speech.active

    def _may_ask(self, words: list[str]) -> bool:
        tally = self._shared.tally
        return (
            self._speech.candidate is None
            and self._is_idle
            and tally.connected_at is not None
            and not tally.carrier_lost
            and not (tally.is_keying or tally.digits or (tally.reopened is not None and tally.reopened.digits))
            and self._caller.is_likely_over
            and len(self._asked) < self._shared.rules.early_askings
            and words not in self._asked
        )

    def _ask(self, now: float) -> None:
        ledger, reopened = self._shared.ledger, self._shared.tally.reopened
        turn = reopened.number if reopened is not None else len(ledger.rows)
        text = self._caller.text
        candidate = self._speech.prepare(Row(number=turn, at_s=now, lines=[], caller=text), "answer")
        candidate.is_asked = True
        self._speech.candidate = candidate
        self._out.append(AskReply(candidate.line.number, turn, text, self._caller.confidence, is_early=True))
