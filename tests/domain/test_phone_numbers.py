"""Spelling numbers, and refusing to dial some."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import BadInput
from parley.domain.phone_numbers import country_of, normalise, require_dialable


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("4155559999", "+14155559999"),
        ("(415) 555-9999", "+14155559999"),
        ("1 415 555 9999", "+14155559999"),
        ("+1 415.555.9999", "+14155559999"),
        ("+919876543210", "+919876543210"),
        ("+1234567890", "+1234567890"),
        ("+44 20 7946 0958", "+442079460958"),
    ],
)
def test_a_number_has_one_spelling(written: str, meant: str) -> None:
    assert normalise(written) == meant


@pytest.mark.parametrize(
    "wrong", ["", "+", "+0123", "911", "abc", "+1415555CALL", "12345678901234567", "0041446681800"]
)
def test_what_is_no_number_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(BadInput, match="toNumber"):
        normalise(wrong, "toNumber")


@given(st.text(max_size=30))
def test_any_text_becomes_e164_or_is_refused(text: str) -> None:
    try:
        number = normalise(text)
    except BadInput:
        return
    assert number[0] == "+"
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert normalise(number) == number


@pytest.mark.parametrize(
    "number", ["+1911", "+1411", "+911", "+112", "+44999", "+49112", "+19005551234", "+449098790000"]
)
def test_emergency_and_premium_numbers_are_never_dialled(number: str) -> None:
    with pytest.raises(BadInput, match=r"never dials|too short"):
        require_dialable(number)


@pytest.mark.parametrize("number", ["+14155559999", "+15559876543", "+919876543210", "+442079460958", "+1234567890"])
def test_ordinary_numbers_are_dialled(number: str) -> None:
    assert require_dialable(number) == number


@given(st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True).filter(str.isascii))
def test_every_e164_number_is_judged_without_an_accident(number: str) -> None:
    country_of(number)
    with suppress(BadInput):
        assert require_dialable(number) == number


@pytest.mark.parametrize(
    ("number", "country"),
    [("+14155551234", "US"), ("+16135551234", "CA"), ("+1234567890", "US"), ("+442079460958", "GB")],
)
def test_a_number_tells_its_country(number: str, country: str) -> None:
    assert country_of(number) == country
