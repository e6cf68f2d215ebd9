"""What a call tells of itself while somebody watches: nothing of it is worked out before, and nobody is waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from parley.conversation import facts, wishes
from parley.conversation.journals.journal import Entry
from parley.conversation.ledger import Line
from parley.conversation.machine import Conversation
from parley.conversation.states import Agent
from parley.domain.calls import CallPlan, EndReason
from parley.domain.live_events import CallState, CallStateName, LiveEvent, LiveEventName
from parley.services.audience import Audience

_BY_CALLER = (facts.WordsHeard, facts.KeyPressed)
# Where a line is looked for that the phone has just played: it is one of the last few exchanges.
_RECENT_ROWS = 4

_STATES: Mapping[Agent, CallStateName] = {
    Agent.LISTENING: "listening",
    Agent.THINKING: "thinking",
    Agent.SPEAKING: "speaking",
    Agent.HELD: "held",
    Agent.TAKEN_OVER: "taken_over",
    Agent.HANDING_OVER: "leaving",
    Agent.LEAVING: "leaving",
    Agent.GONE: "leaving",
}


class Watch:
    """One line's side of the audience. While `is_on` is False its owner tells nothing.

    Events are numbered from the call's beginning, so that those of a session which takes the call over come later.
    """

    def __init__(self, plan: CallPlan, audience: Audience) -> None:
        self.is_on = False
        self._plan = plan
        self._audience = audience
        self._seq = round(plan.continues.after_s * 1000) if plan.continues is not None else 0
        self._told_state: dict[str, Any] = {}

    def refresh(self) -> None:
        """Ask anew whether anybody watches."""
        self.is_on = self._audience.wants(self._plan.project_id, self._plan.call_id)

    def tell(self, event: LiveEventName, data: dict[str, Any]) -> None:
        """`data` has keys in snake_case."""
        if self.is_on:
            self._seq += 1
            plan = self._plan
            now = datetime.now(UTC)
            self._audience.tell(LiveEvent(plan.call_id, plan.project_id, event, now, self._seq, data))

    def tell_state(self, state: CallStateName, taken_over_by: str | None = None) -> None:
        """Told only if it is another one than before."""
        data = {"state": state, "taken_over_by": taken_over_by}
        if self.is_on and data != self._told_state:
            self._told_state = data
            self.tell("state", data)

    def tell_ended(self, reason: EndReason) -> None:
        self.tell("call.ended", {"end_reason": reason})

    def state(self, state: CallStateName, taken_over_by: str | None = None) -> CallState:
        """How the line stands now, for who begins to watch."""
        return CallState(self._plan.call_id, self._plan.project_id, state, self._seq, taken_over_by)


class ConversationWatch(Watch):
    """Of a call that an agent holds: every step of its conversation, as far as it is anybody's business."""

    def __init__(self, plan: CallPlan, audience: Audience, conversation: Conversation) -> None:
        super().__init__(plan, audience)
        self._conversation = conversation
        self._heard = (0, 0)  # of which line how many characters were told
        self._held_back = 0  # which answer is only being prepared, so that nobody can interrupt it

    def note(self, entry: Entry) -> None:
        if not self.is_on:
            return
        told = self._ON_FACT.get(type(entry.fact))
        if told is not None:
            told(self, entry.fact)
        was_stopped = False
        for wish in entry.wishes:
            if isinstance(wish, wishes.NoteTurn):
                self._turn(wish)
            elif isinstance(wish, wishes.NoteProblem):
                self.tell("problem", {"code": wish.code})
            elif isinstance(wish, wishes.HoldBack | wishes.LetOut):
                self._held_back = wish.reply if isinstance(wish, wishes.HoldBack) else 0
            elif isinstance(wish, wishes.StopSpeech):
                was_stopped = was_stopped or wish.reply != self._held_back
        if was_stopped and isinstance(entry.fact, (*_BY_CALLER, facts.TakeOverAsked)):
            self.tell("interrupted", {"by": "caller" if isinstance(entry.fact, _BY_CALLER) else "supervisor"})
        if self._conversation.agent_state is not Agent.GONE:
            self.tell_state(self.state_name, self._conversation.taken_by or None)

    @property
    def state_name(self) -> CallStateName:
        if not self._conversation.is_connected:
            return "ringing"
        state = self._conversation.agent_state
        is_goodbye = state in (Agent.THINKING, Agent.SPEAKING) and not self._conversation.can_be_steered
        return "leaving" if is_goodbye else _STATES[state]

    def current(self) -> CallState:
        return self.state(self.state_name, self._conversation.taken_by or None)

    # ------------------------------------------------------------ facts

    def _started(self, fact: facts.CallConnected) -> None:
        plan = self._plan
        if plan.continues is not None and plan.continues.is_back:
            return  # it began before a human's phone rang
        self.tell("call.started", {"agent_id": plan.agent.id, "direction": plan.direction})

    def _words(self, fact: facts.WordsHeard) -> None:
        if fact.text.strip():
            self.tell("words", {"text": fact.text, "is_final": fact.is_final, "confidence": round(fact.confidence, 3)})

    def _played(self, fact: facts.SpeechHeard | facts.SpeechEnded) -> None:
        """Only what was truly heard is told, cut back to whole words."""
        rows = self._conversation.ledger.rows[-_RECENT_ROWS:]
        line = next((one for row in reversed(rows) for one in row.lines if one.number == fact.reply), None)
        if line is not None and (heard := line.heard_text) and self._heard != (line.number, len(heard)):
            self._heard = line.number, len(heard)
            self.tell("agent.words", {"text": heard, "line": line.number, "is_final": _is_heard(line)})

    _ON_FACT: ClassVar[dict[type, Callable[[ConversationWatch, Any], None]]] = {
        facts.CallConnected: _started,
        facts.WordsHeard: _words,
        facts.SpeechHeard: _played,
        facts.SpeechEnded: _played,
    }

    # ------------------------------------------------------------ wishes

    def _turn(self, note: wishes.NoteTurn) -> None:
        """A row that is finished; one that still waits for its answer, or is being spoken, is told when it is."""
        if self._conversation.is_open(note.row):
            return
        before = self._plan.continues
        latencies = {name: getattr(note.latencies, name) for name in note.latencies.__struct_fields__}
        self.tell(
            "turn",
            {
                "row": note.row + (before.first_row if before is not None else 0),
                "seconds": round(note.at_s + (before.after_s if before is not None else 0.0), 3),
                "transcript": note.caller or note.agent or "",
                "response": note.agent if note.caller else None,
                "speaker": "caller" if note.caller else note.speaker,
                "confidence": note.confidence,
                "was_cut": note.was_cut,
                "latencies": latencies,
            },
        )


def _is_heard(line: Line) -> bool:
    return line.is_complete and line.heard >= len(line.text.rstrip())
