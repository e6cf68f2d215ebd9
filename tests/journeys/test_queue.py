"""Callers wait for an agent that is busy: to music, told their place, in their order, at whatever replica."""

from __future__ import annotations

from pathlib import Path

from parley.audio.watermark import WatermarkReader
from parley.simulation.phone import SimulatedPhone
from tests.emulators.balancer import Balancer
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


def is_music(audio: bytes) -> bool:
    """Whether there is sound in it, and nobody speaks."""
    return len(set(audio)) > 20 and not WatermarkReader().feed(audio)


async def test_callers_wait_are_served_in_order_and_are_called_back(world: World) -> None:
    world.openai.decide = lambda messages: "From nine to five."
    agent, queue = await busy_desk(world, callbackOffer=True)
    await world.set_webhook()
    first = await world.call(agent)
    await world.until(lambda: hears(first, GREETING))
    second, third = await world.call(agent), await world.call(agent)
    await world.until(lambda: hears(third, "You are number 2 in the queue."))
    await third.press("1")
    await world.until(lambda: hears(third, "we will call you back"))
    await third.wait_until_over()

    status = await world.get(f"/v1/queues/{queue['id']}/status")
    assert (status["currentCalls"], status["callbacksWaiting"], status["availableAgents"]) == (1, 1, 0)
    assert hears(second, "You are next in line.")
    assert is_music(bytes(second.heard[-1].audio[-8000:]))

    await first.hang_up()
    await world.until(lambda: hears(second, GREETING))
    await second.wait_until_agent_silent()
    await second.say("When are you open?")
    await world.until(lambda: hears(second, "From nine to five."))
    await second.wait_until_agent_silent()
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


async def test_two_processes_keep_one_order_and_a_killed_one_loses_nobodys_place(
    database_url: str, tmp_path: Path
) -> None:
    """The processes know of each other only through their database."""
    async with (
        Balancer(lambda path: "") as balancer,
        whole_world(database_url, tmp_path / "one", public_url=balancer.url) as world,
    ):
        environment = operator_environment(world, database_url, tmp_path / "other")
        async with parley_process(environment | {"PARLEY_PUBLIC_URL": balancer.url}) as other:
            balancer.choose = lambda path: world.server.url
            agent, queue = await busy_desk(world, positionAnnouncements=False)
            first = await world.call(agent)
            await world.until(lambda: hears(first, GREETING))
            balancer.choose = lambda path: other.url
            second = await world.call(agent)
            await world.until(lambda: bool(second.heard))
            balancer.choose = lambda path: world.server.url
            third = await world.call(agent)
            assert await waiting(world, queue) == [second.number, third.number]

            await first.hang_up()
            await world.until(lambda: hears(second, GREETING))
            assert await waiting(world, queue) == [third.number]

            balancer.choose = lambda path: other.url
            fourth = await world.call(agent)
            await world.until(lambda: bool(fourth.heard))
            balancer.choose = lambda path: world.server.url
            other.process.kill()
            await world.until(lambda: len(world.server.house.directory.waiting()) == 2)
        assert await waiting(world, queue) == [third.number, fourth.number]
        for leaving, following in ((second, third), (third, fourth)):
            await leaving.hang_up()
            await world.until(lambda phone=following: hears(phone, GREETING))  # type: ignore[misc]
        await fourth.hang_up()
        assert [phone.problems for phone in (first, second, third)] == [[], [], []]


async def waiting(world: World, queue: Json) -> list[str]:
    """The numbers of those who wait, in their order."""
    entries = (await world.get(f"/v1/queues/{queue['id']}/entries"))["data"]
    return [entry["fromNumber"] for entry in entries]
