"""Trunks and routing as they are kept: sealed, complete, and the project's own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select, text

from parley.domain.errors import BadInput, Conflict, NotFound
from parley.schemas.agents import AgentUpdate
from parley.schemas.pages import CursorQuery
from parley.schemas.routed_numbers import RoutedNumberImport, RoutedNumberUpdate
from parley.schemas.routing import ProjectRoutingPut
from parley.schemas.trunks import TrunkCreate, TrunkUpdate
from parley.services.routing import Routing
from parley.services.trunks import Trunks
from parley.storage import agents, numbers
from parley.storage.tables import NumberRow, TrunkRow
from tests.services.world import CARRIER, World

PHONE = "+14155557777"


@pytest.fixture
def trunks(world: World) -> Trunks:
    return Trunks(world.database, world.cipher, world.clock)


@pytest.fixture
def routing(world: World) -> Routing:
    return Routing(world.database, world.cipher, world.numbers, world.clock)


def imported(**more: Any) -> RoutedNumberImport:
    return RoutedNumberImport.model_validate({"phone_number": PHONE, "provider": CARRIER} | more)


def rule(agent_id: str) -> dict[str, Any]:
    return {"condition": "queue_length", "threshold": 5, "action": "route_to_agent", "agent_id": agent_id}


# ---------------------------------------------------------------- trunks


async def test_a_trunks_password_is_sealed_to_its_row(world: World, mine: str, trunks: Trunks) -> None:
    wanted = TrunkCreate(name="t", sip_domain="sip.example.com", username="u", password="hush-hush-hush")
    row = await trunks.create(mine, wanted)

    async with world.database.read() as session:
        stored = (await session.scalars(select(TrunkRow))).one()
    assert stored.sealed_password is not None
    assert b"hush" not in stored.sealed_password
    assert world.cipher.open(stored.sealed_password, mine, row.id).reveal() == "hush-hush-hush"


async def test_a_change_keeps_the_password_and_moves_the_clock(world: World, mine: str, trunks: Trunks) -> None:
    wanted = TrunkCreate(name="t", sip_domain="sip.example.com", auth_username="u", auth_password="p" * 12)
    row = await trunks.create(mine, wanted)
    world.clock.advance(60)

    changed = await trunks.update(mine, row.id, TrunkUpdate(name="other", port=None))

    assert (changed.name, changed.port, changed.sealed_password) == ("other", 5060, row.sealed_password)
    assert changed.updated_at > changed.created_at
    cleared = await trunks.update(mine, row.id, TrunkUpdate(password=None))
    assert cleared.sealed_password is None
    with pytest.raises(BadInput, match="authPassword"):
        await trunks.update(mine, row.id, TrunkUpdate(registration_required=True))


async def test_another_projects_trunk_is_not_there(mine: str, theirs: str, trunks: Trunks) -> None:
    foreign = await trunks.create(theirs, TrunkCreate(name="t", sip_domain="sip.example.com"))
    knocks = (
        trunks.get(mine, foreign.id),
        trunks.update(mine, foreign.id, TrunkUpdate(name="stolen")),
        trunks.delete(mine, foreign.id),
    )
    for knock in knocks:
        with pytest.raises(NotFound):
            await knock
    assert (await trunks.list(mine, CursorQuery())).rows == []
    assert (await trunks.get(theirs, foreign.id)).name == "t"


# ---------------------------------------------------------------- numbers


async def test_a_numbers_sip_password_is_sealed_to_its_row(world: World, mine: str, routing: Routing) -> None:
    config = {"sip_domain": "sip.example.com", "username": "u", "password": "hush-hush-hush"}
    row = await routing.import_number(mine, imported(provider="elsewhere", sip_config=config), "any")

    async with world.database.read() as session:
        stored = (await session.scalars(select(NumberRow))).one()
    assert stored.sealed_config is not None
    assert "hush" not in json.dumps(stored.sip_config)
    assert json.loads(world.cipher.open(stored.sealed_config, mine, row.id).reveal()) == {"password": "hush-hush-hush"}


async def test_a_number_with_an_account_and_sip_is_connected_through_the_account(
    world: World, mine: str, routing: Routing
) -> None:
    account = {"account_sid": "AC-own", "auth_token": "own-token-1234"}
    row = await routing.import_number(
        mine, imported(provider_config=account, sip_config={"sip_domain": "sip.example.com"}), "any"
    )
    assert (row.is_connected, row.sip_config) == (
        True,
        {"sip_domain": "sip.example.com", "port": 5060, "transport": "UDP", "codec_preferences": []},
    )
    assert [what for what, *_ in world.carrier.asked] == ["adopt"]


async def test_routing_is_checked_before_a_number_is_registered(
    world: World, mine: str, theirs: str, routing: Routing
) -> None:
    foreign = (await world.agent(theirs)).id
    with pytest.raises(NotFound, match=r"routing_rules\.0\.agent_id"):
        await routing.import_number(mine, imported(routing_rules=[rule(foreign)]), "any")
    assert world.carrier.asked == []
    assert (await routing.list_numbers(mine, CursorQuery())).total == 0


async def test_a_released_number_is_not_changed(world: World, mine: str, routing: Routing) -> None:
    number = await world.number(mine)
    await world.numbers.release(mine, number.id)
    with pytest.raises(Conflict):
        await routing.update_number(mine, number.id, RoutedNumberUpdate(friendly_name="x"))


async def test_the_agent_attached_first_is_not_moved_by_being_named_again(
    world: World, mine: str, routing: Routing
) -> None:
    agent = (await world.agent(mine)).id
    number = await world.number(mine, agent)
    world.clock.advance(60)
    again = await routing.update_number(mine, number.id, RoutedNumberUpdate(agent_id=agent))
    assert again.attached_at == number.attached_at
    await world.agents.update(mine, agent, AgentUpdate(name="Other"))
    nobody = await routing.update_number(mine, number.id, RoutedNumberUpdate(agent_id=None))
    assert (nobody.agent_id, nobody.attached_at) == (None, None)


async def test_a_number_waits_for_its_agent_and_not_the_agent_for_it(world: World, mine: str, routing: Routing) -> None:
    """Who deletes or attaches the agent locks it first and its numbers then."""
    agent, number = (await world.agent(mine)).id, (await world.number(mine)).id
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, world.database.transaction() as session:
        await agents.get(session, mine, agent, lock=True)
        change = tasks.create_task(routing.update_number(mine, number, RoutedNumberUpdate(agent_id=agent)))
        await somebody_waits(world)
        await numbers.get(session, mine, number, lock=True)
    assert change.result().agent_id == agent


async def somebody_waits(world: World) -> None:
    """Until a transaction of this database waits for another one's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while True:
        async with world.database.read() as session:
            if await session.scalar(waiting):
                return


# ---------------------------------------------------------------- projects


async def test_a_projects_routing_is_its_own(world: World, mine: str, theirs: str, routing: Routing) -> None:
    agent = (await world.agent(mine)).id
    put = ProjectRoutingPut.model_validate({"routing_rules": [rule(agent)]})
    with pytest.raises(NotFound):
        await routing.put(theirs, put)
    kept = await routing.put(mine, put)
    assert kept == {"routing_rules": [rule(agent)]} == await routing.get(mine)
    assert await routing.get(theirs) == {}
    assert await routing.put(mine, ProjectRoutingPut(routing_rules=None)) == {}
