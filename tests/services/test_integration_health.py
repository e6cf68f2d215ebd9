"""The state of a phone integration, as far as this server knows it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from parley.domain.ids import new_id
from parley.schemas.agents import AgentUpdate
from parley.schemas.credentials import CredentialCreate
from parley.schemas.diagnostics import IntegrationHealthOut
from parley.schemas.numbers import NumberImport
from parley.schemas.trunks import TrunkCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.accounts import CarrierAccounts
from parley.services.health_look import HealthLook, Outside, Probe
from parley.services.health_watch import HealthWatch
from parley.services.hooks import Hooks
from parley.services.integration_health import IntegrationHealth
from parley.services.trunks import Trunks
from parley.storage.tables import DeliveryRow
from tests.services.world import CARRIER, World, ringing


@pytest.fixture
def health(world: World) -> IntegrationHealth:
    return IntegrationHealth(world.database, world.accounts, {CARRIER}, CARRIER, watch_of(world), world.clock)


def watch_of(world: World) -> HealthWatch:
    """Looks at nothing: it does not run."""
    nobody = Outside({}, {}, cast(Probe, None))
    hooks = Hooks("https://parley.example")
    look = HealthLook(
        world.database, world.accounts, world.credentials, nobody, hooks, world.plans.defaults, world.clock
    )
    return HealthWatch(world.database, look, world.announcements, world.clock)


def codes(found: IntegrationHealthOut) -> list[str]:
    return [reason.code for reason in found.reasons]


async def delivery(world: World, project_id: str, **fields: Any) -> None:
    now = world.clock()
    row: dict[str, Any] = {"event_type": "call.ended", "channel": "voice", "url": "https://a.example/", "attempts": 1}
    row |= {"status": "failed", "created_at": now, "last_attempt_at": now} | fields
    async with world.database.transaction() as session:
        session.add(DeliveryRow(id=new_id("evt"), project_id=project_id, **row))


async def test_without_numbers_nothing_is_configured(world: World, mine: str, health: IntegrationHealth) -> None:
    found = await health.look(mine)
    assert (found.status, codes(found)) == ("not_configured", ["no_phone_numbers"])
    assert [(each.provider, each.account, each.check) for each in found.carriers] == [
        (CARRIER, "operator", "not_checked")
    ]


async def test_what_is_complete_is_healthy(world: World, mine: str, health: IntegrationHealth) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    await world.calls.ring_inbound(number.id, ringing())

    found = await health.look(mine)

    assert (found.status, found.reasons, found.calls.live) == ("healthy", [], 1)
    assert (found.phone_numbers.registered, found.phone_numbers.connected) == (1, 1)


async def test_everything_that_stands_in_the_way_is_told(world: World, mine: str, health: IntegrationHealth) -> None:
    agent = await world.agent(mine, voice_mode="webhook")
    await world.number(mine, agent.id)
    await world.number(mine)
    await world.numbers.import_(mine, NumberImport(phone_number="+14155557777", provider="elsewhere"))
    await Trunks(world.database, world.cipher).create(mine, TrunkCreate(name="t", sip_domain="sip.example.com"))
    await delivery(world, mine)
    await delivery(world, mine, status="pending")

    found = await health.look(mine)

    assert found.status == "degraded"
    assert codes(found) == [
        "numbers_not_connected",
        "numbers_without_agent",
        "agents_without_answer",
        "trunks_not_connected",
        "deliveries_failing",
    ]
    assert all(reason.message.endswith(".") for reason in found.reasons)
    numbers = found.phone_numbers
    assert (numbers.registered, numbers.connected, numbers.not_connected, numbers.without_agent) == (3, 2, 1, 2)
    assert (found.webhook_deliveries.failed, found.webhook_deliveries.retrying) == (1, 1)
    assert {each.provider: each.account for each in found.carriers} == {
        CARRIER: "operator",
        "elsewhere": "not_supported",
    }


async def test_an_agents_webhook_decides_for_it(world: World, mine: str, health: IntegrationHealth) -> None:
    agent = await world.agent(mine, voice_mode="webhook")
    await world.number(mine, agent.id)
    assert (await health.look(mine)).agents_without_answer == 1
    await world.webhooks.put(mine, agent.id, WebhookPut(url="https://a.example/hook"))
    assert (await health.look(mine)).agents_without_answer == 0
    await world.webhooks.delete(mine, agent.id)
    await world.agents.update(mine, agent.id, AgentUpdate(voice_mode="hosted", system_prompt="Be kind."))
    assert (await health.look(mine)).agents_without_answer == 0


async def test_a_projects_own_account_is_told(world: World, mine: str, health: IntegrationHealth) -> None:
    wanted = CredentialCreate(name="own", provider=CARRIER, api_key="own-token", account_sid="AC-own")
    await world.credentials.create(mine, wanted)
    assert (await health.look(mine)).carriers[0].account == "project"


async def test_a_credential_without_an_account_id_is_no_account(
    world: World, mine: str, health: IntegrationHealth
) -> None:
    accounts = CarrierAccounts(world.database, world.credentials, {})
    alone = IntegrationHealth(world.database, accounts, {CARRIER}, CARRIER, watch_of(world), world.clock)
    await world.number(mine, (await world.agent(mine)).id)
    await world.credentials.create(mine, CredentialCreate(name="own", provider=CARRIER, api_key="k" * 12))

    found = await alone.look(mine)
    assert (found.carriers[0].account, codes(found)) == ("missing", ["no_carrier_account"])
    assert (await health.look(mine)).carriers[0].account == "project"  # it goes with the operator's id


async def test_old_failures_and_other_projects_troubles_do_not_count(
    world: World, mine: str, theirs: str, health: IntegrationHealth
) -> None:
    await world.number(mine, (await world.agent(mine)).id)
    await world.number(theirs)
    await delivery(world, theirs)
    await delivery(world, mine, last_attempt_at=world.clock() - timedelta(hours=2))
    await delivery(world, mine, status="success")
    assert (await health.look(mine)).status == "healthy"
