"""Two servers behind one address: a call is held by one, and what is told to the other reaches it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from parley.server import Running, running
from tests.emulators.balancer import Balancer
from tests.emulators.redis_server import RedisServer
from tests.emulators.twilio import cut
from tests.journeys.process import parley_process
from tests.journeys.world import Json, World, api_client, operator_environment, rows, whole_world

GREETING = "Good morning, this is the front desk of the Juniper hotel, how can I help you today?"


@dataclass
class Replicas:
    """`world` with its server as the first replica; requests go to `first` but for those named in `to_second`."""

    world: World
    balancer: Balancer
    second: Running
    second_api: httpx.AsyncClient
    to_second: set[str]

    @property
    def first(self) -> Running:
        return self.world.server

    def choose(self, path: str) -> str:
        return (self.second if path.rsplit("/", 1)[-1] in self.to_second else self.first).url

    @property
    def live(self) -> tuple[int, int]:
        """How many calls the first and the second hold."""
        return self.first.house.directory.live_count, self.second.house.directory.live_count

    async def until_linked(self) -> None:
        """Both have joined Redis, so that each reaches the other."""
        houses = (self.first.house, self.second.house)
        await self.world.until(lambda: all(getattr(house.presence, "is_joined", True) for house in houses))


@asynccontextmanager
async def two_replicas(database_url: str, folder: Path, **overrides: Any) -> AsyncIterator[Replicas]:
    async with Balancer(lambda path: "") as balancer:
        overrides |= {"public_url": balancer.url}
        async with whole_world(database_url, folder / "first", **overrides) as world:
            own = {"data_dir": folder / "second", "journal_dir": folder / "second" / "journals"}
            async with (
                running(world.settings.model_copy(update=own)) as second,
                api_client(second.url) as second_api,
            ):
                replicas = Replicas(world, balancer, second, second_api, set())
                balancer.choose = replicas.choose
                await replicas.until_linked()
                yield replicas


@pytest.fixture(scope="session")
async def redis() -> AsyncIterator[RedisServer]:
    async with RedisServer() as server:
        yield server


@pytest.fixture
async def replicas(database_url: str, tmp_path: Path, redis: RedisServer) -> AsyncIterator[Replicas]:
    async with two_replicas(database_url, tmp_path, redis_url=redis.url) as replicas:
        yield replicas


def said(ended: Json) -> list[str]:
    return [line["content"] for line in ended["data"]["transcript"]]


async def is_cut_greeting(world: World) -> None:
    """What `call.ended` tells is the greeting as far as it came: only the session knows that, and at the end."""
    [ended] = await world.told("call.ended")
    [heard] = said(ended)
    assert 0 < len(heard) < len(GREETING)
    assert GREETING.startswith(heard)


async def test_the_end_reported_to_another_replica_comes_after_the_last_words(replicas: Replicas) -> None:
    world, replicas.to_second = replicas.world, {"status"}
    await world.set_webhook()
    phone = await world.call(await world.hosted(beginMessage=GREETING))
    await phone.wait_until_agent_speaks()
    await phone.pause(1.5)
    assert replicas.live == (1, 0)
    messenger = phone.current.messenger  # its report overtakes the end of the stream
    await messenger.post_report(messenger.fields("completed") | {"CallDuration": "2"})
    assert replicas.balancer.seen[-1] == (urlsplit(messenger.identity.status_url).path, replicas.second.url)
    assert phone.problems == []

    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
    await is_cut_greeting(world)
    await phone.hang_up()


async def test_a_call_ended_over_another_replica_ends_after_its_last_words(replicas: Replicas) -> None:
    world = replicas.world
    await world.set_webhook()
    phone = await world.call(await world.hosted(beginMessage=GREETING))
    await phone.wait_until_agent_speaks()
    await phone.pause(1.5)
    [listed] = (await world.get("/v1/calls"))["data"]
    answer = await replicas.second_api.post(f"/v1/calls/{listed['id']}/end")
    assert answer.status_code == 200
    assert await phone.wait_until_over() == "completed"

    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "api_request")
    await is_cut_greeting(world)


async def test_a_call_that_rang_at_one_replica_and_talks_at_another_goes_on(
    database_url: str, tmp_path: Path, redis: RedisServer
) -> None:
    async with two_replicas(database_url, tmp_path, redis_url=redis.url, ring_limit_s=60) as replicas:
        world, replicas.to_second = replicas.world, {"media"}
        world.openai.decide = lambda messages: "From nine to five."
        await world.set_webhook()
        phone = await world.call(await world.hosted(beginMessage=GREETING))
        await world.until(lambda: replicas.live == (0, 1))
        await phone.wait_until_agent_silent()
        await phone.say("When are you open?")
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.hang_up()

        call = await world.ended_call()
        assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
        assert rows(call) == [(GREETING, None), ("When are you open?", "From nine to five.")]
        await world.told("call.ended")
        told = [event["event"] for event in world.webhook.events if event["event"] != "call.analyzed"]
        assert sorted(told) == ["call.ended", "call.started"]


async def test_a_replica_that_waits_for_a_phone_connected_elsewhere_ends_nothing_even_without_redis(
    database_url: str, tmp_path: Path
) -> None:
    async with two_replicas(database_url, tmp_path, ring_limit_s=2.0) as replicas:
        world, replicas.to_second = replicas.world, {"media"}
        phone = await world.call(await world.hosted(beginMessage="Hello."))
        await world.until(lambda: replicas.live == (1, 1))
        await world.until(lambda: replicas.live == (0, 1))
        [call] = (await world.get("/v1/calls"))["data"]
        assert call["status"] == "in-progress"
        await phone.say("Are you still there?")
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.hang_up()
        call = await world.ended_call()
        assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
        assert rows(call) == [("Hello.", None), ("Are you still there?", "Very well.")]


async def test_a_broken_stream_that_comes_back_to_another_replica_is_the_same_conversation(replicas: Replicas) -> None:
    world = replicas.world
    await world.set_webhook()
    world.openai.decide = lambda messages: "Your table is booked."
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    await phone.say("A table for two, please.")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    replicas.to_second = {"media", "after", "status"}
    cut(phone)
    await world.until(lambda: replicas.live == (0, 1))
    world.openai.decide = lambda messages: "Goodbye."
    await phone.say("Thank you, goodbye.")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()

    call = await world.ended_call()
    assert rows(call) == [
        ("Hello.", None),
        ("A table for two, please.", "Your table is booked."),
        ("Thank you, goodbye.", "Goodbye."),
    ]
    assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
    asked = [message["content"] for message in world.openai.requests[-1].body["messages"][1:]]
    assert asked == ["Hello.", "A table for two, please.", "Your table is booked.", "Thank you, goodbye."]
    [ended] = await world.told("call.ended")
    assert said(ended)[-1] == "Goodbye."


async def test_the_call_of_a_killed_replica_is_taken_up_by_another(
    database_url: str, tmp_path: Path, redis: RedisServer
) -> None:
    async with (
        Balancer(lambda path: "") as balancer,
        whole_world(database_url, tmp_path / "survivor", redis_url=redis.url, public_url=balancer.url) as world,
    ):
        environment = operator_environment(world, database_url, tmp_path / "killed")
        environment |= {"PARLEY_REDIS_URL": redis.url, "PARLEY_PUBLIC_URL": balancer.url}
        async with parley_process(environment) as killed:
            balancer.choose = lambda path: killed.url
            phone = await world.call(await world.hosted(beginMessage="Hello."))
            await phone.wait_until_agent_silent()
            await phone.say("A table for two, please.")
            await phone.wait_until_agent_speaks()
            await phone.wait_until_agent_silent()
            balancer.choose = lambda path: world.server.url
            killed.process.kill()
            await world.until(lambda: world.server.house.directory.live_count == 1)
        await phone.say("Are you still there?")
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.hang_up()
        call = await world.ended_call()
        assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
        assert rows(call) == [
            ("Hello.", None),
            ("A table for two, please.", "Very well."),
            ("Are you still there?", "Very well."),
        ]


async def test_a_server_takes_calls_while_its_redis_is_down(database_url: str, tmp_path: Path) -> None:
    nobody = RedisServer()
    async with whole_world(database_url, tmp_path, redis_url=nobody.url) as world:
        assert (await world.api.get("/readyz")).status_code == 200
        phone = await world.call(await world.hosted(beginMessage="Hello."))
        await phone.wait_until_agent_silent()
        await phone.hang_up()
        assert rows(await world.ended_call()) == [("Hello.", None)]
