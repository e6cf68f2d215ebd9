"""What people beside a call see of it while no agent holds it. There is nothing to steer, and nobody to listen to."""

from __future__ import annotations

from parley.conversation.desk.facts import PlaceTold
from parley.conversation.facts import CallConnected
from parley.conversation.journals.journal import Entry
from parley.domain.calls import CallPlan
from parley.domain.live_events import CallState, CallStateName, Steer
from parley.domain.stages import Announcing, TakingMessage, Waiting
from parley.live.watching import Watch
from parley.services.audience import Audience


class DeskSupervision(Watch):
    """Satisfies `Supervised` for a stage of the front desk."""

    def __init__(self, plan: CallPlan, audience: Audience) -> None:
        super().__init__(plan, audience)
        self._is_connected = False
        self.refresh()

    def note(self, entry: Entry) -> None:
        """A step of the stage: a fact, with the wishes it led to."""
        fact: object = entry.fact  # of a stage or of a call
        if isinstance(fact, CallConnected):
            self._is_connected = True
            self.tell("call.started", {"agent_id": self._plan.agent.id or None, "direction": self._plan.direction})
        elif isinstance(fact, PlaceTold):
            self.tell("queue", {"position": fact.position, "wait_seconds": fact.wait_s})
        self.tell_state(self._state_name)

    @property
    def _state_name(self) -> CallStateName:
        stage = self._plan.stage
        if not self._is_connected:
            return "ringing"
        if isinstance(stage, Waiting):
            return "waiting"
        if isinstance(stage, TakingMessage):
            return "taking_message"
        return "announcing" if isinstance(stage, Announcing) else "unknown"

    def current(self) -> CallState:
        return self.state(self._state_name)

    def steer(self, command: Steer) -> bool:
        return False

    def hear_human(self, by: str, audio: bytes) -> None:
        return
