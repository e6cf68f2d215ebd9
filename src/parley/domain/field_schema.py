"""The part of JSON Schema in which an agent asks for fields. Pure: a schema is checked, made strict, and applied.

It is what model servers can promise to keep to (objects, arrays, text, numbers, booleans, enumerations) with ranges and
lengths besides, which are kept to here. Whatever else a schema says is refused rather than ignored. Keywords mean what
JSON Schema 2020-12 (https://json-schema.org/draft/2020-12) says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

MAX_DEPTH = 5
MAX_PROPERTIES = 100
MAX_ENUM = 100
MAX_NAME_CHARS = 64

Schema = Mapping[str, Any]

_NOTES = {"description", "title"}
_OWN: Mapping[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "string": frozenset({"minLength", "maxLength", "format"}),
    "number": frozenset({"minimum", "maximum"}),
    "integer": frozenset({"minimum", "maximum"}),
    "boolean": frozenset(),
}
_COUNTS = {"minItems", "maxItems", "minLength", "maxLength"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_date_time(text: str) -> bool:
    try:
        return "T" in text.upper() and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date": _is_date,
    "date-time": _is_date_time,
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
}


# ---------------------------------------------------------------- is it a schema that can be asked for


def problem_with(schema: object) -> str | None:
    """Why no model can be asked for it, as the end of a sentence that began with the field's name; None if one can."""
    if not isinstance(schema, Mapping) or schema.get("type") != "object" or not schema.get("properties"):
        return "must be a JSON Schema of type object with at least one of its properties"
    if _count_properties(schema) > MAX_PROPERTIES:
        return f"asks for more than {MAX_PROPERTIES} properties"
    return next(_problems(schema, "", 1), None)


def _problems(schema: object, at: str, depth: int) -> Iterator[str]:
    where = f" at {at}" if at else ""
    if not isinstance(schema, Mapping):
        yield f"has something else than a schema{where}"
        return
    if depth > MAX_DEPTH:
        yield f"is nested more than {MAX_DEPTH} deep{where}"
        return
    kind = _kind(schema)
    if kind is None:
        yield f"needs a type{where}: one of {', '.join(_OWN)}, or a list of one of them and null"
        return
    known = _OWN[kind] | _NOTES | {"type", "enum"}
    if unknown := sorted(str(name) for name in schema.keys() - known):
        yield f"uses {unknown[0]}{where}, which is not supported for a type of {kind}"
    yield from (f"{why}{where}" for why in _own_problems(schema, kind))
    for name, inner in _inner(schema, kind):
        yield from _problems(inner, f"{at}.{name}" if at else name, depth + 1)


def _own_problems(schema: Schema, kind: str) -> Iterator[str]:
    if "enum" in schema:
        yield from _enum_problems(schema["enum"], kind)
    for name in ("minimum", "maximum", *_COUNTS):
        if name in schema and not _is_of(schema[name], ("integer" if name in _COUNTS else "number",)):
            yield f"needs a number in {name}"
        elif name in _COUNTS and schema.get(name, 0) < 0:
            yield f"needs a number of 0 or more in {name}"
    for name in _NOTES & schema.keys():
        if not isinstance(schema[name], str):
            yield f"needs a text in {name}"
    if str(schema.get("format", "date")) not in _FORMATS:
        yield f"uses a format other than {', '.join(_FORMATS)}"
    if kind == "object":
        yield from _object_problems(schema)
    elif kind == "array" and "items" not in schema:
        yield "needs items"


def _enum_problems(values: object, kind: str) -> Iterator[str]:
    if not isinstance(values, list) or not 0 < len(values) <= MAX_ENUM:
        yield f"needs 1 to {MAX_ENUM} values in enum"
    elif kind in ("object", "array") or any(not _is_of(value, (kind, "null")) for value in values):
        yield "has an enum with values of another type"


def _object_problems(schema: Schema) -> Iterator[str]:
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, Mapping) or not properties:
        yield "needs properties"
        return
    if any(not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS for name in properties):
        yield f"has a property whose name is not 1 to {MAX_NAME_CHARS} characters long"
    if not isinstance(required, list) or any(not isinstance(n, str) or n not in properties for n in required):
        yield "requires something that is none of its properties"
    if schema.get("additionalProperties", False) is not False:
        yield "cannot allow additionalProperties"


def _count_properties(schema: object) -> int:
    """Of a schema of any form, so that one that is too large is not looked at any further."""
    found, pending = 0, [schema]
    while pending and found <= MAX_PROPERTIES:
        each = pending.pop()
        if isinstance(each, Mapping):
            properties = each.get("properties")
            inner = list(properties.values()) if isinstance(properties, Mapping) else []
            found += len(inner)
            pending += [*inner[: MAX_PROPERTIES + 1], each.get("items")]
    return found


# ---------------------------------------------------------------- asking with it


