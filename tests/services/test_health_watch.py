"""What is found of the things calls depend on: asked of the outside world seldom, kept with since when, told once."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import select

from parley.domain.carriers import NumberSetup
from parley.domain.errors import ProviderUnavailable, TargetBlocked
from parley.domain.health import KeyState
from parley.domain.ids import new_id
from parley.domain.network_tests import NetworkSeen, SipSeen, Target
from parley.domain.secrets import Secret
from parley.providers.protocols import Carrier
from parley.schemas.credentials import CredentialCreate
from parley.schemas.numbers import NumberImport
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.trunks import TrunkCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.health_look import HealthLook, Outside
from parley.services.health_watch import HealthWatch
from parley.services.hooks import Hooks
from parley.services.integration_health import IntegrationHealth
from parley.services.trunks import Trunks
from parley.storage import health
from parley.storage.tables import CredentialRow, DeliveryRow, HealthStateRow
from tests.services.world import CARRIER, World

ANSWERED = NetworkSeen(
    addresses=("192.0.2.7",),
    connected_to="192.0.2.7",
    sip=[SipSeen(transport="udp", sent=2, times_ms=(9.0, 9.0), status=200, reason="OK")],
)


class Speaking:
    """A provider that says `state` to every key, and notes them."""

    def __init__(self) -> None:
        self.state: KeyState = "ok"
        self.keys: list[str] = []

    async def check(self, key: Secret) -> KeyState:
        self.keys.append(key.reveal())
        return self.state


class Trunk:
    """A SIP server that is found as `seen` says."""

    def __init__(self) -> None:
        self.seen: NetworkSeen | Exception = ANSWERED
        self.targets: list[Target] = []
        self.takes_a_while = False
        self.most_at_once = 0
        self._at_once = 0

    async def look(self, target: Target, probes: int) -> NetworkSeen:
        self.targets.append(target)
        if self.takes_a_while:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            for _ in range(20):
                await asyncio.sleep(0)
            self._at_once -= 1
        if isinstance(self.seen, Exception):
            raise self.seen
        return self.seen


class Outer:
    """Everything outside, and the watch over it."""

    def __init__(self, world: World, providers: frozenset[str] = frozenset()) -> None:
        self.hears, self.speaks, self.thinks, self.trunk = Speaking(), Speaking(), Speaking(), Trunk()
        checks = {"hears": self.hears, "speaks": self.speaks, "thinks": self.thinks}
        outside = Outside({CARRIER: cast(Carrier, world.carrier)}, checks, self.trunk, providers)
        hooks = Hooks("https://parley.example")
        defaults = world.plans.defaults
        look = HealthLook(world.database, world.accounts, world.credentials, outside, hooks, defaults, world.clock)
        self.watch = HealthWatch(world.database, look, world.announcements, world.clock)
        self._world = world

    async def states(self, project_id: str) -> dict[str, tuple[str, str]]:
        """By kind and, where there are several of a kind, in no order: the last one's status and code."""
        async with self._world.database.read() as session:
            return {row.kind: (row.status, row.code) for row in await health.states(session, project_id)}

    async def looked(self, project_id: str) -> dict[str, tuple[str, str]]:
        """The states after another look, six minutes later."""
        self._world.clock.advance(360)
        assert await self.watch.look_at(project_id, timedelta(minutes=5))
        return await self.states(project_id)


@pytest.fixture
def outer(world: World) -> Outer:
    return Outer(world)


async def row_of(world: World, kind: str) -> HealthStateRow:
    async with world.database.read() as session:
        rows = await session.scalars(select(HealthStateRow).where(HealthStateRow.kind == kind))
        return rows.one()


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("ok", "ok")),
        ({"voice_url": "https://elsewhere.example/voice"}, ("failed", "points_elsewhere")),
        ({"voice_url": ""}, ("failed", "points_elsewhere")),
        ({"taken_by": "a trunk"}, ("failed", "taken_by_another")),
        ({"status_url": ""}, ("warning", "status_elsewhere")),
        ({"message_url": "https://elsewhere.example/"}, ("warning", "messages_elsewhere")),
    ],
)
async def test_where_the_carrier_brings_calls_is_asked(
    world: World, mine: str, outer: Outer, change: dict[str, str], expected: tuple[str, str]
) -> None:
    number = await world.number(mine)
    setup = world.carrier.setups[number.phone_number]
    fields = {name: getattr(setup, name) for name in setup.__struct_fields__} | change
    world.carrier.setups[number.phone_number] = NumberSetup(**fields)
    assert (await outer.looked(mine))["number"] == expected


