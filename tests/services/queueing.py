"""Setting up agents that are soon busy, queues for their callers, and callers who are on the line."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from parley.schemas.queues import QueueCreate
from parley.schemas.routing import NumberRoutingPut
from parley.services.plans import stage_of
from parley.services.queues import Queues
from parley.services.routing import Routing
from parley.storage import agents
from parley.storage.tables import AgentRow, CallRow, NumberRow, QueueEntryRow, QueueRow
from tests.services.world import World, ringing

HOOK, SUBSCRIBER = "https://project.example", "https://subscriber.example"


async def limited(world: World, project_id: str, limit: int = 1, **fields: Any) -> AgentRow:
    agent = await world.agent(project_id, **fields)
    async with world.database.transaction() as session:
        (await agents.get(session, project_id, agent.id, lock=True)).max_concurrent_calls = limit
    return agent


async def lead(world: World, number: NumberRow, **rule: Any) -> None:
    """All calls of the number go where the rule says."""
    routing = Routing(world.database, world.cipher, world.numbers, world.clock)
    wanted = {"routing_rules": [{"condition": "always", **rule}]}
    await routing.put_on_number(number.project_id, number.id, NumberRoutingPut.model_validate(wanted))


async def queue_of(world: World, project_id: str, *agents_of: AgentRow, **fields: Any) -> QueueRow:
    wanted = {"name": "Desk", "agent_ids": [agent.id for agent in agents_of], **fields}
    return await Queues(world.database, world.limits, world.clock).create(project_id, QueueCreate(**wanted))


async def ring(world: World, number: NumberRow, name: str, **more: Any) -> CallRow:
    """A caller who is on the line, wherever that is."""
    plan, token = await world.calls.ring_inbound(number.id, ringing(name, **more))
    await world.calls.redeem_stream_token(token.reveal())
    await world.log.connected(plan.call_id)
    world.clock.advance(1)
    return await world.calls.get(number.project_id, plan.call_id)


async def read(world: World, call: CallRow) -> CallRow:
    return await world.calls.get(call.project_id, call.id)


async def stage(world: World, call: CallRow) -> object:
    return stage_of(await read(world, call))


async def entry_of(world: World, call: CallRow) -> QueueEntryRow:
    async with world.database.read() as session:
        statement = select(QueueEntryRow).where(QueueEntryRow.call_id == call.id)
        return (await session.scalars(statement)).one()


async def told(world: World, url: str = HOOK) -> list[dict[str, Any]]:
    while await world.worker.send_due():
        pass
    return [json.loads(body) for target, _, body in world.sender.sent if target == url]
