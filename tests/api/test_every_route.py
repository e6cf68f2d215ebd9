"""What holds for every route, generated from the table of operations: a new one is covered by being in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from parley.api.operations import Operation
from parley.api.reading import MAX_BODY_BYTES
from parley.api.table import TABLE
from parley.schemas.base import Wire
from parley.schemas.dialects import NATIVE
from tests.api.conftest import Api

OPERATIONS = TABLE[NATIVE]
PREFIX = NATIVE.prefix

# A value that every required field of that name accepts. A new required field wants one here.
EXAMPLES: dict[str, Any] = {
    "name": "Front desk",
    "agent_id": "{agent_id}",
    "number_id": "{number_id}",
    "to_number": "+14155550199",
    "phone_number": "+14155550188",
    "provider": "twilio",
    "api_key": "a-provider-key-0001",
    "url": "https://example.com/hook",
}


def label(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def schema_of(model: type[Wire]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=False)


def plain(shape: dict[str, Any]) -> dict[str, Any]:
    """A field's own shape, without the null that an optional one may be instead."""
    inner = [each for each in shape.get("anyOf", []) if each.get("type") != "null"]
    return {**shape, **inner[0]} if inner else shape


def example_body(operation: Operation, ids: dict[str, str]) -> dict[str, Any]:
    assert operation.body is not None
    return {name: filled(EXAMPLES[name], ids) for name in schema_of(operation.body).get("required", [])}


def filled(value: Any, ids: dict[str, str]) -> Any:
    return value.format(**ids) if isinstance(value, str) else value


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found.group(1).upper(), name)


@pytest.fixture(scope="session")
async def ids(shared_api: Api) -> dict[str, str]:
    """One row of each kind in the first project."""
    client = shared_api.client
    agent = (await client.post("/v1/agents", json={"name": "Front desk"})).json()
    number = (await client.post("/v1/numbers", json={"agentId": agent["id"]})).json()
    await client.post("/v1/webhooks", json={"url": "https://example.com/hook"})
    credential = (
        await client.post("/v1/credentials", json={"name": "c", "provider": "deepgram", "apiKey": "k" * 20})
    ).json()
    call = (await client.post("/v1/calls", json={"agentId": agent["id"], "toNumber": "+14155550199"})).json()
    return {
        "agent_id": agent["id"],
        "number_id": number["id"],
        "credential_id": credential["id"],
        "call_id": call["id"],
    }


async def ask(
    client: httpx.AsyncClient, operation: Operation, ids: dict[str, str], *, query: Any = None, **more: Any
) -> httpx.Response:
    """The operation with a valid body, unless `more` says otherwise."""
    if operation.body is not None and not more.keys() & {"json", "content"}:
        more["json"] = example_body(operation, ids)
    path = PREFIX + operation.path.format(**ids)
    return await client.request(operation.method, path, params=query, **more)


def assert_refused(answer: httpx.Response, status: int, operation: Operation) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert status in operation.all_refusals, f"{label(operation)} does not document {status}"
    assert answer.headers["content-type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert body["detail"].endswith(".")
    assert re.fullmatch(r"[a-z_]+", body["code"])
    assert body.keys() <= {"detail", "code", "errors"}
    return body


each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=label)
each_body = pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body], ids=label)
each_with_ids = pytest.mark.parametrize("operation", [each for each in OPERATIONS if "{" in each.path], ids=label)


@each_operation
@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer sk_live_wrong"}, {"x-api-key": "sk_live_wrong"}, {"authorization": "Bearer \u00ff"}],
    ids=["no key", "wrong key", "wrong x-api-key", "not ascii"],
)
async def test_without_a_valid_key_nothing_is_told(
    shared_api: Api, ids: dict[str, str], operation: Operation, headers: dict[str, str]
) -> None:
    shown = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    transport = shared_api.client._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.test", headers=shown) as nobody:
        answer = await ask(nobody, operation, ids, content=b"{not json")
        assert assert_refused(answer, 401, operation)["code"] == "unauthorized"


@each_with_ids
async def test_another_projects_row_is_not_found(shared_api: Api, ids: dict[str, str], operation: Operation) -> None:
    assert_refused(await ask(shared_api.stranger, operation, ids), 404, operation)


