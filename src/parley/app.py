"""The application as one ASGI app: its routes, its errors, its background parts, and how it stops."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from parley import __version__
from parley.api.docs import docs_routes
from parley.api.edge import Edge
from parley.api.errors import http_error_response, parley_error_response
from parley.api.health import HttpMetrics, health_routes
from parley.api.live_sockets import live_routes
from parley.api.mount import mount
from parley.api.openapi import documents
from parley.api.recordings import audio_routes
from parley.api.table import TABLE
from parley.domain.errors import ParleyError
from parley.schemas.dialects import ErrorAnswer
from parley.wiring import Assembly

log = structlog.get_logger()


class Drain:
    """The way out: from `begin` on new calls are refused, `finish_calls` waits for the live ones, and then it is over.

    `end_streams` is called at once, because answers without an end would keep the server from stopping. `begin` may be
    called in a signal handler. Build it on the running event loop.
    """

    def __init__(self, finish_calls: Callable[[], Awaitable[object]]) -> None:
        self._finish_calls = finish_calls
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self.end_streams: Callable[[], None] = lambda: None
        self.is_begun = False
        self.is_over = False

    def begin(self) -> None:
        self.is_begun = True
        self.end_streams()
        self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Wait for `begin`, then for the live calls."""
        await self._wake.wait()
        log.info("drain_began")
        await self._finish_calls()
        log.info("drain_ended")
        self.is_over = True


def create_app(house: Assembly, drain: Drain) -> FastAPI:
    """The whole HTTP and websocket surface over the assembled house."""
    metrics = HttpMetrics(house.metrics.registry)
    drain.end_streams = functools.partial(_end_streams, house)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with asyncio.TaskGroup() as tasks:
                work = (
                    house.directory.run(),
                    house.presence.run(house.directory.take),
                    house.delivery_worker.run(),
                    house.watch.run(),
                    house.message_watch.run(),
                    house.services.transcripts.run(),
                    house.intake.run(),
                    house.voicemail_intake.run(),
                    house.pruning.run(),
                    *(each() for each in house.background),
                    drain.run(),
                )
                running = [tasks.create_task(each) for each in work]
                yield
                for task in running:
                    task.cancel()
        finally:
            drain.is_over = True  # also when a part crashed: a server without its parts must not stay up

    app = FastAPI(
        title="parley",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        middleware=[Middleware(Edge, metrics=metrics)],
        exception_handlers={HTTPException: http_error_response, ParleyError: parley_error_response},
    )
    app.router.redirect_slashes = False
    app.router.routes.extend(health_routes(metrics.registry, lambda: _obstacle(house, drain)))
    app.router.routes.extend(_documentation())
    app.router.routes.extend(house.edge.routes())
    app.router.routes.extend(audio_routes("recordings", house.services.recordings))
    app.router.routes.extend(audio_routes("voicemails", house.services.voicemails))
    app.router.routes.extend(live_routes(house.services))
    mount(app, house.services, TABLE)
    return app


def _end_streams(house: Assembly) -> None:
    house.services.transcripts.end_all()
    house.services.live.end_all()


@functools.cache
def _documentation() -> list[BaseRoute]:
    """The same for every application of a process, and half a second of work: never while a call could be waiting."""
    return docs_routes(documents(TABLE))


async def _obstacle(house: Assembly, drain: Drain) -> ErrorAnswer | None:
    if drain.is_begun:
        return ErrorAnswer(
            503, "draining", "This server is stopping: its calls finish, new ones go to another replica."
        )
    if not await house.is_database_there():
        return ErrorAnswer(503, "database_away", "The database does not answer. Check that it runs and is reachable.")
    return None
