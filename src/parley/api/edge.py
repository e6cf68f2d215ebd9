"""The outermost layer: counts every answer, and turns a fault of ours into a sentence instead of a stack trace."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley.api.errors import crash_response
from parley.api.health import HttpMetrics


class Edge:
    """ASGI middleware for HTTP alone; websockets pass untouched, for audio goes through them."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        began_at = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the outermost edge: nothing above would answer the client
            answer = crash_response(error)
            if status == 0:
                await answer(scope, receive, watch)
        finally:
            # `route` is set by the router; without it nothing matched, and a raw path would make endless labels.
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.requests.labels(scope["method"], route, status).inc()
            self._metrics.seconds.labels(scope["method"], route).observe(time.perf_counter() - began_at)
