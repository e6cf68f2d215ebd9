"""What holds for every field of every body and query, generated from the table of operations and its schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from parley.api.mount import Mounted
from parley.schemas.base import Wire
from tests.api.conftest import Api
from tests.api.rows import (
    EVERY,
    Belongings,
    as_named,
    as_spelled,
    ask,
    assert_refused,
    body_of,
    camel,
    is_shared,
    label,
    properties,
    schema_of,
    spellings,
)

each_operation = pytest.mark.parametrize("mounted", EVERY, ids=label)
each_body = pytest.mark.parametrize("mounted", [each for each in EVERY if each.operation.body], ids=label)
each_query = pytest.mark.parametrize("mounted", [each for each in EVERY if each.operation.query], ids=label)
SHAPES = sorted(
    {shape for each in EVERY for shape in (each.operation.body, each.operation.query) if shape is not None},
    key=lambda shape: shape.__name__,
)
JSON_TYPE = {"content-type": "application/json"}

# What is never right for a field of a type, however JSON writes it.
WRONG_TYPES: dict[str, tuple[Any, ...]] = {
    "string": (5, True, {"a": 1}, ["a"]),
    "integer": ("5", True, 1.5, {}),
    "number": ("5", True, []),
    "boolean": ("true", 1, "perhaps"),
    "object": (3, "{}", [["a", 1]]),
    "array": ({"0": "a"}, "a", 1),
}


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in (name, camel(name))}


@each_body
async def test_the_documents_example_is_accepted(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    """Accepted by its schema and known rows: whatever is said about it, it is no 400 and no 404."""
    answer = await ask(shared_api.client, mounted, mine.of(mounted))
    assert answer.status_code not in {400, 404, 415}, answer.text
    assert answer.status_code == mounted.operation.status or answer.status_code in mounted.operation.all_refusals


@each_body
async def test_a_missing_field_is_named_in_the_callers_spelling(
    shared_api: Api, mine: Belongings, mounted: Mounted
) -> None:
    assert mounted.operation.body is not None
    ids = mine.of(mounted)
    required = schema_of(mounted.operation.body).get("required", [])
    for name in required:
        for spell in [as_spelled(mounted)] if is_shared(mounted) else [camel, as_named]:
            rest = {spell(key): value for key, value in without(snake(mounted, ids), name).items()}
            # One more field tells which casing the caller writes where the others do not.
            sent = rest | ({"other_field": 1} if spell is as_named else {})
            refused = assert_refused(await ask(shared_api.client, mounted, ids, json=sent), 400, mounted)
            assert [error["field"] for error in refused["errors"]] == [spell(name)]


def snake(mounted: Mounted, ids: dict[str, str]) -> dict[str, Any]:
    """The example body with its own names in snake_case."""
    assert mounted.operation.body is not None
    spelled = {camel(name): name for name in mounted.operation.body.model_fields}
    return {spelled.get(name, name): value for name, value in body_of(mounted, ids).items()}


@each_body
async def test_a_value_of_the_wrong_type_is_named(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    ids = mine.of(mounted)
    for name, shape in properties(mounted.operation.body).items():
        for wrong in WRONG_TYPES[kind_of(mounted, shape)]:
            for spelled in spellings(mounted, name):
                sent = without(body_of(mounted, ids), name) | {spelled: wrong}
                refused = assert_refused(await ask(shared_api.client, mounted, ids, json=sent), 400, mounted)
                blamed = {error["field"] for error in refused["errors"]}
                assert any(field.split(".")[0] == spelled for field in blamed), (spelled, wrong, refused)


def kind_of(mounted: Mounted, shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        return "object"
    return str(shape.get("type", "string" if "const" in shape or "enum" in shape else "object"))


@each_body
async def test_text_the_database_could_not_hold_is_named(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    ids = mine.of(mounted)
    for name, shape in properties(mounted.operation.body).items():
        spelled = as_spelled(mounted)(name)
        rest = json.dumps(without(body_of(mounted, ids), name))[1:-1]
        for escape in ("\\u0000", "\\ud800", "\\udfff\\ud800"):
            bad = f'"a{escape}b"' if kind_of(mounted, shape) == "string" else f'{{"k": ["a{escape}"]}}'
            content = f'{{"{spelled}": {bad}{", " + rest if rest else ""}}}'
            answer = await ask(shared_api.client, mounted, ids, content=content, headers=JSON_TYPE)
            refused = assert_refused(answer, 400, mounted)
            assert any(error["field"].startswith(spelled) for error in refused["errors"]), refused


@each_body
async def test_one_field_in_two_spellings_is_refused(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    ids = mine.of(mounted)
    for name in properties(mounted.operation.body):
        if camel(name) != name:
            sent = without(body_of(mounted, ids), name) | {name: "x", camel(name): "x"}
            answer = await ask(shared_api.client, mounted, ids, json=sent)
            assert "twice" in assert_refused(answer, 400, mounted)["detail"]


# ---------------------------------------------------------------- bounds


def unbounded(schema: dict[str, Any], definitions: dict[str, Any], path: str) -> Iterator[str]:
    """Every text, list and number of a request that may be as large as it likes. Free objects are the customer's."""
    for each in (schema, *schema.get("anyOf", []), *schema.get("oneOf", [])):
        is_settled = "enum" in each or "const" in each
        match each.get("type"):
            case "string" if not is_settled and "maxLength" not in each and not is_finite(each.get("pattern", "")):
                yield f"{path} (text without maxLength)"
            case "array":
                if "maxItems" not in each:
                    yield f"{path} (list without maxItems)"
                yield from unbounded(each.get("items", {}), definitions, f"{path}[]")
            case "integer" | "number" if not is_settled and not {"minimum", "maximum"} <= each.keys():
                yield f"{path} (number without range)"
        if "$ref" in each:
            yield from unbounded(definitions[each["$ref"].rsplit("/", 1)[1]], definitions, path)
        for name, inner in each.get("properties", {}).items():
            yield from unbounded(inner, definitions, f"{path}.{name}")


