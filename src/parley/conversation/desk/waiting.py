"""Waiting for an agent: music, the place in the queue now and then, and one key for whoever would rather be called."""

from __future__ import annotations

from collections import deque
from typing import Literal

from parley.conversation import facts
from parley.conversation.desk import lines
from parley.conversation.desk.facts import DeskFact, MoveAsked, NextUnwritten, NextWritten, PlaceTold, TurnCame
from parley.conversation.desk.prompts import Outcome
from parley.conversation.desk.rules import DeskRules
from parley.conversation.desk.stage import StageMachine
from parley.conversation.desk.wishes import AskNext, PlayMusic
from parley.domain.stages import StageEnd, Waiting

CALLBACK_KEY = "1"
_MOST_LINES = 8  # more would keep a caller from hearing the place; the oldest goes
_ANNOUNCE, _LONGEST = "announce", "longest"


class WaitingRoom(StageMachine):
    """Holds one waiting caller until it is their turn (`TurnCame`), they want to be called back, or they hang up.

    Whoever keeps the queue tells of the place and of the turn, and ends a wait that takes too long. Two hours without
    either and the wait overflows by itself, so that nobody listens to music for ever because a queue was lost.
    """

    def __init__(self, stage: Waiting, language: str, rules: DeskRules | None = None) -> None:
        super().__init__(language, rules)
        self._stage = stage
        self._place: PlaceTold | None = None
        self._saying: Literal["place", "line", "goodbye"] = "place"
        self._telling: int | None = None  # the position that is being said
        self._told: int | None = None  # the last one that was said
        self._told_at: float | None = None
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._asking: StageEnd | None = None
        self._callback: NextWritten | None = None

    def _connected(self, now: float) -> None:
        self._out.append(PlayMusic())
        self._deadlines.set(_LONGEST, now + self.rules.longest_wait_s)
        self._deadlines.set(_ANNOUNCE, now if self._place else now + self.rules.first_words_s)

    def _hear(self, fact: DeskFact, now: float) -> None:
        match fact:
            case PlaceTold():
                self._place = fact
                if self._is_connected and not self._prompts.is_speaking:
                    self._schedule(now)
            case TurnCame():
                self._leave(now)
            case MoveAsked():
                self._ask("moved")
            case facts.KeyPressed(digit=digit) if digit == CALLBACK_KEY and self._stage.offers_callback:
                self._want_callback()
            case facts.SayAsked(text=text):
                self._lines.append(text)
                if self._is_connected and not self._prompts.is_speaking:
                    self._go_on(now)
            case NextWritten(end=end) if end == self._asking:
                self._written(fact, now)
            case NextUnwritten(end=end) if end == self._asking:
                self._unwritten(end, now)
            case _:
                pass

    def _due(self, name: str, now: float) -> None:
        if name == _ANNOUNCE:
            self._announce(now)
        elif not self._ask("overflowed"):
            self._deadlines.set(_LONGEST, now + self.rules.write_again_s)

    def _said(self, outcome: Outcome, now: float) -> None:
        self._out.append(PlayMusic())
        if self._saying == "goodbye":
            self._part(now)
            return
        if self._saying == "place":
            self._told_at, self._told = now, self._telling  # a voice that failed is not tried again for the same place
        self._go_on(now)

    def _gone(self, reason: str, now: float) -> None:
        """Whoever hangs up on our goodbye will be called back all the same."""
        super()._gone("callback_wanted" if self._callback is not None else reason, now)

    # ------------------------------------------------------------ what is said

    def _go_on(self, now: float) -> None:
        if self._lines and self._callback is None:
            self._saying = "line"
            self._say(self._lines.popleft(), now)
        else:
            self._schedule(now)

    def _schedule(self, now: float) -> None:
        """A better place is told soon, and never twice in a breath; one that is not better, in its turn."""
        if self._told_at is None:
            at = now
        elif self._has_improved():
            at = self._told_at + self.rules.least_gap_s
        else:
            at = self._told_at + self.rules.repeat_s
        self._deadlines.set(_ANNOUNCE, max(at, now))

    def _has_improved(self) -> bool:
        if self._place is None or not self._stage.announces_position:
            return False
        return self._told is None or self._place.position < self._told

    def _announce(self, now: float) -> None:
        if self._asking == "callback_wanted" or self._callback is not None or self._prompts.is_speaking:
            return
        said, place, stage = [], self._place, self._stage
        if self._told_at is None:
            said.append(lines.hold_the_line(self.language))
        self._telling = place.position if place is not None and stage.announces_position else None
        if self._telling is not None:
            said.append(lines.place(self.language, self._telling))
        if place is not None and stage.announces_wait and place.wait_s is not None:
            said.append(lines.wait(self.language, place.wait_s))
        if stage.offers_callback:
            said.append(lines.callback_offer(self.language))
        if said:
            self._saying = "place"
            self._say(" ".join(said), now)

    # ------------------------------------------------------------ what comes next

    def _ask(self, end: StageEnd) -> bool:
        """One question at a time. False where another one is open, or the caller is leaving already."""
        if self._asking is not None or self._callback is not None:
            return False
        self._asking = end
        self._out.append(AskNext(end))
        return True

    def _want_callback(self) -> None:
        """It is promised once it is written, not before."""
        if self._ask("callback_wanted"):
            self._prompts.stop()
            self._out.append(PlayMusic())

    def _written(self, answer: NextWritten, now: float) -> None:
        self._asking = None
        if answer.end == "callback_wanted":
            self._callback, self._saying = answer, "goodbye"
            self._say(lines.callback_promised(self.language), now)
        elif answer.comes:
            self._leave(now)
        elif answer.end == "overflowed":
            self._end("overflowed", now)

    def _unwritten(self, end: StageEnd, now: float) -> None:
        self._asking = None
        if end == "callback_wanted":
            self._saying = "line"
            self._say(lines.callback_impossible(self.language), now)
        elif end == "overflowed":
            self._deadlines.set(_LONGEST, now + self.rules.write_again_s)

    def _part(self, now: float) -> None:
        if self._callback is not None and self._callback.comes:
            self._leave(now)
        else:
            self._end("callback_wanted", now)
