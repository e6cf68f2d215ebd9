"""What the native dialect offers."""

from __future__ import annotations

from parley.api import (
    agents,
    alerts,
    analyses,
    calls,
    conversations,
    credentials,
    deliveries,
    diagnostics,
    live_calls,
    messages,
    numbers,
    projects,
    queues,
    recordings,
    routing,
    transcripts,
    usage,
    voicemails,
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
    *routing.OPERATIONS,
    *queues.OPERATIONS,
    *voicemails.OPERATIONS,
    *live_calls.OPERATIONS,
    *analyses.OPERATIONS,
    *alerts.OPERATIONS,
    *diagnostics.OPERATIONS,
)
