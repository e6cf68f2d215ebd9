"""A web server on loopback inside the running event loop, for doubles that are called over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from types import TracebackType
from typing import Any, Literal, Self

import uvicorn


class _EmbeddedServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program this server is a part of."""
        yield


class LoopbackServer:
    """Serves an ASGI `app` on 127.0.0.1 at a free port while it is entered, with websockets if it has any."""

    def __init__(self, app: Any, *, has_websockets: bool = False) -> None:
        self._app = app
        self._websockets: Literal["websockets-sansio", "none"] = "websockets-sansio" if has_websockets else "none"
        self._stack = AsyncExitStack()
        self._socket = socket.socket()
        self._server: _EmbeddedServer | None = None

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`, without a slash at the end."""
        host, port = self._socket.getsockname()
        return f"http://{host}:{port}"

    async def __aenter__(self) -> Self:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws=self._websockets,
            timeout_graceful_shutdown=1,
        )
        self._server = _EmbeddedServer(config)
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(self._server.serve(sockets=[self._socket]))
        await self._server.is_up.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.should_exit = True
        await self._stack.__aexit__(kind, error, trace)
