"""Two projects name one phone number: whoever's carrier account owns it has it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from parley.domain.errors import Conflict, NotFound
from parley.schemas.credentials import CredentialList
from parley.schemas.numbers import NumberBuy, NumberImport
from parley.storage import agents, numbers
from parley.storage.tables import NumberRow
from tests.services.test_lock_order import waiting
from tests.services.test_numbers import PHONE, asked
from tests.services.world import World

TRUNK = {"trunk_address": "sip.example.com"}


async def squatted(world: World, project_id: str, phone: str = PHONE) -> NumberRow:
    """Registered through an account that does not own it, with an agent to answer it."""
    world.carrier.unowned = {phone}
    agent = await world.agent(project_id)
    row = await world.numbers.import_(project_id, NumberImport(phone_number=phone, agent_id=agent.id))
    world.carrier.unowned = set()
    return row


async def test_a_claim_that_nothing_proves_yields_to_the_owner(world: World, mine: str, theirs: str) -> None:
    claim = await squatted(world, theirs)
    agent = await world.agent(mine)

    with capture_logs() as logged:
        row = await world.numbers.import_(mine, NumberImport(phone_number=PHONE, agent_id=agent.id))

    assert (row.project_id, row.is_connected, row.agent_id) == (mine, True, agent.id)
    assert row.id in asked(world, "adopt")[-1][2].voice_url
    given_up = await world.numbers.get(theirs, claim.id)
    assert (given_up.status, given_up.agent_id, given_up.attached_at) == ("released", None, None)
    assert given_up.released_at is not None
    [line] = [each for each in logged if each["event"] == "unproven_number_released"]
    assert (line["number_id"], line["project_id"], line["by"]) == (claim.id, theirs, row.id)
    assert PHONE not in str(logged)
    with pytest.raises(Conflict):
        await world.numbers.import_(theirs, NumberImport(phone_number=PHONE))


async def test_a_connected_number_yields_to_nobody(world: World, mine: str, theirs: str) -> None:
    row = await world.numbers.import_(theirs, NumberImport(phone_number=PHONE))

    with pytest.raises(Conflict, match="one project only"):
        await world.numbers.import_(mine, NumberImport(phone_number=PHONE))

    assert (await world.numbers.get(theirs, row.id)).status == "active"
    assert len(asked(world, "adopt")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"provider_config": TRUNK},
        {"provider": "tenyx"},
        {"provider_config": {"auth_token": "t", "account_sid": "A"}},
    ],
)
async def test_of_two_claims_that_nothing_proves_the_first_stays(
    world: World, mine: str, theirs: str, fields: dict[str, object]
) -> None:
    claim = await squatted(world, theirs)
    world.carrier.unowned = {PHONE}

    with pytest.raises(Conflict, match="account that owns it"):
        await world.numbers.import_(mine, NumberImport.model_validate({"phone_number": PHONE, **fields}))

    assert (await world.numbers.get(theirs, claim.id)).status == "active"
    assert (await world.credentials.list(mine, CredentialList()))[1] == 0
    assert len(asked(world, "adopt")) <= 2


async def test_a_claim_is_kept_where_the_owners_row_cannot_be(world: World, mine: str, theirs: str) -> None:
    claim = await squatted(world, theirs)
    agent = await world.agent(mine)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, world.database.transaction() as session:
        await agents.get(session, mine, agent.id, lock=True)
        wanted = NumberImport(phone_number=PHONE, agent_id=agent.id)
        knock = tasks.create_task(error_of(world, mine, wanted))
        await waiting(world.database, 1)
        await agents.remove(session, mine, agent.id)

    assert knock.result() == "NotFound"
    assert (await world.numbers.get(theirs, claim.id)).status == "active"


async def test_of_two_owners_at_once_one_has_it(world: World, mine: str, theirs: str) -> None:
    """Both accounts prove it while the claim of a third project is locked, and wait for each other's rows."""
    third = await world.project("third")
    claim = await squatted(world, third)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, world.database.transaction() as session:
        await numbers.get(session, third, claim.id, lock=True)
        wanted = NumberImport(phone_number=PHONE)
        knocks = [tasks.create_task(error_of(world, project_id, wanted)) for project_id in (mine, theirs)]
        await waiting(world.database, 2)

    assert sorted(knock.result() for knock in knocks) == ["", "Conflict"]
    async with world.database.read() as session:
        kept = await numbers.active_by_phone(session, PHONE)
    assert kept is not None
    assert kept.project_id == (mine if knocks[0].result() == "" else theirs)


async def test_a_claim_that_comes_while_the_owner_is_asked_for_yields_too(world: World, mine: str, theirs: str) -> None:
    """The owner saw no row, and finds one when its own is to be kept."""
    world.carrier.while_buying = lambda: squatted(world, theirs, "+14155550001")

    row = await world.numbers.buy(mine, NumberBuy())

    assert (row.phone_number, asked(world, "release")) == ("+14155550001", [])


async def test_what_somebody_only_claims_may_be_bought(world: World, mine: str, theirs: str) -> None:
    claim = await squatted(world, theirs, "+14155550002")

    row = await world.numbers.buy(mine, NumberBuy(phone_number="+14155550002"))

    assert (row.project_id, row.is_connected) == (mine, True)
    assert (await world.numbers.get(theirs, claim.id)).status == "released"


async def test_an_agent_may_be_deleted_while_its_number_goes_to_the_owner(world: World, mine: str, theirs: str) -> None:
    """Who deletes it has locked the agent and then wants the number; the owner wants that number alone."""
    claim = await squatted(world, theirs)
    agent = await world.agent(mine)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, world.database.transaction() as session:
        await numbers.get(session, theirs, claim.id, lock=True)
        deletion = tasks.create_task(world.agents.delete(theirs, claim.agent_id or ""))
        await waiting(world.database, 1)
        wanted = NumberImport(phone_number=PHONE, agent_id=agent.id)
        kept = tasks.create_task(world.numbers.import_(mine, wanted))
        await waiting(world.database, 2)

    assert (deletion.result(), kept.result().agent_id) == ([claim.id], agent.id)


async def error_of(world: World, project_id: str, wanted: NumberImport) -> str:
    """The name of what it raises; empty when it is kept."""
    try:
        await world.numbers.import_(project_id, wanted)
    except (Conflict, NotFound) as refused:
        return type(refused).__name__
    return ""
