"""The API documents, made from the same operations that are mounted, so that they cannot say anything else.

One holds everything; besides, each dialect has its own, with its own paths, spelling and shapes alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from parley import __version__
from parley.api.examples import example
from parley.api.idempotency import HEADER, KEY_PATTERN, MAX_KEY_CHARS, REPLAYED_HEADER
from parley.api.mount import Mounted, lay_out
from parley.api.openapi_schemas import ERROR_REF, ERROR_SCHEMA, component_schemas, query_schema, ref, texts_in
from parley.api.openapi_texts import ABOUT, ABOUT_ALL, GROUPS, REFUSALS
from parley.api.operations import Operation
from parley.schemas.dialects import NATIVE, Dialect, Page
from parley.schemas.fields import ID_PATTERN

Json = dict[str, Any]
Table = Mapping[Dialect, Sequence[Operation]]

_SECURITY: Mapping[str, Json] = {
    "Authorization": {"bearer": []},
    "x-api-key": {"apiKey": []},
}
_HEADERS: Json = {
    "RetryAfter": {
        "description": "How many seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RequestId": {
        "description": "Names this request in the server's log: yours if you sent one, else a new one.",
        "schema": {"type": "string"},
    },
}
_IDEMPOTENCY_KEY: Json = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS, "pattern": KEY_PATTERN},
    "description": "Send the same request again with the same key, and it is not done twice: for 24 hours you get the"
    f" first answer, with `{REPLAYED_HEADER}: true`. A random UUID is a good key.",
}
_SERVER_SENT_EVENT: Json = {
    "type": "object",
    "description": "One event of the stream; its data is JSON.",
    "properties": {
        "event": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
_WAIT = (409, 429, 503)  # refusals that may say how long to wait


def documents(table: Table) -> dict[str, Json]:
    """Every document by its name: a dialect's, and `""` for the one that holds everything."""
    schemas = _schemas(table)
    return {
        "": _document(table, None, schemas),
        **{dialect.name: _document(table, dialect, schemas) for dialect in table},
    }


def document(table: Table) -> Json:
    """The OpenAPI 3.1 document that holds everything."""
    return _document(table, None, _schemas(table))


def _schemas(table: Table) -> Json:
    schemas: Json = {"Error": ERROR_SCHEMA}
    for dialect, operations in table.items():
        schemas |= component_schemas(dialect, operations)
    return schemas


