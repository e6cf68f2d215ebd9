"""The laws of a conversation, checked after every step, whatever the order of facts.

- Never two replies at once: while one is being asked for, no other is.
- Nothing is wished after the end.
- What was asked for early is neither written down, nor acted on, nor let out before its turn is final.
- Something is always waited for, so that no state is for ever, and open words are a turn before long.
- The transcript holds only what was heard, as a part of what was meant.
"""

from __future__ import annotations

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Entry
from parley.conversation.machine import Conversation
from parley.conversation.states import Agent

_ENDS = wishes.EndCall
# Waited for in every call, whatever its state: none of these ends a state.
_ALWAYS = frozenset({"max", "silence"})
_WAITING = (Agent.THINKING, Agent.SPEAKING, Agent.HELD, Agent.LEAVING, Agent.TAKEN_OVER, Agent.HANDING_OVER)


class Laws:
    """Watches one conversation; `check` is called behind every step. Raises AssertionError where a law is broken."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._asked: set[int] = set()
        self._early: set[int] = set()
        self._held_back: set[int] = set()
        self._is_over = False

    def check(self, entry: Entry) -> None:
        """Check the step that was just made."""
        self.check_wishes(entry)
        self._check_truth()
        if not self._is_over:
            self._check_deadlines()

    def check_wishes(self, entry: Entry) -> None:
        """Check what can be seen in a journal alone."""
        assert not (self._is_over and entry.wishes), f"wished after the end: {entry.wishes}"
        if isinstance(entry.fact, facts.ReplyDone | facts.ReplyFailed):
            self._asked.discard(entry.fact.reply)
        for wish in entry.wishes:
            self._check_wish(wish)

    def _check_wish(self, wish: wishes.AnyWish) -> None:
        assert not self._is_over, f"wished behind the end: {wish}"
        if isinstance(wish, wishes.AskReply):
            assert not self._asked, f"{wish} while {self._asked} is being asked for"
            self._asked.add(wish.reply)
            self._early |= {wish.reply} if wish.is_early else set()
        elif isinstance(wish, wishes.RetryReply):
            self._asked.add(wish.reply)
        elif isinstance(wish, wishes.CancelReply | wishes.ConfirmReply):
            assert isinstance(wish, wishes.CancelReply) or wish.reply in self._early
            self._early.discard(wish.reply)
            self._asked -= {wish.reply} if isinstance(wish, wishes.CancelReply) else set()
        elif isinstance(wish, _ENDS):
            self._is_over = True
        else:
            self._check_sound(wish)

    def _check_sound(self, wish: wishes.AnyWish) -> None:
        if isinstance(wish, wishes.HoldBack):
            assert wish.reply in self._early
            self._held_back.add(wish.reply)
        elif isinstance(wish, wishes.LetOut | wishes.StopSpeech):
            assert wish.reply not in self._early or isinstance(wish, wishes.StopSpeech), (
                "let out before its turn was final"
            )
            self._held_back.discard(wish.reply)
        elif isinstance(wish, wishes.Say):
            assert wish.reply not in self._early or wish.reply in self._held_back, "early words were not held back"

    def _check_truth(self) -> None:
        for row in self._conversation.ledger.rows:
            assert not {line.number for line in row.lines} & self._early, "an early reply is in the ledger"
            for line in row.lines:
                assert 0 <= line.heard <= len(line.text)
                assert line.text.startswith(line.heard_text) or line.heard_text in line.text.strip()

    def _check_deadlines(self) -> None:
        state, waits = self._conversation.agent_state, self._conversation.waits_for.keys()
        if not self._conversation.is_connected:
            return
        if state in _WAITING:
            assert waits - _ALWAYS, f"{state.value} for ever"
        if state is Agent.LISTENING and self._conversation.open_words:
            assert waits & {"turn", "keys"}, "words that nobody will answer"
        if state is Agent.HELD:
            assert waits & {"held", "media"}, "silent for a caller of whom nobody expects anything"
        assert (state is Agent.TAKEN_OVER) is ("take_over" in waits) is bool(self._conversation.taken_by)
