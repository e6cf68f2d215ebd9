"""How imported numbers come to be connected: through whose account, or by a SIP trunk."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from parley.domain.errors import BadInput, CarrierRefused, NotFound
from parley.schemas.credentials import CredentialCreate, CredentialList
from parley.schemas.numbers import NumberImport
from tests.services.test_numbers import PHONE, asked, credential
from tests.services.world import CARRIER, World

TRUNK = {
    "trunk_address": "sip.example.com",
    "auth_username": "user",
    "auth_password": "trunk-password-1",
    "registrar_pin": "trunk-pin-2",
}


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


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"auth_token": "token", "account_sid": "AC.x"}, "providerConfig.accountSid"),
        ({"auth_token": "AC/../x:token"}, "providerConfig.authToken"),
    ],
)
async def test_what_is_no_account_is_refused_before_the_carrier_is_asked(
    world: World, mine: str, config: dict[str, str], field: str
) -> None:
    with pytest.raises(BadInput, match=f"`{field}`") as refusal:
        await world.numbers.import_(
            mine, NumberImport.model_validate({"phone_number": PHONE, "provider_config": config})
        )
    assert [error.field for error in refusal.value.errors] == [field]
    assert world.carrier.asked == []


async def test_a_trunk_needs_no_account(world: World, mine: str) -> None:
    config = {"trunk_address": "sip.example.com", "auth_username": "u", "auth_password": "p"}

    row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, provider="tenyx", provider_config=config))

    assert (row.provider, row.credential_id, asked(world, "adopt")) == ("tenyx", None, [])


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


async def test_a_foreign_credential_is_not_found_whoever_has_the_number(world: World, mine: str, theirs: str) -> None:
    taken = await world.number(mine, (await world.agent(mine)).id)
    foreign = await world.credentials.create(
        mine, CredentialCreate(name="Carrier", provider=CARRIER, api_key="a-token", account_sid="AC1")
    )
    with pytest.raises(NotFound):
        await world.numbers.import_(theirs, NumberImport(phone_number=taken.phone_number, credential_id=foreign.id))