async def test_a_number_that_is_gone_or_cannot_be_asked_about_is_told(world: World, mine: str, outer: Outer) -> None:
    number = await world.number(mine)
    del world.carrier.setups[number.phone_number]
    assert (await outer.looked(mine))["number"] == ("failed", "not_owned")
    world.carrier.refusal = ProviderUnavailable(CARRIER, "Away.", retryable=True)
    assert (await outer.looked(mine))["number"] == ("unknown", "unreachable")


async def test_a_number_elsewhere_is_nobodys_to_ask(world: World, mine: str, outer: Outer) -> None:
    await world.numbers.import_(mine, NumberImport(phone_number="+14155557777", provider="elsewhere"))
    assert (await outer.looked(mine))["number"] == ("unknown", "not_supported")


# ---------------------------------------------------------------- keys


async def test_each_credential_is_tried_where_it_belongs(world: World, mine: str, outer: Outer) -> None:
    await world.credentials.create(mine, CredentialCreate(name="ears", provider="hears", api_key="k" * 12))
    assert (await outer.looked(mine))["credential"] == ("ok", "ok")
    assert "k" * 12 in outer.hears.keys
    outer.hears.state = "unauthorized"
    assert (await outer.looked(mine))["credential"] == ("failed", "unauthorized")


async def test_a_carriers_account_is_tried_at_the_carrier(world: World, mine: str, outer: Outer) -> None:
    own = CredentialCreate(name="own", provider=CARRIER, api_key="own-token", account_sid="AC-own")
    await world.credentials.create(mine, own)
    world.carrier.key_state = "suspended"
    assert (await outer.looked(mine))["credential"] == ("failed", "suspended")
    assert ("check", "AC-own") in [(each[0], each[1].account_id) for each in world.carrier.asked]


async def test_a_key_nobody_can_try_and_half_an_account_are_told(world: World, mine: str, outer: Outer) -> None:
    await world.credentials.create(mine, CredentialCreate(name="x", provider="nobody", api_key="k" * 12))
    assert (await outer.looked(mine))["credential"] == ("unknown", "not_tried")
    half = await world.project("half")
    await world.credentials.create(half, CredentialCreate(name="x", provider=CARRIER, api_key="k" * 12))
    assert (await outer.looked(half))["credential"] == ("warning", "no_account_id")


async def test_providers_that_agents_use_are_asked_with_the_key_they_would_use(
    world: World, mine: str, outer: Outer
) -> None:
    await world.agent(mine, speech_to_text={"provider": "hears"})
    states = await outer.looked(mine)
    assert states["provider"] == ("ok", "ok")
    assert (outer.hears.keys, outer.speaks.keys) == (["operator-hears"], ["operator-speaks"])


async def test_who_would_take_over_is_asked_too_before_anybody_needs_them(
    world: World, mine: str, outer: Outer
) -> None:
    await world.agent(mine, text_to_speech={"fallbacks": [{"provider": "hears"}, {"voice": "alloy"}]})
    assert len((await outer.looked(mine))["provider"]) == 2
    assert outer.hears.keys == ["operator-hears"]


async def test_a_provider_that_this_server_does_not_have_is_told_before_a_call_needs_it(
    world: World, mine: str
) -> None:
    defaults = world.plans.defaults
    outer = Outer(world, frozenset({"hears", "speaks", defaults.listen.provider, defaults.voice.provider}))
    await world.agent(mine, speech_to_text={"provider": "hears", "fallbacks": [{"provider": "heers"}]})
    await world.agent(mine, speech_to_text={"provider": "nobody"})
    await outer.looked(mine)
    async with world.database.read() as session:
        states = await health.states(session, mine)
    missing = {row.subject_id: row.status for row in states if row.code == "unknown_provider"}
    assert missing == {"heers": "warning", "nobody": "failed"}