def is_finite(pattern: str) -> bool:
    """Whether a pattern that is anchored at both ends cannot go on for ever."""
    return pattern.startswith("^") and pattern.endswith("$") and not set("*+") & set(pattern.replace("\\+", ""))


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.__name__ for shape in SHAPES])
def test_everything_in_a_request_has_a_bound(shape: type[Wire]) -> None:
    schema = schema_of(shape)
    assert list(unbounded(schema, schema.get("$defs", {}), shape.__name__)) == []


@each_body
async def test_text_beyond_its_bound_is_named(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    ids = mine.of(mounted)
    for name, shape in properties(mounted.operation.body).items():
        if kind_of(mounted, shape) == "string":
            spelled = as_spelled(mounted)(name)
            sent = body_of(mounted, ids) | {spelled: "9" * 200_000}
            refused = assert_refused(await ask(shared_api.client, mounted, ids, json=sent), 400, mounted)
            assert spelled in {error["field"] for error in refused["errors"]}


def ranges(model: type[Wire] | None) -> Iterator[tuple[str, float, float]]:
    for name, shape in properties(model).items():
        if "minimum" in shape:
            yield name, shape["minimum"], shape["maximum"]


@each_operation
async def test_a_number_out_of_range_is_told_the_range(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    ids = mine.of(mounted)
    for model, where in ((mounted.operation.body, "json"), (mounted.operation.query, "query")):
        for name, low, high in ranges(model):
            for value in (low - 1, high + 1, -(10**30), 10**30):
                sent = {as_spelled(mounted)(name): value}
                more = {"json": body_of(mounted, ids) | sent} if where == "json" else {"query": sent}
                refused = assert_refused(await ask(shared_api.client, mounted, ids, **more), 400, mounted)
                assert f"between {low} and {high}" in refused["detail"]


# ---------------------------------------------------------------- queries


@each_query
async def test_a_query_that_cannot_be_meant_is_refused(shared_api: Api, mine: Belongings, mounted: Mounted) -> None:
    ids = mine.of(mounted)
    for name, shape in properties(mounted.operation.query).items():
        kind = kind_of(mounted, shape)
        for value in {"integer": ["", "many", "1.5", "9" * 5000], "boolean": ["perhaps", ""]}.get(kind, ["\0", "a\0b"]):
            for spelled in spellings(mounted, name):
                answer = await ask(shared_api.client, mounted, ids, query={spelled: value})
                refused = assert_refused(answer, 400, mounted)
                assert refused["errors"][0]["field"] == spelled
        if camel(name) != name:
            answer = await ask(shared_api.client, mounted, ids, query={name: "1", camel(name): "1"})
            assert "twice" in assert_refused(answer, 400, mounted)["detail"]
        answer = await ask(shared_api.client, mounted, ids, query=f"{name}=1&{name}=1")
        assert "twice" in assert_refused(answer, 400, mounted)["detail"]
