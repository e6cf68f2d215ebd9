"""Replicas find each other's calls over a real Redis, and do without it while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from structlog.testing import capture_logs

from parley.domain.errors import ConfigurationError
from parley.storage.presence import Alone, AskEnd, Command, HandOn, HangUp, Release
from parley.storage.redis_presence import Pace, RedisPresence
from tests.emulators.redis_server import RedisServer

QUICK = Pace(announce_s=0.1, key_life_s=1, quiet_s=0.1, reconnect_s=0.05, answer_s=1.0)
BYE = HangUp("caller_hangup")


class Replica:
    """A presence that runs, with a session for each call in `held`."""

    def __init__(self, url: str, pace: Pace = QUICK) -> None:
        self.presence = RedisPresence(url, pace)
        self.held: set[str] = set()
        self.told: list[tuple[str, Command]] = []

    def take(self, call_id: str, command: Command) -> bool:
        self.told.append((call_id, command))
        return call_id in self.held

    def hold(self, call_id: str) -> None:
        self.held.add(call_id)
        self.presence.announce(call_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Replica]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.presence.run(self.take))
            yield self
            task.cancel()


@pytest.fixture(scope="module")
async def redis() -> AsyncIterator[RedisServer]:
    async with RedisServer() as server:
        yield server


@pytest.fixture
async def replicas(redis: RedisServer) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two replicas that have joined."""
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(Replica(redis.url).running()) for _ in range(2)]
        first.hold("probe")
        await until(lambda: second.presence.tell("probe", BYE))
        second.hold("probe-2")
        await until(lambda: first.presence.tell("probe-2", BYE))
        first.told.clear()
        second.told.clear()
        yield first, second


