"""Where events go, and which URLs parley will ever call."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import BadInput, NotFound
from parley.schemas.base import parse
from parley.schemas.webhooks import WebhookOut, WebhookPut
from parley.services.webhooks import Webhooks
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from tests.services.world import World

HOOK = WebhookPut(url="https://a.example/hook")


async def test_a_webhook_is_shown_with_its_secret(world: World, mine: str) -> None:
    put = await world.webhooks.put(mine, None, HOOK)
    got = await world.webhooks.get(mine, None)

    assert got is not None
    shown = WebhookOut.of(*got)
    assert shown.secret == put.secret.reveal()
    assert shown.secret.startswith("whsec_")
    assert (shown.url, shown.status, shown.context_limit, shown.timeout) == (HOOK.url, "active", 10, 30)


async def test_setting_it_again_changes_the_secret_and_keeps_the_id(world: World, mine: str) -> None:
    first = await world.webhooks.put(mine, None, HOOK)
    second = await world.webhooks.put(mine, None, WebhookPut(url="https://b.example"))

    assert (first.row.id, second.row.url) == (second.row.id, "https://b.example")
    assert first.secret.reveal() != second.secret.reveal()


async def test_one_webhook_each_however_many_set_it_at_once(world: World, mine: str) -> None:
    agent = await world.agent(mine)

    for owner in (None, agent.id):
        rows = await asyncio.gather(*(world.webhooks.put(mine, owner, HOOK) for _ in range(8)))
        assert len({opened.row.id for opened in rows}) == 1


async def test_the_project_is_told_when_the_agents_webhook_goes(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    await world.webhooks.put(mine, None, HOOK)
    await world.webhooks.put(mine, agent.id, WebhookPut(url="https://agent.example"))
    before = await world.webhooks.target_for(mine, agent.id)

    await world.webhooks.delete(mine, agent.id)

    after = await world.webhooks.target_for(mine, agent.id)
    assert before is not None
    assert after is not None
    assert (before.url, after.url) == ("https://agent.example", HOOK.url)


async def test_deleting_the_projects_webhook_leaves_the_agents(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    await world.webhooks.put(mine, None, HOOK)
    await world.webhooks.put(mine, agent.id, HOOK)

    await world.webhooks.delete(mine, None)

    assert await world.webhooks.target_for(mine, None) is None
    assert await world.webhooks.target_for(mine, agent.id) is not None
    with pytest.raises(NotFound):
        await world.webhooks.delete(mine, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "ftp://a.example",
        "https://",
        "a.example",
        "https://a b",
        "https://[::1",
        "https://ä.example",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://user:password@a.example/hook",
    ],
)
async def test_only_public_https_is_called(world: World, mine: str, url: str) -> None:
    with pytest.raises(BadInput, match="url"):
        await world.webhooks.put(mine, None, parse(WebhookPut, {"url": url}))


async def test_an_operator_may_allow_plain_http(database: Database, cipher: Cipher, world: World, mine: str) -> None:
    webhooks = Webhooks(database, cipher, allow_private_targets=True)

    assert (await webhooks.put(mine, None, WebhookPut(url="http://127.0.0.1:8000/x"))).row.status == "active"
