"""The outermost layer: names every request, counts every answer, and turns a fault of ours into a sentence instead of a
stack trace."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parley.api.errors import crash_response
from parley.api.health import HttpMetrics

REQUEST_ID_HEADER = "X-Request-Id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def request_id_of(scope: Scope) -> str:
    """The client's own name for its request, or a new one where it gave none that can be printed in a log."""
    sent = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


class Edge:
    """ASGI middleware for HTTP alone; websockets pass untouched, for audio goes through them.

    Every answer carries the request's id, and so does every line that is logged on the way to it.
    """

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._answer(scope, receive, send, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        status = 0
        began_at = time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": list(message.get("headers", ()))}  # an answer may be sent again
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
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
