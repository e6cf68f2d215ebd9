"""The API document, made from the same operations that are mounted, so that it cannot say anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from parley import __version__
from parley.api.idempotency import HEADER, KEY_PATTERN, MAX_KEY_CHARS, REPLAYED_HEADER
from parley.api.mount import Mounted, lay_out
from parley.api.operations import Operation
from parley.schemas.dialects import NATIVE, Dialect, Page

Json = dict[str, Any]
_ABOUT = """The phone platform for AI agents that you run yourself.

Send your API key as `Authorization: Bearer <key>` or as `x-api-key: <key>`; `parley keys create` makes one.
Bodies are JSON. Every field is accepted in camelCase and in snake_case, but not twice.

Errors are `{"detail": "a sentence that says what to do", "code": "a_stable_word"}`; wrong fields are in `errors`."""

_REFUSALS: Mapping[int, str] = {
    400: "The request is wrong; `errors` names the fields.",
    401: "The API key is missing or not valid.",
    402: "A usage limit of the project is reached.",
    403: "This key may not do this.",
    404: "Nothing has this id in your project.",
    409: "The request contradicts what exists.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    416: "There is no such part of the file; Content-Range says how large it is.",
    429: "Too many requests; wait as long as Retry-After says.",
    502: "The carrier refused or could not be reached; `detail` quotes it.",
    503: "This server is draining or its database is away; try again, or another replica.",
}
_IDEMPOTENCY_KEY: Json = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": KEY_PATTERN},
    "description": "Send the same request again with the same key, and it is not done twice: for 24 hours you get the"
    f" first answer, with `{REPLAYED_HEADER}: true`. A random UUID is a good key.",
}
_ERROR_SCHEMA: Json = {
    "title": "Error",
    "type": "object",
    "required": ["detail", "code"],
    "properties": {
        "detail": {"type": "string", "description": "One sentence that says what to do."},
        "code": {"type": "string", "description": "A stable word to branch on."},
        "errors": {
            "type": "array",
            "description": "The fields to blame, as you spelled them.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(table: Mapping[Dialect, Sequence[Operation]]) -> Json:
    """The whole OpenAPI 3.1 document."""
    schemas: Json = {"Error": _ERROR_SCHEMA}
    for dialect, operations in table.items():
        schemas |= _schemas(dialect, operations)
    paths: Json = {}
    groups: dict[str, None] = {}
    for path, methods in lay_out(table).items():
        for method, sharing in methods.items():
            groups[sharing[0].operation.group] = None
            paths.setdefault(path, {})[method.lower()] = _operation(sharing)
    return {
        "openapi": "3.1.0",
        "info": {"title": "parley", "version": __version__, "description": _ABOUT},
        "tags": [{"name": group} for group in groups],
        "security": [{"bearer": []}, {"apiKey": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _schemas(dialect: Dialect, operations: Sequence[Operation]) -> Json:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for operation in operations:
        wanted[operation.answer, "serialization"] = None
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
    _, definitions = models_json_schema(
        list(wanted), by_alias=dialect.casing == "camelCase", ref_template=_ref(dialect, "{model}")
    )
    return {_component(dialect, name): schema for name, schema in definitions.get("$defs", {}).items()}


def _component(dialect: Dialect, name: str) -> str:
    """Schemas are spelled once a dialect; all but the native ones carry their dialect's name."""
    return name if dialect is NATIVE else f"{dialect.name}.{name}"


def _ref(dialect: Dialect, name: str) -> str:
    return f"#/components/schemas/{_component(dialect, name)}"


def _operation(sharing: Sequence[Mounted]) -> Json:
    operation = sharing[0].operation
    described: Json = {
        "operationId": _operation_id(sharing[0]),
        "summary": operation.title,
        "tags": [operation.group],
        "parameters": [
            *_path_parameters(sharing[0].path),
            *_query_parameters(sharing[0]),
            *([_IDEMPOTENCY_KEY] if operation.method == "POST" else []),
        ],
        "responses": {str(operation.status): _content("Done.", [_answer_schema(each) for each in sharing])},
    }
    if operation.about:
        described["description"] = operation.about
    bodies = [each for each in sharing if each.operation.body is not None]
    if bodies:
        schemas = [{"$ref": _ref(each.dialect, _name(each.operation.body))} for each in bodies]
        required = any(f.is_required() for each in bodies for f in _fields(each.operation.body).values())
        described["requestBody"] = {"required": required, **_content("", schemas)}
        del described["requestBody"]["description"]
    for status in sorted(operation.all_refusals):
        described["responses"][str(status)] = _content(_REFUSALS[status], [{"$ref": "#/components/schemas/Error"}])
    return described


def _operation_id(mounted: Mounted) -> str:
    """The title as one word, `create_an_agent`; other dialects than the native one put their name before it."""
    words = re.findall(r"[a-z0-9]+", mounted.operation.title.lower().replace("'", ""))
    return "_".join(words if mounted.dialect is NATIVE else [mounted.dialect.name, *words])


def _name(model: type[BaseModel] | None) -> str:
    return model.__name__ if model is not None else ""


def _fields(model: type[BaseModel] | None) -> Mapping[str, Any]:
    return model.model_fields if model is not None else {}


def _content(description: str, schemas: Sequence[Json]) -> Json:
    schema = schemas[0] if len(schemas) == 1 else {"oneOf": list(schemas)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _answer_schema(mounted: Mounted) -> Json:
    operation, dialect = mounted.operation, mounted.dialect
    one: Json = {"$ref": _ref(dialect, operation.answer.__name__)}
    if operation.lists:
        sample = dialect.envelope(Page([], operation.lists, total=0 if operation.is_paged else None))
        properties = {name: _shape_of(value, one) for name, value in sample.items()}
        return {"type": "object", "required": list(sample), "properties": properties}
    return {"oneOf": [one, {"type": "null"}]} if operation.nullable else one


def _shape_of(value: object, row: Json) -> Json:
    """The schema of one key of an empty page: its rows, a flag, a count, or a cursor."""
    if isinstance(value, list):
        return {"type": "array", "items": row}
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "integer"} if isinstance(value, int) else {"type": ["string", "null"]}


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(mounted: Mounted) -> list[Json]:
    model, dialect = mounted.operation.query, mounted.dialect
    if model is None:
        return []
    schema = model.model_json_schema(by_alias=dialect.casing == "camelCase", ref_template=_ref(dialect, "{model}"))
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": {key: value for key, value in shape.items() if key != "description"},
            **({"description": shape["description"]} if "description" in shape else {}),
        }
        for name, shape in schema.get("properties", {}).items()
    ]
