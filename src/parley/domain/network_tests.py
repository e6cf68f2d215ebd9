"""What a test of the way to a server found: names, connections, certificates, and SIP's own answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import fmean
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from parley.domain.endpoints import SIPS_PORT, Endpoint, parse_endpoint

HTTPS_PORT = 443
_TLS_PORTS = frozenset({HTTPS_PORT, 8443})
_PLAIN_WEB_PORTS = frozenset({80, 8080})

Transport = Literal["udp", "tcp", "tls"]
TlsError = Literal[
    "", "expired", "not_yet_valid", "wrong_host", "self_signed", "unknown_issuer", "revoked", "untrusted",
    "no_tls", "timeout", "broke_off",
]  # fmt: skip


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is tested at an endpoint: a TCP connection, TLS where it `uses_tls`, and SIP over each of `transports`."""

    host: str
    port: int
    uses_tls: bool = False
    transports: tuple[Transport, ...] = ()


def parse_target(text: str) -> Target:
    """Read whatever `parse_endpoint` reads, or an `https://` URL, of which only the server is tested.

    A bare host is tried over UDP and TCP, `sips:`, `transport=tls` and port 5061 over TLS; the ports of web servers are
    not spoken SIP to. Raises ValueError.
    """
    if text.strip().lower().startswith("https://"):
        parts = urlsplit(text.strip())
        server = parse_endpoint(f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or "")
        if parts.username is not None:
            raise ValueError("must not hold a user name or password")
        return Target(host=server.host, port=parts.port or HTTPS_PORT, uses_tls=True)
    endpoint = parse_endpoint(text)
    transports, uses_tls = _ways(endpoint, text.strip().lower())
    return Target(host=endpoint.host, port=endpoint.port, uses_tls=uses_tls, transports=transports)


def _ways(endpoint: Endpoint, text: str) -> tuple[tuple[Transport, ...], bool]:
    """(how SIP is spoken there, whether TLS is)."""
    if endpoint.is_secure or endpoint.port == SIPS_PORT:
        return ("tls",), True
    if endpoint.port in _TLS_PORTS | _PLAIN_WEB_PORTS:
        return (), endpoint.port in _TLS_PORTS
    named = re.search(r";transport=(udp|tcp)(?=[;?]|$)", text)
    if named is None:
        return ("udp", "tcp"), False
    return ("udp",) if named[1] == "udp" else ("tcp",), False


def require_target(text: str) -> str:
    """The text itself. Raises ValueError unless `parse_target` can read it."""
    parse_target(text)
    return text


class Certificate(msgspec.Struct, frozen=True):
    """One of a server's chain, the server's own first. Names are RFC 4514 strings; `hosts` what it is valid for."""

    subject: str
    issuer: str
    valid_from: datetime
    valid_until: datetime
    hosts: tuple[str, ...] = ()


class TlsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A TLS handshake, and whether a careful client would trust it: `error` is empty where it would."""

    version: str = ""
    took_ms: int | None = None
    chain: tuple[Certificate, ...] = ()
    error: TlsError = ""


class SipSeen(msgspec.Struct, frozen=True, kw_only=True):
    """SIP OPTIONS (RFC 3261, 11) over one transport: how many were sent, and the milliseconds of each answered one.

    `status`, `reason` and `server` are those of the first answer. `garbled` counts what came and was no answer to ours.
    """

    transport: Transport
    sent: int = 0
    times_ms: tuple[float, ...] = ()
    status: int | None = None
    reason: str = ""
    server: str = ""
    garbled: int = 0


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds over all answered probes. `jitter_ms` is how much one answer's time differs from the next one's, on
    average; `loss` is the share that was not answered, 0 to 1."""

    min_ms: float
    avg_ms: float
    p95_ms: float
    jitter_ms: float
    loss: float
    sent: int
    answered: int


def latency(times_ms: Sequence[float], sent: int) -> Latency | None:
    """None where nothing was answered. The 95th percentile is the nearest rank."""
    if not times_ms:
        return None
    ordered = sorted(times_ms)
    steps = [abs(later - earlier) for earlier, later in pairwise(times_ms)]
    rank = -(-95 * len(ordered) // 100)  # rounded up
    return Latency(
        min_ms=round(ordered[0], 1),
        avg_ms=round(fmean(ordered), 1),
        p95_ms=round(ordered[rank - 1], 1),
        jitter_ms=round(fmean(steps), 1) if steps else 0.0,
        loss=round(1 - len(times_ms) / sent, 3),
        sent=sent,
        answered=len(times_ms),
    )


Failure = Literal["unresolved", "name_server_timeout", "refused", "timeout", "unreachable"]


class NetworkSeen(msgspec.Struct, kw_only=True):
    """How far each way to an endpoint went. Times are milliseconds, None for a step that was not reached.

    `connected_to` is the address that took a TCP connection; `failure` is why none did.
    """

    addresses: tuple[str, ...] = ()
    resolved_ms: int | None = None
    connected_to: str | None = None
    connected_ms: int | None = None
    connect_times_ms: tuple[float, ...] = ()
    failure: Failure | None = None
    tls: TlsSeen | None = None
    sip: list[SipSeen] = msgspec.field(default_factory=list)
