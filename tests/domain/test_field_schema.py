"""What an agent may ask for, the strict form of it, and what is wrong with an answer."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.field_schema import faults, problem_with, strict, without_empty
from tests.searching import tries

ORDER: dict[str, Any] = {
    "type": "object",
    "description": "What was ordered.",
    "properties": {
        "item": {"type": "string", "maxLength": 20},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "size": {"type": "string", "enum": ["small", "large"]},
        "on": {"type": "string", "format": "date"},
        "extras": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "gift": {"type": ["boolean", "null"]},
    },
    "required": ["item", "gift"],
}


def test_optional_properties_are_asked_for_as_nullable_ones_and_left_out_again() -> None:
    asked = strict(ORDER)
    assert asked["required"] == list(ORDER["properties"])
    assert asked["additionalProperties"] is False
    assert asked["properties"]["item"] == {"type": "string", "description": "(maxLength 20)"}
    assert asked["properties"]["count"]["type"] == ["integer", "null"]
    assert asked["properties"]["size"]["enum"] == ["small", "large", None]
    answer = {"item": "tea", "count": None, "size": None, "on": None, "extras": ["milk"], "gift": None}
    kept = without_empty(answer, ORDER)
    assert kept == {"item": "tea", "extras": ["milk"], "gift": None}
    assert list(faults(kept, ORDER, "fields")) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"item": 5}, "fields.item is not of the type string"),
        ({"item": "a" * 21}, "the length of fields.item is above maxLength"),
        ({"count": 0}, "fields.count is below minimum"),
        ({"count": 1.5}, "fields.count is not of the type integer"),
        ({"count": True}, "fields.count is not of the type integer"),
        ({"size": "huge"}, "fields.size is none of the values of its enum"),
        ({"on": "2026-02-30"}, "fields.on is no date"),
        ({"extras": ["a", "b", "c"]}, "the length of fields.extras is above maxItems"),
        ({"extras": [None]}, "fields.extras[0] is not of the type string"),
        ({"colour": "red"}, "fields has a property that was not asked for"),
    ],
)
def test_an_answer_that_does_not_fit_is_named_without_its_words(change: dict[str, Any], fault: str) -> None:
    assert list(faults({"item": "tea", "gift": None} | change, ORDER, "fields")) == [fault]


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ([], "type object"),
        ({"type": "string"}, "type object"),
        ({"type": "object", "properties": {}}, "at least one"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.com/s"}}}, "needs a type at a"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}, "uses pattern at a"),
        ({"type": "object", "properties": {"a": {"type": ["string", "number"]}}}, "needs a type at a"),
        ({"type": "object", "properties": {"a": {"type": "array"}}}, "needs items at a"),
        ({"type": "object", "properties": {"a": {"type": "integer", "enum": ["x"]}}}, "another type at a"),
        ({"type": "object", "properties": {"a": {"type": "string", "format": "uuid"}}}, "format other than"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}, "none of its properties"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True}, "additional"),
        ({"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(101)}}, "more than 100"),
        ({"type": "object", "properties": {"a" * 65: {"type": "string"}}}, "characters long"),
        ({"type": "object", "properties": {"a": {"type": "string", "minLength": -1}}}, "0 or more"),
        ({"type": "object", "properties": {"a": {"type": "string", "minLength": "1"}}}, "needs a number"),
        ({"type": "object", "properties": {"a": 5}}, "something else than a schema at a"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_the_reason(schema: Any, why: str) -> None:
    problem = problem_with(schema)
    assert problem is not None
    assert why in problem


def test_a_schema_as_deep_as_a_well_is_refused() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        deep = {"type": "object", "properties": {"a": deep}}
    assert "more than" in (problem_with(deep) or "")


# ---------------------------------------------------------------- beside a judge that was written elsewhere

_names = st.sampled_from(["a", "b", "c"])
_scalars = st.one_of(
    st.just({"type": "boolean"}),
    st.builds(
        lambda kind, low, high: {"type": kind, "minimum": low, "maximum": high},
        st.sampled_from(["integer", "number"]),
        st.integers(-2, 2),
        st.integers(0, 4),
    ),
    st.builds(
        lambda low, high: {"type": "string", "minLength": low, "maxLength": high}, st.integers(0, 2), st.integers(1, 4)
    ),
    st.builds(
        lambda values: {"type": "string", "enum": values}, st.lists(st.sampled_from("xyz"), min_size=1, unique=True)
    ),
    st.builds(lambda kind: {"type": [kind, "null"]}, st.sampled_from(["string", "number", "boolean"])),
)


def _object(properties: dict[str, Any], needed: list[str]) -> dict[str, Any]:
    required = [name for name in needed if name in properties]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_schemas = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.builds(_object, st.dictionaries(_names, inner, min_size=1), st.lists(_names, unique=True)),
        st.builds(lambda items, most: {"type": "array", "items": items, "maxItems": most}, inner, st.integers(0, 2)),
    ),
    max_leaves=5,
)
_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 5),
        st.sampled_from([0.5, 2.0]),
        st.sampled_from(["", "x", "yz", "longer"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=5,
)


@tries(300)
@given(
    st.builds(_object, st.dictionaries(_names, _schemas, min_size=1), st.lists(_names, unique=True)), _values, _values
)
def test_it_judges_as_json_schema_does(schema: dict[str, Any], value: Any, inner: Any) -> None:
    if problem_with(schema) is not None:
        return
    for answer in (value, {"a": inner}, {"a": value, "b": inner}, dict.fromkeys(schema["properties"], value)):
        assert (not list(faults(answer, schema, "it"))) == jsonschema_rs.is_valid(schema, answer), answer
        kept = without_empty(answer, schema)
        if jsonschema_rs.is_valid(strict(schema), answer) and not list(faults(kept, schema, "it")):
            assert jsonschema_rs.is_valid(schema, kept)
