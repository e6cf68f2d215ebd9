"""Phone numbers: one spelling (E.164, ITU-T), and which of them an agent must never dial."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

from parley.domain.errors import BadInput, FieldError

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_PUNCTUATION = re.compile(r"[\s().\-\u2010-\u2015/]")
_SHORTEST_DIALABLE_DIGITS = 7  # the shortest subscriber numbers in use, country code included
_ADVICE = "must be a phone number like +14155551234"


def without_punctuation(text: str) -> str:
    """What is left of a number, or a part of one, when the spaces, brackets and dashes people write are dropped."""
    return _PUNCTUATION.sub("", text)


def normalise(text: str, field: str = "phoneNumber") -> str:
    """The number in E.164. One without a country code is a US number; otherwise only the pattern is checked.

    Raises BadInput, naming `field`.
    """
    digits = without_punctuation(text)
    if digits.startswith("+"):
        if _E164.fullmatch(digits):
            return digits
        raise _refusal(field, _ADVICE)
    if digits.isascii() and digits.isdigit():
        if len(digits) == 10 and digits[0] in "23456789":
            return f"+1{digits}"
        if len(digits) == 11 and digits[0] == "1":
            return f"+{digits}"
    raise _refusal(field, f"{_ADVICE}; outside the United States it needs a + and its country code")


def require_dialable(number: str, field: str = "toNumber") -> str:
    """The E.164 number itself, unless an agent must not dial it: emergency and service codes, premium-rate numbers.

    Raises BadInput, naming `field`.
    """
    parsed = _parse(number)
    if parsed is None:
        raise _refusal(field, f"{_ADVICE}; this one is too short to be dialled")
    national = str(parsed.national_number)
    is_service_code = parsed.country_code == 1 and len(national) == 3 and national.endswith("11")
    regions = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    if is_service_code or any(shortnumberinfo.is_emergency_number(national, region) for region in regions):
        raise _refusal(field, "is an emergency or service number, which parley never dials")
    if phonenumbers.number_type(parsed) == PhoneNumberType.PREMIUM_RATE:
        raise _refusal(field, "is a premium-rate number, which parley never dials")
    if len(number) <= _SHORTEST_DIALABLE_DIGITS:
        raise _refusal(field, f"{_ADVICE}; this one is too short to be dialled")
    return number


def is_e164(text: str) -> bool:
    """Whether the text has the form of a full number, as a carrier takes it for a caller ID."""
    return _E164.fullmatch(text) is not None


def is_dialable(text: str) -> bool:
    """Whether it is a number, and one that an agent may dial; a withheld one is not."""
    try:
        require_dialable(normalise(text))
    except BadInput:
        return False
    return True


def country_of(number: str) -> str:
    """The ISO 3166 country of an E.164 number; for +1 without a known area code `US`, for the unknown `ZZ`."""
    parsed = _parse(number)
    if parsed is None:
        return "ZZ"
    region = phonenumbers.region_code_for_number(parsed)
    if region in (None, "ZZ"):
        region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return str(region or "ZZ")


def _refusal(field: str, message: str) -> BadInput:
    return BadInput(f"`{field}` {message}.", [FieldError(field, message)])


def _parse(number: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
