"""Puts every operation on the application, once for each dialect, and refuses clashes before the first request.

Two dialects may share a method and path only if their casings differ; then the request's own spelling chooses, and
the dialect mounted first answers where a request shows none.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from parley.api.errors import error_response
from parley.api.idempotency import answer_once
from parley.api.operations import Ask, Listing, Operation, Services, Streamed
from parley.api.reading import check_ids, parse_object, read_body, read_query, require_json_type
from parley.domain.errors import BadInput, ConfigurationError, ParleyError, Unauthorized
from parley.domain.secrets import Secret
from parley.schemas.base import Wire, parse, parse_query, respelled
from parley.schemas.dialects import Dialect, Page, casing_of
from parley.services.projects import Opened


@dataclass(frozen=True, slots=True)
class Mounted:
    """One operation as one dialect shows it, at a full path."""

    dialect: Dialect
    operation: Operation

    @property
    def path(self) -> str:
        return self.dialect.prefix + self.operation.path

    @property
    def place(self) -> tuple[str, str]:
        """Method and path with parameter names taken out: what a request can be told apart by."""
        return self.operation.method, re.sub(r"\{\w+\}", "{}", self.path)


def lay_out(table: Mapping[Dialect, Sequence[Operation]]) -> dict[str, dict[str, list[Mounted]]]:
    """What is mounted, by path and then by method; literal paths before those with parameters.

    Raises ConfigurationError when two operations cannot be told apart.
    """
    places: dict[tuple[str, str], list[Mounted]] = {}
    for dialect, operations in table.items():
        for operation in operations:
            mounted = Mounted(dialect, operation)
            sharing = places.setdefault(mounted.place, [])
            for other in sharing:
                if other.dialect.casing == dialect.casing:
                    raise ConfigurationError(
                        f"{operation.method} {mounted.path} is mounted twice: as {other.operation.title!r}"
                        f" ({other.dialect.name}) and as {operation.title!r} ({dialect.name})."
                    )
            sharing.append(mounted)
    paths: dict[str, dict[str, list[Mounted]]] = {}
    names: dict[str, str] = {}
    for (method, shape), sharing in sorted(
        places.items(), key=lambda item: [step == "{}" for step in item[0][1].split("/")]
    ):
        for mounted in sharing:
            if names.setdefault(shape, mounted.path) != mounted.path:
                raise ConfigurationError(
                    f"{mounted.path} and {names[shape]} are one path. Name their parameters alike."
                )
        paths.setdefault(sharing[0].path, {})[method] = sharing
    return paths


def mount(app: FastAPI, services: Services, table: Mapping[Dialect, Sequence[Operation]]) -> None:
    """Add a route for every path in `table`. The API document is made from the same table, not from the routes."""
    for path, methods in lay_out(table).items():
        endpoints = {method: _endpoint(services, sharing) for method, sharing in methods.items()}
        if "GET" in endpoints:
            endpoints["HEAD"] = endpoints["GET"]
        app.router.routes.append(Route(path, _Methods(path, endpoints), include_in_schema=False))


Endpoint = Callable[[Request], Awaitable[Response]]


class _Methods:
    """All that one path answers. It takes every method itself: left to the router, a DELETE of `/agents/voices`, which
    is no id, would fall through to `/agents/{agent_id}`."""

    def __init__(self, path: str, endpoints: Mapping[str, Endpoint]) -> None:
        self.path = path
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self  # what the metrics count
        endpoint = self._endpoints.get(scope["method"])
        if endpoint is None:
            raise HTTPException(405, headers={"Allow": ", ".join(self._endpoints)})
        answer = await endpoint(Request(scope, receive, send))
        if scope["method"] == "HEAD" and isinstance(answer, StreamingResponse):
            answer = await _without_body(answer)
        await answer(scope, receive, send)


async def _without_body(answer: StreamingResponse) -> Response:
    """A body that may never end is not made to be thrown away."""
    if isinstance(answer.body_iterator, AsyncGenerator):
        await answer.body_iterator.aclose()
    return Response(None, answer.status_code, dict(answer.headers))


def _endpoint(services: Services, sharing: Sequence[Mounted]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        chosen = sharing[0]
        sent: Mapping[str, Any] = {}
        asked: Mapping[str, str] = {}

        async def run() -> Response:
            return _answer(sharing, chosen, await chosen.operation.run(ask))

        def refuse(error: ParleyError) -> Response:
            shown = respelled(error, {**sent, **asked}) if isinstance(error, BadInput) else error
            return error_response(shown, chosen.dialect)

        try:
            opened = await _opened(services, request, takes_token=all(each.operation.takes_token for each in sharing))
            check_ids(request.path_params)
            sent = await _sent_object(request, sharing) if any(each.operation.body for each in sharing) else {}
            asked = read_query(request.scope["query_string"])
            chosen = _chosen(sharing, sent, asked)
            ask = Ask(
                services=services,
                project_id=opened.project_id,
                key_id=opened.key_id,
                body=parse(chosen.operation.body, sent) if chosen.operation.body else None,
                query=parse_query(chosen.operation.query, asked) if chosen.operation.query else None,
                ids=request.path_params,
                byte_range=request.headers.get("range", ""),
                last_event_id=request.headers.get("last-event-id", ""),
            )
            return await answer_once(ask, request, sent, run, refuse)
        except ParleyError as error:
            return refuse(error)

    return endpoint


async def _opened(services: Services, request: Request, *, takes_token: bool) -> Opened:
    """Whose request it is. Raises Unauthorized."""
    token = request.query_params.get("token") if takes_token else None
    if token and not (request.headers.get("authorization") or request.headers.get("x-api-key")):
        return await services.live.redeem(token, next(iter(request.path_params.values()), None))
    return await services.projects.opened_by(presented_key(request).reveal())


def presented_key(request: HTTPConnection) -> Secret:
    """The API key of `Authorization: Bearer` or `x-api-key`. Raises Unauthorized when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else ""
    key = key or request.headers.get("x-api-key", "").strip()
    if not key:
        raise Unauthorized("Send your API key in the header Authorization: Bearer <key> (or x-api-key: <key>).")
    return Secret(key)


