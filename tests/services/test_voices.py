"""The catalogue: what every client knows, then what the project's own accounts offer, asked for rarely."""

from __future__ import annotations

from collections.abc import Sequence

from parley.domain.errors import ProviderUnavailable
from parley.domain.secrets import Secret
from parley.domain.voices import ESPEAK_VOICES, KNOWN_VOICES, KnownVoice
from parley.schemas.credentials import CredentialCreate
from parley.services.voices import Voices
from tests.services.world import World

CLONE = KnownVoice("speaks:clone", "My voice", "speaks", "clone", "female", "irish")


class Account:
    """A vendor that records with which keys it was asked."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.is_away = False

    async def voices(self, key: Secret) -> Sequence[KnownVoice]:
        self.keys.append(key.reveal())
        if self.is_away:
            raise ProviderUnavailable("speaks", "Away.", retryable=True)
        return [CLONE]


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ids(listed: Sequence[KnownVoice]) -> list[str]:
    return [voice.id for voice in listed]


async def test_the_known_ids_come_first_then_the_accounts_own(world: World, mine: str) -> None:
    voices = Voices(world.credentials, {"speaks": Account()}, ESPEAK_VOICES)
    assert ids(await voices.list(mine)) == ids([*KNOWN_VOICES, *ESPEAK_VOICES, CLONE])


async def test_a_voice_that_is_listed_under_a_known_id_is_not_listed_twice(world: World, mine: str) -> None:
    known = KnownVoice("acme", "Acme", "speaks", "clone")
    voices = Voices(world.credentials, {"speaks": Account()}, [known])
    assert ids(await voices.list(mine)) == ids([*KNOWN_VOICES, known])


async def test_a_project_sees_the_voices_of_its_own_key(world: World, mine: str) -> None:
    account, voices_of = Account(), world.credentials
    voices = Voices(voices_of, {"speaks": account})
    await voices_of.create(mine, CredentialCreate(name="k", provider="speaks", api_key="own-key"))
    other = await world.project("other")
    await voices.list(mine)
    await voices.list(other)
    assert account.keys == ["own-key", "operator-speaks"]


async def test_an_account_is_asked_once_in_a_while(world: World, mine: str) -> None:
    account, clock = Account(), Seconds()
    voices = Voices(world.credentials, {"speaks": account}, now_s=clock)
    for _ in range(3):
        assert CLONE in await voices.list(mine)
    assert len(account.keys) == 1
    clock.now += 301
    await voices.list(mine)
    assert len(account.keys) == 2


async def test_a_vendor_that_is_away_leaves_its_part_out_and_is_not_waited_for_again_at_once(
    world: World, mine: str
) -> None:
    account, clock = Account(), Seconds()
    voices = Voices(world.credentials, {"speaks": account}, now_s=clock)
    account.is_away = True
    assert await voices.list(mine) == [*KNOWN_VOICES]
    assert await voices.list(mine) == [*KNOWN_VOICES]
    assert len(account.keys) == 1
    account.is_away = False
    clock.now += 31
    assert CLONE in await voices.list(mine)


async def test_what_was_offered_last_is_kept_while_the_vendor_is_away(world: World, mine: str) -> None:
    account, clock = Account(), Seconds()
    voices = Voices(world.credentials, {"speaks": account}, now_s=clock)
    await voices.list(mine)
    account.is_away = True
    clock.now += 301
    assert CLONE in await voices.list(mine)


async def test_nobody_is_asked_without_a_key_unless_it_needs_none(world: World, mine: str) -> None:
    account = Account()
    assert await Voices(world.credentials, {"unkeyed": account}).list(mine) == [*KNOWN_VOICES]
    assert account.keys == []
    keyless = Voices(world.credentials, {"unkeyed": account}, keyless=frozenset({"unkeyed"}))
    assert CLONE in await keyless.list(mine)
