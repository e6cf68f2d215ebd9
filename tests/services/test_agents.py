"""Agents as they are edited, and the numbers they answer."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.errors import BadInput, Conflict, NotFound
from parley.schemas.agents import AgentCreate, AgentList, AgentUpdate
from parley.schemas.base import parse
from parley.schemas.numbers import NumberBuy
from parley.schemas.webhooks import WebhookPut
from tests.services.world import World


async def test_an_agent_is_created_as_asked(world: World, mine: str) -> None:
    wanted = parse(
        AgentCreate,
        {
            "name": "Desk",
            "voiceMode": "hosted",
            "systemPrompt": "Be kind.",
            "beginMessage": "Hello!",
            "transferNumber": "(415) 555-0000",
            "textToSpeech": {"provider": "speaks", "speed": 1.2},
        },
    )

    agent = await world.agents.get(mine, (await world.agents.create(mine, wanted)).id)

    assert (agent.name, agent.voice_mode, agent.begin_message) == ("Desk", "hosted", "Hello!")
    assert agent.transfer_number == "+14155550000"
    assert agent.text_to_speech == {"provider": "speaks", "speed": 1.2}
    assert agent.numbers == []


@pytest.mark.parametrize("prompt", [None, "", "  "])
async def test_a_hosted_agent_needs_a_prompt(world: World, mine: str, prompt: str | None) -> None:
    with pytest.raises(BadInput, match="systemPrompt"):
        await world.agent(mine, system_prompt=prompt)


@pytest.mark.parametrize("number", ["+1911", "+19005551234"])
async def test_nobody_is_transferred_to_such_a_number(world: World, mine: str, number: str) -> None:
    with pytest.raises(BadInput, match="transferNumber"):
        await world.agent(mine, transfer_number=number)


async def test_only_what_was_sent_changes(world: World, mine: str) -> None:
    agent = await world.agent(mine, begin_message="Hello!", description="old")

    changed = await world.agents.update(mine, agent.id, parse(AgentUpdate, {"name": "Bob", "description": None}))

    assert (changed.name, changed.description) == ("Bob", None)
    assert (changed.begin_message, changed.system_prompt) == ("Hello!", "Be kind.")


async def test_the_mode_can_be_switched_while_numbers_stay(world: World, mine: str) -> None:
    agent = await world.agent(mine, voice_mode="webhook", system_prompt=None)
    number = await world.number(mine, agent.id)

    with pytest.raises(BadInput):
        await world.agents.update(mine, agent.id, AgentUpdate(voice_mode="hosted"))
    switched = await world.agents.update(mine, agent.id, AgentUpdate(voice_mode="hosted", system_prompt="Be kind."))

    assert [row.id for row in switched.numbers] == [number.id]


async def test_a_deleted_agent_leaves_its_numbers_and_takes_its_webhook(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    numbers = [(await world.number(mine, agent.id)).id for _ in range(2)]
    await world.webhooks.put(mine, agent.id, WebhookPut(url="https://a.example"))

    assert await world.agents.delete(mine, agent.id) == numbers

    assert [(await world.numbers.get(mine, number)).agent_id for number in numbers] == [None, None]
    with pytest.raises(NotFound):
        await world.agents.get(mine, agent.id)
    with pytest.raises(NotFound):
        await world.agents.delete(mine, agent.id)


async def test_numbers_are_shown_in_the_order_they_were_attached(world: World, mine: str) -> None:
    agent, other = await world.agent(mine), await world.agent(mine)
    first, second = await world.number(mine), await world.number(mine)
    for number in (second, first, second):
        world.clock.advance(1)
        await world.agents.attach_number(mine, agent.id, number.id)
    assert [row.id for row in (await world.agents.get(mine, agent.id)).numbers] == [second.id, first.id]

    world.clock.advance(1)
    await world.agents.attach_number(mine, other.id, second.id)

    assert [row.id for row in (await world.agents.get(mine, agent.id)).numbers] == [first.id]
    with pytest.raises(NotFound):
        await world.agents.detach_number(mine, agent.id, second.id)
    await world.agents.detach_number(mine, other.id, second.id)
    assert (await world.agents.get(mine, other.id)).numbers == []


async def test_a_released_number_cannot_be_attached(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    number = await world.numbers.buy(mine, NumberBuy())
    await world.numbers.release(mine, number.id)

    with pytest.raises(Conflict):
        await world.agents.attach_number(mine, agent.id, number.id)


async def test_agents_are_listed_in_pages_newest_first(world: World, mine: str) -> None:
    names: list[Any] = []
    for index in range(5):
        world.clock.advance(1)
        names.insert(0, (await world.agent(mine, name=f"agent {index}")).name)

    rows, total = await world.agents.list(mine, AgentList(limit=2, offset=1))

    assert (total, [row.name for row in rows]) == (5, names[1:3])
