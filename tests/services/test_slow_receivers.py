"""A receiver that does not answer holds up nobody else's events."""

from __future__ import annotations

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.ids import new_id
from parley.domain.secrets import Secret
from parley.providers.guard import TargetRules
from parley.providers.outbound import OutboundHttp, Sender
from parley.schemas.webhooks import WebhookPut
from parley.services.delivery_worker import DeliveryWorker
from parley.services.webhooks import Webhooks
from parley.storage import outbox
from parley.storage.tables import DeliveryRow
from tests.emulators.http_server import Answer, HttpServer, Request
from tests.emulators.webhook import SILENT, WebhookEmulator
from tests.services.world import World

EVENT = "call.ended"


async def events_for(world: World, project_id: str, url: str, count: int) -> Secret:
    """So many due events of different calls for the project's webhook there; its secret."""
    webhooks = Webhooks(world.database, world.cipher, allow_private_targets=True, clock=world.clock)
    put = await webhooks.put(project_id, None, WebhookPut(url=url))
    now = world.clock()
    async with world.database.transaction() as session:
        for _ in range(count):
            row = DeliveryRow(id=new_id("evt"), project_id=project_id, webhook_id=put.row.id, url=url)
            row.event_type, row.channel, row.body = EVENT, "voice", f'{{"event":"{EVENT}"}}'
            row.created_at = row.next_at = now
            outbox.record(session, row)
    return put.secret


async def test_a_black_hole_leaves_room_for_everybody_else(world: World, mine: str, theirs: str) -> None:
    swallowed = []

    async def swallow(request: Request) -> Answer:
        swallowed.append(request)
        return SILENT

    http = OutboundHttp.guarded(TargetRules(allow_private=True))
    worker = DeliveryWorker(world.database, world.destinations, Sender(http), world.clock)
    async with HttpServer(swallow) as hole, WebhookEmulator(lambda event: {}) as other:
        await events_for(world, mine, hole.url, 50)
        world.clock.advance(1)
        other.secret = await events_for(world, theirs, other.url, 1)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(worker.run())
            await other.wait_for(EVENT)
            assert await worker.send_due() == 0
            assert len(swallowed) <= outbox.MOST_TO_ONE_TARGET
            running.cancel()
    await http.aclose()


async def test_a_call_own_url_counts_as_one_target(world: World, mine: str, theirs: str) -> None:
    await events_for(world, mine, "https://a.example/own", 6)
    await events_for(world, theirs, "https://a.example/own", 1)
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE deliveries SET webhook_id = NULL, target = 'call'"))
        taken = await outbox.claim(session, world.clock(), world.worker._lease, 20)
    assert sorted(row.project_id for row in taken) == sorted([mine] * 4 + [theirs])


_MOST_READ = 500  # of 3,000, with what tests before this one have left behind in the table


async def test_a_backlog_for_one_target_is_not_read_through(world: World, mine: str, theirs: str) -> None:
    """Counted in rows that the index of open events gives back."""
    await events_for(world, mine, "https://a.example/hook", 3000)
    await events_for(world, theirs, "https://b.example/hook", 1)
    async with world.database.transaction() as session:
        await session.execute(text("ANALYZE deliveries"))
    async with world.database.transaction() as session:
        [full] = {row.target_key for row in await outbox.claim(session, world.clock(), world.worker._lease, 4)}
        read = await _rows_read(session)
        assert read < _MOST_READ, read
    async with world.database.transaction() as session:
        on_their_way = {full: outbox.MOST_TO_ONE_TARGET}
        [free] = await outbox.claim(session, world.clock(), world.worker._lease, 20, on_their_way=on_their_way)
        read = await _rows_read(session)
        assert read < _MOST_READ, read
    assert free.project_id == theirs


async def _rows_read(session: AsyncSession) -> int:
    """In this transaction: what others read is told by the server in its own time."""
    counted = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'deliveries'"
    return int(await session.scalar(text(counted)) or 0)
