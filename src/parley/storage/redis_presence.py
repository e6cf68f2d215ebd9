"""Presence over Redis.

    parley:call:<call id>          set of the replicas that hold the call; expires unless they say so again
    parley:replica:<replica id>    channel on which a replica is told commands, and answers to its own

Nothing is kept here that matters: after Redis was away, each replica announces again what it holds.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import Literal

import msgspec
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from parley.domain.errors import ConfigurationError
from parley.storage.presence import Command, Release, Take

log = structlog.get_logger()

SOCKET_TIMEOUT_S = 0.25
_MOST_CONNECTIONS = 20
# More questions than this at a time would mean that nobody answers any more; the next one is answered no.
_MOST_QUESTIONS = 1000
TROUBLE = (RedisError, OSError)


class Pace(msgspec.Struct, frozen=True):
    """How often what is done, in seconds. A key has to outlive a missed announcement or two."""

    announce_s: float = 20.0
    key_life_s: int = 60
    quiet_s: float = 2.0
    reconnect_s: float = 1.0
    answer_s: float = 0.75


class _Asked(msgspec.Struct, frozen=True, tag="asked"):
    """A command for the holder of a call; nobody waits for the answer where `asker` is empty."""

    call_id: str
    command: Command
    asker: str = ""
    number: int = 0


class _Answered(msgspec.Struct, frozen=True, tag="answered"):
    number: int
    was_taken: bool


_DECODER = msgspec.json.Decoder(_Asked | _Answered)
News = Literal["held", "claimed", "gone"]


class RedisPresence:
    """Satisfies `Presence`. While Redis is away every question is answered no at once, and one line is logged.

    Raises ConfigurationError for a URL that Redis's own client does not understand.
    """

    def __init__(self, url: str, pace: Pace | None = None) -> None:
        self._redis = client_of(url)
        self._pace = pace or Pace()
        self._id = uuid.uuid4().hex
        self._is_joined: bool | None = None
        self._held: set[str] = set()
        # What Redis was not told yet, one word a call: bounded by the live calls and those that ended since.
        self._news: dict[str, News] = {}
        self._wake = asyncio.Event()
        self._questions: dict[int, asyncio.Future[bool]] = {}
        self._numbers = itertools.count(1)

    async def run(self, take: Take) -> None:
        """Stay joined until cancelled, whatever becomes of Redis meanwhile."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stay_joined(take))
                tasks.create_task(self._keep_announcing())
        finally:
            self._is_joined = False
            try:
                await self._redis.aclose()
            except TROUBLE as error:
                log.debug("redis_not_closed", error=type(error).__name__)

    @property
    def is_joined(self) -> bool:
        """Whether Redis answers, so that other replicas can be reached."""
        return bool(self._is_joined)

    # ------------------------------------------------------------ what this replica holds

    def announce(self, call_id: str) -> None:
        self._held.add(call_id)
        self._note(call_id, "held")

    def claim(self, call_id: str) -> None:
        self._held.add(call_id)
        self._note(call_id, "claimed")

    def withdraw(self, call_id: str) -> None:
        self._held.discard(call_id)
        self._note(call_id, "gone")

    def _note(self, call_id: str, news: News) -> None:
        if self._is_joined:  # else everything held is announced on joining
            self._news[call_id] = news
            self._wake.set()

    async def _keep_announcing(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._pace.announce_s
        while True:
            try:
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            except TimeoutError:
                due = loop.time() + self._pace.announce_s
                self._announce_all()
            self._wake.clear()
            news, self._news = self._news, {}
            if not news or not self._is_joined:
                continue
            try:
                await self._write(news)
            except TROUBLE as error:
                self._lost(error)

    def _announce_all(self) -> None:
        for call_id in self._held:
            self._news.setdefault(call_id, "held")
        self._wake.set()

    async def _write(self, news: dict[str, News]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:  # awaiting a command only adds it
            for call_id, what in news.items():
                if what == "gone":
                    await pipeline.srem(_key(call_id), self._id)
                else:
                    await pipeline.sadd(_key(call_id), self._id)
                    await pipeline.expire(_key(call_id), self._pace.key_life_s)
            await pipeline.execute()
        for call_id in [call_id for call_id, what in news.items() if what == "claimed"]:
            await self._send_others_away(call_id)

    async def _send_others_away(self, call_id: str) -> None:
        """Once, and never again later: a release that comes late could reach a replica the phone went back to."""
        for other in await self._others(call_id):
            await self._publish(other, _Asked(call_id, Release()))
            await self._redis.srem(_key(call_id), other)

    # ------------------------------------------------------------ what the others hold

    async def tell(self, call_id: str, command: Command) -> bool:
        if not self._is_joined or len(self._questions) >= _MOST_QUESTIONS:
            return False
        try:
            answers = [await self._ask(other, call_id, command) for other in await self._others(call_id)]
        except TROUBLE as error:
            self._lost(error)
            return False
        return any(answers)

    async def is_held_elsewhere(self, call_id: str) -> bool:
        if not self._is_joined:
            return False
        try:
            return bool(await self._others(call_id))
        except TROUBLE as error:
            self._lost(error)
            return False

    async def _ask(self, other: str, call_id: str, command: Command) -> bool:
        number = next(self._numbers)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        try:
            if not await self._publish(other, _Asked(call_id, command, self._id, number)):
                return False  # a replica that died before its key did
            async with asyncio.timeout(self._pace.answer_s):
                return await answer
        except TimeoutError:
            log.warning("replica_silent", call_id=call_id, replica=other)
            return False
        finally:
            del self._questions[number]

    async def _others(self, call_id: str) -> list[str]:
        members = await self._redis.smembers(_key(call_id))
        return sorted(name for each in members if (name := _text(each)) != self._id)

    async def _publish(self, replica: str, message: _Asked | _Answered) -> int:
        """How many listened."""
        return int(await self._redis.publish(_channel(replica), msgspec.json.encode(message)))

    # ------------------------------------------------------------ being told

    async def _stay_joined(self, take: Take) -> None:
        while True:
            try:
                async with self._redis.pubsub() as inbox:
                    await inbox.subscribe(_channel(self._id))
                    await self._listen(inbox, take)
            except TROUBLE as error:
                self._lost(error)
            await asyncio.sleep(self._pace.reconnect_s)

    async def _listen(self, inbox: PubSub, take: Take) -> None:
        """Carry out what comes. Raises when the connection broke, or Redis does not even answer a ping any more."""
        while True:
            message = await inbox.get_message(timeout=self._pace.quiet_s)
            if message is None:
                await inbox.ping()
                message = await inbox.get_message(timeout=SOCKET_TIMEOUT_S)
            if message is None:
                raise TimeoutError("Redis is silent.")
            self._joined()
            if message["type"] == "message":
                await self._read(message["data"], take)

    async def _read(self, data: bytes, take: Take) -> None:
        try:
            told = _DECODER.decode(data)
        except msgspec.DecodeError:  # from a newer version; whoever asked gets no answer, and does it itself
            log.warning("replica_not_understood")
            return
        if isinstance(told, _Answered):
            question = self._questions.get(told.number)
            if question is not None and not question.done():
                question.set_result(told.was_taken)
            return
        try:
            was_taken = take(told.call_id, told.command)
        except Exception:  # The edge of one call: a bug in it must not deafen the calls beside it.
            log.exception("command_failed", call_id=told.call_id)
            was_taken = False
        if told.asker:
            await self._publish(told.asker, _Answered(told.number, was_taken))

    # ------------------------------------------------------------ is Redis there

    def _joined(self) -> None:
        if not self._is_joined:
            self._is_joined = True
            self._announce_all()
            log.info("redis_joined", replica=self._id)

    def _lost(self, error: Exception) -> None:
        if self._is_joined is not False:
            self._is_joined = False
            self._news.clear()
            why = type(error).__name__
            log.warning("redis_away", error=why, meaning="Until it answers, replicas do not reach each other's calls.")


def client_of(url: str) -> Redis:
    """A client that never waits long. Raises ConfigurationError for a URL that cannot be read."""
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_MOST_CONNECTIONS,
            timeout=SOCKET_TIMEOUT_S,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            protocol=2,  # older servers, and stand-ins for Redis, know no other
        )
    except ValueError:
        raise ConfigurationError(
            "PARLEY_REDIS_URL cannot be read. It should look like redis://user:password@host:6379/0."
        ) from None
    return Redis.from_pool(pool)


def _key(call_id: str) -> str:
    return f"parley:call:{call_id}"


def _channel(replica: str) -> str:
    return f"parley:replica:{replica}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
