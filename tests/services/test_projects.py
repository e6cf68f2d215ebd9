"""Keys open one project, are kept as a hash, and can be taken back."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from sqlalchemy import select

from parley.domain.errors import BadInput, ConfigurationError, Conflict, NotFound, Unauthorized
from parley.domain.secrets import Secret
from parley.storage.tables import ApiKeyRow
from tests.services.world import World


async def test_a_key_opens_its_project(world: World) -> None:
    row, key = await world.projects.create_key("shop")

    assert key.reveal().startswith("sk_live_")
    assert await world.projects.authenticate(key.reveal()) == row.project_id


async def test_only_the_hash_of_a_key_is_kept(world: World) -> None:
    _, key = await world.projects.create_key("shop")

    async with world.database.read() as session:
        row = (await session.scalars(select(ApiKeyRow))).one()
    assert row.key_hash == hashlib.sha256(key.reveal().encode()).digest()
    assert row.prefix == key.reveal()[:16]


async def test_keys_of_one_name_share_a_project(world: World) -> None:
    first, _ = await world.projects.create_key("shop")
    second, _ = await world.projects.create_key(" shop ")

    assert first.project_id == second.project_id
    assert [key.project.name for key in await world.projects.list_keys()] == ["shop", "shop"]


@pytest.mark.parametrize("wrong", ["", "sk_live_nothing", "x" * 10_000, "sk_\x00", "\ud800"])
async def test_an_unknown_key_opens_nothing(world: World, wrong: str) -> None:
    with pytest.raises(Unauthorized):
        await world.projects.authenticate(wrong)


@pytest.mark.parametrize("by", ["id", "prefix", "whole"])
async def test_a_revoked_key_opens_nothing(world: World, by: str) -> None:
    row, key = await world.projects.create_key("shop")
    _, other = await world.projects.create_key("shop")

    await world.projects.revoke_key({"id": row.id, "prefix": row.prefix, "whole": key.reveal()}[by])

    with pytest.raises(Unauthorized):
        await world.projects.authenticate(key.reveal())
    assert await world.projects.authenticate(other.reveal()) == row.project_id


async def test_a_key_to_revoke_has_to_be_named_exactly(world: World) -> None:
    with pytest.raises(NotFound):
        await world.projects.revoke_key("sk_live_unknown")
    with pytest.raises(BadInput):
        await world.projects.revoke_key("sk_live_")


async def test_several_keys_that_begin_alike_are_not_revoked_together(world: World) -> None:
    await world.projects.ensure_default(Secret("operator-key-number-one-abcdef"))
    async with world.database.transaction() as session:
        first = (await session.scalars(select(ApiKeyRow))).one()
        session.add(
            ApiKeyRow(id="key_2", project_id=first.project_id, key_hash=b"2", prefix=first.prefix, source="created")
        )

    with pytest.raises(Conflict):
        await world.projects.revoke_key(first.prefix)


async def test_the_environments_key_opens_the_default_project(world: World) -> None:
    project_id = await world.projects.ensure_default(Secret("operator-key-1"))

    assert await world.projects.authenticate("operator-key-1") == project_id
    assert await world.projects.ensure_default(Secret("operator-key-1")) == project_id
    assert await world.projects.ensure_default(None) == project_id
    assert len(await world.projects.list_keys()) == 1


async def test_a_changed_environment_key_replaces_the_earlier_one(world: World) -> None:
    await world.projects.ensure_default(Secret("operator-key-1"))
    project_id = await world.projects.ensure_default(Secret("operator-key-2"))

    assert await world.projects.authenticate("operator-key-2") == project_id
    with pytest.raises(Unauthorized):
        await world.projects.authenticate("operator-key-1")


async def test_a_short_environment_key_is_not_kept_whole(world: World) -> None:
    await world.projects.ensure_default(Secret("secret"))

    assert [key.prefix for key in await world.projects.list_keys()] == ["sec"]


async def test_servers_that_start_together_agree_on_the_default_project(world: World) -> None:
    started = await asyncio.gather(*(world.projects.ensure_default(Secret("operator-key-1")) for _ in range(8)))

    assert len(set(started)) == 1
    assert len(await world.projects.list_keys()) == 1


async def test_a_key_of_another_project_cannot_be_the_environments(world: World) -> None:
    _, key = await world.projects.create_key("shop")

    with pytest.raises(ConfigurationError):
        await world.projects.ensure_default(key)