@pytest.mark.parametrize(
    ("agent", "times"),
    [
        ({"voice_mode": "webhook"}, 0),
        ({"voice_mode": "webhook", "language_model": {"fallbacks": [{"provider": "thinks"}]}}, 0),
        ({"voice_mode": "webhook", "analysis": {"enabled": True}}, 1),
        ({"voice_mode": "hosted"}, 1),
        ({"voice_mode": "hosted", "language_model": {"provider": "x", "fallbacks": [{"provider": "thinks"}]}}, 1),
    ],
)
async def test_a_model_that_no_agent_asks_needs_no_key(
    world: World, mine: str, outer: Outer, agent: dict[str, Any], times: int
) -> None:
    await world.agent(mine, **agent)
    await outer.looked(mine)
    assert len(outer.thinks.keys) == times


async def test_a_key_that_this_server_cannot_read_hides_nothing_else(world: World, mine: str, outer: Outer) -> None:
    """As after a restart with another `PARLEY_SECRET_KEY`."""
    account = CredentialCreate(name="own", provider=CARRIER, api_key="own-token", account_sid="AC-own")
    ears = CredentialCreate(name="ears", provider="hears", api_key="k" * 12)
    rows = [await world.credentials.create(mine, each) for each in (account, ears)]
    await world.agent(mine, voice_mode="webhook", speech_to_text={"provider": "hears"})
    await world.numbers.import_(mine, NumberImport(phone_number="+14155557777", provider=CARRIER))
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example/hook"))
    async with world.database.transaction() as session:
        for row in rows:
            (await session.get_one(CredentialRow, row.id)).sealed_secret = b"sealed by another key"
    await outer.looked(mine)
    async with world.database.read() as session:
        found = sorted((row.kind, row.code) for row in await health.states(session, mine))
    assert found == [
        ("credential", "sealed"),
        ("credential", "sealed"),
        ("number", "sealed"),
        ("provider", "ok"),
        ("provider", "sealed"),
        ("webhook", "never_used"),
    ]


# ---------------------------------------------------------------- trunks and webhooks


async def test_a_trunk_is_asked_for_its_options(world: World, mine: str, outer: Outer) -> None:
    wanted = TrunkCreate(name="t", sip_domain="sip.example.com", transport="TLS")
    await Trunks(world.database, world.cipher).create(mine, wanted)
    assert (await outer.looked(mine))["trunk"] == ("ok", "ok")
    assert outer.trunk.targets[0] == Target(host="sip.example.com", port=5061, uses_tls=True, transports=("tls",))
    outer.trunk.seen = NetworkSeen(failure="unresolved")
    assert (await outer.looked(mine))["trunk"] == ("failed", "dns")
    outer.trunk.seen = TargetBlocked("It leads to a private address.")
    assert (await outer.looked(mine))["trunk"] == ("unknown", "target_blocked")


async def test_looks_at_several_projects_take_turns_at_their_trunks(world: World, outer: Outer) -> None:
    """The probe refuses more than a few at a time, and a trunk nobody tested would seem to have changed."""
    projects = [await world.project(name) for name in ("a", "b", "c")]
    for project_id in projects:
        for number in range(3):
            wanted = TrunkCreate(name=f"t{number}", sip_domain="sip.example.com")
            await Trunks(world.database, world.cipher).create(project_id, wanted)
    outer.trunk.takes_a_while = True
    async with asyncio.TaskGroup() as tasks:
        for project_id in projects:
            tasks.create_task(outer.watch.look_at(project_id, timedelta(minutes=5)))
    assert len(outer.trunk.targets) == 9
    assert outer.trunk.most_at_once <= 2


