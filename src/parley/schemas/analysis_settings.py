"""What an agent wants to be found out after its calls, on the wire."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, Field, model_validator

from parley.domain.field_schema import problem_with
from parley.schemas.base import Wire, problem
from parley.schemas.fields import matching

MAX_FIELDS_BYTES = 16 * 1024
MAX_CRITERIA = 10


def _require_field_schema(schema: dict[str, Any]) -> dict[str, Any]:
    why = problem_with(schema)
    if why is None and len(msgspec.json.encode(schema)) > MAX_FIELDS_BYTES:
        why = f"must not be longer than {MAX_FIELDS_BYTES} bytes of JSON"
    if why is not None:
        raise ValueError(why)
    return schema


FieldSchema = Annotated[
    dict[str, Any],
    AfterValidator(_require_field_schema),
    Field(
        description="A JSON Schema of type object. Objects, arrays, texts, numbers, integers and booleans, with enums,"
        " ranges and lengths; five deep, a hundred properties, 16 KB. What a call does not say is left out, or null"
        " where the schema allows it.",
        examples=[{"type": "object", "properties": {"guests": {"type": "integer", "minimum": 1}}}],
    ),
]


class SuccessCriterion(Wire):
    """When a call counts as a success, in words."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    description: Annotated[str, Field(max_length=500)] = ""


_PROVIDER = matching(r"^[A-Za-z0-9_.-]+$", "must be a provider's name: letters, digits, . - and _")


class JudgeChoice(Wire):
    """Which model judges the agent's calls; what is left out is that of the agent's own chat model."""

    provider: Annotated[str, Field(min_length=1, max_length=64), _PROVIDER] | None = None
    model: Annotated[str, Field(max_length=200)] | None = None


class AnalysisSettings(Wire):
    """What shall be found out after each of the agent's calls. Without `enabled`, calls are judged that the built-in
    chat model answered; what your own webhook answered is given to no model unless you say so."""

    enabled: bool | None = None
    fields: FieldSchema | None = None
    success_criteria: Annotated[list[SuccessCriterion], Field(max_length=MAX_CRITERIA)] | None = None
    instructions: Annotated[str, Field(max_length=4000)] | None = None
    model: JudgeChoice | None = None

    @model_validator(mode="after")
    def _refuse_twins(self) -> AnalysisSettings:
        names = [each.name for each in self.success_criteria or ()]
        if len(set(names)) < len(names):
            raise problem("success_criteria", "has two criteria of the same name")
        return self
