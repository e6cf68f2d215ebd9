"""The server process: listen, run the application, and stop without cutting a call."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn

from parley.app import Drain, create_app
from parley.domain.errors import ConfigurationError
from parley.settings import Settings
from parley.wiring import Assembly, assembled

MAX_FRAME_BYTES = 65_536
CLOSE_TIMEOUT_S = 3
"""After draining: how long open connections may take to finish their last answer."""


class Server(uvicorn.Server):
    """uvicorn, except that a stop signal first drains.

    Stock uvicorn cuts live websockets within a tenth of a second. Here the first signal makes /readyz say 503 and lets
    the live calls finish, and their sockets may still connect; a second signal stops at once.
    """

    def __init__(
        self, config: uvicorn.Config, drain: Drain, *, takes_signals: bool, on_ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._drain = drain
        self._takes_signals = takes_signals
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if not self._takes_signals:
            yield
            return
        with super().capture_signals():
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._drain.is_begun:
            self.should_exit = self.force_exit = True
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._drain.is_over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._drain.end_streams()  # nobody may have begun to drain: a part crashed, or the block around it has ended
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn skips this then, but the application's tasks must not outlive its parts
            await self.lifespan.shutdown()


@dataclass(frozen=True, slots=True)
class Running:
    """A parley that listens at `url`, a base address without a path."""

    url: str
    house: Assembly
    drain: Drain


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises ConfigurationError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as refused:
        why = getattr(refused, "strerror", None) or str(refused)
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {why}. Choose another --host or --port."
        ) from None


def url_of(listener: socket.socket) -> str:
    """How this machine itself reaches the listener."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host}:{port}"


async def serve(settings: Settings, on_ready: Callable[[Running], None]) -> bool:
    """Run until a signal, then drain. False when it was forced or a part crashed, so that a supervisor sees it."""
    with listen(settings.host, settings.port) as listener:
        async with assembled(settings, url_of(listener)) as house:
            drain = Drain(lambda: house.drain(settings.drain_timeout_s))
            running = Running(url_of(listener), house, drain)
            server = Server(_config(house, drain), drain, takes_signals=True, on_ready=lambda: on_ready(running))
            _spare_the_collector()
            await server.serve([listener])
            return drain.is_begun and not server.force_exit


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """A whole parley on this event loop for as long as the block lasts, for tests and the demo. It takes no signals."""
    with listen(settings.host, settings.port) as listener:
        async with assembled(settings, url_of(listener)) as house:
            drain = Drain(lambda: house.drain(settings.drain_timeout_s))
            ready = asyncio.Event()
            server = Server(_config(house, drain), drain, takes_signals=False, on_ready=ready.set)
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(server.serve([listener]))
                waiting = tasks.create_task(ready.wait())
                await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                try:
                    yield Running(url_of(listener), house, drain)
                finally:
                    server.should_exit = True


def _spare_the_collector() -> None:
    """Everything built so far lives as long as the process. Walking it again and again would cost a live call's audio
    tens of milliseconds at a time, so the collector never looks at it any more, and looks less often at the rest.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _config(house: Assembly, drain: Drain) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(house, drain),
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
    )
