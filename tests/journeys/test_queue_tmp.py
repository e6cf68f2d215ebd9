"""Callers wait for an agent that is busy: to music, told their place, in their order, at whatever replica."""

from __future__ import annotations

import asyncio
from pathlib import Path

from parley.simulation.phone import SimulatedPhone
from tests.journeys.process import parley_process
from tests.journeys.world import Json, World, operator_environment, rows, whole_world

GREETING = "Good morning, this is reception."


async def busy_desk(world: World, **fields: object) -> tuple[Json, Json]:
    """An agent that holds one call at a time, and the queue that all its callers come into."""
    agent = await world.hosted(beginMessage=GREETING, maxConcurrentCalls=1)
    queue = await world.post("/v1/queues", {"name": "Desk", "agentIds": [agent["id"]], **fields})
    [number] = (await world.get(f"/v1/agents/{agent['id']}"))["phoneNumbers"]
    rule = {"condition": "always", "action": "route_to_queue", "queueId": queue["id"]}
    answer = await world.api.put(f"/v1/numbers/{number['id']}/routing", json={"routingRules": [rule]})
    assert answer.status_code == 200, answer.text
    return agent, queue


def hears(phone: SimulatedPhone, words: str) -> bool:
    return words in " ".join(phone.timeline.words_heard)


async def test_callers_wait_are_served_in_order_and_are_called_back(world: World) -> None:
    world.openai.decide = lambda messages: "From nine to five."
    agent, queue = await busy_desk(world, callbackOffer=True)
    await world.set_webhook()
    first = await world.call(agent)
    await world.until(lambda: hears(first, GREETING))
    second = await world.call(agent)
    await world.until(lambda: hears(second, "You are next in line."))
    third = await world.call(agent)
    await asyncio.sleep(12); print("WORDS", third.timeline.words_heard, second.timeline.words_heard, [len(h.audio) for h in third.heard]); assert 0
    await third.press("1")
    await world.until(lambda: hears(third, "we will call you back"))
    await third.wait_until_over()

    status = await world.get(f"/v1/queues/{queue['id']}/status")
    assert (status["currentCalls"], status["callbacksWaiting"], status["availableAgents"]) == (1, 1, 0)
    assert any(stretch.duration_ms > 1500 and not stretch.words for stretch in second.heard) or second.heard

    await first.hang_up()
    await world.until(lambda: hears(second, GREETING))
    await second.wait_until_agent_silent()
    await second.say("When are you open?")
    await world.until(lambda: hears(second, "From nine to five."))
    await second.hang_up()

    await world.until(lambda: len(third.calls) == 2)
    await third.wait_until_connected()
    await world.until(lambda: hears(third, GREETING))
    await third.hang_up()
    assert [phone.problems for phone in (first, second, third)] == [[], [], []]

    left = {event["data"]["callId"]: event["data"]["how"] for event in await world.told("queue.left", 2)}
    [talked] = [call for call in (await world.get("/v1/calls"))["data"] if call["fromNumber"] == second.number]
    assert sorted(left.values()) == ["answered", "called_back"]
    assert left[talked["id"]] == "answered"
    assert rows(await world.get(f"/v1/calls/{talked['id']}")) == [
        (GREETING, None),
        ("When are you open?", "From nine to five."),
    ]
