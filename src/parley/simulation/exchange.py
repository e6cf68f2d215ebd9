"""What simulated phones share: one clock, one HTTP client and the tasks of their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx

from parley.providers.tls import http_trust
from parley.simulation.metronome import Metronome
from parley.simulation.ringing import Ringing

T = TypeVar("T")

WEBHOOK_TIMEOUT_S: Final = 15.0
"""How long Twilio waits for the answer of a voice webhook."""


def directly(url: str) -> str:
    """A URL is reached where it says."""
    return url


def answering(number: str) -> Ringing:
    """Everybody answers at once."""
    return Ringing(lasts_s=0.0)


class Exchange:
    """Use as an async context manager; leaving it ends everything that still runs in it.

    `http` is used instead of a client of its own, and stays open. `way` says where a URL is reached from here, for HTTP
    and websockets alike; what is signed is the URL itself. `reach` says how the phone behaves that a caller is put
    through to.
    """

    def __init__(self, http: httpx.AsyncClient | None = None) -> None:
        self.metronome = Metronome()
        self.way: Callable[[str], str] = directly
        self.reach: Callable[[str], Ringing] = answering
        self._given_http = http
        self._stack = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        if self._given_http is None:
            # Proxy settings of the environment are for the world outside; the simulation calls the machine it runs on.
            own = httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT_S, trust_env=False, verify=http_trust())
            self._http = await self._stack.enter_async_context(own)
        else:
            self._http = self._given_http
        await self._stack.enter_async_context(self._tasks)
        _ = self.start(self.metronome.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._running):
            task.cancel()
        await self._stack.__aexit__(kind, error, trace)

    @property
    def http(self) -> httpx.AsyncClient:
        return self._http

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` beside everything else until it is done or the exchange closes."""
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task
