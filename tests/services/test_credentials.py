"""Provider keys go in and never come out; the project's own wins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from parley.domain.errors import BadInput, ConfigurationError
from parley.schemas.base import parse
from parley.schemas.credentials import CredentialCreate, CredentialList, CredentialOut
from parley.schemas.numbers import ProviderConfig
from parley.storage.tables import CredentialRow
from tests.services.world import CARRIER, World

KEY = "dg-0123456789abcdef"


def wanted(api_key: str = KEY, **fields: str) -> CredentialCreate:
    return CredentialCreate(**({"name": "k", "provider": "hears", "api_key": api_key} | fields))


async def test_a_secret_never_comes_out(world: World, mine: str) -> None:
    row = await world.credentials.create(mine, wanted())

    shown = CredentialOut.model_validate(row).model_dump_json()
    assert KEY not in shown
    assert "…cdef" in shown
    assert KEY.encode() not in row.sealed_secret


@pytest.mark.parametrize("key", ["sk–pasted-from-a-letter", "sk-ключ", "two\nlines", "tab\tinside", "   ", "\u00a0"])
def test_what_no_header_can_carry_is_no_key(key: str) -> None:
    for told in (lambda: wanted(key), lambda: ProviderConfig(auth_token=key)):
        with pytest.raises(ValidationError) as refusal:
            told()
        (error,) = refusal.value.errors()
        assert error["msg"] == "must be the key as the provider shows it: one line of plain ASCII"


async def test_white_space_around_a_key_is_dropped(world: World, mine: str) -> None:
    await world.credentials.create(mine, wanted(f"  {KEY}\r\n"))
    assert (await world.credentials.for_provider(mine, "hears")).reveal() == KEY


async def test_the_newest_own_key_wins_over_the_operators(world: World, mine: str) -> None:
    assert (await world.credentials.for_provider(mine, "hears")).reveal() == "operator-hears"

    await world.credentials.create(mine, wanted())
    world.clock.advance(1)
    newest = await world.credentials.create(mine, wanted("second-key"))
    assert (await world.credentials.for_provider(mine, "hears")).reveal() == "second-key"

    await world.credentials.delete(mine, newest.id)
    assert (await world.credentials.for_provider(mine, "hears")).reveal() == KEY


async def test_a_provider_nobody_has_a_key_for_has_an_empty_one(world: World, mine: str) -> None:
    assert not await world.credentials.for_provider(mine, "unheard-of")


async def test_a_providers_name_has_no_case(world: World, mine: str) -> None:
    await world.credentials.create(mine, wanted(provider="Hears"))

    assert (await world.credentials.for_provider(mine, "hears")).reveal() == KEY


async def test_only_a_carriers_key_is_split_at_its_colon(world: World, mine: str) -> None:
    await world.credentials.create(mine, wanted("id:secret"))

    assert (await world.credentials.for_provider(mine, "hears")).reveal() == "id:secret"


async def test_a_ciphertext_moved_to_another_project_does_not_open(world: World, mine: str, theirs: str) -> None:
    await world.credentials.create(theirs, wanted())
    await world.credentials.create(mine, wanted("worthless"))
    async with world.database.transaction() as session:
        rows = {row.project_id: row for row in await session.scalars(select(CredentialRow))}
        rows[mine].sealed_secret = rows[theirs].sealed_secret

    with pytest.raises(ConfigurationError):
        await world.credentials.for_provider(mine, "hears")


async def test_credentials_are_listed_by_provider(world: World, mine: str) -> None:
    await world.credentials.create(mine, wanted())
    await world.credentials.create(mine, wanted(provider="speaks"))

    rows, total = await world.credentials.list(mine, CredentialList(provider="speaks"))

    assert (total, [row.provider for row in rows]) == (1, ["speaks"])


@pytest.mark.parametrize("account", ["AC/../x", "AC x", "AC\n", "A" * 65, "AC?x", "АС"])
@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("metadata.account_sid", lambda account: {"metadata": {"account_sid": account}}),
        ("metadata.accountSid", lambda account: {"metadata": {"accountSid": account}}),
        ("providerConfig.account_sid", lambda account: {"provider_config": {"account_sid": account}}),
        ("account_sid", lambda account: {"account_sid": account}),
    ],
)
@pytest.mark.parametrize("provider", [CARRIER, "hears"])
async def test_what_is_no_account_id_is_refused_where_it_stands(
    world: World, mine: str, provider: str, field: str, place: Callable[[str], dict[str, Any]], account: str
) -> None:
    body = {"name": "k", "provider": provider, "api_key": KEY, **place(account)}
    with pytest.raises(BadInput) as refusal:
        await world.credentials.create(mine, parse(CredentialCreate, body))
    assert [error.field for error in refusal.value.errors] == [field]
    assert f"`{field}`" in refusal.value.message
    assert account not in refusal.value.message + refusal.value.errors[0].message


@pytest.mark.parametrize("pair", ["AC/../x:token", ":token", "AC1:", "AC 1:token"])
async def test_a_pair_without_account_id_or_token_is_refused(world: World, mine: str, pair: str) -> None:
    with pytest.raises(BadInput) as refusal:
        await world.credentials.create(mine, wanted(pair, provider=CARRIER))
    assert [error.field for error in refusal.value.errors] == ["apiKey"]
    assert pair not in refusal.value.message


async def test_a_carriers_form_counts_at_that_carrier_alone(world: World, mine: str) -> None:
    kept = await world.credentials.create(mine, wanted(provider="elsewhere", account_sid="acc.1:eu_2"))
    assert kept.account_id == "acc.1:eu_2"
    with pytest.raises(BadInput):
        await world.credentials.create(mine, wanted(provider=CARRIER, account_sid="acc.1:eu_2"))