def _document(table: Table, only: Dialect | None, schemas: Json) -> Json:
    paths: Json = {}
    groups: dict[str, None] = {}
    for path, methods in lay_out(table).items():
        for method, sharing in methods.items():
            described = [each for each in sharing if only in (None, each.dialect)]
            if described:
                groups[described[0].operation.group] = None
                paths.setdefault(path, {})[method.lower()] = _operation(table, described, sharing)
    title = only.title if only is not None else "parley"
    about = ABOUT[only.name] if only is not None and only.name in ABOUT else ABOUT_ALL
    first = only.key_header if only is not None else "Authorization"
    ordered = [group for operations in table.values() for group in dict.fromkeys(each.group for each in operations)]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "description": about},
        "servers": [{"url": "/"}],
        "tags": [
            {"name": group, **({"description": GROUPS[group]} if group in GROUPS else {})}
            for group in dict.fromkeys(ordered)
            if group in groups
        ],
        "security": [_SECURITY[first], *(each for header, each in _SECURITY.items() if header != first)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _used(schemas, paths),
            "responses": {str(status): _refusal(status) for status in sorted(REFUSALS)},
            "headers": _HEADERS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def _used(schemas: Json, paths: Json) -> Json:
    """The schemas that the paths lead to, directly or through others."""
    found: dict[str, None] = {"Error": None}
    pending = [str(paths)]
    while pending:
        for name in re.findall(r"#/components/schemas/([\w.]+)", pending.pop()):
            if name not in found:
                found[name] = None
                pending.append(str(schemas[name]))
    return {name: schemas[name] for name in schemas if name in found}


def _operation(table: Table, described: Sequence[Mounted], sharing: Sequence[Mounted]) -> Json:
    """One operation of a document: `described` are those it shows of all that are `sharing` the place."""
    mounted = described[0]
    operation = mounted.operation
    spelled = texts_in(mounted.dialect, [operation])
    answers = [_answer_schema(each) for each in _answering(described, sharing)]
    shown: Json = {
        "operationId": operation_id(mounted),
        "summary": operation.title,
        "tags": [operation.group],
        "parameters": [
            *_path_parameters(mounted.path),
            *_query_parameters(described),
            *([_IDEMPOTENCY_KEY] if operation.method == "POST" else []),
        ],
        "responses": {
            str(status): _answer(operation, each) for status, each in _successes(operation, _either(answers)).items()
        },
    }
    if operation.about:
        shown["description"] = spelled(operation.about)
    bodies = [each for each in described if each.operation.body is not None]
    if bodies:
        shown["requestBody"] = _request_body(bodies)
    links = _links(table, mounted)
    if links:
        shown["responses"][str(operation.status)]["links"] = links
    for status in sorted({refusal for each in sharing for refusal in each.operation.all_refusals}):
        shown["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
    return shown


def operation_id(mounted: Mounted) -> str:
    """The title as one word, `create_an_agent`; other dialects than the native one put their name before it."""
    words = re.findall(r"[a-z0-9]+", mounted.operation.title.lower().replace("'", ""))
    return "_".join(words if mounted.dialect is NATIVE else [mounted.dialect.name, *words])


# ---------------------------------------------------------------- answers


def _answering(described: Sequence[Mounted], sharing: Sequence[Mounted]) -> Sequence[Mounted]:
    """Whose shapes an answer may have, where a request written as described may not show its own casing."""
    first, operation = sharing[0], described[0].operation
    if len(described) == len(sharing):
        return described
    if any(each.operation.shown_in is not None for each in sharing):
        return sharing
    body = operation.body
    is_shown = body is not None and any("_" in name for name, field in body.model_fields.items() if field.is_required())
    return described if is_shown or described[0] is first else [described[0], first]


def _successes(operation: Operation, schema: Json) -> dict[int, Json]:
    """The schema of the answer by status; a file may also be read in parts."""
    if operation.produces == "application/json":
        return {operation.status: schema}
    if operation.produces == "text/event-stream":
        return {200: _SERVER_SENT_EVENT}
    file: Json = {"type": "string", "contentMediaType": operation.produces}
    return {200: file, 206: file} if 416 in operation.all_refusals else {200: file}


def _answer(operation: Operation, schema: Json) -> Json:
    return {
        "description": "Done.",
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
        "content": {operation.produces: {"schema": schema}},
    }


def _refusal(status: int) -> Json:
    headers: Json = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status in _WAIT:
        headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    return {
        "description": REFUSALS[status],
        "headers": headers,
        "content": {"application/json": {"schema": ERROR_REF}},
    }


def _answer_schema(mounted: Mounted) -> Json:
    operation, dialect = mounted.operation, mounted.dialect
    one = ref(dialect, operation.answer.__name__)
    if operation.is_bare:
        return {"type": "array", "items": one}
    if operation.lists:
        sample = dialect.envelope(Page([], operation.lists, total=0 if operation.is_paged else None))
        properties = {name: _shape_of(value, one) for name, value in sample.items()}
        return {"type": "object", "required": list(sample), "properties": properties}
    return {"anyOf": [one, {"type": "null"}]} if operation.nullable else one


def _shape_of(value: object, row: Json) -> Json:
    """The schema of one key of an empty page: its rows, a flag, a count, or a cursor."""
    if isinstance(value, list):
        return {"type": "array", "items": row}
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "integer"} if isinstance(value, int) else {"anyOf": [{"type": "string"}, {"type": "null"}]}


def _either(schemas: Sequence[Json]) -> Json:
    distinct = [schema for number, schema in enumerate(schemas) if schema not in schemas[:number]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _links(table: Table, mounted: Mounted) -> Json:
    """From a row that was made to what can be done with it: operations whose path goes on with its id."""
    if mounted.operation.method != "POST" or "id" not in mounted.operation.answer.model_fields:
        return {}
    onward: Json = {}
    for each in (Mounted(mounted.dialect, other) for other in table[mounted.dialect]):
        found = re.match(rf"{re.escape(mounted.path)}/\{{(\w+)\}}", each.path)
        if found and each.path.count("{") == mounted.path.count("{") + 1:
            link = {"operationId": operation_id(each), "parameters": {found[1]: "$response.body#/id"}}
            onward[operation_id(each)] = link
    return onward


# ---------------------------------------------------------------- requests


def _request_body(bodies: Sequence[Mounted]) -> Json:
    shapes = [(each.dialect, each.operation.body) for each in bodies if each.operation.body is not None]
    content: Json = {"schema": _either([ref(dialect, shape.__name__) for dialect, shape in shapes])}
    if len(shapes) == 1:
        content["example"] = example(shapes[0][1], shapes[0][0])
    else:
        content["examples"] = {
            dialect.name: {"summary": dialect.title, "value": example(shape, dialect)} for dialect, shape in shapes
        }
    required = any(field.is_required() for _, shape in shapes for field in shape.model_fields.values())
    return {"required": required, "content": {"application/json": content}}


def _path_parameters(path: str) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"The id of the {name.removesuffix('_id').replace('_', ' ')}.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": ID_PATTERN},
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query_parameters(described: Sequence[Mounted]) -> list[Json]:
    """Those of the first dialect, and what others of the same place know besides."""
    parameters: dict[str, Json] = {}
    for mounted in described:
        schema = query_schema(mounted.dialect, mounted.operation)
        for name, shape in schema.get("properties", {}).items():
            about = {"description": shape["description"]} if "description" in shape else {}
            parameters.setdefault(
                name,
                {
                    "name": name,
                    "in": "query",
                    "required": name in schema.get("required", []),
                    "schema": {key: value for key, value in shape.items() if key != "description"},
                    **about,
                },
            )
    return list(parameters.values())
