"""The database goes away after a carrier has acted: nobody is told to ask for the same thing again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text as sql
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from parley.domain.errors import CarrierRefused, ProviderUnavailable
from parley.providers.protocols import CallReport, MessageReport
from parley.schemas.calls import CallCreate
from parley.schemas.messages import MessageSend
from parley.schemas.webhooks import WebhookPut
from tests.services.world import CARRIER, World

THEM = "+14155559999"


class Outage:
    """The test's database, which lets nobody in between `begin` and `end`."""

    def __init__(self, administration: AsyncEngine, name: str) -> None:
        self._administration = administration
        self._name = name

    async def begin(self, *_: str) -> None:
        await self._allow("false")
        await self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")

    async def end(self) -> None:
        await self._allow("true")

    async def _allow(self, word: str) -> None:
        await self._run(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS {word}")

    async def _run(self, statement: str) -> None:
        async with self._administration.connect() as connection:
            await connection.execute(sql(statement))


@pytest.fixture
async def outage(administration: AsyncEngine, database_url: str) -> AsyncIterator[Outage]:
    name = make_url(database_url).database
    assert name is not None
    made = Outage(administration, name)
    yield made
    await made.end()


@pytest.fixture
async def agent_id(world: World, mine: str) -> str:
    """An agent with a number and a webhook."""
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    agent = await world.agent(mine)
    await world.number(mine, agent.id)
    return agent.id


async def test_a_text_that_went_out_counts_as_sent(world: World, mine: str, agent_id: str, outage: Outage) -> None:
    world.carrier.while_sending = outage.begin

    message = await world.messages.send(mine, MessageSend(body="Hello!", agent_id=agent_id, to_number=THEM))

    await outage.end()
    assert (message.status, message.carrier_message_id) == ("queued", None)
    named = f"SM{len(world.carrier.asked):04d}"
    await world.messages.report(message.id, MessageReport(named, "delivered"))
    message = await world.messages.get(mine, message.id)
    assert (message.status, message.carrier_message_id) == ("delivered", named)


async def test_a_call_that_was_placed_counts_as_placed(world: World, mine: str, agent_id: str, outage: Outage) -> None:
    world.carrier.while_dialling = outage.begin

    call = await world.calls.create(mine, CallCreate(agent_id=agent_id, to_number=THEM))

    await outage.end()
    assert (call.status, call.transcripts, call.duration_seconds) == ("queued", [], None)
    named = f"CA{len(world.carrier.asked):04d}"
    await world.calls.report(CallReport(named, "in-progress"), call_id=call.id)
    call = await world.calls.get(mine, call.id)
    assert (call.status, call.carrier_call_id) == ("in-progress", named)


@pytest.mark.parametrize(
    "said",
    [CarrierRefused(CARRIER, "No.", retryable=False), ProviderUnavailable(CARRIER, "Too slow.", retryable=False)],
)
async def test_what_the_carrier_said_is_the_answer(
    world: World, mine: str, agent_id: str, outage: Outage, said: CarrierRefused
) -> None:
    async def refuse(*_: str) -> None:
        await outage.begin()
        raise said

    world.carrier.while_sending = world.carrier.while_dialling = refuse

    with pytest.raises(type(said)):
        await world.messages.send(mine, MessageSend(body="Hello!", agent_id=agent_id, to_number=THEM))
    await outage.end()
    with pytest.raises(type(said)):
        await world.calls.create(mine, CallCreate(agent_id=agent_id, to_number=THEM))
