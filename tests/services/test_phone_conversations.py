"""Calls seen as conversations: counted, timed, and read page by page."""

from __future__ import annotations

import pytest

from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.domain.errors import NotFound
from parley.schemas.phone_conversations import ConversationQuery
from parley.services.phone_conversations import PhoneConversations
from tests.services.world import World, ringing


@pytest.fixture
def conversations(world: World) -> PhoneConversations:
    return PhoneConversations(world.database, world.clock)


async def rung(world: World, project_id: str, carrier_call_id: str = "CA-in-1") -> str:
    """An inbound call to a new number with an agent of its own."""
    number = await world.number(project_id, (await world.agent(project_id)).id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(carrier_call_id, number.phone_number))
    return plan.call_id


def turn(row: int, caller: str, agent: str | None) -> NoteTurn:
    return NoteTurn(row, row * 2.0, caller, agent, False, 1.0, "", TurnLatencies())


async def test_time_passes_while_a_call_runs_and_stops_with_it(
    world: World, mine: str, conversations: PhoneConversations
) -> None:
    call_id = await rung(world, mine)
    world.clock.advance(30)
    assert (await conversations.get(mine, call_id)).duration_seconds == 0
    await world.log.connected(call_id)
    world.clock.advance(12.4)
    assert (await conversations.get(mine, call_id)).duration_seconds == 12
    await world.log.finished(call_id, "caller_hangup")
    world.clock.advance(1000)
    ended = await conversations.get(mine, call_id)
    assert (ended.duration_seconds, ended.call.status) == (12, "completed")


async def test_what_was_said_and_answered_is_an_exchange(
    world: World, mine: str, conversations: PhoneConversations
) -> None:
    call_id = await rung(world, mine)
    assert (await conversations.get(mine, call_id)).turn_count == 0
    await world.log.note_turn(call_id, turn(1, "", "Hello!"))
    await world.log.note_turn(call_id, turn(2, "Hi.", "How can I help?"))
    await world.log.note_turn(call_id, turn(3, "Hm.", None))
    await world.log.note_turn(call_id, turn(4, "A table.", "For two?"))
    assert (await conversations.get(mine, call_id)).turn_count == 2
    found, _ = await conversations.list(mine, ConversationQuery())
    assert [each.turn_count for each in found] == [2]
    call, rows = await conversations.transcript(mine, call_id)
    assert (call.id, [row.caller for row in rows]) == (call_id, ["", "Hi.", "Hm.", "A table."])


async def test_conversations_are_found_by_agent_status_and_direction(
    world: World, mine: str, conversations: PhoneConversations
) -> None:
    first, second = await rung(world, mine, "CA-1"), await rung(world, mine, "CA-2")
    await world.log.connected(first)
    agent_id = (await conversations.get(mine, second)).call.agent_id

    async def ids(**asked: object) -> list[str]:
        found, page = await conversations.list(mine, ConversationQuery.model_validate(asked))
        assert page.total == len(found)
        return [each.call.id for each in found]

    assert await ids() == [second, first]
    assert await ids(agent_id=agent_id) == [second]
    assert await ids(status="in_progress") == [first]
    assert await ids(status="initiated") == [second]
    assert await ids(status="failed") == []
    assert await ids(direction="inbound") == [second, first]
    assert await ids(direction="outbound") == []


async def test_another_projects_conversation_is_not_there(
    world: World, mine: str, theirs: str, conversations: PhoneConversations
) -> None:
    call_id = await rung(world, theirs)
    foreign_agent = (await conversations.get(theirs, call_id)).call.agent_id
    assert (await conversations.list(mine, ConversationQuery()))[0] == []
    for knock in (conversations.get(mine, call_id), conversations.transcript(mine, call_id)):
        with pytest.raises(NotFound):
            await knock
    with pytest.raises(NotFound):
        await conversations.list(mine, ConversationQuery(agent_id=foreign_agent))
