"""Queues: where callers wait for an agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from parley.api.operations import Ask, Listing, Operation
from parley.api.paging import page_of
from parley.domain.queueing import Overflow
from parley.schemas.answers import Success
from parley.schemas.pages import CursorQuery
from parley.schemas.queues import QueueCreate, QueueEntryList, QueueEntryOut, QueueOut, QueueStatus, QueueUpdate
from parley.storage.queues import Place
from parley.storage.tables import QueueRow

GROUP = "Queues"
_ONE = "/queues/{queue_id}"


async def create_queue(ask: Ask[QueueCreate, None]) -> dict[str, Any]:
    return shown(await ask.services.queues.create(ask.project_id, ask.body))


async def list_queues(ask: Ask[None, CursorQuery]) -> Listing:
    rows, total, next_id = await ask.services.queues.list(ask.project_id, ask.query)
    return page_of([shown(row) for row in rows], total, next_id, ask.query)


async def get_queue(ask: Ask[None, None]) -> dict[str, Any]:
    return shown(await ask.services.queues.get(ask.project_id, ask.ids["queue_id"]))


async def update_queue(ask: Ask[QueueUpdate, None]) -> dict[str, Any]:
    return shown(await ask.services.queues.update(ask.project_id, ask.ids["queue_id"], ask.body))


async def delete_queue(ask: Ask[None, None]) -> Success:
    await ask.services.queues.delete(ask.project_id, ask.ids["queue_id"])
    return Success()


async def queue_status(ask: Ask[None, None]) -> QueueStatus:
    found = await ask.services.queues.status(ask.project_id, ask.ids["queue_id"])
    counts = found.counts
    return QueueStatus(
        queue_id=found.queue_id,
        current_calls=counts.waiting,
        average_wait_time=round(counts.average_wait_s),
        longest_wait_time=round(counts.longest_wait_s),
        available_agents=found.available_agents,
        calls_handled_today=counts.answered,
        callbacks_waiting=counts.callbacks,
        abandoned_today=counts.abandoned,
        overflowed_today=counts.overflowed,
    )


async def list_entries(ask: Ask[None, QueueEntryList]) -> Listing:
    places, total = await ask.services.queues.entries(ask.project_id, ask.ids["queue_id"], ask.query)
    return Listing(_entries(places, datetime.now(UTC)), total, ask.query.limit, ask.query.offset)


def shown(row: QueueRow) -> dict[str, Any]:
    """A queue under the wire's names."""
    overflow = msgspec.convert(row.overflow, Overflow)
    return {
        "id": row.id,
        "name": row.name,
        "agent_ids": row.agent_ids or [],
        "max_wait_time": row.max_wait_s,
        "max_length": row.max_length,
        "queue_music": row.music,
        "position_announcements": row.announces_position,
        "estimated_wait_announcements": row.announces_wait,
        "callback_offer": row.offers_callback,
        "overflow_behavior": overflow.action,
        "overflow_agent_id": overflow.agent_id,
        "overflow_message": overflow.text or None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _entries(places: Sequence[Place], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "id": entry.id,
            "call_id": entry.call_id,
            "status": entry.status,
            "position": position,
            "priority": entry.priority,
            "from_number": from_number,
            "waited_seconds": max(0, round((now - entry.entered_at).total_seconds())),
            "attempts": entry.attempts,
            "entered_at": entry.entered_at,
            "overflows_at": entry.overflows_at,
        }
        for entry, position, from_number in places
    ]


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/queues",
        create_queue,
        title="Create a queue",
        group=GROUP,
        answer=QueueOut,
        body=QueueCreate,
        status=201,
        about="Routing rules lead callers into it (`route_to_queue`). Callers wait in the order in which they came, by"
        " priority first, whichever server of yours they reached. Without a queue, callers wait for the agent they"
        " want: nobody hears a busy tone because a limit is reached.",
    ),
    Operation(
        "GET",
        "/queues",
        list_queues,
        title="List queues",
        group=GROUP,
        answer=QueueOut,
        query=CursorQuery,
        lists=("queues",),
    ),
    Operation("GET", _ONE, get_queue, title="Read a queue", group=GROUP, answer=QueueOut),
    Operation(
        "PATCH",
        _ONE,
        update_queue,
        title="Change a queue",
        group=GROUP,
        answer=QueueOut,
        body=QueueUpdate,
        about="Only what is sent changes. Who waits already goes on waiting as they began.",
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_queue,
        title="Delete a queue",
        group=GROUP,
        about="Who waits in it goes on waiting for the agents it had; rules that lead to it are passed over.",
    ),
    Operation(
        "GET", f"{_ONE}/status", queue_status, title="Read how a queue is doing", group=GROUP, answer=QueueStatus
    ),
    Operation(
        "GET",
        f"{_ONE}/entries",
        list_entries,
        title="List who waits in a queue",
        group=GROUP,
        answer=QueueEntryOut,
        query=QueueEntryList,
        lists=("entries",),
        about="In the order in which they will be answered; who is waiting to be called back keeps the place.",
    ),
)


def _as_call_queue(operation: Operation) -> Operation:
    path = operation.path.replace("/queues", "/call-queues", 1)
    lists = ("call_queues",) if operation.lists == ("queues",) else operation.lists
    return replace(operation, path=path, lists=lists, method="PUT" if operation.method == "PATCH" else operation.method)


CALL_QUEUES: tuple[Operation, ...] = tuple(_as_call_queue(each) for each in OPERATIONS if each.run is not list_entries)
"""The same under the other name that clients know queues by."""
