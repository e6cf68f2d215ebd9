"""Two dialects over one set of functions: who answers a shared path, and which clashes stop the start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from parley.api.mount import lay_out, mount
from parley.api.openapi import document
from parley.api.operations import Ask, Listing, Operation, Services
from parley.domain.errors import ConfigurationError, NotFound, Unauthorized
from parley.schemas.base import Wire
from parley.schemas.dialects import NATIVE, Dialect, ErrorAnswer, Page
from parley.services.projects import Opened


class ThingIn(Wire):
    order_id: str


class ThingOut(Wire):
    order_id: str
    made_by: str


class ThingQuery(Wire):
    only_new: bool = False


class OtherThingOut(Wire):
    order_id: str


def snake_envelope(page: Page) -> dict[str, Any]:
    return {page.names[0]: list(page.rows), "total": page.total, "next_cursor": None, "has_more": page.has_more}


def snake_error(error: ErrorAnswer) -> dict[str, Any]:
    return {"detail": error.detail, "code": error.code, "dialect": "snake"}


SNAKE = Dialect("snake", "Snake", "/v1", "snake_case", snake_envelope, snake_error, key_header="x-api-key")


async def make_thing(ask: Ask[ThingIn, None]) -> ThingOut:
    return ThingOut(order_id=ask.body.order_id, made_by=ask.project_id)


async def read_thing(ask: Ask[None, None]) -> ThingOut:
    if ask.ids["thing_id"] == "missing":
        raise NotFound("There is no such thing.")
    return ThingOut(order_id=ask.ids["thing_id"], made_by="snake" if ask.ids["thing_id"] == "theirs" else "native")


async def list_things(ask: Ask[None, ThingQuery]) -> Listing:
    return Listing([ThingOut(order_id=str(ask.query.only_new), made_by="x")], total=3, limit=1)


def operation(method: Any, path: str, run: Any, **more: Any) -> Operation:
    return Operation(method, path, run, **{"title": run.__name__, "group": "Things", "answer": ThingOut, **more})


def thing_operations(answer: type[Wire]) -> list[Operation]:
    return [
        operation("POST", "/things", make_thing, body=ThingIn, status=201),
        operation("GET", "/things", list_things, query=ThingQuery, lists=("things",)),
        operation("GET", "/things/{thing_id}", read_thing, answer=answer, shown_in=lambda thing: thing.made_by),
    ]


class OneKey:
    """Opens project `p` to the key `right`."""

    async def opened_by(self, plain: str) -> Opened:
        if plain != "right":
            raise Unauthorized("This key opens nothing.")
        return Opened("p", "key_right")


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI()
    services = cast(Services, SimpleNamespace(projects=OneKey()))
    mount(app, services, {NATIVE: thing_operations(ThingOut), SNAKE: thing_operations(OtherThingOut)})
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://parley", headers={"x-api-key": "right"})


async def test_a_body_is_answered_in_its_own_spelling(client: httpx.AsyncClient) -> None:
    camel = await client.post("/v1/things", json={"orderId": "1"})
    snake = await client.post("/v1/things", json={"order_id": "1"})
    assert (camel.status_code, camel.json()) == (201, {"orderId": "1", "madeBy": "p"})
    assert (snake.status_code, snake.json()) == (201, {"order_id": "1", "made_by": "p"})


async def test_without_a_body_the_first_dialect_answers_unless_the_query_shows_another(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/v1/things")).json() == {
        "data": [{"orderId": "False", "madeBy": "x"}],
        "total": 3,
        "hasMore": True,
    }
    assert (await client.get("/v1/things", params={"only_new": "true"})).json() == {
        "things": [{"order_id": "True", "made_by": "x"}],
        "total": 3,
        "next_cursor": None,
        "has_more": True,
    }


async def test_a_result_that_belongs_to_a_dialect_is_shown_in_it(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/things/ours")).json() == {"orderId": "ours", "madeBy": "native"}
    assert (await client.get("/v1/things/theirs")).json() == {"order_id": "theirs"}


async def test_errors_are_worded_by_the_dialect_that_was_chosen(client: httpx.AsyncClient) -> None:
    missing = await client.get("/v1/things/missing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    refused = await client.post("/v1/things", json={"order_id": 7})
    assert (refused.status_code, refused.json()["dialect"]) == (400, "snake")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer right"}, 200),
        ({"authorization": "bearer  right"}, 200),
        ({"x-api-key": "right"}, 200),
        ({"authorization": "Basic cmlnaHQ=", "x-api-key": "right"}, 200),
        ({"authorization": "Bearer wrong", "x-api-key": "right"}, 401),
        ({"authorization": "right"}, 401),
        ({"authorization": "Bearer "}, 401),
        ({}, 401),
    ],
)
async def test_keys_come_in_either_header(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    client.headers = httpx.Headers(headers)
    answer = await client.get("/v1/things")
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_method_names_every_right_one(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/things", json={})
    assert answer.status_code == 405
    assert {method.strip() for method in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST"}


def test_two_operations_at_one_place_stop_the_start() -> None:
    with pytest.raises(ConfigurationError, match="mounted twice"):
        lay_out({NATIVE: [operation("GET", "/a/{x}", read_thing), operation("GET", "/a/{y}", list_things)]})


def test_two_dialects_of_one_casing_cannot_share_a_place() -> None:
    twin = Dialect("twin", "Twin", "/v1", "camelCase", snake_envelope, snake_error)
    with pytest.raises(ConfigurationError, match="mounted twice"):
        lay_out({NATIVE: [operation("GET", "/a", list_things)], twin: [operation("GET", "/a", list_things)]})


def test_one_path_names_its_parameters_alike() -> None:
    with pytest.raises(ConfigurationError, match="are one path"):
        lay_out({NATIVE: [operation("GET", "/a/{x}", read_thing), operation("DELETE", "/a/{y}", read_thing)]})


def test_literal_paths_win_over_parameters() -> None:
    table = {NATIVE: [operation("GET", "/a/{x}", read_thing), operation("GET", "/a/voices", list_things)]}
    assert list(lay_out(table)) == ["/v1/a/voices", "/v1/a/{x}"]


def test_the_document_shows_both_spellings_of_a_shared_path() -> None:
    made = document({NATIVE: thing_operations(ThingOut), SNAKE: thing_operations(OtherThingOut)})
    body = made["paths"]["/v1/things"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"anyOf": [{"$ref": "#/components/schemas/ThingIn"}, {"$ref": "#/components/schemas/snake.ThingIn"}]}
    assert list(made["components"]["schemas"]["ThingIn"]["properties"]) == ["orderId"]
    assert list(made["components"]["schemas"]["snake.ThingIn"]["properties"]) == ["order_id"]
