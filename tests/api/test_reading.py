"""Whatever arrives on the socket ends as plain data or as the client's mistake, never as a fault of ours."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from parley.api.reading import check_ids, parse_object, read_body, read_query, require_json_type
from parley.domain.errors import BadInput, NotFound, TooLarge, WrongContentType


def request_of(
    chunks: Sequence[bytes] = (), headers: Sequence[tuple[bytes, bytes]] = (), *, cut: bool = False
) -> Request:
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "method": "POST", "path": "/", "headers": list(headers)}, receive)


async def test_a_body_is_counted_while_it_streams_in() -> None:
    assert await read_body(request_of([b"ab", b"cd"]), limit_bytes=4) == b"abcd"
    lying = [(b"content-length", b"1")]
    with pytest.raises(TooLarge, match="larger than 4 bytes"):
        await read_body(request_of([b"ab", b"cde"], lying), limit_bytes=4)


async def test_a_connection_that_closes_midway_is_the_clients_doing() -> None:
    with pytest.raises(BadInput, match="closed before"):
        await read_body(request_of([b"ab"], cut=True))


@pytest.mark.parametrize(
    "declared", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_types_pass(declared: str) -> None:
    require_json_type(request_of(headers=[(b"content-type", declared.encode())]))


@pytest.mark.parametrize("declared", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_other_types_are_refused(declared: str) -> None:
    with pytest.raises(WrongContentType):
        require_json_type(request_of(headers=[(b"content-type", declared.encode())]))


@pytest.mark.parametrize(
    ("body", "value"), [(b"", {}), (b"  \n", {}), (b'{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]})]
)
def test_an_object_is_read_and_nothing_is_an_empty_one(body: bytes, value: object) -> None:
    assert parse_object(body) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b"[1]", "one JSON object"),
        (b'"text"', "one JSON object"),
        (b"null", "one JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": 1, "a": 2}', "a was sent twice"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "nested deeper"),
        (b'{"a": ' + b"[" * 200_000, "nested deeper"),
        (b'{"a": ' + b'{"a":' * 40 + b"1" + b"}" * 41, "nested deeper"),
    ],
)
def test_what_is_no_object_says_why(body: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse_object(body)


def test_a_query_is_read_by_name() -> None:
    assert read_query(b"limit=5&search=%2B1415&empty=") == {"limit": "5", "search": "+1415", "empty": ""}


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (b"limit=1&limit=2", "limit was sent twice"),
        (b"search=%ff", "UTF-8"),
        (b"search=\xc3\xbc", "UTF-8"),
        (b"&".join(b"a%d=1" % n for n in range(65)), "more than 64"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(query: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_query(query)


@pytest.mark.parametrize("value", ["", "a b", "a/b", "a\0b", "é", "x" * 65, "../..", "%00"])
def test_an_id_no_row_can_have_is_not_found(value: str) -> None:
    with pytest.raises(NotFound):
        check_ids({"agent_id": value})


def test_ids_pass() -> None:
    check_ids({"agent_id": "agent_abc123", "number_id": "0190-x"})
