"""Conversations as they happen."""

from __future__ import annotations

from parley.api.live_calls import GROUP, TOKEN, steering_of, watching_of
from parley.api.operations import Ask, Operation
from parley.schemas.answers import Success
from parley.schemas.dialects import THREETONE

_ONE = "/conversations/{conversation_id}"


async def end_conversation(ask: Ask[None, None]) -> Success:
    await ask.services.calls.end(ask.project_id, ask.ids["conversation_id"])
    return Success()


OPERATIONS: tuple[Operation, ...] = (
    TOKEN,
    watching_of("/conversations/stream", "Watch all live conversations", "Status, words and latencies.", THREETONE),
    watching_of(f"{_ONE}/stream", "Watch a live conversation", "Status, words and latencies of one.", THREETONE),
    *steering_of(_ONE),
    Operation(
        "POST",
        f"{_ONE}/end",
        end_conversation,
        title="End a conversation",
        group=GROUP,
        about="Hangs up through the carrier. A conversation that is over already stays as it is.",
        refusals=frozenset({502}),
    ),
)