def strict(schema: Schema) -> dict[str, Any]:
    """The same in the form that servers of structured outputs insist on: all properties required and no others, what
    was optional nullable instead; ranges, lengths and formats, which they may not know, said in the description."""
    kind = _kind(schema)
    assert kind is not None, "only a schema that was checked is asked for"
    made: dict[str, Any] = {"type": schema["type"]}
    limits = [
        f"{name} {schema[name]}" for name in sorted(_OWN[kind] - {"properties", "required", "items"}) if name in schema
    ]
    limits = [each for each in limits if not each.startswith("additionalProperties")]
    notes = [str(schema[name]) for name in ("title", "description") if name in schema]
    if notes or limits:
        made["description"] = " ".join([*notes, *([f"({', '.join(limits)})"] if limits else [])])
    if "enum" in schema:
        made["enum"] = list(schema["enum"])
    if kind == "object":
        required = schema.get("required", ())
        made["properties"] = {
            name: strict(inner) if name in required else _nullable(strict(inner))
            for name, inner in schema["properties"].items()
        }
        made["required"], made["additionalProperties"] = list(schema["properties"]), False
    elif kind == "array":
        made["items"] = strict(schema["items"])
    return made


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    made = schema | {"type": [*types, *([] if "null" in types else ["null"])]}
    if "enum" in schema and None not in schema["enum"]:
        made["enum"] = [*schema["enum"], None]
    return made


# ---------------------------------------------------------------- applying it


def without_empty(value: Any, schema: Schema) -> Any:
    """The value without the nulls that stand, in the strict form, for an optional property that is not there."""
    kind = _kind(schema)
    if kind == "object" and isinstance(value, dict):
        required, properties = schema.get("required", ()), schema["properties"]
        return {
            name: without_empty(inner, properties[name]) if name in properties else inner
            for name, inner in value.items()
            if inner is not None or name in required or name not in properties or "null" in _types(properties[name])
        }
    if kind == "array" and isinstance(value, list):
        return [without_empty(inner, schema["items"]) for inner in value]
    return value


def faults(value: Any, schema: Schema, at: str) -> Iterator[str]:
    """What is wrong with a value, in words that quote nothing of it; `at` names it. Nothing if it is valid."""
    if not _is_of(value, _types(schema)):
        yield f"{at} is not of the type {' or '.join(_types(schema))}"
        return
    if "enum" in schema and not any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in schema["enum"]
    ):
        yield f"{at} is none of the values of its enum"
    if isinstance(value, dict):
        yield from _object_faults(value, schema, at)
    elif isinstance(value, list):
        yield from _range_faults(len(value), schema, "Items", f"the length of {at}")
        for place, inner in enumerate(value):
            yield from faults(inner, schema["items"], f"{at}[{place}]")
    elif isinstance(value, str):
        yield from _range_faults(len(value), schema, "Length", f"the length of {at}")
        if "format" in schema and not _FORMATS[schema["format"]](value):
            yield f"{at} is no {schema['format']}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _range_faults(value, schema, "imum", at)


def _object_faults(value: Mapping[str, Any], schema: Schema, at: str) -> Iterator[str]:
    properties = schema["properties"]
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}.{name} is missing"
    for name, inner in value.items():
        if name in properties:
            yield from faults(inner, properties[name], f"{at}.{name}")
        else:
            yield f"{at} has a property that was not asked for"


def _range_faults(measure: float, schema: Schema, suffix: str, what: str) -> Iterator[str]:
    if measure < schema.get(f"min{suffix}", measure):
        yield f"{what} is below min{suffix}"
    if measure > schema.get(f"max{suffix}", measure):
        yield f"{what} is above max{suffix}"


# ---------------------------------------------------------------- pieces


def _types(schema: Schema) -> tuple[str, ...]:
    named = schema["type"]
    return tuple(named) if isinstance(named, list) else (named,)


def _kind(schema: Schema) -> str | None:
    """The one type besides null; None where there is no such one."""
    named = schema.get("type")
    types = named if isinstance(named, list) else [named]
    kinds = [each for each in types if each != "null"]
    is_named = (
        len(kinds) == 1 and isinstance(kinds[0], str) and kinds[0] in _OWN and len(set(map(str, types))) == len(types)
    )
    return kinds[0] if is_named else None


def _inner(schema: Schema, kind: str) -> list[tuple[str, Any]]:
    if kind == "array":
        return [("items", schema["items"])] if "items" in schema else []
    properties = schema.get("properties")
    return list(properties.items()) if kind == "object" and isinstance(properties, Mapping) else []


def _is_of(value: Any, types: Sequence[str]) -> bool:
    return any(_IS[each](value) for each in types)


def _is_number(value: Any) -> bool:
    """What JSON calls one. Python reads NaN and Infinity too, which no database of JSON takes."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


_IS: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "null": lambda value: value is None,
}
