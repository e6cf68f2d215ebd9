"""Where a SIP server is said to be: a host name, an address, with a port, or a `sip:` URI (RFC 3261, 19.1)."""

from __future__ import annotations

import ipaddress
import re

import msgspec

SIP_PORT = 5060
SIPS_PORT = 5061

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")
_ADVICE = "must be a host name like sip.example.com, with a port behind a colon if you like, or a sip: or sips: URI"


class Endpoint(msgspec.Struct, frozen=True):
    """`host` is a name, or an IP address without brackets."""

    host: str
    port: int
    is_secure: bool = False


def require_host(text: str) -> str:
    """The host itself. Raises ValueError unless it is a DNS name or an IP address."""
    if not _is_host(text):
        raise ValueError("must be a host name like sip.example.com, or an IP address")
    return text


def require_endpoint(text: str) -> str:
    """The text itself. Raises ValueError unless `parse_endpoint` can read it."""
    parse_endpoint(text)
    return text


def parse_endpoint(text: str) -> Endpoint:
    """Read `host`, `host:port`, `[address]:port`, `sip:user@host:port;parameters` or `sips:…`. Raises ValueError.

    Without a port it is 5060, for `sips:` and `transport=tls` 5061. A password in it is refused (RFC 3261, 19.1.1,
    advises against one): endpoints are shown again.
    """
    rest, is_secure = text.strip(), False
    scheme = re.match(r"(?i)(sips?):(?!\d+$)", rest)
    if scheme is not None:
        rest, is_secure = rest[scheme.end() :].removeprefix("//"), scheme[1].lower() == "sips"
        rest, _, parameters = rest.partition(";")
        user, _, rest = rest.partition("?")[0].rpartition("@")
        if ":" in user:
            raise ValueError("must not hold a password; it is shown to everybody who may read it")
        is_secure = is_secure or "transport=tls" in parameters.lower().split(";")
    host, port = _split(rest)
    if not _is_host(host):
        raise ValueError(_ADVICE)
    number = int(port) if port else SIPS_PORT if is_secure else SIP_PORT
    if not 1 <= number <= 65_535:
        raise ValueError("must name a port between 1 and 65535")
    return Endpoint(host, number, is_secure)


def _split(text: str) -> tuple[str, str]:
    """(host, port or nothing). Raises ValueError where the port is no number."""
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?", text)
    if bracketed is not None:
        return bracketed[1], bracketed[2] or ""
    if text.count(":") > 1:
        return text, ""  # an IPv6 address without brackets has no room for a port
    host, colon, port = text.partition(":")
    if colon and not re.fullmatch(r"[0-9]{1,5}", port):
        raise ValueError(_ADVICE)
    return host, port


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
        return "%" not in text
    except ValueError:
        # Labels of digits alone at the end are an IPv4 address gone wrong, or an odd spelling of one (RFC 3696, 2).
        return len(text) <= 253 and _NAME.fullmatch(text) is not None and not re.search(r"(^|\.)\d+\.?$", text)
