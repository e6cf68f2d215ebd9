"""Which account a carrier is asked with: what exists there stays with the account it was made with."""

from __future__ import annotations

from parley.schemas.calls import CallCreate
from parley.schemas.credentials import CredentialCreate
from parley.schemas.messages import MessageSend
from tests.services.world import CARRIER, OPERATOR, World

OWN = CredentialCreate(name="Ours", provider=CARRIER, api_key="our-token", account_sid="AC-ours")


async def test_a_credential_that_comes_later_takes_nothing_over(world: World, mine: str) -> None:
    """A carrier signs what it tells of a number, a call or a text with the account that has it."""
    agent = await world.agent(mine)
    number = await world.number(mine, agent.id)
    call = await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number="4155559999"))
    text = await world.messages.send(mine, MessageSend(agent_id=agent.id, to_number="4155559999", body="Hello"))

    await world.credentials.create(mine, OWN)

    assert (await world.accounts.for_number(number.id))[1] == OPERATOR
    assert (await world.accounts.for_call(call.id))[1] == OPERATOR
    assert (await world.accounts.for_message(text.id))[1] == OPERATOR
    later = await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number="4155559998"))
    assert later.credential_id is None
    await world.numbers.release(mine, number.id)
    assert (await world.accounts.for_number(number.id))[1] == OPERATOR


async def test_what_is_new_at_the_carrier_is_made_with_the_projects_own(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    credential = await world.credentials.create(mine, OWN)

    number = await world.number(mine, agent.id)

    assert number.credential_id == credential.id
    assert (await world.accounts.for_number(number.id))[1].account_id == "AC-ours"