@each_with_ids
@pytest.mark.parametrize("malformed", ["nobody", "%00", "x" * 65, "..%5c..", "%C3%A9", "%ff", "%20", "'--"])
async def test_an_id_that_is_none_is_not_found(
    shared_api: Api, ids: dict[str, str], operation: Operation, malformed: str
) -> None:
    wrong = dict.fromkeys(ids, malformed)
    content = json.dumps(example_body(operation, ids)) if operation.body else None
    headers = {"content-type": "application/json"}
    answer = await ask(shared_api.client, operation, wrong, content=content, headers=headers)
    assert_refused(answer, 404, operation)


@each_body
async def test_another_projects_rows_cannot_be_named_in_a_body(
    shared_api: Api, ids: dict[str, str], operation: Operation
) -> None:
    assert operation.body is not None
    for field in schema_of(operation.body)["properties"].keys() & {"agent_id", "number_id", "credential_id"}:
        if "{" in operation.path:
            continue  # the path's own id is refused first
        body = example_body(operation, ids) | {field: ids[field]}
        answer = await ask(shared_api.stranger, operation, ids, json=body)
        assert answer.status_code in {400, 404}, answer.text
        assert_refused(answer, answer.status_code, operation)


@each_body
async def test_a_missing_field_is_named_in_the_callers_spelling(
    shared_api: Api, ids: dict[str, str], operation: Operation
) -> None:
    body = example_body(operation, ids)
    for name in body:
        rest = {camel(other): value for other, value in body.items() if other != name}
        refused = assert_refused(await ask(shared_api.client, operation, ids, json=rest), 400, operation)
        assert [error["field"] for error in refused["errors"]] == [camel(name)]
        spelled = {other: value for other, value in body.items() if other != name} | {"unknown_field": 1}
        refused = assert_refused(await ask(shared_api.client, operation, ids, json=spelled), 400, operation)
        assert [error["field"] for error in refused["errors"]] == [name]


WRONG_TYPES: dict[str, Any] = {
    "string": {"a": 1},
    "integer": "three",
    "number": "three",
    "boolean": "perhaps",
    "object": 3,
}


@each_body
async def test_a_value_of_the_wrong_type_is_named(shared_api: Api, ids: dict[str, str], operation: Operation) -> None:
    assert operation.body is not None
    body = example_body(operation, ids)
    for name, shape in schema_of(operation.body)["properties"].items():
        wrong = WRONG_TYPES[plain(shape).get("type", "object")]
        for spelled in {name, camel(name)}:
            sent = {key: value for key, value in body.items() if key != name} | {spelled: wrong}
            refused = assert_refused(await ask(shared_api.client, operation, ids, json=sent), 400, operation)
            assert spelled in {error["field"] for error in refused["errors"]}, (spelled, refused)


@each_body
async def test_text_the_database_could_not_hold_is_named(
    shared_api: Api, ids: dict[str, str], operation: Operation
) -> None:
    assert operation.body is not None
    body = example_body(operation, ids)
    for name, shape in schema_of(operation.body)["properties"].items():
        kind = plain(shape).get("type")
        for escape in ("\\u0000", "\\ud800", "\\udfff\\ud800"):
            bad = f'"a{escape}b"' if kind == "string" else f'{{"k": ["a{escape}"]}}'
            rest = json.dumps({key: value for key, value in body.items() if key != name})[1:-1]
            content = f'{{"{name}": {bad}{", " + rest if rest else ""}}}'
            answer = await ask(
                shared_api.client, operation, ids, content=content, headers={"content-type": "application/json"}
            )
            refused = assert_refused(answer, 400, operation)
            assert any(error["field"].startswith(name) for error in refused["errors"]), refused


@each_body
async def test_text_beyond_its_bound_is_named(shared_api: Api, ids: dict[str, str], operation: Operation) -> None:
    assert operation.body is not None
    body = example_body(operation, ids)
    for name, shape in schema_of(operation.body)["properties"].items():
        if plain(shape).get("type") == "string":
            sent = body | {name: "9" * 200_000}
            answer = await ask(shared_api.client, operation, ids, json=sent)
            assert answer.status_code in {400, 404}, f"{name} has no bound: {answer.text[:200]}"


