"""The API documents say the truth about every operation of every dialect, and nothing leads nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from parley.api.mount import Mounted
from parley.api.openapi import operation_id
from parley.schemas.dialects import DIALECTS, NATIVE, ONEINBOX, THREETONE, Dialect
from tests.api.documented import NAMES, made_documents
from tests.api.rows import EVERY, is_shared, label

Json = dict[str, Any]
each_document = pytest.mark.parametrize("name", NAMES)


def test_there_is_a_document_for_everything_and_for_each_dialect() -> None:
    assert list(made_documents()) == NAMES


def shown(mounted: Mounted, document: str | None = None) -> Json:
    made = made_documents()[mounted.dialect.name if document is None else document]
    operation: Json = made["paths"][mounted.path][mounted.operation.method.lower()]
    return operation


@pytest.mark.parametrize("mounted", EVERY, ids=label)
def test_every_operation_is_documented_with_its_shapes_and_refusals(mounted: Mounted) -> None:
    operation = mounted.operation
    described = shown(mounted)
    assert described["operationId"] == operation_id(mounted)
    assert described["summary"] == operation.title
    assert described["tags"] == [operation.group]
    statuses = {int(status) for status in described["responses"]}
    assert operation.all_refusals | {operation.status} <= statuses
    assert ("requestBody" in described) == (operation.body is not None)
    if operation.body is not None:
        content = described["requestBody"]["content"]["application/json"]
        assert content["schema"] == {"$ref": f"#/components/schemas/{component(mounted.dialect, operation.body)}"}
        assert content["example"]
    assert any(each["name"] == "Idempotency-Key" for each in described["parameters"]) == (operation.method == "POST")
    success = described["responses"][str(operation.status)]
    assert operation.produces in success["content"]
    assert shown(mounted, "")["responses"].keys() >= described["responses"].keys()


def component(dialect: Dialect, shape: type) -> str:
    return shape.__name__ if dialect is NATIVE else f"{dialect.name}.{shape.__name__}"


@each_document
def test_a_document_is_in_order(name: str) -> None:
    made = made_documents()[name]
    ids = [operation["operationId"] for methods in made["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)
    used = {tag for methods in made["paths"].values() for operation in methods.values() for tag in operation["tags"]}
    assert {tag["name"] for tag in made["tags"]} == used
    assert all(tag["description"] for tag in made["tags"])
    references = set(re.findall(r"'#/components/(\w+)/([^']+)'", str(made)))
    assert all(target in made["components"][kind] for kind, target in references)
    assert made["components"]["schemas"].keys() == {target for kind, target in references if kind == "schemas"}
    assert "camelCase and in snake_case" in made["info"]["description"]


@each_document
def test_links_lead_to_operations_of_the_document(name: str) -> None:
    operations = {
        operation["operationId"]: operation
        for methods in made_documents()[name]["paths"].values()
        for operation in methods.values()
    }
    links = [
        link
        for operation in operations.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert links or name == ""
    for link in links:
        taken = {each["name"] for each in operations[link["operationId"]]["parameters"] if each["in"] == "path"}
        assert link["parameters"].keys() == taken


def test_each_dialect_shows_its_own_key_first() -> None:
    for dialect in DIALECTS:
        first = made_documents()[dialect.name]["security"][0]
        assert first == ({"apiKey": []} if dialect is THREETONE else {"bearer": []})


def fields(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from fields(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from fields(each)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_document_is_spelled_as_its_dialect(dialect: Dialect) -> None:
    """The texts too. Only what a shared path may show of the native API is in the other casing."""
    made = made_documents()[dialect.name]
    prefix = "" if dialect is NATIVE else dialect.name
    own = {key: each for key, each in made["components"]["schemas"].items() if key.rpartition(".")[0] == prefix}
    names = {name for key, each in own.items() if key != "Error" for name in fields(each)}
    texts = {word for each in own.values() for word in re.findall(r"`(\w+)`", str(each))}
    other = r"_" if dialect is NATIVE else r"[a-z][A-Z]"
    # Where public clients read a second name for a key, both are sent.
    twice = (names & {*map(respelled, names)}) | {"voice_name"} if dialect is NATIVE else set()
    assert not {name for name in names - twice if re.search(other, name)}
    assert not {word for word in texts & {*map(respelled, names)} if re.search(other, word)}


def respelled(name: str) -> str:
    camel = re.sub(r"_(\w)", lambda found: found[1].upper(), name)
    return camel if "_" in name else re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def test_a_shared_path_shows_whose_answer_it_may_be() -> None:
    """A request that shows no casing is answered natively, and a call as it was placed."""
    shared = {
        (each.operation.method, each.path): each for each in EVERY if is_shared(each) and each.dialect is ONEINBOX
    }
    for (method, path), mounted in shared.items():
        schema = str(shown(mounted)["responses"][str(mounted.operation.status)])
        if method == "POST" and mounted.operation.body is not None:
            assert "anyOf" not in schema, path
        elif "oneinbox.Success" not in schema:
            assert "anyOf" in schema, path
    assert ("GET", "/v1/calls/{call_id}") in shared
