"""Numbers bought, imported and released, and whose account pays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from parley.domain.carriers import NumberHooks
from parley.domain.errors import BadInput, CarrierRefused, Conflict, NotFound
from parley.schemas.credentials import CredentialCreate
from parley.schemas.numbers import NumberBuy, NumberImport, NumberList, NumberSearch, NumberUpdate
from parley.storage import numbers
from parley.storage.tables import NumberRow
from tests.services.world import CARRIER, World

PHONE = "+14155557777"


def asked(world: World, verb: str) -> list[tuple[Any, ...]]:
    return [request[1:] for request in world.carrier.asked if request[0] == verb]


async def credential(world: World, project_id: str, **fields: Any) -> str:
    wanted = {"name": "mine", "provider": CARRIER, "api_key": "own-token", "account_sid": "AC-own"} | fields
    return (await world.credentials.create(project_id, CredentialCreate(**wanted))).id


async def test_a_bought_number_rings_here(world: World, mine: str) -> None:
    agent = await world.agent(mine)

    row = await world.numbers.buy(mine, NumberBuy(country="us", agent_id=agent.id))

    root = f"https://parley.example/carriers/{CARRIER}/numbers/{row.id}"
    assert asked(world, "buy")[0][2] == NumberHooks(f"{root}/voice", f"{root}/status", f"{root}/message")
    assert (row.phone_number, row.country, row.status, row.agent_id) == ("+14155550001", "US", "active", agent.id)


async def test_the_next_number_is_bought_when_one_was_just_sold(world: World, mine: str) -> None:
    world.carrier.taken = {"+14155550001"}

    assert (await world.numbers.buy(mine, NumberBuy())).phone_number == "+14155550002"


async def test_without_a_number_in_the_area_any_is_bought(world: World, mine: str) -> None:
    assert (await world.numbers.buy(mine, NumberBuy(area_code="212"))).phone_number == "+14155550001"


async def test_nothing_for_sale_is_a_conflict(world: World, mine: str) -> None:
    world.carrier.stock = []

    with pytest.raises(Conflict):
        await world.numbers.buy(mine, NumberBuy())


async def test_a_carriers_refusal_comes_through(world: World, mine: str) -> None:
    world.carrier.refusal = CarrierRefused(CARRIER, "Your account is suspended.", retryable=False)

    with pytest.raises(CarrierRefused, match="suspended"):
        await world.numbers.buy(mine, NumberBuy())
    assert (await world.numbers.list(mine, NumberList()))[1] == 0


async def test_a_number_that_cannot_be_kept_is_given_back(world: World, mine: str, theirs: str) -> None:
    world.carrier.while_buying = lambda: world.numbers.import_(theirs, NumberImport(phone_number="+14155550001"))

    with pytest.raises(Conflict):
        await world.numbers.buy(mine, NumberBuy())

    assert asked(world, "release")[0][1] == "PN14155550001"


async def test_the_projects_own_account_pays(world: World, mine: str) -> None:
    own = await credential(world, mine)

    row = await world.numbers.buy(mine, NumberBuy())

    account = asked(world, "buy")[0][0]
    assert (account.account_id, account.token.reveal(), row.credential_id) == ("AC-own", "own-token", own)


@pytest.mark.parametrize(
    "fields",
    [
        {"account_sid": None, "metadata": {"account_sid": "AC-own"}},
        {"account_sid": None, "provider_config": {"accountSid": "AC-own"}},
        {"account_sid": None, "api_key": "AC-own:own-token"},
    ],
)
async def test_an_account_id_may_come_in_several_places(world: World, mine: str, fields: dict[str, Any]) -> None:
    await credential(world, mine, **fields)

    await world.numbers.search(mine, NumberSearch())

    account = asked(world, "search")[0][0]
    assert (account.account_id, account.token.reveal()) == ("AC-own", "own-token")


async def test_a_bare_token_goes_with_the_operators_account_id(world: World, mine: str) -> None:
    await credential(world, mine, account_sid=None)

    await world.numbers.search(mine, NumberSearch())

    account = asked(world, "search")[0][0]
    assert (account.account_id, account.token.reveal()) == ("AC-operator", "own-token")


async def test_among_several_accounts_the_named_one_is_used_else_the_operators(world: World, mine: str) -> None:
    await credential(world, mine, account_sid="AC-1")
    second = await credential(world, mine, account_sid="AC-2")

    await world.numbers.search(mine, NumberSearch())
    await world.numbers.search(mine, NumberSearch(credential_id=second))

    assert [account.account_id for account, *_ in asked(world, "search")] == ["AC-operator", "AC-2"]


async def test_a_carrier_without_an_adapter_cannot_be_searched(world: World, mine: str) -> None:
    other = await credential(world, mine, provider="tenyx")

    with pytest.raises(BadInput, match="tenyx"):
        await world.numbers.search(mine, NumberSearch(credential_id=other))


async def test_an_imported_number_is_pointed_here(world: World, mine: str) -> None:
    row = await world.numbers.import_(mine, NumberImport(phone_number="4155557777", friendly_name="Desk"))

    assert asked(world, "adopt")[0][1] == PHONE
    assert (row.phone_number, row.friendly_name, row.carrier_id) == (PHONE, "Desk", "PN14155557777")


async def test_importing_again_updates(world: World, mine: str) -> None:
    first = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, friendly_name="Desk"))
    agent = await world.agent(mine)

    second = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, agent_id=agent.id))

    assert (second.id, second.friendly_name, second.agent_id) == (first.id, "Desk", agent.id)
    assert (await world.numbers.list(mine, NumberList()))[1] == 1


async def test_a_number_belongs_to_one_project(world: World, mine: str, theirs: str) -> None:
    await world.numbers.import_(theirs, NumberImport(phone_number=PHONE))

    with pytest.raises(Conflict):
        await world.numbers.import_(mine, NumberImport(phone_number=PHONE))


async def test_a_released_number_is_gone_but_not_forgotten(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    number = await world.number(mine, agent.id)

    released = await world.numbers.release(mine, number.id)

    assert (released.status, released.agent_id) == ("released", None)
    assert asked(world, "release")[0][1] == number.carrier_id
    assert (await world.numbers.list(mine, NumberList()))[1] == 0
    assert (await world.numbers.get(mine, number.id)).status == "released"
    with pytest.raises(NotFound):
        await world.numbers.release(mine, number.id)


async def test_a_released_number_may_be_registered_anew(world: World, mine: str, theirs: str) -> None:
    number = await world.number(mine)
    await world.numbers.release(mine, number.id)

    again = await world.numbers.import_(theirs, NumberImport(phone_number=number.phone_number))

    assert (again.project_id, again.id == number.id) == (theirs, False)


# ---------------------------------------------------------------- what is connected, and what is not


async def test_a_number_that_was_never_connected_is_released_without_asking(world: World, mine: str) -> None:
    world.carrier.unowned = {PHONE}
    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE))
    world.carrier.refusal = CarrierRefused(CARRIER, "Your account is suspended.", retryable=False)

    released = await world.numbers.release(mine, row.id)

    assert (released.status, released.connection_note) == ("released", None)


async def test_any_other_refusal_registers_nothing(world: World, mine: str) -> None:
    world.carrier.refusal = CarrierRefused(CARRIER, "Authenticate.", retryable=False)

    with pytest.raises(CarrierRefused, match="Authenticate"):
        await world.numbers.import_(mine, NumberImport(phone_number=PHONE))
    assert (await world.numbers.list(mine, NumberList()))[1] == 0


async def test_two_registrations_at_once_end_in_one_row_that_the_carrier_calls(world: World, mine: str) -> None:
    rows = await asyncio.gather(*(world.numbers.import_(mine, NumberImport(phone_number=PHONE)) for _ in range(5)))

    [row_id] = {row.id for row in rows}
    assert row_id in asked(world, "adopt")[-1][2].voice_url


async def test_offers_that_are_in_use_here_are_passed_over(world: World, mine: str, theirs: str) -> None:
    await world.numbers.import_(theirs, NumberImport(phone_number="+14155550001"))
    await world.numbers.import_(mine, NumberImport(phone_number="+14155550002"))

    assert (await world.numbers.buy(mine, NumberBuy(area_code="415"))).phone_number == "+14155550003"
    assert [phone for _, phone, _ in asked(world, "buy")] == ["+14155550003"]


async def test_a_number_in_use_here_is_not_bought(world: World, mine: str, theirs: str) -> None:
    await world.numbers.import_(theirs, NumberImport(phone_number="+14155550001"))

    with pytest.raises(Conflict):
        await world.numbers.buy(mine, NumberBuy(phone_number="+14155550001"))
    assert asked(world, "buy") == []


# ---------------------------------------------------------------- changes


async def test_a_number_is_given_to_another_agent_and_renamed(world: World, mine: str, theirs: str) -> None:
    first, second = await world.agent(mine), await world.agent(mine)
    row = await world.number(mine, first.id)

    renamed = await world.numbers.change(mine, row.id, NumberUpdate(friendly_name="Desk"))
    moved = await world.numbers.change(mine, row.id, NumberUpdate(agent_id=second.id))

    assert (renamed.agent_id, renamed.friendly_name) == (first.id, "Desk")
    assert (moved.agent_id, moved.friendly_name) == (second.id, "Desk")
    foreign = await world.agent(theirs)
    with pytest.raises(NotFound):
        await world.numbers.change(mine, row.id, NumberUpdate(agent_id=foreign.id))
    nobody = await world.numbers.change(mine, row.id, NumberUpdate(agent_id=None))
    assert (nobody.agent_id, nobody.attached_at) == (None, None)


async def test_of_two_releases_at_once_one_finds_nothing_to_release(world: World, mine: str) -> None:
    row = await world.number(mine)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, world.database.transaction() as session:
        await numbers.get(session, mine, row.id, lock=True)
        knocks = [tasks.create_task(outcome(world.numbers.release(mine, row.id))) for _ in range(2)]
        while len(asked(world, "release")) < 2:
            await asyncio.sleep(0)
    assert sorted(knock.result() for knock in knocks) == ["NotFound", "released"]


async def outcome(release: Awaitable[NumberRow]) -> str:
    try:
        return (await release).status
    except NotFound:
        return "NotFound"


async def test_a_number_given_up_here_stays_at_the_carrier(world: World, mine: str) -> None:
    row = await world.number(mine)

    gone = await world.numbers.release(mine, row.id, keep_at_carrier=True)

    assert (gone.status, gone.is_connected, asked(world, "release")) == ("released", False, [])
    with pytest.raises(Conflict):
        await world.numbers.change(mine, row.id, NumberUpdate(friendly_name="x"))
