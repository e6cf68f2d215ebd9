"""Whoever changes an agent, a call, a text message or a webhook at the same moment waits, and never in a circle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from sqlalchemy import text as sql

from parley.providers.protocols import MessageReport
from parley.schemas.calls import CallCreate
from parley.schemas.messages import MessageSend
from parley.schemas.webhooks import WebhookPut
from parley.storage import webhooks
from parley.storage.database import Database
from parley.storage.tables import AgentRow
from tests.services.world import World

THEM = "+14155559999"
_WAITING = sql("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def waiting(database: Database, number: int) -> None:
    """Until that many transactions wait for a lock. A transaction sees who waits as it was when it first looked."""
    async with asyncio.timeout(60):
        while await _number_waiting(database) != number:
            await asyncio.sleep(0.01)


async def _number_waiting(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(_WAITING) or 0


async def with_own_webhook(world: World, project_id: str) -> AgentRow:
    agent = await world.agent(project_id)
    await world.number(project_id, agent.id)
    await world.webhooks.put(project_id, agent.id, WebhookPut(url="https://a.example"))
    return agent


async def while_deleted(world: World, agent: AgentRow, *others: Awaitable[None]) -> None:
    """The agent's webhook is held until its deletion waits for it, and then everybody else waits too."""
    async with asyncio.TaskGroup() as tasks, world.database.transaction() as session:
        await webhooks.get(session, agent.project_id, agent.id, lock=True)
        tasks.create_task(_deletion(world, agent))
        await waiting(world.database, 1)
        for number, other in enumerate(others, start=2):
            tasks.create_task(_done(other))
            await waiting(world.database, number)


async def _deletion(world: World, agent: AgentRow) -> None:
    await world.agents.delete(agent.project_id, agent.id)


async def _done(other: Awaitable[None]) -> None:
    await other


async def test_a_call_may_end_while_its_agent_is_deleted(world: World, mine: str) -> None:
    agent = await with_own_webhook(world, mine)
    call = await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number=THEM))
    await world.log.connected(call.id)

    await while_deleted(world, agent, world.log.finished(call.id, "caller_hangup"))

    assert (await world.calls.get(mine, call.id)).status == "completed"


async def test_a_text_may_arrive_while_its_agent_is_deleted(world: World, mine: str) -> None:
    agent = await with_own_webhook(world, mine)
    message = await world.messages.send(mine, MessageSend(body="Hello!", agent_id=agent.id, to_number=THEM))
    arrived = MessageReport(message.carrier_message_id or "", "delivered")

    await while_deleted(world, agent, world.messages.report(message.id, arrived))

    assert (await world.messages.get(mine, message.id)).status == "delivered"
