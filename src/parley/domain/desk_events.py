"""What customers are told about callers who wait. Pure, in the native dialect's spelling."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from parley.domain.events import CallFacts, Payload, envelope
from parley.domain.queueing import Left

QUEUE_ENTERED = "queue.entered"
QUEUE_LEFT = "queue.left"
CALLBACK_REQUESTED = "queue.callback_requested"


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """One wait as events show it. Without a `queue_id` the caller waits for the agents themselves."""

    entry_id: str
    queue_id: str | None
    priority: int
    agent_ids: tuple[str, ...]
    entered_at: datetime


def queue_entered(call: CallFacts, wait: Wait, *, position: int, at: datetime) -> Payload:
    """`queue.entered`: a caller hears the music. `position` 1 is next."""
    return _told(QUEUE_ENTERED, call, wait, at, position=position)


def callback_requested(call: CallFacts, wait: Wait, *, at: datetime) -> Payload:
    """`queue.callback_requested`: the caller hangs up, keeps the place, and will be called back."""
    return _told(CALLBACK_REQUESTED, call, wait, at)


def queue_left(
    call: CallFacts, wait: Wait, *, how: Left, agent_id: str | None, at: datetime, attempts: int = 0
) -> Payload:
    """`queue.left`: the wait is over. `answeredBy` is an agent, or null; `attempts` counts the calls back."""
    waited_s = max(0, round((at - wait.entered_at).total_seconds()))
    return _told(QUEUE_LEFT, call, wait, at, how=how, waitedSeconds=waited_s, answeredBy=agent_id, attempts=attempts)


def _told(kind: str, call: CallFacts, wait: Wait, at: datetime, **facts: Any) -> Payload:
    data = {
        "callId": call.call_id,
        "from": call.from_number,
        "to": call.to_number,
        "direction": call.direction,
        "queueEntryId": wait.entry_id,
        "queueId": wait.queue_id,
        "priority": wait.priority,
        "agentIds": list(wait.agent_ids),
        **facts,
    }
    return envelope(kind, agent_id=call.agent_id, at=at, data=data, history=[])
