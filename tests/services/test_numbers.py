"""Numbers bought, imported and released, and whose account pays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from pydantic import ValidationError

from parley.domain.carriers import NumberHooks
from parley.domain.errors import BadInput, CarrierRefused, Conflict, NotFound
from parley.schemas.credentials import CredentialCreate, CredentialList
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


async def test_an_account_in_the_provider_config_is_kept_sealed(world: World, mine: str) -> None:
    config = {"account_sid": "AC-own", "auth_token": "own-token-1234"}
    row = await world.numbers.import_(
        mine, NumberImport(phone_number="+1234567890", provider=CARRIER, country_code="US", provider_config=config)
    )

    again = await world.numbers.import_(
        mine, NumberImport(phone_number="+1234567890", provider=CARRIER, provider_config=config)
    )

    assert again.credential_id == row.credential_id
    _, account = await world.accounts.for_number(row.id)
    assert (account.account_id, account.token.reveal(), row.country) == ("AC-own", "own-token-1234", "US")


async def test_an_account_that_is_refused_is_not_kept(world: World, mine: str) -> None:
    kept = await credential(world, mine)
    world.carrier.refusal = CarrierRefused(CARRIER, "Authenticate", retryable=False)

    for config in (
        {"auth_token": "wrong", "account_sid": "AC-2"},
        {"auth_token": "own-token", "account_sid": "AC-own"},
    ):
        with pytest.raises(CarrierRefused):
            await world.numbers.import_(
                mine, NumberImport.model_validate({"phone_number": PHONE, "provider_config": config})
            )

    rows, _ = await world.credentials.list(mine, CredentialList())
    assert [row.id for row in rows] == [kept]


async def test_a_trunk_needs_no_account(world: World, mine: str) -> None:
    config = {"trunk_address": "sip.example.com", "auth_username": "u", "auth_password": "p"}

    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, provider="tenyx", provider_config=config))

    assert (row.provider, row.credential_id, asked(world, "adopt")) == ("tenyx", None, [])


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


async def test_a_number_the_account_does_not_own_is_registered_unconnected(world: World, mine: str) -> None:
    world.carrier.unowned = {PHONE}

    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE))

    assert (row.is_connected, row.carrier_id, row.status) == (False, None, "active")
    assert "Buy or port it" in (row.connection_note or "")


async def test_once_it_is_owned_registering_again_connects_it(world: World, mine: str) -> None:
    world.carrier.unowned = {PHONE}
    first = await world.numbers.import_(mine, NumberImport(phone_number=PHONE))
    world.carrier.unowned = set()

    again = await world.numbers.import_(mine, NumberImport(phone_number=PHONE))

    assert (again.id, again.is_connected, again.connection_note) == (first.id, True, None)
    assert again.carrier_id == "PN14155557777"


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


async def test_a_working_connection_is_not_given_up_for_an_account_without_the_number(world: World, mine: str) -> None:
    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE))
    other = await credential(world, mine)
    world.carrier.unowned = {PHONE}

    with pytest.raises(CarrierRefused):
        await world.numbers.import_(mine, NumberImport(phone_number=PHONE, credential_id=other))

    kept = await world.numbers.get(mine, row.id)
    assert (kept.is_connected, kept.credential_id) == (True, None)


async def test_a_number_that_left_the_account_is_told_so(world: World, mine: str) -> None:
    await world.numbers.import_(mine, NumberImport(phone_number=PHONE))
    world.carrier.unowned = {PHONE}

    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE))

    assert (row.is_connected, row.carrier_id) == (False, None)


TRUNK = {
    "trunk_address": "sip.example.com",
    "auth_username": "user",
    "auth_password": "trunk-password-1",
    "registrar_pin": "trunk-pin-2",
}


async def test_a_trunks_password_is_sealed(world: World, mine: str) -> None:
    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, provider_config=TRUNK))

    assert row.sip_config == {"trunk_address": "sip.example.com", "auth_username": "user"}
    assert row.sealed_config is not None
    opened = json.loads(world.cipher.open(row.sealed_config, mine, row.id).reveal())
    assert opened == {"auth_password": "trunk-password-1", "registrar_pin": "trunk-pin-2"}
    assert b"trunk-p" not in row.sealed_config
    assert (row.is_connected, asked(world, "adopt")) == (False, [])
    assert "SIP" in (row.connection_note or "")


@pytest.mark.parametrize("name", ["trunk_address", "sip_domain", "proxy"])
def test_an_address_that_would_be_shown_holds_no_password(name: str) -> None:
    config = TRUNK | {name: "sip:user:hush-hush@sip.example.com"}
    with pytest.raises(ValidationError) as refusal:
        NumberImport.model_validate({"phone_number": PHONE, "provider_config": config})
    assert [error["msg"] for error in refusal.value.errors()] == [
        "Value error, must not hold a password; it is shown to everybody who may read it"
    ]


async def test_a_trunk_besides_an_account_leaves_the_connection_alone(world: World, mine: str) -> None:
    own = await credential(world, mine)
    first = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, credential_id=own))

    again = await world.numbers.import_(
        mine, NumberImport(phone_number=PHONE, provider=CARRIER, provider_config=TRUNK, friendly_name="Desk")
    )

    assert (again.id, again.is_connected, again.credential_id) == (first.id, True, own)
    assert (again.friendly_name, again.sip_config is not None) == ("Desk", True)


@pytest.mark.parametrize("config", [None, TRUNK])
async def test_a_foreign_credential_registers_nothing(
    world: World, mine: str, theirs: str, config: dict[str, str] | None
) -> None:
    foreign = await credential(world, theirs)

    for provider in (None, CARRIER, "tenyx"):
        with pytest.raises(NotFound):
            await world.numbers.import_(
                mine,
                NumberImport(phone_number=PHONE, provider=provider, credential_id=foreign, provider_config=config),
            )


async def test_any_carriers_name_is_accepted(world: World, mine: str) -> None:
    own = await credential(world, mine, provider="Tenyx")

    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, provider="Tenyx", credential_id=own))

    assert (row.provider, row.credential_id, row.is_connected) == ("tenyx", own, False)


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
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks, world.database.transaction() as session:
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
