"""From what a test of a network found to a report: each step, and what to do about what failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from parley.domain.network_tests import NetworkSeen, SipSeen, Target, TlsSeen, latency
from parley.services.checks import Check, check

_SOON = timedelta(days=14)
_LOSSY = 0.2
_SHAKY_MS = 30.0
"""Jitter beyond this is more than common jitter buffers of 20 to 60 ms take without a gap."""
_NAMES = {
    "unresolved": ("The host name does not resolve.", "Check its spelling and its DNS records."),
    "name_server_timeout": ("The name server did not answer in time.", "Check the domain's name servers."),
}
_TCP = {
    "refused": (
        "The host answered and refused a TCP connection on this port.",
        "Check the port, and that the server runs; one that speaks SIP over UDP alone looks the same.",
    ),
    "timeout": (
        "No TCP connection came about in time.",
        "Let the firewall accept connections from this server; a server that speaks SIP over UDP alone looks the same.",
    ),
    "unreachable": (
        "There is no way from this server to the host.",
        "Check its address and the network between.",
    ),
}
_TLS = {
    "no_tls": ("The server did not complete a TLS handshake.", "Check that this port speaks TLS 1.2 or later."),
    "timeout": ("The TLS handshake did not end in time.", "Check that this port speaks TLS and not plain SIP."),
    "broke_off": ("The server closed the connection in the TLS handshake.", "Check that this port speaks TLS."),
}
_CERTIFICATE = {
    "expired": ("The certificate has expired.", "Renew it."),
    "not_yet_valid": ("The certificate is not valid yet.", "Check the clocks of both servers."),
    "wrong_host": (
        "The certificate is not for this host name.",
        "Get one that names this host, or test the name that it is for.",
    ),
    "self_signed": (
        "The certificate is signed by itself, or by an authority that nobody knows.",
        "Use one of a public authority.",
    ),
    "unknown_issuer": (
        "The issuer of the certificate is not known here.",
        "Let the server send its whole chain, with the certificates between its own and the authority's.",
    ),
    "revoked": ("The certificate was revoked.", "Get a new one."),
    "untrusted": ("The certificate is not trusted.", "Look at the chain in this result."),
}


def checks_of(target: Target, seen: NetworkSeen, now: datetime) -> list[Check]:
    """Every step in order; one that another one makes needless is not tested."""
    return [*_checks(target, seen, now)]


def _checks(target: Target, seen: NetworkSeen, now: datetime) -> Iterator[Check]:
    yield _name(seen)
    answered = [each for each in seen.sip if each.times_ms]
    yield _tcp(target, seen, answered)
    if target.uses_tls:
        yield _handshake(seen.tls)
        yield _certificate(seen.tls, now)
    for each in seen.sip:
        yield _sip(each, answered)
    yield _quality(target, seen)


def _name(seen: NetworkSeen) -> Check:
    if seen.failure in _NAMES:
        return check("dns", "failed", *_NAMES[seen.failure])
    count = len(seen.addresses)
    detail = f"The host has {count} addresses." if count > 1 else "The host has an address."
    return check("dns", "passed", detail, took_ms=seen.resolved_ms)


def _tcp(target: Target, seen: NetworkSeen, answered: list[SipSeen]) -> Check:
    if seen.connected_to is not None:
        return check("tcp", "passed", "A TCP connection was made.", took_ms=seen.connected_ms)
    if seen.failure not in _TCP:
        return check("tcp", "not_tested", "Without an address there is nowhere to connect to.")
    if any(each.transport == "udp" for each in answered) or target.transports == ("udp",):
        return check("tcp", "not_tested", f"{_TCP[seen.failure][0]} SIP over UDP does not need one.")
    return check("tcp", "failed", *_TCP[seen.failure])


def _handshake(tls: TlsSeen | None) -> Check:
    if tls is None:
        return check("tls", "not_tested", "There was no connection to speak TLS over.")
    if tls.version:
        return check("tls", "passed", f"The server speaks {tls.version}.", took_ms=tls.took_ms)
    return check("tls", "failed", *_TLS.get(tls.error, _TLS["no_tls"]))


def _certificate(tls: TlsSeen | None, now: datetime) -> Check:
    if tls is None or not tls.version:
        return check("certificate", "not_tested", "The server showed no certificate.")
    if tls.error in _CERTIFICATE:
        return check("certificate", "failed", *_CERTIFICATE[tls.error])
    if tls.error:
        return check("certificate", "not_tested", "A second connection to judge the certificate was not made.")
    ends = tls.chain[0].valid_until if tls.chain else None
    detail = "The certificate is trusted and for this host."
    if ends is not None:
        detail += f" It is valid until {ends:%Y-%m-%d}."
        if ends - now < _SOON:
            detail += " Renew it soon."
    return check("certificate", "passed", detail)


def _sip(sip: SipSeen, answered: list[SipSeen]) -> Check:
    name, way = f"sip_{sip.transport}", sip.transport.upper()
    if sip.times_ms:
        who = f" ({sip.server})" if sip.server else ""
        count = f"{len(sip.times_ms)} of {sip.sent} OPTIONS over {way}"
        told = f"{count} were answered, with {sip.status} {sip.reason}{who}."
        if sip.status is not None and sip.status >= 500:
            return check(name, "failed", told, "The server is there and not ready for calls; ask its operator.")
        return check(name, "passed", told, took_ms=round(min(sip.times_ms)))
    if answered:
        return check(name, "not_tested", f"No answer over {way}; the server speaks SIP over another transport.")
    if sip.garbled:
        fix = "Check that a SIP server listens on this port, and nothing else."
        return check(name, "failed", f"What came back over {way} was no answer to our SIP OPTIONS.", fix)
    fix = "Many providers answer known addresses alone: add this server's public address there, and open the firewall."
    return check(name, "failed", f"No answer to SIP OPTIONS over {way}.", fix)


def _quality(target: Target, seen: NetworkSeen) -> Check:
    best = best_sip(seen)
    found = latency(best.times_ms, best.sent) if best is not None else None
    if found is None:
        why = "No answers could be measured." if target.transports else "Only SIP's answers are measured."
        return check("quality", "not_tested", why)
    detail = f"Answers took {found.avg_ms} ms on average, jitter {found.jitter_ms} ms, loss {found.loss:.0%}."
    if found.loss > _LOSSY:
        fix = "Find where packets are lost between here and there; calls will break up."
        return check("quality", "failed", detail, fix)
    if found.jitter_ms > _SHAKY_MS:
        fix = "Look for a busy or wireless link on the way; voices will stutter."
        return check("quality", "failed", detail, fix)
    return check("quality", "passed", detail)


def best_sip(seen: NetworkSeen) -> SipSeen | None:
    """The transport whose answers are measured: the one with the most of them, UDP before others."""
    answered = [each for each in seen.sip if each.times_ms]
    return max(answered, key=lambda each: len(each.times_ms), default=None)
