"""What customers are told when a caller was handed to a human. Pure, in the native dialect's spelling."""

from __future__ import annotations

from datetime import datetime

from parley.domain.events import CallFacts, Payload, call_data, envelope, transfer

CALL_TRANSFERRED = "call.transferred"
TRANSFER_FAILED = "call.transfer_failed"


def call_transferred(call: CallFacts, *, at: datetime) -> Payload:
    """`call.transferred`: the human answered. How long they spoke is told when the call is over."""
    return _told(CALL_TRANSFERRED, call, at)


def transfer_failed(call: CallFacts, *, at: datetime) -> Payload:
    """`call.transfer_failed`: nobody answered, and why (`data.transfer.outcome`)."""
    return _told(TRANSFER_FAILED, call, at)


def _told(event: str, call: CallFacts, at: datetime) -> Payload:
    data = {**call_data(call), "transfer": transfer(call.transfers[-1])}
    return envelope(event, agent_id=call.agent_id, at=at, data=data, history=[])
