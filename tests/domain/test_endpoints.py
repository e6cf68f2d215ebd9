"""Where a SIP server is said to be, read from every spelling people use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.endpoints import Endpoint, parse_endpoint, require_host


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("sip.example.com", Endpoint("sip.example.com", 5060)),
        (" sip.example.com. ", Endpoint("sip.example.com.", 5060)),
        ("sip.example.com:5080", Endpoint("sip.example.com", 5080)),
        ("sip:sip.example.com", Endpoint("sip.example.com", 5060)),
        ("sip:alice@sip.example.com:5070;transport=tcp?x=y", Endpoint("sip.example.com", 5070)),
        ("sips:sip.example.com", Endpoint("sip.example.com", 5061, is_secure=True)),
        ("SIP:sip.example.com;transport=TLS", Endpoint("sip.example.com", 5061, is_secure=True)),
        ("sip:5080", Endpoint("sip", 5080)),
        ("192.0.2.7:5060", Endpoint("192.0.2.7", 5060)),
        ("2001:db8::7", Endpoint("2001:db8::7", 5060)),
        ("[2001:db8::7]:5061", Endpoint("2001:db8::7", 5061)),
        ("sip:[2001:db8::7]", Endpoint("2001:db8::7", 5060)),
        ("_sip._tcp.example.com", Endpoint("_sip._tcp.example.com", 5060)),
    ],
)
def test_an_endpoint_is_read(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com",
        "example.com/path",
        "exam ple.com",
        "example.com:0",
        "example.com:65536",
        "example.com:",
        "example.com:port",
        "-a.example.com",
        "127.1",
        "0x7f000001.1",
        "2130706433",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "bücher.example",
        "a" * 254,
        "sip:",
    ],
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must "):
        parse_endpoint(text)


@given(st.text(max_size=40))
def test_any_text_is_an_endpoint_or_is_refused(text: str) -> None:
    try:
        found = parse_endpoint(text)
    except ValueError:
        return
    assert require_host(found.host) and 1 <= found.port <= 65_535


def test_a_password_in_an_endpoint_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="must not hold a password") as refusal:
        parse_endpoint("sip:alice:hush-hush@sip.example.com")
    assert "hush" not in str(refusal.value)
