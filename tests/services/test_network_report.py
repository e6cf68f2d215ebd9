"""The report of a network test: which step failed, which did not matter, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from parley.domain.network_tests import Certificate, NetworkSeen, SipSeen, Target, TlsSeen
from parley.services.checks import verdict
from parley.services.network_report import checks_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BARE = Target(host="sip.example.com", port=5060, transports=("udp", "tcp"))
SECURE = Target(host="sip.example.com", port=5061, uses_tls=True, transports=("tls",))


def answered(transport: Any = "udp", *times: float, sent: int = 0, status: int = 200) -> SipSeen:
    times = times or (20.0, 21.0)
    return SipSeen(transport=transport, sent=sent or len(times), times_ms=times, status=status, reason="OK")


def silent(transport: Any = "udp", garbled: int = 0) -> SipSeen:
    return SipSeen(transport=transport, sent=2, garbled=garbled)


def tls(error: Any = "", ends: timedelta = timedelta(days=90)) -> TlsSeen:
    own = Certificate("CN=sip.example.com", "CN=issuer", NOW, NOW + ends)
    return TlsSeen(version="TLSv1.3", took_ms=9, chain=(own,), error=error)


def seen(*sip: SipSeen, **changes: Any) -> NetworkSeen:
    values: dict[str, Any] = {"addresses": ("192.0.2.7",), "connected_to": "192.0.2.7", "connected_ms": 4}
    return NetworkSeen(sip=list(sip), **{**values, **changes})


def statuses(target: Target, found: NetworkSeen) -> dict[str, str]:
    checks = checks_of(target, found, NOW)
    assert all(each["what_to_do"] for each in checks if each["status"] == "failed")
    return {each["name"]: each["status"] for each in checks} | {"": verdict(checks)}


def failed(target: Target, found: NetworkSeen) -> list[str]:
    return [name for name, status in statuses(target, found).items() if status == "failed" and name]


def test_a_server_that_answers_over_one_transport_needs_no_other() -> None:
    by_udp = seen(answered("udp"), connected_to=None, failure="refused")
    by_tcp = seen(silent("udp"), answered("tcp"))
    assert statuses(BARE, by_udp) == {
        "dns": "passed",
        "tcp": "not_tested",
        "sip_udp": "passed",
        "quality": "passed",
        "": "passed",
    }
    assert statuses(BARE, by_tcp)["sip_udp"] == "not_tested"
    assert statuses(BARE, by_tcp)[""] == "passed"


@pytest.mark.parametrize(
    ("failure", "steps"),
    [
        ("unresolved", ["dns"]),
        ("name_server_timeout", ["dns"]),
        ("refused", ["tcp"]),
        ("timeout", ["tcp"]),
        ("unreachable", ["tcp"]),
    ],
)
def test_where_the_way_ends_is_named(failure: str, steps: list[str]) -> None:
    assert failed(BARE, seen(addresses=(), connected_to=None, failure=failure)) == steps


def test_silence_and_nonsense_fail_each_in_its_own_words() -> None:
    assert failed(BARE, seen(silent("udp"), silent("tcp"))) == ["sip_udp", "sip_tcp"]
    details = [each["what_to_do"] for each in checks_of(BARE, seen(silent(garbled=3)), NOW) if each["what_to_do"]]
    assert "nothing else" in details[0]


def test_a_server_that_refuses_answers_and_one_that_is_ill_does_not_pass() -> None:
    assert failed(BARE, seen(answered(status=405))) == []
    assert failed(BARE, seen(answered(status=503))) == ["sip_udp"]


@pytest.mark.parametrize(
    "error", ["expired", "not_yet_valid", "wrong_host", "self_signed", "unknown_issuer", "revoked", "untrusted"]
)
def test_every_fault_of_a_certificate_has_its_words(error: str) -> None:
    assert failed(SECURE, seen(answered("tls"), tls=tls(error))) == ["certificate"]


@pytest.mark.parametrize("error", ["no_tls", "timeout", "broke_off"])
def test_a_handshake_that_fails_is_named(error: Any) -> None:
    found = statuses(SECURE, seen(tls=TlsSeen(error=error)))
    assert (found["tls"], found["certificate"], found["quality"]) == ("failed", "not_tested", "not_tested")


def test_a_certificate_that_ends_soon_is_told() -> None:
    [detail] = [
        each["detail"]
        for each in checks_of(SECURE, seen(answered("tls"), tls=tls(ends=timedelta(days=3))), NOW)
        if each["name"] == "certificate"
    ]
    assert "2026-01-05" in detail and "Renew" in detail


def test_a_line_that_loses_or_shakes_fails() -> None:
    assert failed(BARE, seen(answered("udp", 20.0, 21.0, sent=3))) == ["quality"]
    assert failed(BARE, seen(answered("udp", 20.0, 120.0, 20.0))) == ["quality"]
