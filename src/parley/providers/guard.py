"""Outbound HTTP to addresses that customers choose: never into the operator's own network.

A name is resolved once, every answer is checked, and exactly the checked address is dialled, so that a name which
answers differently the second time gains nothing. Redirects are not followed, proxies from the environment not used.

What is refused: everything the IANA special-purpose registries (RFC 6890) keep from the public internet, the clouds'
metadata addresses, and ports that are not those of web servers. The operator may allow private targets
(`PARLEY_ALLOW_PRIVATE_TARGETS`): then loopback, the private ranges and any port are open, but link-local and metadata
addresses stay shut.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
import msgspec

from parley.domain.errors import BadInput, FieldError, TargetBlocked

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]
SocketOptions = Iterable[httpcore.SOCKET_OPTION] | None

MAX_URL_CHARS = 2083
WEB_PORTS = frozenset({80, 443, 8080, 8443})
MAX_ADDRESSES = 3
_THREADS = 16


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in text.split())


_SPECIAL = _networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
    " 2001::/23 2001:db8::/32 2002::/16 3fff::/20"
)
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_PRIVATE = _networks("10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.168.0.0/16 ::1/128 fc00::/7")
# Where the large clouds answer with a machine's own credentials; 169.254.169.254 is link-local and shut anyway.
_METADATA = _networks("100.100.100.200/32 168.63.129.16/32 fd00:ec2::254/128")


class TargetRules(msgspec.Struct, frozen=True):
    """Where outbound requests may go. Pure; raises TargetBlocked."""

    allow_private: bool = False

    def check_address(self, text: str) -> None:
        """Refuse an IP address that is not a public one (or an allowed private one)."""
        address: Address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not self._is_open(address):
            raise TargetBlocked(
                "The URL leads to a private or reserved address. Use a public one, or let the operator set"
                " PARLEY_ALLOW_PRIVATE_TARGETS."
            )

    def check_port(self, port: int) -> None:
        """Refuse a port that is not a web server's, unless private targets are allowed."""
        if not self.allow_private and port not in WEB_PORTS:
            allowed = ", ".join(str(port) for port in sorted(WEB_PORTS))
            raise TargetBlocked(f"Port {port} is not open to webhooks; use one of {allowed}.")

    def _is_open(self, address: Address) -> bool:
        if any(address in network for network in _METADATA):
            return False
        if self.allow_private and any(address in network for network in _PRIVATE):
            return True
        if address.version == 6 and address not in _GLOBAL_V6:
            return False
        return not any(address in network for network in _SPECIAL)


def check_url(url: str, rules: TargetRules, *, field: str = "url") -> None:
    """Refuse a URL at the time it is configured, before anything is resolved.

    Raises BadInput for one that is not an absolute http(s) URL of at most 2083 characters without user and password,
    and for plain http unless private targets are allowed; TargetBlocked for an address or port that is never called.
    """
    problem = _url_problem(url, rules)
    if problem:
        raise BadInput(problem, errors=[FieldError(field, problem)])
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    rules.check_port(parts.port or (443 if parts.scheme == "https" else 80))
    if not rules.allow_private and (host == "localhost" or host.endswith((".localhost", ".local", ".internal"))):
        raise TargetBlocked("The URL names this machine or its own network; use a public host name.")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    rules.check_address(host)


def _url_problem(url: str, rules: TargetRules) -> str | None:
    if not 1 <= len(url) <= MAX_URL_CHARS:
        return f"The URL must have 1 to {MAX_URL_CHARS} characters."
    if any(char <= " " or char == "\x7f" for char in url):
        return "The URL must not contain spaces or control characters."
    try:
        _ = httpx.URL(url).host  # read here: an international name that cannot be decoded raises only then
        parts = urlsplit(url)
        _ = parts.port
    except (httpx.InvalidURL, ValueError):
        return "The URL cannot be read; write it like https://example.com/webhook."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "The URL must be absolute and begin with https://."
    if parts.scheme == "http" and not rules.allow_private:
        return "The URL must begin with https://."
    if parts.username is not None or parts.password is not None:
        return "The URL must not contain a user name or password; check the signature instead."
    return None


class Lookups:
    """Looks up names that customers choose, `threads` at a time; the others wait for their turn.

    A name server that never answers holds a thread for half a minute, and the event loop has only a few for all of its
    own lookups: calls need those to reach their providers. `ask` is given by tests.
    """

    def __init__(self, threads: int, ask: Callable[..., Any] = socket.getaddrinfo) -> None:
        self._threads = ThreadPoolExecutor(threads, "lookups")
        self._ask = ask

    async def resolve(self, host: str, port: int) -> list[str]:
        """All addresses of a name, in the order the operating system prefers. Raises OSError."""
        lookup = partial(self._ask, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, lookup)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedDialer(httpcore.AsyncNetworkBackend):
    """The connection step of the HTTP client: resolve, check every answer, dial what was checked.

    `resolve` and `dialer` are given by tests, so that a hole in the rules never opens a real socket.
    """

    def __init__(
        self,
        rules: TargetRules,
        resolve: Resolve | None = None,
        dialer: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._rules = rules
        self._resolve = resolve or Lookups(_THREADS).resolve
        self._dialer = dialer or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises TargetBlocked, or httpcore's ConnectError or ConnectTimeout."""
        self._rules.check_port(port)
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("The name server did not answer in time.") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("The host name does not resolve.") from error
        for address in addresses:
            self._rules.check_address(address)
        failure: Exception = httpcore.ConnectError("The host name has no address.")
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._dialer.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: SocketOptions = None
    ) -> httpcore.AsyncNetworkStream:
        raise TargetBlocked("Webhooks are called over the network only.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
