"""What the machines around parley ask: is it alive, can it take calls, how is it doing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from parley import __version__
from parley.schemas.dialects import ErrorAnswer, plain_error_body


class HttpMetrics:
    """Requests and the process itself, added to the registry of the live calls. Route labels are templates, so few."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "parley_http_requests", "Answered HTTP requests.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "parley_http_request_seconds", "Time to answer.", ["method", "route"], registry=registry
        )
        build = Gauge("parley_build", "Always 1; the label is the version.", ["version"], registry=registry)
        build.labels(__version__).set(1)


def health_routes(
    registry: CollectorRegistry, obstacle: Callable[[], Awaitable[ErrorAnswer | None]]
) -> list[BaseRoute]:
    """`/healthz`, `/readyz` and `/metrics`. `obstacle` says why no call can be taken now, or None."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def readyz(request: Request) -> Response:
        reason = await obstacle()
        if reason is None:
            return JSONResponse({"status": "ready"})
        return JSONResponse(plain_error_body(reason), status_code=reason.status)

    async def show_metrics(request: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return [
        Route("/healthz", healthz, include_in_schema=False),
        Route("/readyz", readyz, include_in_schema=False),
        Route("/metrics", show_metrics, include_in_schema=False),
    ]
