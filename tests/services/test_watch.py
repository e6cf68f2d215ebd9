"""Calls that nobody holds are closed, whether or not what is told of it can be signed."""

from __future__ import annotations

from parley.domain.secrets import Secret
from parley.schemas.calls import CallCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.watch import LOST_AFTER, CallWatch
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from tests.services.world import World


async def test_lost_calls_are_ended_also_where_a_webhooks_secret_is_unreadable(
    world: World, database: Database, mine: str, theirs: str
) -> None:
    """The first project's webhook was sealed with a key that the server has lost."""
    ids = []
    for project_id in (mine, theirs):
        agent = await world.agent(project_id)
        await world.number(project_id, agent.id)
        wanted = CallCreate(agent_id=agent.id, to_number="+14155559999")
        ids.append((await world.calls.create(project_id, wanted)).id)
        world.clock.advance(1)
    before = World(database, Cipher([Secret("a key that was lost")]))
    await before.webhooks.put(mine, None, WebhookPut(url="https://example.com/hook"))

    world.clock.advance(LOST_AFTER.total_seconds())
    assert await CallWatch(database, world.log, list, world.clock).close_lost() == 2
    for project_id, call_id in zip((mine, theirs), ids, strict=True):
        assert (await world.calls.get(project_id, call_id)).end_reason == "media_lost"
