"""What the ThreeTone dialect offers."""

from __future__ import annotations

from parley.api import alerts
from parley.api.operations import Operation
from parley.api.threetone import conversations, diagnostics, phone_numbers, routing, subscriptions, trunks, voicemails

OPERATIONS: tuple[Operation, ...] = (
    *phone_numbers.OPERATIONS,
    *trunks.OPERATIONS,
    *routing.OPERATIONS,
    *subscriptions.OPERATIONS,
    *conversations.OPERATIONS,
    *voicemails.OPERATIONS,
    *alerts.OPERATIONS,
    *diagnostics.OPERATIONS,
)
