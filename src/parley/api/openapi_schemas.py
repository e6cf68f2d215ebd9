"""The shapes of the API documents: every schema once a dialect, in that dialect's spelling, its texts too."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from parley.api.operations import Operation
from parley.schemas.dialects import NATIVE, Dialect

Json = dict[str, Any]
ERROR_REF: Json = {"$ref": "#/components/schemas/Error"}
ERROR_SCHEMA: Json = {
    "type": "object",
    "description": "Why a request was refused.",
    "required": ["detail", "code"],
    "properties": {
        "detail": {"type": "string", "description": "One sentence that says what to do."},
        "code": {"type": "string", "description": "A stable word to branch on.", "examples": ["invalid_request"]},
        "errors": {
            "type": "array",
            "description": "The fields to blame, as you spelled them.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "description": "Its path, like `textToSpeech.speed`."},
                    "message": {
                        "type": "string",
                        "description": "What is wrong with it; the field's name goes before.",
                    },
                },
            },
        },
    },
}


class _Schemas(GenerateJsonSchema):
    """Fields go without the titles that pydantic makes of their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def component_schemas(dialect: Dialect, operations: Sequence[Operation]) -> Json:
    """The named schemas of everything these operations take and answer."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for operation in operations:
        wanted[operation.answer, "serialization"] = None
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
    _, definitions = models_json_schema(
        list(wanted),
        by_alias=dialect.casing == "camelCase",
        ref_template=ref(dialect, "{model}")["$ref"],
        schema_generator=_Schemas,
    )
    finish = _finishing(dialect, operations)
    return {_component(dialect, name): finish(each) for name, each in definitions.get("$defs", {}).items()}


def query_schema(dialect: Dialect, operation: Operation) -> Json:
    """The schema of an operation's query as one object; no parameter can be null."""
    if operation.query is None:
        return {}
    schema = operation.query.model_json_schema(by_alias=dialect.casing == "camelCase", schema_generator=_Schemas)
    finished: Json = _finishing(dialect, [operation])(schema)
    return finished | {"properties": {name: not_null(each) for name, each in finished.get("properties", {}).items()}}


def not_null(schema: Json) -> Json:
    """An optional field's own schema, for places where null cannot be written."""
    inner = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    kept = {key: value for key, value in schema.items() if key != "anyOf" and not (key == "default" and value is None)}
    return {**inner[0], **kept} if len(inner) == 1 else schema


def ref(dialect: Dialect, name: str) -> Json:
    """A reference to a component. All but the native ones carry their dialect's name."""
    return {"$ref": f"#/components/schemas/{_component(dialect, name)}"}


def _component(dialect: Dialect, name: str) -> str:
    return name if dialect is NATIVE else f"{dialect.name}.{name}"


def texts_in(dialect: Dialect, operations: Sequence[Operation]) -> Callable[[str], str]:
    """How a text about these operations names their fields in this dialect: what stands in backticks is respelled."""
    shapes = [shape for each in operations for shape in (each.answer, each.body, each.query) if shape is not None]
    snake = _field_names(shapes)
    spellings = {name: to_camel(name) for name in snake}
    if dialect.casing == "snake_case":
        spellings = {camel: name for name, camel in spellings.items()}
    return lambda text: re.sub(r"`(\w+)`", lambda found: f"`{spellings.get(found[1], found[1])}`", text)


def _field_names(shapes: Sequence[type[BaseModel]]) -> set[str]:
    """The names in Python of all fields of the shapes, and of the shapes in them, that have more than one word."""
    return set[str]().union(*map(_field_names_of, shapes))


@cache
def _field_names_of(shape: type[BaseModel]) -> frozenset[str]:
    schema = str(shape.model_json_schema(by_alias=False))
    return frozenset(re.findall(r"'([a-z][a-z0-9]*(?:_[a-z0-9]+)+)': \{", schema))


def _finishing(dialect: Dialect, operations: Sequence[Operation]) -> Callable[[Any], Any]:
    """What pydantic's schemas still need: texts and rules in the dialect's spelling, texts of one line a paragraph, and
    no default of null, which says no more than that a field is optional."""
    respelled = texts_in(dialect, operations)

    def finish(schema: Any) -> Any:
        if isinstance(schema, list):
            return [finish(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        finished = {key: finish(value) for key, value in schema.items() if not (key == "default" and value is None)}
        if isinstance(schema.get("description"), str):
            finished["description"] = respelled(re.sub(r"(?<!\n)\n(?!\n)", " ", schema["description"]))
        if dialect.casing == "camelCase":
            finished |= {key: _camel_rule(schema[key]) for key in ("if", "then", "allOf") if key in schema}
        return finished

    return finish


_RULES = ("if", "then", "not", "anyOf")


def _camel_rule(rule: Any) -> Any:
    """A condition that a shape writes down in snake_case, about fields in camelCase."""
    if isinstance(rule, list):
        return [_camel_rule(each) for each in rule]
    spelled = {key: _camel_rule(each) if key in _RULES else each for key, each in rule.items()}
    if "properties" in rule:
        spelled["properties"] = {to_camel(name): each for name, each in rule["properties"].items()}
    if "required" in rule:
        spelled["required"] = [to_camel(name) for name in rule["required"]]
    return spelled
