"""The one place where an error becomes an answer, for every dialect."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parley.domain.errors import (
    BadInput,
    Draining,
    KeyInUse,
    ParleyError,
    RangeNotSatisfiable,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from parley.schemas.dialects import NATIVE, Dialect, ErrorAnswer

log = structlog.get_logger()

_HTTP_ERRORS: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "There is nothing at this path. The paths that exist are listed at /docs."),
    405: ("method_not_allowed", "This path does not take this method. The Allow header lists those it takes."),
}
RETRY_AFTER_S = 5


def error_response(error: ParleyError, dialect: Dialect = NATIVE) -> Response:
    """`error` in the words, status and headers of `dialect`."""
    fields = error.errors if isinstance(error, BadInput) else ()
    headers: dict[str, str] = {}
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    elif isinstance(error, TooManyRequests | KeyInUse):
        headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, Draining | Unavailable):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    elif isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", code=error.code, status=error.status)
    return _answer(ErrorAnswer(error.status, error.code, error.message, fields), dialect, headers)


async def http_error_response(request: Request, error: Exception) -> Response:
    """Answer the router's own refusals: no such path, no such method."""
    assert isinstance(error, HTTPException)
    code, detail = _HTTP_ERRORS.get(error.status_code, ("invalid_request", "The request cannot be answered."))
    return _answer(ErrorAnswer(error.status_code, code, detail), NATIVE, error.headers or {})


async def parley_error_response(request: Request, error: Exception) -> Response:
    """Answer an error raised outside the dialects' routes."""
    assert isinstance(error, ParleyError)
    return error_response(error)


def crash_response(error: Exception) -> Response:
    """Answer a fault of ours. The log gets the traceback, the client a sentence; neither gets the data."""
    log.error("request_crashed", kind=type(error).__name__, exc_info=error)
    detail = "Something broke on this server. Try again; if it stays, its operator finds the reason in the log."
    return _answer(ErrorAnswer(500, "internal_error", detail), NATIVE, {})


def _answer(error: ErrorAnswer, dialect: Dialect, headers: Mapping[str, str]) -> Response:
    return JSONResponse(dialect.error_body(error), status_code=error.status, headers=dict(headers))
