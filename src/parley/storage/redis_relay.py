"""The relay over Redis's publish and subscribe, on connections of its own: much audio must not hold up a command."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from parley.storage.redis_presence import SOCKET_TIMEOUT_S, TROUBLE, Pace, client_of
from parley.storage.relay import OnMessage, OnReady

log = structlog.get_logger()

_PREFIX = "parley:live:"
_ALIVE = "alive"  # a connection without any subscription is not read; nobody ever publishes here
_MOST_WAITING = 2000
_MOST_AT_ONCE = 200


class RedisRelay:
    """Satisfies `Relay`. One connection is subscribed for as long as the process runs; a second one publishes.

    At most 2,000 messages wait to be sent; beyond that the oldest go, for news are worth most when they are new.
    Raises ConfigurationError for a URL that Redis's own client does not understand.
    """

    def __init__(self, url: str, pace: Pace | None = None) -> None:
        self._redis: Redis = client_of(url)
        self._pace = pace or Pace()
        self._wanted: set[str] = set()
        self._subscribed: set[str] = set()
        self._inbox: PubSub | None = None
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=_MOST_WAITING)
        self._changed, self._has_waiting = asyncio.Event(), asyncio.Event()
        self.is_joined = False

    async def run(self, on_message: OnMessage, on_ready: OnReady) -> None:
        """Stay joined until cancelled, whatever becomes of Redis meanwhile."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._stay_subscribed(on_message, on_ready))
                tasks.create_task(self._keep_subscribing())
                tasks.create_task(self._keep_publishing())
        finally:
            self.is_joined = False
            try:
                await self._redis.aclose()
            except TROUBLE as error:
                log.debug("redis_not_closed", error=type(error).__name__)

    def subscribe(self, channel: str) -> None:
        self._wanted.add(channel)
        self._changed.set()

    def unsubscribe(self, channel: str) -> None:
        self._wanted.discard(channel)
        self._changed.set()

    def publish(self, channel: str, message: bytes) -> None:
        if self.is_joined:
            self._waiting.append((channel, message))
            self._has_waiting.set()

    # ------------------------------------------------------------ hearing

    async def _stay_subscribed(self, on_message: OnMessage, on_ready: OnReady) -> None:
        while True:
            try:
                async with self._redis.pubsub() as inbox:
                    await self._follow(inbox, on_message, on_ready)
            except TROUBLE as error:
                self._lost(error)
            finally:
                self._inbox = None
                self._subscribed.clear()
            await asyncio.sleep(self._pace.reconnect_s)

    async def _follow(self, inbox: PubSub, on_message: OnMessage, on_ready: OnReady) -> None:
        """Hand on what comes. Raises when the connection broke, or Redis does not even answer a ping any more."""
        await inbox.subscribe(_PREFIX + _ALIVE)
        self._inbox = inbox
        self._changed.set()
        while True:
            message = await inbox.get_message(timeout=self._pace.quiet_s)
            if message is None:
                await inbox.ping()
                message = await inbox.get_message(timeout=SOCKET_TIMEOUT_S)
            if message is None:
                raise TimeoutError("Redis is silent.")
            self._joined()
            channel = _text(message["channel"] or "").removeprefix(_PREFIX)  # a pong has none
            if message["type"] == "subscribe" and channel in self._wanted:
                on_ready(channel)
            elif message["type"] == "message" and channel in self._wanted:
                on_message(channel, message["data"])

    async def _keep_subscribing(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            inbox = self._inbox
            if inbox is None:
                continue
            new, old = self._wanted - self._subscribed, self._subscribed - self._wanted
            try:
                if new:
                    self._subscribed |= new
                    await inbox.subscribe(*_names(new))
                if old:
                    self._subscribed -= old
                    await inbox.unsubscribe(*_names(old))
            except TROUBLE as error:
                self._lost(error)  # whoever reads the connection notices too, and begins anew

    # ------------------------------------------------------------ telling

    async def _keep_publishing(self) -> None:
        while True:
            await self._has_waiting.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_AT_ONCE))]
            if not self._waiting:
                self._has_waiting.clear()
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:  # awaiting a command only adds it
                    for channel, message in batch:
                        await pipeline.publish(_PREFIX + channel, message)
                    await pipeline.execute()
            except TROUBLE as error:
                self._lost(error)

    # ------------------------------------------------------------ is Redis there

    def _joined(self) -> None:
        if not self.is_joined:
            self.is_joined = True
            log.info("relay_joined")

    def _lost(self, error: Exception) -> None:
        if self.is_joined:
            self.is_joined = False
            self._waiting.clear()
            log.warning("relay_away", error=type(error).__name__, meaning="Live views show this replica's calls alone.")


def _names(channels: Iterable[str]) -> list[str]:
    return [_PREFIX + channel for channel in sorted(channels)]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
