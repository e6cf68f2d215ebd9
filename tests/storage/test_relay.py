"""News reach whoever is subscribed at another replica, over a real Redis, and cost nobody anything while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from parley.storage.redis_presence import Pace
from parley.storage.redis_relay import RedisRelay
from parley.storage.relay import NoRelay
from tests.emulators.redis_server import RedisServer

QUICK = Pace(announce_s=0.1, key_life_s=1, quiet_s=0.1, reconnect_s=0.05, answer_s=0.3)


class Replica:
    def __init__(self, url: str) -> None:
        self.relay = RedisRelay(url, QUICK)
        self.heard: list[tuple[str, bytes]] = []
        self.ready: list[str] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Replica]:
        async with asyncio.TaskGroup() as tasks:
            running = self.relay.run(lambda channel, message: self.heard.append((channel, message)), self.ready.append)
            task = tasks.create_task(running)
            yield self
            task.cancel()


@pytest.fixture(scope="module")
async def redis() -> AsyncIterator[RedisServer]:
    async with RedisServer() as server:
        yield server


@pytest.fixture
async def replicas(redis: RedisServer) -> AsyncIterator[tuple[Replica, Replica]]:
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(Replica(redis.url).running()) for _ in range(2)]
        await until(lambda: first.relay.is_joined and second.relay.is_joined)
        yield first, second


async def until(holds: Callable[[], object], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():
            await asyncio.sleep(0.01)


async def test_what_is_published_reaches_the_subscribed_in_order_and_nobody_else(
    replicas: tuple[Replica, Replica], redis: RedisServer
) -> None:
    first, second = replicas
    second.relay.subscribe("call:1")
    await until(lambda: second.ready == ["call:1"])
    for number in range(300):
        first.relay.publish("call:1", b"%d" % number)
    first.relay.publish("call:2", b"not for you")
    first.relay.publish("call:1", b"end")
    await until(lambda: second.heard[-1:] == [("call:1", b"end")])
    assert second.heard == [("call:1", b"%d" % number) for number in range(300)] + [("call:1", b"end")]
    assert first.heard == []

    second.relay.unsubscribe("call:1")
    async with redis.client() as client:
        await until_no_subscriber(client, "parley:live:call:1")
    second.heard.clear()
    second.relay.subscribe("call:2")
    await until(lambda: second.ready[-1] == "call:2")
    first.relay.publish("call:1", b"too late")
    await asyncio.sleep(2 * QUICK.quiet_s)  # so that Redis is asked whether it is still there
    first.relay.publish("call:2", b"in time")
    await until(lambda: second.heard)
    assert second.heard == [("call:2", b"in time")]


async def until_no_subscriber(client: object, channel: str) -> None:
    async with asyncio.timeout(60):
        while dict(await client.pubsub_numsub(channel))[channel]:  # type: ignore[attr-defined]
            await asyncio.sleep(0.01)


async def test_while_redis_is_away_nothing_waits_and_afterwards_subscriptions_are_made_again() -> None:
    async with RedisServer() as redis, Replica(redis.url).running() as first, Replica(redis.url).running() as second:
        second.relay.subscribe("call:1")
        await until(lambda: first.relay.is_joined and second.ready == ["call:1"])
        await redis.kill()
        first.relay.publish("call:1", b"lost")
        await until(lambda: not first.relay.is_joined and not second.relay.is_joined)
        first.relay.publish("call:1", b"not even tried")
        await redis.start()
        await until(lambda: first.relay.is_joined and second.ready == ["call:1", "call:1"])
        first.relay.publish("call:1", b"back")
        await until(lambda: ("call:1", b"back") in second.heard)
        assert ("call:1", b"not even tried") not in second.heard


async def test_alone_there_is_nobody_to_tell() -> None:
    relay = NoRelay()
    relay.subscribe("call:1")
    relay.publish("call:1", b"news")
    relay.unsubscribe("call:1")
    await relay.run(lambda channel, message: None, lambda channel: None)
    assert not relay.is_joined
