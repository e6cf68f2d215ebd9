"""What is tested at an endpoint, and the figures of what came back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.network_tests import Target, latency, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("sip.example.com", Target(host="sip.example.com", port=5060, transports=("udp", "tcp"))),
        ("sip.example.com:5080", Target(host="sip.example.com", port=5080, transports=("udp", "tcp"))),
        ("sip:sip.example.com;transport=UDP", Target(host="sip.example.com", port=5060, transports=("udp",))),
        ("sip:a@sip.example.com;lr;transport=tcp", Target(host="sip.example.com", port=5060, transports=("tcp",))),
        ("sips:sip.example.com", Target(host="sip.example.com", port=5061, uses_tls=True, transports=("tls",))),
        ("sip.example.com:5061", Target(host="sip.example.com", port=5061, uses_tls=True, transports=("tls",))),
        ("example.com:443", Target(host="example.com", port=443, uses_tls=True)),
        ("example.com:80", Target(host="example.com", port=80)),
        ("https://example.com", Target(host="example.com", port=443, uses_tls=True)),
        (" HTTPS://example.com:8443/path?x=1", Target(host="example.com", port=8443, uses_tls=True)),
        ("https://[2001:db8::1]/", Target(host="2001:db8::1", port=443, uses_tls=True)),
    ],
)
def test_an_endpoint_says_what_is_tried(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text", ["", "http://example.com", "https://", "https://a b", "https://u:p@example.com", "h:0"]
)
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must "):
        parse_target(text)


@given(st.text(max_size=60))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for tried in (text, f"https://{text}"):
        try:
            assert 1 <= parse_target(tried).port <= 65_535
        except ValueError:
            continue


def test_figures_of_answers() -> None:
    found = latency((10.0, 30.0, 20.0, 40.0), 5)
    assert found is not None
    assert (found.min_ms, found.avg_ms, found.p95_ms, found.jitter_ms) == (10.0, 25.0, 40.0, 16.7)
    assert (found.loss, found.sent, found.answered) == (0.2, 5, 4)


def test_one_answer_has_no_jitter_and_none_has_no_figures() -> None:
    one = latency((12.34,), 1)
    assert one is not None and (one.jitter_ms, one.p95_ms, one.loss) == (0.0, 12.3, 0.0)
    assert latency((), 3) is None


def test_the_slowest_in_twenty_is_left_out_of_the_95th_percentile() -> None:
    found = latency((*[1.0] * 19, 900.0), 20)
    assert found is not None and found.p95_ms == 1.0