async def test_a_webhook_is_judged_by_its_last_deliveries(world: World, mine: str, outer: Outer) -> None:
    hook, _ = await world.webhooks.put(mine, None, WebhookPut(url="https://a.example/hook"))
    assert (await outer.looked(mine))["webhook"] == ("unknown", "never_used")
    for status, expected in (
        ("success", ("ok", "ok")),
        ("failed", ("warning", "failing")),
        ("failed", ("warning", "failing")),
        ("failed", ("failed", "failing")),
        ("success", ("ok", "ok")),
    ):
        async with world.database.transaction() as session:
            fields: dict[str, Any] = {"event_type": "call.ended", "channel": "voice", "url": "https://a.example/"}
            session.add(
                DeliveryRow(
                    id=new_id("evt"),
                    project_id=mine,
                    webhook_id=hook.id,
                    status=status,
                    attempts=1,
                    last_attempt_at=world.clock(),
                    created_at=world.clock(),
                    **fields,
                )
            )
        assert (await outer.looked(mine))["webhook"] == expected


# ---------------------------------------------------------------- since when, and who is told


async def test_since_moves_only_when_it_changes_and_subscriptions_are_told_once(
    world: World, mine: str, outer: Outer
) -> None:
    wanted = SubscriptionCreate(url="https://b.example/", events=["system_error"])
    await world.subscriptions.create(mine, wanted)
    number = await world.number(mine)
    await outer.looked(mine)
    well = await row_of(world, "number")
    await outer.looked(mine)
    still = await row_of(world, "number")
    del world.carrier.setups[number.phone_number]
    await outer.looked(mine)
    await outer.looked(mine)
    gone = await row_of(world, "number")

    assert (well.since, well.checked_at < still.checked_at) == (still.since, True)
    assert gone.since > well.since
    assert gone.checked_at - gone.since == timedelta(seconds=360)
    async with world.database.read() as session:
        told = [json.loads(row.body or "") for row in await session.scalars(select(DeliveryRow))]
    assert [(each["event"], each["kind"], each["code"]) for each in told] == [("system_error", "number", "not_owned")]
    assert told[0]["subject_id"] == number.id


async def test_what_is_no_more_is_forgotten(world: World, mine: str, outer: Outer) -> None:
    number = await world.number(mine)
    assert "number" in await outer.looked(mine)
    await world.numbers.release(mine, number.id)
    assert "number" not in await outer.looked(mine)


async def test_one_process_looks_at_a_time_and_not_too_often(world: World, mine: str, outer: Outer) -> None:
    await world.number(mine)
    other = Outer(world)
    looks = await asyncio.gather(*(each.watch.look_at(mine, timedelta(minutes=5)) for each in (outer, other)))
    assert sorted(looks) == [False, True]
    world.clock.advance(60)
    assert not await outer.watch.look_at(mine, timedelta(minutes=5))
    assert await outer.watch.look_at(mine, timedelta(seconds=15))


async def test_only_those_who_asked_or_have_calls_are_looked_at(
    world: World, mine: str, theirs: str, outer: Outer
) -> None:
    await world.number(theirs)
    assert await outer.watch.look_at_due() == 0
    await outer.watch.asked(mine)
    assert await outer.watch.look_at_due() == 1
    assert await outer.watch.look_at_due() == 0
    world.clock.advance(timedelta(minutes=6).total_seconds())
    assert await outer.watch.look_at_due() == 1
    world.clock.advance(timedelta(hours=25).total_seconds())
    assert await outer.watch.look_at_due() == 0


async def test_health_shows_what_was_found_with_names_and_reasons(world: World, mine: str, outer: Outer) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    shows = IntegrationHealth(world.database, world.accounts, {CARRIER}, CARRIER, outer.watch, world.clock)
    before = await shows.look(mine)
    running = asyncio.create_task(outer.watch.run())
    async with asyncio.timeout(60):
        while "number" not in await outer.states(mine):
            await asyncio.sleep(0.01)
    del world.carrier.setups[number.phone_number]
    world.clock.advance(20)  # late enough for whoever asks, too early for the watch itself

    after = await shows.look(mine, refresh=True)

    running.cancel()
    assert (before.checks, before.carriers[0].check) == ([], "not_checked")
    [found] = [each for each in after.checks if each.kind == "number"]
    assert (found.name, found.status, found.code) == (number.phone_number, "failed", "not_owned")
    assert after.carriers[0].check == "failed"
    assert (after.status, "number_not_owned" in [reason.code for reason in after.reasons]) == ("degraded", True)
