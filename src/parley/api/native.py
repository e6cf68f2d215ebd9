"""What the native dialect offers."""

from __future__ import annotations

from parley.api import (
    agents,
    calls,
    conversations,
    credentials,
    deliveries,
    messages,
    numbers,
    projects,
    recordings,
    transcripts,
    usage,
    voices,
    webhooks,
)
from parley.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *agents.OPERATIONS,
    *voices.OPERATIONS,
    *numbers.OPERATIONS,
    *calls.OPERATIONS,
    *transcripts.OPERATIONS,
    *recordings.OPERATIONS,
    *messages.OPERATIONS,
    *conversations.OPERATIONS,
    *webhooks.OPERATIONS,
    *deliveries.OPERATIONS,
    *usage.OPERATIONS,
    *credentials.OPERATIONS,
    *projects.OPERATIONS,
)
