"""Kinds of text that many shapes hold: ids, phone numbers, URLs. Each says in the API document what it accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True)
class matching:  # noqa: N801 - it reads as a word in an annotation
    """A pattern (of the kind Python and JavaScript agree on) whose refusal is a sentence, not the pattern."""

    pattern: str
    advice: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # In JavaScript `$` is the end of the text; in Python it is also before a last line end.
        expression = re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", self.pattern))

        def check(value: str) -> str:
            if not expression.search(value):
                raise PydanticCustomError("no_match", "{advice}", {"advice": self.advice})
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self.pattern}


_P = r"[\s().\-\u2010-\u2015/]*"  # the punctuation people write in phone numbers, which is dropped

ID_PATTERN = r"^[A-Za-z0-9_\-]+$"
Id = Annotated[str, Field(min_length=1, max_length=64), matching(ID_PATTERN, "must be an id as the API shows it")]
"""An id of a row, in a body or a query. What no row can have is refused before anything is looked up."""

PhoneText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=40,
        description="E.164, like `+14155551234`. Without a country code it is a number of the United States.",
        examples=["+14155551234"],
    ),
    matching(
        rf"^{_P}(\+{_P}[1-9]({_P}[0-9]){{1,14}}|[2-9]({_P}[0-9]){{9}}|1({_P}[0-9]){{10}}){_P}$",
        "must be a phone number like +14155551234; outside the United States it needs a + and its country code",
    ),
]
"""What `domain.phone_numbers.normalise` makes E.164 of."""

Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2083,
        description="An absolute `https://` URL without user name and password; it has to lead to a public address."
        " The operator may allow `http://` and private addresses.",
        json_schema_extra={"format": "uri"},
        examples=["https://example.com/webhook"],
    ),
    matching(r"^https?://[^\s]+$", "must be an absolute URL that begins with https://"),
]
"""Somewhere parley may be told to call. Whether it may is decided by the service."""
