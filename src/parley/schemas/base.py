"""What every wire shape shares: snake_case fields that are also read and written in camelCase.

A JSON body is read by `parse`, which takes no type for another; a query string, which is all text, by `parse_query`.
Both turn whatever pydantic found into one `BadInput` with the fields in the caller's own spelling. Writing goes through
`model_dump(mode="json", by_alias=...)`; the dialect chooses the spelling.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails, PydanticCustomError, core_schema

from parley.domain.errors import BadInput, FieldError


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(_iso, return_type=str, when_used="json")]
"""A moment, written as ISO 8601 UTC with milliseconds and `Z`."""


@dataclass(frozen=True)
class between:  # noqa: N801 - it reads as a word in an annotation
    """A number range whose refusal names both ends, and which the API document shows."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        checked = core_schema.no_info_after_validator_function(self._check, handler(source))
        return core_schema.no_info_before_validator_function(_whole, checked) if source is int else checked

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "minimum": self.low, "maximum": self.high}

    def _check(self, value: float) -> float:
        if not self.low <= value <= self.high:
            raise PydanticCustomError(
                "out_of_range", "must be between {low} and {high}", {"low": self.low, "high": self.high}
            )
        return value


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 2.0 is the integer 2 (JSON Schema, section 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class not_null:  # noqa: N801 - it reads as a word in an annotation
    """For a field that may be left out but not be cleared: `Annotated[Name | None, not_null()] = None`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shown = handler(schema)
        kept = [each for each in shown.get("anyOf", []) if each != {"type": "null"}]
        return kept[0] if len(kept) == 1 else shown

    @staticmethod
    def _check(value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "cannot be null; leave it out to keep it")
        return value


Limit = Annotated[int, between(1, 100)]
Offset = Annotated[int, between(0, 2_147_483_647)]


class Wire(BaseModel):
    """A shape on the wire. Unknown fields are ignored, so that clients of a newer or richer API keep working."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, from_attributes=True, extra="ignore"
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for name, field in cls.model_fields.items():
                if field.alias and field.alias != name and field.alias in data and name in data:
                    raise PydanticCustomError(
                        "field_twice",
                        "is sent twice, as {field} and as {other}; send it once",
                        {"field": field.alias, "other": name},
                    )
                value = data.get(field.alias or name, data.get(name))
                if not _is_storable(value):
                    raise PydanticCustomError(
                        "unstorable",
                        "contains a NUL character, broken Unicode or a number that is not finite",
                        {"field": field.alias if field.alias in data else name},
                    )
        return data


def _is_storable(value: object) -> bool:
    """Whether Postgres text and jsonb can hold it: no NUL, no lone surrogate, no NaN or infinity, at any depth."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if "\x00" in item or any("\ud800" <= c <= "\udfff" for c in item):
                return False
        elif isinstance(item, float):
            if not math.isfinite(item):
                return False
        elif isinstance(item, Mapping):
            pending.extend(item.keys())
            pending.extend(item.values())
        elif isinstance(item, (list, tuple)):
            pending.extend(item)
    return True


Shape = TypeVar("Shape", bound=Wire)


def problem(field: str, message: str) -> PydanticCustomError:
    """What a validator of several fields raises: the error is shown at `field` (its name in Python), as the caller
    spells it. `message` goes on where the field's name ends: "cannot be null"."""
    return PydanticCustomError("at_field", "{message}", {"field": field, "message": message})


def speaks_snake_case(data: object) -> bool:
    """Whether the caller's own top-level field names are snake_case (true when any contains an underscore)."""
    return isinstance(data, Mapping) and any("_" in str(key) for key in data)


def parse(shape: type[Shape], data: object) -> Shape:
    """Read a decoded JSON body into `shape`. A type is what JSON says it is: "5" is no number, 1 no text, true no 1.

    Raises:
        BadInput: with one readable sentence and every wrong field in the caller's spelling.
    """
    return _read(shape, data, strict=True)


def parse_query(shape: type[Shape], texts: Mapping[str, str]) -> Shape:
    """Read a query string's parameters, which are all text, into `shape`. Raises BadInput like `parse`."""
    return _read(shape, texts, strict=False)


def respelled(refused: BadInput, data: object) -> BadInput:
    """The same refusal with the fields as the caller spells them; services name them in camelCase."""
    if not isinstance(data, Mapping) or not speaks_snake_case(data):
        return refused
    message, fields = refused.message, []
    for field, why in refused.errors:
        spelled = _as_sent(field, data)
        message = message.replace(f"`{field}`", f"`{spelled}`")
        fields.append(FieldError(spelled, why))
    # What a text names besides is what to send instead, or what else was sent.
    named = re.sub(r"`([a-z]+(?:[A-Z][a-z0-9]*)+)`", lambda word: f"`{_as_sent(word[1], data)}`", message)
    return type(refused)(named, fields)


def _as_sent(field: str, data: Mapping[str, Any]) -> str:
    """A dotted path with every step as it was sent; a step that was not sent in either spelling is in snake_case."""
    steps: list[str] = []
    inside: object = data
    for step in field.split("."):
        held = inside if isinstance(inside, Mapping) else {}
        steps.append(step if step in held else _snake(step))
        inside = held.get(steps[-1])
    return ".".join(steps)


def _read(shape: type[Shape], data: object, *, strict: bool) -> Shape:
    if not isinstance(data, Mapping):
        raise BadInput("The request body must be a JSON object.")
    try:
        return shape.model_validate(data, strict=strict)
    except ValidationError as invalid:
        snake = speaks_snake_case(data)
        fields = [_field_error(error, snake) for error in invalid.errors(include_url=False, include_input=False)]
    fields = list(dict.fromkeys(fields))
    raise BadInput(" ".join(f"`{field}` {message}." for field, message in fields), fields) from None


def _field_error(error: ErrorDetails, snake: bool) -> FieldError:
    context = error.get("ctx", {})
    path = [str(step) for step in error["loc"]]
    if error["type"] in ("field_twice", "unstorable"):
        path.append(str(context["field"]))
    elif error["type"] == "at_field":
        path.append(str(context["field"]) if snake else to_camel(str(context["field"])))
    elif error["type"] == "missing" and snake:
        path[-1] = _snake(path[-1])
    return FieldError(".".join(path) or "body", _sentence(error))


def _snake(spelled: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", spelled).lower()


# Where pydantic speaks of Python, and the caller of JSON.
_SENTENCES = {
    "missing": "is required",
    "extra_forbidden": "is not supported; leave it out",
    "dict_type": "should be an object",
    "model_type": "should be an object",
    "model_attributes_type": "should be an object",
}


def _sentence(error: ErrorDetails) -> str:
    if error["type"] in _SENTENCES:
        return _SENTENCES[error["type"]]
    message = error["msg"].removeprefix("Value error, ").replace(" after validation", "").rstrip(".")
    if message.startswith(("Input ", "String ", "List ", "Value ")):
        message = message.split(" ", 1)[1]
    return message[:1].lower() + message[1:]