async def until(holds: Callable[[], Awaitable[object]], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await holds():
            await asyncio.sleep(0.01)


async def _seconds(work: Awaitable[object]) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await work
    return loop.time() - began


async def test_alone_nobody_else_holds_anything() -> None:
    alone = Alone()
    alone.announce("call")
    alone.claim("call")
    await alone.run(lambda call_id, command: True)
    assert not await alone.tell("call", BYE)
    assert not await alone.is_held_elsewhere("call")
    alone.withdraw("call")


@pytest.mark.parametrize("command", [BYE, AskEnd("api_request"), Release(), HandOn()])
async def test_a_command_reaches_the_replica_that_holds_the_call(
    replicas: tuple[Replica, Replica], command: Command
) -> None:
    first, second = replicas
    first.hold("call")
    await until(lambda: second.presence.is_held_elsewhere("call"))
    assert await second.presence.tell("call", command)
    assert first.told == [("call", command)]
    assert second.told == []


async def test_a_call_is_not_held_elsewhere_by_oneself(replicas: tuple[Replica, Replica]) -> None:
    first, second = replicas
    first.hold("mine")
    await until(lambda: second.presence.is_held_elsewhere("mine"))
    assert not await first.presence.is_held_elsewhere("mine")
    assert not await first.presence.tell("mine", BYE)
    assert first.told == []


async def test_nobody_takes_a_command_about_a_call_nobody_holds(replicas: tuple[Replica, Replica]) -> None:
    first, second = replicas
    assert not await second.presence.tell("unknown", BYE)
    first.hold("over")
    await until(lambda: second.presence.is_held_elsewhere("over"))
    first.held.clear()  # the session ended this moment, and the word of it is on its way
    assert not await second.presence.tell("over", BYE)
    first.presence.withdraw("over")
    await until(lambda: _gone(second, "over"))


async def _gone(replica: Replica, call_id: str) -> bool:
    return not await replica.presence.is_held_elsewhere(call_id)


async def test_who_gets_the_phone_sends_the_others_away(replicas: tuple[Replica, Replica], redis: RedisServer) -> None:
    first, second = replicas
    first.hold("call")
    await until(lambda: second.presence.is_held_elsewhere("call"))
    second.held.add("call")
    second.presence.claim("call")
    await until(lambda: _has(first.told, ("call", Release())))
    first.presence.withdraw("call")
    await until(lambda: first.presence.tell("call", BYE))
    assert second.told == [("call", BYE)]
    async with redis.client() as client:
        assert len(await client.smembers("parley:call:call")) == 1


async def _has(told: list[tuple[str, Command]], one: tuple[str, Command]) -> bool:
    return one in told


async def test_a_held_call_stays_announced_longer_than_its_key_lives(replicas: tuple[Replica, Replica]) -> None:
    first, second = replicas
    first.hold("long")
    await until(lambda: second.presence.is_held_elsewhere("long"))
    await asyncio.sleep(QUICK.key_life_s * 1.5)
    assert await second.presence.tell("long", BYE)


async def test_a_replica_that_died_takes_nothing_and_is_forgotten(redis: RedisServer) -> None:
    async with Replica(redis.url).running() as second:
        async with Replica(redis.url).running() as first:
            first.hold("orphan")
            await until(lambda: second.presence.is_held_elsewhere("orphan"))
        assert await second.presence.is_held_elsewhere("orphan")
        assert await _seconds(second.presence.tell("orphan", BYE)) < QUICK.answer_s
        assert first.told == []
        await until(lambda: _gone(second, "orphan"))


async def test_a_bug_in_one_call_does_not_deafen_the_others(
    replicas: tuple[Replica, Replica], redis: RedisServer
) -> None:
    _, second = replicas

    def broken(call_id: str, command: Command) -> bool:
        if call_id == "broken":
            raise RuntimeError("a bug")
        return True

    async with asyncio.TaskGroup() as tasks:
        third = RedisPresence(redis.url, QUICK)
        task = tasks.create_task(third.run(broken))
        third.announce("broken")
        third.announce("sound")
        await until(lambda: second.presence.tell("sound", BYE))
        assert not await second.presence.tell("broken", BYE)
        assert await second.presence.tell("sound", BYE)
        task.cancel()


async def test_what_is_not_understood_is_passed_over(replicas: tuple[Replica, Replica], redis: RedisServer) -> None:
    first, second = replicas
    first.hold("call")
    async with redis.client() as client:
        [channel] = [name for name in await client.pubsub_channels("parley:replica:*") if first.presence._id in name]
        for garbage in ("", "{}", "\x00", '{"type":"asked","call_id":"call","command":{"type":"dance"}}'):
            await client.publish(channel, garbage)
    await until(lambda: second.presence.tell("call", BYE))
    assert first.told == [("call", BYE)]


# ---------------------------------------------------------------- Redis itself fails


async def test_redis_killed_and_started_again(redis: RedisServer, replicas: tuple[Replica, Replica]) -> None:
    first, second = replicas
    first.hold("call")
    await until(lambda: second.presence.tell("call", BYE))
    with capture_logs() as logs:
        await redis.kill()
        assert not await second.presence.tell("call", BYE)
        assert await _seconds(second.presence.tell("call", BYE)) < QUICK.answer_s / 2
        first.hold("later")
        first.presence.withdraw("probe")
        assert not await second.presence.is_held_elsewhere("later")
        await asyncio.sleep(0.3)
        await redis.start()
        await until(lambda: second.presence.tell("call", BYE))
        await until(lambda: second.presence.tell("later", BYE))
    assert not await second.presence.is_held_elsewhere("probe")
    lines = [line["event"] for line in logs]
    assert (lines.count("redis_away"), lines.count("redis_joined")) == (2, 2)


async def test_a_silent_redis_costs_a_moment_once(redis: RedisServer, replicas: tuple[Replica, Replica]) -> None:
    first, second = replicas
    first.hold("call")
    await until(lambda: second.presence.tell("call", BYE))
    redis.freeze()
    try:
        assert await _seconds(second.presence.tell("call", BYE)) < 3 * QUICK.answer_s
        assert await _seconds(second.presence.is_held_elsewhere("call")) < QUICK.answer_s / 2
        assert await _seconds(second.presence.tell("call", BYE)) < QUICK.answer_s / 2
        for number in range(1000):
            first.hold(f"call-{number}")
            first.presence.withdraw(f"call-{number}")
        await asyncio.sleep(0.6)
        assert len(first.presence._news) <= 1000
    finally:
        redis.thaw()
    first.told.clear()
    await until(lambda: second.presence.tell("call", BYE))
    assert first.told == [("call", BYE)]


async def test_without_redis_a_replica_starts_and_joins_when_it_comes() -> None:
    late = RedisServer()
    async with Replica(late.url).running() as first, Replica(late.url).running() as second:
        first.hold("call")
        assert not await second.presence.tell("call", BYE)
        async with late:
            await until(lambda: second.presence.tell("call", BYE))


def test_a_url_that_is_none_is_the_operators_to_mend() -> None:
    with pytest.raises(ConfigurationError, match="PARLEY_REDIS_URL") as refused:
        RedisPresence("redis://:hunter2@host:port/0")
    assert "hunter2" not in str(refused.value)
