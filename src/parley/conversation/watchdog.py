"""The last resort: a line that makes no progress at all, with nothing else watching over it, does not last for ever.

Each part has its own deadline and its own way to fail. This one is for what none of them foresaw: a phone that plays
and never says so, a webhook's answer that neither comes nor fails.
"""

from __future__ import annotations

from parley.conversation.answering.speech import Active, SpeechSide
from parley.conversation.shared import Shared
from parley.conversation.states import Agent
from parley.conversation.wishes import CancelReply, NoteProblem, StopSpeech

_WATCHED = (Agent.THINKING, Agent.SPEAKING)
_SLOWEST_CHARS_PER_S = 8.0


class Watchdog:
    """Looks at the line that should be heard now, after every step."""

    def __init__(self, shared: Shared, speech: SpeechSide) -> None:
        self._rules = shared.rules
        self._tally = shared.tally
        self._deadlines = shared.deadlines
        self._out = shared.out
        self._speech = speech
        self._seen: tuple[int, int, int] | None = None

    def look(self, now: float) -> None:
        """Begin to wait anew whenever the line has come further."""
        head = self._speech.active[0] if self._speech.active and self._speech.state in _WATCHED else None
        if head is None or self._tally.connected_at is None or self._tally.carrier_lost:
            self._seen = None
            self._deadlines.clear("stuck")
            return
        seen = (head.line.number, len(head.line.text), head.line.heard)
        if seen != self._seen:
            self._seen = seen
            self._deadlines.set("stuck", now + self._patience_s(head))

    def _patience_s(self, head: Active) -> float:
        """An answer may take as long as the slowest webhook is given; sound, as long as it takes to be played."""
        if not head.line.text:
            return self._rules.longest_answer_s
        return self._rules.stuck_s + (len(head.line.text) - head.line.heard) / _SLOWEST_CHARS_PER_S

    def due(self) -> Active | None:
        """Give the line up as far as it came; returns it, now over."""
        self._seen = None
        if not self._speech.active or self._speech.state not in _WATCHED:
            return None
        head = self._speech.active[0]
        self._out.append(NoteProblem("line_stuck"))
        if head.line.text:
            self._out.append(StopSpeech(head.line.number))
        if head.is_asked and not head.line.is_complete:
            self._out.append(CancelReply(head.line.number))
        return head
