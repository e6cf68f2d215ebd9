"""SIP OPTIONS and TLS, against servers that answer, are slow, lose packets, lie, or are not to be trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from parley.domain.network_tests import NetworkSeen, SipSeen, Target
from parley.providers.guard import TargetRules
from parley.providers.network_probe import NetworkProbe
from parley.providers.sip_options import Asker, StreamReader, read_answer
from tests.emulators.certificates import Authority
from tests.emulators.sip import SipEmulator

PRIVATE = TargetRules(allow_private=True)


@pytest.fixture
async def sip() -> AsyncIterator[SipEmulator]:
    async with SipEmulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


async def udp(sip: SipEmulator, probes: int = 2) -> SipSeen:
    target = Target(host="127.0.0.1", port=sip.port, transports=("udp",))
    [seen] = (await NetworkProbe(PRIVATE).look(target, probes)).sip
    return seen


async def test_a_server_is_asked_over_each_transport(sip: SipEmulator) -> None:
    target = Target(host="localhost", port=sip.port, transports=("udp", "tcp"))
    seen = await NetworkProbe(PRIVATE).look(target, 2)

    assert [each.transport for each in seen.sip] == ["udp", "tcp"]
    for each in seen.sip:
        assert (each.sent, len(each.times_ms), each.status, each.reason, each.server) == (2, 2, 200, "OK", "Emulator/1")
    assert len(sip.requests) == 4
    assert not any("127.0.0.1" in request for request in sip.requests)  # nobody is told where we are


async def test_an_answer_that_refuses_is_an_answer(sip: SipEmulator) -> None:
    sip.behaviour.status, sip.behaviour.reason = 405, "Method Not Allowed"
    seen = await udp(sip)
    assert (seen.status, seen.reason, len(seen.times_ms)) == (405, "Method Not Allowed", 2)


async def test_what_is_lost_is_counted(sip: SipEmulator) -> None:
    sip.behaviour.drops = lambda number: number == 2
    seen = await udp(sip, 3)
    assert (seen.sent, len(seen.times_ms)) == (3, 2)


async def test_what_is_slow_is_measured(sip: SipEmulator) -> None:
    sip.behaviour.delay_s = 0.05
    assert all(each >= 49 for each in (await udp(sip)).times_ms)


@pytest.mark.parametrize("lie", ["another_call", "garbage", "provisional_only"])
async def test_a_lie_is_no_answer(sip: SipEmulator, lie: str) -> None:
    sip.behaviour.lie = lie  # type: ignore[assignment]  # one of its words
    seen = await udp(sip, 1)
    assert (seen.times_ms, seen.status, seen.garbled) == ((), None, 0 if lie == "provisional_only" else 1)


async def test_an_answer_that_comes_twice_counts_once(sip: SipEmulator) -> None:
    sip.behaviour.lie = "twice"
    assert len((await udp(sip, 2)).times_ms) == 2


async def test_a_server_without_udp_is_told_by_its_silence() -> None:
    async with SipEmulator(speaks_udp=False) as sip:
        target = Target(host="127.0.0.1", port=sip.port, transports=("udp", "tcp"))
        by_udp, by_tcp = (await NetworkProbe(PRIVATE).look(target, 1)).sip
    assert (by_udp.times_ms, len(by_tcp.times_ms)) == ((), 1)


async def test_a_server_of_another_kind_that_closes_at_once_is_no_sip_server() -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hangs_up, "127.0.0.1", 0)
    async with server:
        target = Target(host="127.0.0.1", port=server.sockets[0].getsockname()[1], transports=("tcp",))
        [seen] = (await NetworkProbe(PRIVATE).look(target, 4)).sip
    assert (seen.times_ms, seen.sent, seen.garbled) == ((), 4, 1)


# ---------------------------------------------------------------- TLS


async def over_tls(authority: Authority, *hosts: str, **certificate: Any) -> NetworkSeen:
    async with SipEmulator(authority.server(*(hosts or ("localhost", "127.0.0.1")), **certificate)) as sip:
        target = Target(host="localhost", port=sip.port, uses_tls=True, transports=("tls",))
        return await NetworkProbe(PRIVATE, trust=authority.trust).look(target, 1)


async def test_a_trusted_server_shows_its_chain_and_answers(authority: Authority) -> None:
    seen = await over_tls(authority)

    assert seen.tls is not None and seen.tls.error == ""
    assert seen.tls.version.startswith("TLS")
    own, issuer = seen.tls.chain
    assert (own.subject, own.issuer, own.hosts) == ("CN=localhost", "CN=parley tests", ("localhost", "127.0.0.1"))
    assert issuer.subject == "CN=parley tests"
    assert timedelta(days=89) < own.valid_until - own.valid_from - timedelta(days=400) < timedelta(days=91)
    assert [(each.transport, each.status) for each in seen.sip] == [("tls", 200)]


@pytest.mark.parametrize(
    ("host", "certificate", "error"),
    [
        ("localhost", {"ends": timedelta(days=-1)}, "expired"),
        ("sip.example.com", {}, "wrong_host"),
        ("localhost", {"self_signed": True}, "self_signed"),
    ],
)
async def test_why_a_certificate_is_not_trusted_is_told_and_the_chain_all_the_same(
    authority: Authority, host: str, certificate: dict[str, Any], error: str
) -> None:
    seen = await over_tls(authority, host, **certificate)
    assert seen.tls is not None
    assert (seen.tls.error, len(seen.tls.chain) >= 1, seen.sip[0].status) == (error, True, 200)


async def test_an_authority_that_nobody_knows_is_told(authority: Authority) -> None:
    async with SipEmulator(authority.server("localhost", sends_chain=False)) as sip:
        target = Target(host="localhost", port=sip.port, uses_tls=True)
        seen = await NetworkProbe(PRIVATE).look(target, 1)
    assert seen.tls is not None and seen.tls.error == "unknown_issuer"
    assert seen.sip == []


async def test_a_server_that_speaks_no_tls_is_told(sip: SipEmulator) -> None:
    target = Target(host="127.0.0.1", port=sip.port, uses_tls=True, transports=("tls",))
    seen = await NetworkProbe(PRIVATE, deadline_s=0.5).look(target, 1)
    assert seen.tls is not None
    assert (seen.tls.version, seen.tls.error in {"no_tls", "timeout", "broke_off"}, seen.sip) == ("", True, [])


# ---------------------------------------------------------------- the text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SIP/2.0 999 No\r\nCSeq: 1 OPTIONS\r\n\r\n",
        b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n",
        b"SIP/2.0 200 OK\r\nCSeq: x OPTIONS\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nCSeq: 1 OPTIONS\r\nX: " + b"a" * 20_000,
        b"\xff\x00" * 50,
    ],
)
def test_what_is_no_answer_is_none(data: bytes) -> None:
    assert read_answer(data) is None


def test_an_answer_is_read_in_its_short_form_and_without_what_cannot_be_shown() -> None:
    answer = read_answer(b"SIP/2.0 200\r\ni: a\r\nCSeq: 7  OPTIONS\r\nServer: x\x07\xffy\r\n\r\n")
    assert answer is not None
    assert (answer.status, answer.reason, answer.call_id, answer.number, answer.server) == (200, "", "a", 7, "x??y")


def test_answers_are_cut_from_a_stream_wherever_it_breaks() -> None:
    asker = Asker("2001:db8::1", 5061, "tls", 40_000)
    request = asker.request(1).decode()
    assert request.startswith(
        "OPTIONS sips:[2001:db8::1]:5061 SIP/2.0\r\nVia: SIP/2.0/TLS parley.invalid:40000;branch=z9hG4bK"
    )
    whole = b"SIP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    reader, found = StreamReader(), []
    for byte in b"\r\n" + whole + whole:
        found += reader.feed(bytes([byte]))
    assert found == [whole, whole]
