"""Calls, callers who wait and queues, as rows: what routing looks at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from parley.domain.ids import new_id
from parley.storage.tables import CallRow, NumberRow, QueueEntryRow, QueueRow
from tests.services.world import CARRIER, World

CALLER = "+14155559999"


async def a_call(world: World, number: NumberRow, agent_id: str | None, **fields: Any) -> CallRow:
    values: dict[str, Any] = {
        "id": new_id("call"),
        "project_id": number.project_id,
        "agent_id": agent_id,
        "number_id": number.id,
        "carrier": CARRIER,
        "direction": "inbound",
        "status": "in-progress",
        "from_number": CALLER,
        "to_number": number.phone_number,
        "snapshot": {},
        "created_at": world.clock(),
    }
    async with world.database.transaction() as session:
        session.add(row := CallRow(**values | fields))
    return row


async def waits(world: World, number: NumberRow, queue_id: str | None, **fields: Any) -> None:
    call = await a_call(world, number, None, stage={"type": "waiting", "entry_id": "wait_x"})
    now = world.clock()
    values = {"status": "waiting", "agent_ids": [], "settings": {}, "entered_at": now, "overflows_at": now}
    async with world.database.transaction() as session:
        session.add(
            QueueEntryRow(
                id=new_id("wait"),
                project_id=number.project_id,
                call_id=call.id,
                queue_id=queue_id,
                lane=queue_id or "agent_x",
                **values | {"held_until": now + timedelta(seconds=30)} | fields,
            )
        )


async def a_queue(world: World, project_id: str, name: str = "Support") -> str:
    async with world.database.transaction() as session:
        row = QueueRow(id=new_id("queue"), project_id=project_id, name=name, max_wait_s=1, max_length=1, overflow={})
        session.add(row)
    return row.id
