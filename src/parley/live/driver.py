"""The one driver of a conversation, and of a stage of the front desk: facts in, wishes out, one timer.

A fact is handled to its end before the next one, whoever brought it; a fact that a fulfilled wish gives rise to waits
its turn. All of it happens on the event loop without a task, a lock or a thread, and costs microseconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from parley.conversation.facts import Fact
from parley.conversation.journals.journal import Entry

# The inbox is emptied before control returns to the loop, so it holds only what one fact leads to. Beyond this, facts
# would be feeding on each other: a bug, and better seen than waited for.
_MOST_FACTS = 1000
_EPSILON_S = 1e-6


class Machine(Protocol):
    """What can be driven: it takes the facts it knows, says what it wants done, and when it wants to be woken."""

    def handle(self, fact: Any, now: float) -> list[Any]: ...
    def next_deadline(self) -> float | None: ...
    def handle_deadline(self, now: float) -> list[Any]: ...


Driven = TypeVar("Driven", bound=Machine)


class Driver(Generic[Driven]):
    """Owns the conversation's clock: seconds since this object was made.

    `note` is shown every step: a fact, or a deadline, with the wishes it led to. `on_bug` is told an exception that
    handling raised: the call cannot go on, whoever brought the fact, and neither a timer nor a phone's socket is the
    place to end it.
    """

    def __init__(
        self,
        conversation: Driven,
        note: Callable[[Entry], None],
        fulfil: Callable[[Any, float], None],
        on_bug: Callable[[Exception], None],
    ) -> None:
        self.conversation = conversation
        self._note = note
        self._fulfil = fulfil
        self._on_bug = on_bug
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._inbox: deque[Any] = deque()
        self._is_busy = True  # until `start`, and while a fact is handled: what is posted meanwhile waits
        self._is_closed = False
        self._timer: tuple[float, asyncio.Handle] | None = None

    def now(self) -> float:
        """Seconds of call time."""
        return self._loop.time() - self._began

    def start(self) -> None:
        """Whoever fulfils wishes is ready: handle what was posted so far, and from here on everything at once."""
        self._work()

    def post(self, fact: Fact) -> None:
        """Hand in a fact; when this returns it was handled, unless another one is being handled this moment."""
        if self._is_closed:
            return
        if len(self._inbox) >= _MOST_FACTS:
            raise RuntimeError(f"A conversation's facts feed on each other: {type(fact).__name__}")
        self._inbox.append(fact)
        if not self._is_busy:
            self._work()

    def close(self) -> None:
        """Disarm the timer; later facts change nothing."""
        self._is_closed = True
        if self._timer is not None:
            self._timer[1].cancel()
            self._timer = None

    def _on_timer(self) -> None:
        """A timer may come a hair early: uvloop goes by whole milliseconds, and sums of times are rounded.

        Then call time takes the step, so that the deadline is due and time never goes back. Without it the timer would
        be armed for at once, again and again, until the next millisecond.
        """
        if self._timer is not None:
            early_s = self._timer[0] - self._loop.time()
            if early_s > -_EPSILON_S:
                self._began -= early_s + _EPSILON_S
        self._timer = None
        self._work(deadline_is_due=True)

    def _work(self, *, deadline_is_due: bool = False) -> None:
        self._is_busy = True
        try:
            if deadline_is_due:
                self._carry_out(None)
            while self._inbox:
                self._carry_out(self._inbox.popleft())
        except Exception as bug:  # noqa: BLE001 - told on, not swallowed
            self._inbox.clear()
            self._on_bug(bug)
        finally:
            self._is_busy = False
        self._arm()

    def _carry_out(self, fact: Any) -> None:
        now = self.now()
        wishes: list[Any] = []
        try:
            wishes = self.conversation.handle_deadline(now) if fact is None else self.conversation.handle(fact, now)
        finally:  # also what a bug was met with, so that a replay meets it too
            self._note(Entry(now, fact, wishes))
        for wish in wishes:
            self._fulfil(wish, now)

    def _arm(self) -> None:
        if self._is_closed:
            return
        at = self.conversation.next_deadline()
        when = None if at is None else self._began + at
        if self._timer is not None:
            armed_for, handle = self._timer
            if armed_for == when:
                return
            handle.cancel()
        # The moment is kept here: for one that has come already uvloop gives a handle that does not know it.
        self._timer = None if when is None else (when, self._loop.call_at(when, self._on_timer))