async def _sent_object(request: Request, sharing: Sequence[Mounted]) -> dict[str, Any]:
    body = await read_body(request)
    if body and not any(each.operation.any_content_type for each in sharing):
        require_json_type(request)
    return parse_object(body)


def _chosen(sharing: Sequence[Mounted], sent: Mapping[str, Any], asked: Mapping[str, str]) -> Mounted:
    """Whose spelling the request shows. Only names that a dialect knows count: others are ignored anyway."""
    if len(sharing) == 1:
        return sharing[0]
    bodies, queries = ([getattr(each.operation, kind) for each in sharing] for kind in ("body", "query"))
    casing = casing_of(_known(sent, bodies)) or casing_of(_known(asked, queries))
    if casing is None and asked:
        return next((each for each in sharing if _accepts(each.operation.query, asked)), sharing[0])
    return next((each for each in sharing if each.dialect.casing == casing), sharing[0])


def _accepts(shape: type[Wire] | None, asked: Mapping[str, str]) -> bool:
    """Whether a query is one of this dialect's: `status=queued` has no casing, but is a word of one dialect alone."""
    try:
        return shape is not None and parse_query(shape, asked) is not None
    except BadInput:
        return False


def _known(names: Iterable[str], shapes: Sequence[type[Wire] | None]) -> set[str]:
    fields = [item for shape in shapes if shape is not None for item in shape.model_fields.items()]
    return {name for name in names if any(name in (own, field.alias) for own, field in fields)}


def _answer(sharing: Sequence[Mounted], chosen: Mounted, result: Any) -> Response:
    if chosen.operation.shown_in is not None:
        owner = chosen.operation.shown_in(result)
        chosen = next((each for each in sharing if each.dialect.name == owner), chosen)
    operation, dialect = chosen.operation, chosen.dialect
    if isinstance(result, Streamed):
        return StreamingResponse(result.chunks, result.status, result.headers, result.media_type)
    if result is None:
        return JSONResponse(None, status_code=operation.status)
    if isinstance(result, Listing):
        rows = [dialect.spell(operation.answer.model_validate(row)) for row in result.rows]
        if operation.is_bare:
            return JSONResponse(rows, status_code=operation.status)
        page = Page(rows, operation.lists, result.total, result.limit, result.offset, result.next_cursor)
        return JSONResponse(dialect.envelope(page), status_code=operation.status)
    return JSONResponse(dialect.spell(operation.answer.model_validate(result)), status_code=operation.status)
