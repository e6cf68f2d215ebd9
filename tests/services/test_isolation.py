"""Another project's row is not there: every door that takes an id, with every kind of foreign id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from parley.domain.errors import NotFound
from parley.schemas.agents import AgentList, AgentUpdate
from parley.schemas.calls import CallCreate, CallList
from parley.schemas.credentials import CredentialCreate, CredentialList
from parley.schemas.deliveries import DeliveryList
from parley.schemas.messages import ConversationList, ConversationUpdate, MessageList, MessageSend
from parley.schemas.numbers import NumberBuy, NumberImport, NumberList, NumberSearch
from parley.schemas.webhooks import WebhookPut
from tests.services.world import World, ringing, text

NOTES = ConversationUpdate(metadata={"stolen": True})
HOOK = WebhookPut(url="https://a.example/hook")


class Belongings:
    """One row of each kind, all of one project."""

    def __init__(self, world: World, project_id: str) -> None:
        self.world, self.project_id = world, project_id

    async def fill(self) -> Belongings:
        world, project_id = self.world, self.project_id
        self.agent = (await world.agent(project_id)).id
        self.number = (await world.number(project_id, self.agent)).id
        wanted = CredentialCreate(name="key", provider="hears", api_key="0123456789abcdef")
        self.credential = (await world.credentials.create(project_id, wanted)).id
        await world.webhooks.put(project_id, self.agent, HOOK)
        await world.webhooks.put(project_id, None, HOOK)
        plan, _ = await world.calls.ring_inbound(self.number, ringing())
        self.call = plan.call_id
        await world.log.connected(self.call)
        message = await world.messages.receive(self.number, text("Hello?"))
        self.message, self.conversation = message.id, message.conversation_id
        return self


def doors(world: World, me: str, my_agent: str, foreign: Belongings) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every call that names something foreign."""
    agents, numbers, calls, webhooks = world.agents, world.numbers, world.calls, world.webhooks
    dial = CallCreate(agent_id=foreign.agent, to_number="4155559999")
    write = MessageSend(number_id=foreign.number, to_number="4155559999", body="Hello")
    dial_from = CallCreate(agent_id=my_agent, to_number="4155559999", from_number_id=foreign.number)
    return {
        "agent get": lambda: agents.get(me, foreign.agent),
        "agent update": lambda: agents.update(me, foreign.agent, AgentUpdate(name="stolen")),
        "agent delete": lambda: agents.delete(me, foreign.agent),
        "attach to a foreign agent": lambda: agents.attach_number(me, foreign.agent, foreign.number),
        "attach a foreign number": lambda: agents.attach_number(me, my_agent, foreign.number),
        "detach": lambda: agents.detach_number(me, my_agent, foreign.number),
        "number get": lambda: numbers.get(me, foreign.number),
        "number release": lambda: numbers.release(me, foreign.number),
        "number buy for a foreign agent": lambda: numbers.buy(me, NumberBuy(agent_id=foreign.agent)),
        "number buy with a foreign credential": lambda: numbers.buy(me, NumberBuy(credential_id=foreign.credential)),
        "number search": lambda: numbers.search(me, NumberSearch(credential_id=foreign.credential)),
        "number import": lambda: numbers.import_(me, NumberImport(phone_number="4155557777", agent_id=foreign.agent)),
        "call with a foreign agent": lambda: calls.create(me, dial),
        "call from a foreign number": lambda: calls.create(me, dial_from),
        "call get": lambda: calls.get(me, foreign.call),
        "call transcript": lambda: calls.transcript(me, foreign.call),
        "call end": lambda: calls.end(me, foreign.call),
        "calls of a foreign agent": lambda: calls.list(me, CallList(agent_id=foreign.agent)),
        "calls of a foreign number": lambda: calls.list(me, CallList(number_id=foreign.number)),
        "text as a foreign agent": lambda: world.messages.send(
            me, write.model_copy(update={"agent_id": foreign.agent})
        ),
        "text from a foreign number": lambda: world.messages.send(me, write),
        "message get": lambda: world.messages.get(me, foreign.message),
        "messages of a foreign number": lambda: world.messages.list_for_number(me, foreign.number, MessageList()),
        "conversation get": lambda: world.conversations.get(me, foreign.conversation, 50),
        "conversation update": lambda: world.conversations.update(me, foreign.conversation, NOTES),
        "conversation messages": lambda: world.conversations.messages(me, foreign.conversation, MessageList()),
        "conversations of a foreign agent": lambda: world.conversations.list(
            me, ConversationList(), agent_id=foreign.agent
        ),
        "webhook put": lambda: webhooks.put(me, foreign.agent, HOOK),
        "webhook get": lambda: webhooks.get(me, foreign.agent),
        "webhook delete": lambda: webhooks.delete(me, foreign.agent),
        "own webhook delete": lambda: webhooks.delete(me, None),
        "deliveries of a foreign agent": lambda: world.deliveries.list(me, DeliveryList(agent_id=foreign.agent)),
        "credential delete": lambda: world.credentials.delete(me, foreign.credential),
    }


async def test_no_door_opens_for_a_foreign_id(world: World, mine: str, theirs: str) -> None:
    foreign = await Belongings(world, theirs).fill()
    my_agent = (await world.agent(mine)).id

    for name, knock in doors(world, mine, my_agent, foreign).items():
        try:
            await knock()
        except NotFound:
            continue
        pytest.fail(f"{name} was let in")

    assert (await world.agents.get(theirs, foreign.agent)).name == "Ann"
    assert (await world.numbers.get(theirs, foreign.number)).agent_id == foreign.agent
    assert await world.webhooks.get(theirs, foreign.agent) is not None


async def test_lists_show_ones_own_rows_alone(world: World, mine: str, theirs: str) -> None:
    await Belongings(world, theirs).fill()

    assert await world.agents.list(mine, AgentList()) == ([], 0)
    assert await world.numbers.list(mine, NumberList()) == ([], 0)
    assert await world.calls.list(mine, CallList()) == ([], 0)
    assert await world.conversations.list(mine, ConversationList()) == ([], 0)
    assert await world.credentials.list(mine, CredentialList()) == ([], 0)
    assert await world.deliveries.list(mine, DeliveryList()) == ([], 0)
    assert await world.webhooks.get(mine, None) is None
    assert await world.webhooks.target_for(mine, None) is None


async def test_a_foreign_key_is_not_used(world: World, mine: str, theirs: str) -> None:
    await Belongings(world, theirs).fill()

    assert (await world.credentials.for_provider(mine, "hears")).reveal() == "operator-hears"
    assert (await world.credentials.for_provider(theirs, "hears")).reveal() == "0123456789abcdef"


@pytest.mark.parametrize("odd", ["", "agent_\x00", "agent_\ud800", "agent_' OR 1=1", "x" * 5000])
async def test_an_id_no_row_can_have_is_not_found(world: World, mine: str, odd: str) -> None:
    with pytest.raises(NotFound):
        await world.agents.get(mine, odd)
    with pytest.raises(NotFound):
        await world.calls.reissue(odd)
