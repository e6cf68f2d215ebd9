"""The kinds of text: what the API document says is what is accepted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import BadInput
from parley.domain.phone_numbers import normalise
from parley.schemas.base import Wire, parse
from parley.schemas.fields import Id, PhoneText, Url


class Texts(Wire):
    row_id: Id | None = None
    phone_number: PhoneText | None = None
    hook_url: Url | None = None


PATTERN = next(
    each["pattern"]
    for each in Texts.model_json_schema()["properties"]["phoneNumber"]["anyOf"]
    if each["type"] == "string"
)


def is_phone_number(text: str) -> bool:
    try:
        normalise(text)
    except BadInput:
        return False
    return True


@given(st.text("+0123456789().-/ \u2011a", max_size=20) | st.from_regex(PATTERN))
def test_the_documented_pattern_is_what_is_normalised(text: str) -> None:
    assert bool(re.search(PATTERN, text)) == is_phone_number(text)


@pytest.mark.parametrize(
    ("body", "field", "advice"),
    [
        ({"phoneNumber": "nobody"}, "phoneNumber", "must be a phone number like +14155551234"),
        ({"phone_number": "0199"}, "phone_number", "must be a phone number like +14155551234"),
        ({"rowId": "../x"}, "rowId", "must be an id"),
        ({"rowId": "x\n"}, "rowId", "must be an id"),
        ({"rowId": "x" * 65}, "rowId", "at most 64"),
        ({"hookUrl": "example.com"}, "hookUrl", "begins with https://"),
    ],
)
def test_a_refusal_is_a_sentence_and_not_a_pattern(body: dict[str, str], field: str, advice: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(Texts, body)
    [error] = refused.value.errors
    assert error.field == field
    assert advice in error.message
    assert "^" not in error.message
