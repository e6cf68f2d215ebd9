"""The kinds of text: what the API document says is what is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import BadInput
from parley.domain.phone_numbers import normalise
from parley.schemas import fields
from parley.schemas.agents import SpeechToTextChoice
from parley.schemas.base import Wire, parse
from parley.schemas.credentials import CredentialList
from parley.schemas.fields import Id, PhoneText, Url
from parley.schemas.numbers import NumberBuy, NumberSearch


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


@pytest.mark.parametrize(
    ("shape", "body", "advice"),
    [
        (NumberBuy, {"country": "GB"}, "must be US or CA"),
        (NumberBuy, {"area_code": "41"}, "must be 3 digits"),
        (NumberSearch, {"country": "USA"}, "must be a two-letter country code like US"),
        (NumberSearch, {"area_code": "x"}, "must be 1 to 6 digits"),
        (NumberSearch, {"contains": "4 5"}, "must be digits, or letters of a keypad, with * for any digit"),
        (
            CredentialList,
            {"provider": "a b"},
            "must be a provider's name: letters, digits, . - and _",
        ),
        (SpeechToTextChoice, {"language": "e"}, "must be a language tag like en or en-US"),
    ],
)
def test_no_client_reads_an_expression(shape: type[Wire], body: dict[str, str], advice: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(shape, body)
    assert [error.message for error in refused.value.errors] == [advice]
    [field] = body
    shown = shape.model_json_schema(by_alias=False)["properties"][field]
    assert "pattern" in str(shown)


def test_no_shape_refuses_with_a_bare_pattern() -> None:
    """Pydantic's own refusal of a pattern shows the pattern; `matching` says what is wanted."""
    folder = Path(fields.__file__).parent
    assert [path.name for path in folder.glob("*.py") if re.search(r"\bField\([^)]*\bpattern=", path.read_text())] == []