def ranges(model: type[Wire]) -> Iterator[tuple[str, float, float]]:
    for name, shape in schema_of(model)["properties"].items():
        found = plain(shape)
        if "minimum" in found:
            yield name, found["minimum"], found["maximum"]


@each_operation
async def test_a_number_out_of_range_is_told_the_range(
    shared_api: Api, ids: dict[str, str], operation: Operation
) -> None:
    for model, where in ((operation.body, "json"), (operation.query, "query")):
        for name, low, high in ranges(model) if model is not None else ():
            for value in (low - 1, high + 1, -(10**30), 10**30):
                sent = {camel(name): value}
                more = {"json": example_body(operation, ids) | sent} if where == "json" else {"query": sent}
                refused = assert_refused(await ask(shared_api.client, operation, ids, **more), 400, operation)
                assert f"between {low} and {high}" in refused["detail"]


@each_operation
async def test_every_limit_is_bounded(operation: Operation) -> None:
    if operation.lists and operation.query is not None:
        bounded = {name for name, _, _ in ranges(operation.query)}
        assert {"limit", "offset"} & schema_of(operation.query)["properties"].keys() <= bounded


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.query is not None], ids=label)
async def test_a_query_that_cannot_be_meant_is_refused(
    shared_api: Api, ids: dict[str, str], operation: Operation
) -> None:
    assert operation.query is not None
    for name, shape in schema_of(operation.query)["properties"].items():
        found = plain(shape)
        wrong = ["", "many", "1.5", "9" * 5000] if found.get("type") == "integer" else ["\0", "a\0b"]
        for value in wrong:
            answer = await ask(shared_api.client, operation, ids, query={name: value})
            refused = assert_refused(answer, 400, operation)
            assert refused["errors"][0]["field"] == name
        if "_" in name:
            answer = await ask(shared_api.client, operation, ids, query={name: "1", camel(name): "1"})
            assert "twice" in assert_refused(answer, 400, operation)["detail"]
        answer = await ask(shared_api.client, operation, ids, query=f"{name}=1&{name}=1")
        assert "twice" in assert_refused(answer, 400, operation)["detail"]


@each_body
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
async def test_another_content_type_is_refused(
    shared_api: Api, ids: dict[str, str], operation: Operation, content_type: str
) -> None:
    answer = await ask(shared_api.client, operation, ids, content=b"{}", headers={"content-type": content_type})
    assert "Content-Type" in assert_refused(answer, 415, operation)["detail"]


@each_body
async def test_a_body_without_end_is_refused(shared_api: Api, ids: dict[str, str], operation: Operation) -> None:
    async def endless() -> Any:
        for _ in range(MAX_BODY_BYTES // 65_536 + 1):
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    answer = await ask(shared_api.client, operation, ids, content=endless(), headers=headers)
    assert str(MAX_BODY_BYTES) in assert_refused(answer, 413, operation)["detail"]


@each_body
@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"a":' + b"[" * 100_000])
async def test_a_body_that_is_no_object_is_refused(
    shared_api: Api, ids: dict[str, str], operation: Operation, content: bytes
) -> None:
    headers = {"content-type": "application/json"}
    assert_refused(await ask(shared_api.client, operation, ids, content=content, headers=headers), 400, operation)


@each_body
async def test_one_field_in_two_spellings_is_refused(
    shared_api: Api, ids: dict[str, str], operation: Operation
) -> None:
    assert operation.body is not None
    for name in schema_of(operation.body)["properties"]:
        if "_" in name:
            sent = example_body(operation, ids)
            sent.pop(name, None)
            answer = await ask(shared_api.client, operation, ids, json=sent | {name: "x", camel(name): "x"})
            assert "twice" in assert_refused(answer, 400, operation)["detail"]


@each_operation
async def test_a_method_that_is_not_offered_names_those_that_are(
    shared_api: Api, ids: dict[str, str], operation: Operation
) -> None:
    answer = await shared_api.client.request("PUT", PREFIX + operation.path.format(**ids))
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert operation.method in answer.headers["allow"]
