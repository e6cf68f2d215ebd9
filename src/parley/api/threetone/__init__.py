"""What the ThreeTone dialect offers."""

from __future__ import annotations

from parley.api import alerts, queues
from parley.api.operations import Operation
from parley.api.threetone import (
    analyses,
    conversations,
    diagnostics,
    live,
    phone_numbers,
    routing,
    subscriptions,
    trunks,
    voicemails,
)

OPERATIONS: tuple[Operation, ...] = (
    *phone_numbers.OPERATIONS,
    *trunks.OPERATIONS,
    *routing.OPERATIONS,
    *queues.CALL_QUEUES,
    *subscriptions.OPERATIONS,
    *conversations.OPERATIONS,
    *live.OPERATIONS,
    *analyses.OPERATIONS,
    *voicemails.OPERATIONS,
    *alerts.OPERATIONS,
    *diagnostics.OPERATIONS,
)
