"""The one driver of a conversation: facts in, wishes out, one timer.

A fact is handled to its end before the next one, whoever brought it; a fact that a fulfilled wish gives rise to waits
its turn. All of it happens on the event loop without a task, a lock or a thread, and costs microseconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from parley.conversation.facts import AnyFact
from parley.conversation.journal import Entry
from parley.conversation.machine import Conversation
from parley.conversation.wishes import AnyWish
from parley.live.journals import Journal

# The inbox is emptied before control returns to the loop, so it holds only what one fact leads to. Beyond this, facts
# would be feeding on each other: a bug, and better seen than waited for.
_MOST_FACTS = 1000


class Driver:
    """Owns the conversation's clock: seconds since this object was made."""

    def __init__(self, conversation: Conversation, journal: Journal, fulfil: Callable[[AnyWish, float], None]) -> None:
        self.conversation = conversation
        self._journal = journal
        self._fulfil = fulfil
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._inbox: deque[AnyFact] = deque()
        self._is_working = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None

    def now(self) -> float:
        """Seconds of call time."""
        return self._loop.time() - self._began

    def post(self, fact: AnyFact) -> None:
        """Hand in a fact; when this returns it was handled, unless another one is being handled this moment."""
        if len(self._inbox) >= _MOST_FACTS:
            raise RuntimeError(f"A conversation's facts feed on each other: {type(fact).__name__}")
        self._inbox.append(fact)
        if not self._is_working:
            self._work()

    def close(self) -> None:
        """Disarm the timer; later facts change nothing, for the conversation is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._timer_at = None

    def _work(self) -> None:
        self._is_working = True
        try:
            while self._inbox:
                fact = self._inbox.popleft()
                now = self.now()
                self._carry_out(fact, self.conversation.handle(fact, now), now)
        finally:
            self._is_working = False
        self._arm()

    def _on_timer(self) -> None:
        self._timer = self._timer_at = None
        self._is_working = True
        try:
            now = self.now()
            self._carry_out(None, self.conversation.handle_deadline(now), now)
        finally:
            self._is_working = False
        self._work()

    def _carry_out(self, fact: AnyFact | None, wishes: list[AnyWish], now: float) -> None:
        self._journal.write(Entry(now, fact, wishes))
        for wish in wishes:
            self._fulfil(wish, now)

    def _arm(self) -> None:
        at = self.conversation.next_deadline()
        if at == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = None if at is None else self._loop.call_at(self._began + at, self._on_timer)
