"""Signatures against the vendor's own validator as oracle, and the forms Twilio posts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from parley.domain.errors import BadInput, Forbidden
from parley.domain.secrets import Secret
from parley.providers.carriers.twilio import webhooks

URL = "https://phone.example/carriers/twilio/numbers/n1/voice"
TOKEN = "12345"
FORM = {"CallSid": "CA1234", "From": "+15550001", "To": "+15550002", "CallStatus": "ringing"}


def signed(form: dict[str, str], url: str = URL, token: str = TOKEN) -> tuple[dict[str, str], bytes]:
    shown: Any = RequestValidator(token).compute_signature(url, form)
    return {"X-Twilio-Signature": str(shown)}, urlencode(form).encode()


def test_the_example_of_twilios_documentation() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert webhooks.signature("12345", url, form.items()) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    webhooks.verify(
        Secret("12345"), url, {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, urlencode(form).encode()
    )


@given(
    form=st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=30), max_size=8),
    token=st.text(min_size=1, max_size=32),
)
def test_agrees_with_the_vendors_validator(form: dict[str, str], token: str) -> None:
    try:
        urlencode(form).encode()
    except UnicodeEncodeError:  # lone surrogates cannot be posted
        return
    headers, body = signed(form, token=token)
    webhooks.verify(Secret(token), URL, headers, body)


@pytest.mark.parametrize(
    ("signed_url", "public_url"),
    [
        ("https://phone.example:443/voice", "https://phone.example/voice"),
        ("https://phone.example/voice", "https://phone.example:443/voice"),
        ("http://127.0.0.1:8080/voice?x=1", "http://127.0.0.1:8080/voice?x=1"),
        ("http://127.0.0.1/voice", "http://127.0.0.1:8080/voice"),
        ("http://[::1]:8080/voice", "http://[::1]:8080/voice"),
    ],
)
def test_the_port_may_be_signed_or_not(signed_url: str, public_url: str) -> None:
    body = urlencode(FORM).encode()
    headers = {"X-Twilio-Signature": webhooks.signature(TOKEN, signed_url, FORM.items())}
    webhooks.verify(Secret(TOKEN), public_url, headers, body)


GENUINE, BODY = signed(FORM)


@pytest.mark.parametrize(
    ("token", "url", "headers", "body"),
    [
        (TOKEN, URL, {}, BODY),
        (TOKEN, URL, {"X-Twilio-Signature": ""}, BODY),
        (TOKEN, URL, {"X-Twilio-Signature": "ü"}, BODY),
        ("", URL, GENUINE, BODY),
        ("other", URL, GENUINE, BODY),
        (TOKEN, URL + "?x=1", GENUINE, BODY),
        (TOKEN, "https://phone.example:bad/", GENUINE, BODY),
        (TOKEN, "ftp://phone.example/", GENUINE, BODY),
        (TOKEN, URL, GENUINE, BODY + b"&From=%2B1666"),
        (TOKEN, URL, GENUINE, b'{"CallSid":"CA1"}'),
        (TOKEN, URL, GENUINE, b"\xff\xfe"),
        (TOKEN, URL, GENUINE, b"a=%ff"),
        (TOKEN, URL, GENUINE, b"a=1&" * 1000),
        (TOKEN, URL, GENUINE, BODY + b"&pad=" + b"x" * 70_000),
    ],
)
def test_anything_else_is_forbidden(token: str, url: str, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Forbidden):
        webhooks.verify(Secret(token), url, headers, body)


def test_an_account_without_a_token_can_sign_nothing() -> None:
    headers, body = signed(FORM, token="")
    with pytest.raises(Forbidden):
        webhooks.verify(Secret(""), URL, headers, body)


def test_a_repeated_field_is_signed_with_each_of_its_values() -> None:
    pairs = [("A", "2"), ("A", "1"), ("A", "2")]
    headers = {"X-Twilio-Signature": webhooks.signature(TOKEN, URL, [("A", "1"), ("A", "2")])}
    webhooks.verify(Secret(TOKEN), URL, headers, urlencode(pairs).encode())


def test_a_ringing_call() -> None:
    call = webhooks.read_ringing(BODY)
    assert (call.carrier_call_id, call.from_number, call.to_number) == ("CA1234", "+15550001", "+15550002")
    withheld = webhooks.read_ringing(b"CallSid=CA1&To=%2B15550002&From=")
    assert withheld.from_number == ""


@pytest.mark.parametrize("shown", ["anonymous", "Restricted", "+266696687", "+86282452253"])
def test_a_caller_who_shows_no_number_has_none(shown: str) -> None:
    body = urlencode({"CallSid": "CA1", "To": "+15550002", "From": shown}).encode()
    assert webhooks.read_ringing(body).from_number == ""


@pytest.mark.parametrize(
    ("told", "status", "reason"),
    [
        ("queued", "queued", None),
        ("initiated", "queued", None),
        ("ringing", "ringing", None),
        ("in-progress", "in-progress", None),
        ("completed", "completed", None),
        ("busy", "failed", "busy"),
        ("no-answer", "failed", "no_answer"),
        ("canceled", "failed", "canceled"),
        ("failed", "failed", "carrier_failed"),
    ],
)
def test_every_status_twilio_knows(told: str, status: str, reason: str | None) -> None:
    report = webhooks.read_report(f"CallSid=CA1&CallStatus={told}&CallDuration=12".encode())
    assert (report.status, report.reason, report.duration_s) == (status, reason, 12)


@pytest.mark.parametrize("duration", ["", "x", "-1", "٣", "9" * 40])
def test_a_senseless_duration_is_no_duration(duration: str) -> None:
    body = urlencode({"CallSid": "CA1", "CallStatus": "completed", "CallDuration": duration}).encode()
    assert webhooks.read_report(body).duration_s is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"To=%2B1",
        b"CallSid=&To=%2B1",
        b"CallSid=CA1",
        b"CallSid=../x&To=%2B1",
        b"CallSid=CA1&To=" + b"1" * 600,
        b"\xff",
        b"{}",
    ],
)
def test_senseless_forms_are_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        webhooks.read_ringing(body)
    with pytest.raises(BadInput):
        webhooks.read_report(body)


@pytest.mark.parametrize(
    ("told", "failure"),
    [
        ("completed", None),
        ("answered", None),
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("canceled", "canceled"),
        ("failed", "carrier_failed"),
    ],
)
def test_every_outcome_of_a_forwarded_call(told: str, failure: str | None) -> None:
    form = {"CallSid": "CA1", "CallStatus": "in-progress", "DialCallStatus": told, "DialCallDuration": "41"}
    outcome = webhooks.read_forwarded(urlencode(form).encode())
    assert outcome is not None
    assert (outcome.failure, outcome.talked_s, outcome.is_caller_gone) == (failure, 41, False)


@pytest.mark.parametrize("status", ["completed", "no-answer", "canceled", "busy", "failed"])
def test_a_caller_who_hung_up_is_gone(status: str) -> None:
    outcome = webhooks.read_forwarded(f"CallSid=CA1&CallStatus={status}&DialCallStatus=canceled".encode())
    assert outcome is not None
    assert outcome.is_caller_gone
    assert outcome.talked_s is None


def test_the_end_of_a_stream_forwarded_nobody() -> None:
    assert webhooks.read_forwarded(b"CallSid=CA1&CallStatus=in-progress") is None


@pytest.mark.parametrize("body", [b"DialCallStatus=busy", b"CallSid=CA1&DialCallStatus=lost", b"\xff"])
def test_a_senseless_outcome_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        webhooks.read_forwarded(body)
