"""Turning what arrived on the socket into plain data, refusing everything that cannot be meant.

Nothing a client sends may end as a server error: bodies without end, numbers nobody can count to and objects nested
past any use are the client's mistake, and are told so here, once, for every route. What a field may hold is the
schemas' business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from parley.domain.errors import BadInput, FieldError, NotFound, TooLarge, WrongContentType

MAX_BODY_BYTES = 1_048_576
MAX_NESTING = 32
MAX_QUERY_FIELDS = 64
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def read_body(request: Request, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, counted while it streams in (Content-Length is a claim, not a fact). Raises TooLarge."""
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > limit_bytes:
                raise TooLarge(f"The body is larger than {limit_bytes} bytes. Send less.")
            pieces.append(piece)
    except ClientDisconnect:
        raise BadInput("The connection closed before the whole body arrived. Send it again.") from None
    return b"".join(pieces)


def require_json_type(request: Request) -> None:
    """Raises WrongContentType unless the body is declared as JSON (or not declared at all)."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared and declared != "application/json" and not declared.endswith("+json"):
        raise WrongContentType("Send the body as JSON, with the header Content-Type: application/json.")


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object that the database can hold; an empty body is an empty object. Raises BadInput."""
    if not body.strip():
        return {}
    try:
        value = json.loads(body, object_pairs_hook=_without_repeats, parse_constant=_no_such_number)
    except RecursionError:
        raise BadInput(f"The body is nested deeper than {MAX_NESTING} levels. Flatten it.") from None
    except UnicodeDecodeError:
        raise BadInput("The body is not UTF-8 text. Send JSON encoded as UTF-8.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadInput(f"The body is not valid JSON ({where}). Send one JSON object.") from None
    except ValueError:  # Python refuses to read integers of more than 4300 digits
        raise BadInput("The body holds a number that is too long. Send it as text.") from None
    if not isinstance(value, dict):
        raise BadInput("The body should be one JSON object, like {}.")
    _refuse_deep_nesting(value)
    return value


def read_query(query_string: bytes) -> dict[str, str]:
    """Query parameters by name. Raises BadInput when one is given twice, or is not text."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except UnicodeError:
        raise BadInput("The query is not UTF-8 text. Percent-encode it as UTF-8.") from None
    except ValueError:
        raise BadInput(f"The query has more than {MAX_QUERY_FIELDS} parameters. Send fewer.") from None
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            _refuse(name, "was sent twice; send it once")
        values[name] = value
    return values


def check_ids(ids: Mapping[str, str]) -> None:
    """Raises NotFound for a path id that no row can have."""
    for value in ids.values():
        if not _ID.fullmatch(value):
            raise NotFound("Nothing has such an id. Check the id in the path.")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        _refuse(next(name for name in names if names.count(name) > 1), "was sent twice; send it once")
    return value


def _no_such_number(literal: str) -> NoReturn:
    raise BadInput(f"The body holds {literal}, which JSON does not have. Send a number or null.")


def _refuse(field: str, message: str) -> NoReturn:
    shown = field.encode("utf-8", "replace").decode().replace("\0", "")[:64]
    raise BadInput(f"{shown} {message}.".lstrip(), [FieldError(shown, message)])


def _refuse_deep_nesting(value: Any) -> None:
    level = [value]
    for _ in range(MAX_NESTING):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return
    raise BadInput(f"The body is nested deeper than {MAX_NESTING} levels. Flatten it.")


def _inside(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, list) else ()
