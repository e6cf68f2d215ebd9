"""A server's TLS: its certificates as it shows them, and whether a careful client would trust them.

Two handshakes: one that believes everything, to see the chain even where it is wrong, and one that believes what this
server's own outbound connections do, to hear what is wrong with it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from parley.domain.network_tests import Certificate, TlsError, TlsSeen
from parley.providers.tls import socket_trust

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

MOST_CERTIFICATES: Final = 8
MOST_HOSTS: Final = 20
# OpenSSL's X509_V_ERR_... (its x509_vfy.h).
_ERRORS: Final[dict[int, TlsError]] = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "self_signed",
    20: "unknown_issuer",
    21: "unknown_issuer",
    23: "revoked",
    62: "wrong_host",
    64: "wrong_host",
}


def believing() -> ssl.SSLContext:
    """Trusts anybody: nothing is sent over such a connection that others must not read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def shown(host: str, address: str, port: int, deadline_s: float) -> tuple[TlsSeen, Streams | None]:
    """What the server shows whoever asks, and the connection, which is the caller's to close."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(deadline_s):
            streams = await asyncio.open_connection(address, port, ssl=believing(), server_hostname=host)
    except (OSError, TimeoutError) as failed:
        return TlsSeen(error=_why(failed)), None
    took_ms = round((loop.time() - began) * 1000)
    tls = cast(ssl.SSLObject, streams[1].get_extra_info("ssl_object"))
    return TlsSeen(version=tls.version() or "", took_ms=took_ms, chain=tuple(_chain(tls))), streams


async def judged(
    host: str, address: str, port: int, deadline_s: float, trust: ssl.SSLContext | None = None
) -> TlsError:
    """What keeps a careful client from trusting the server; empty for nothing. `trust` is whom it believes."""
    try:
        async with asyncio.timeout(deadline_s):
            _, writer = await asyncio.open_connection(address, port, ssl=trust or socket_trust(), server_hostname=host)
    except (OSError, TimeoutError) as failed:
        return _why(failed)
    writer.transport.abort()
    return ""


def with_error(seen: TlsSeen, error: TlsError) -> TlsSeen:
    """What was shown, with how it was judged."""
    return msgspec.structs.replace(seen, error=error)


def _why(failed: Exception) -> TlsError:
    if isinstance(failed, ssl.SSLCertVerificationError):
        return _ERRORS.get(failed.verify_code, "untrusted")
    if isinstance(failed, ssl.SSLError):
        return "no_tls"
    return "timeout" if isinstance(failed, TimeoutError) else "broke_off"


def _chain(tls: ssl.SSLObject) -> list[Certificate]:
    found = []
    for der in _shown_certificates(tls)[:MOST_CERTIFICATES]:
        try:
            found.append(_read(x509.load_der_x509_certificate(der)))
        except ValueError:  # what cannot be read is not shown; the second handshake says what is wrong with it
            continue
    return found


def _shown_certificates(tls: ssl.SSLObject) -> Sequence[bytes]:
    """Python shows more than the first certificate from 3.13 on; before that its own C object does."""
    whole: Any = getattr(tls, "get_unverified_chain", None)
    if whole is not None:
        return list(whole())
    inner: Any = getattr(tls, "_sslobj", None)
    if inner is not None and hasattr(inner, "get_unverified_chain"):
        return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in inner.get_unverified_chain() or ()]
    first = tls.getpeercert(binary_form=True)
    return [first] if first else []


def _read(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        subject=certificate.subject.rfc4514_string()[:300],
        issuer=certificate.issuer.rfc4514_string()[:300],
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
        hosts=tuple(_hosts(certificate))[:MOST_HOSTS],
    )


def _hosts(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    assert isinstance(names, x509.SubjectAlternativeName)
    hosts = names.get_values_for_type(x509.DNSName)
    return [*hosts, *(str(each) for each in names.get_values_for_type(x509.IPAddress))]
