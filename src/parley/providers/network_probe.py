"""The way to a customer's server: its name, a TCP connection, TLS with its certificates, and SIP's own answers.

It goes where webhooks may go and nowhere else, so that nobody looks around in the operator's own network with it, and
to the ports of web and SIP servers alone, so that it is no port scanner. A name is looked up once and every answer is
checked; whatever follows goes to an address that was. Each step has a deadline.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence

from parley.domain.errors import TargetBlocked, TooManyRequests
from parley.domain.network_tests import Failure, NetworkSeen, SipSeen, Target
from parley.providers import sip_probe, tls_probe
from parley.providers.guard import MAX_ADDRESSES, WEB_PORTS, Lookups, Resolve, TargetRules

Connect = Callable[[str, int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None]]

_SIP_PORTS = range(5060, 5100)
_MOST_AT_ONCE = 4
_RETRY_AFTER_S = 5
_FROM_FAR_TO_NEAR: tuple[Failure, ...] = ("unresolved", "unreachable", "timeout", "refused")


async def system_connect(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a TCP connection. Raises OSError."""
    return await asyncio.open_connection(address, port)


class NetworkProbe:
    """`deadline_s` limits each step. `resolve` and `connect` are given by tests; `trust` is whom TLS believes."""

    def __init__(
        self,
        rules: TargetRules,
        resolve: Resolve | None = None,
        connect: Connect = system_connect,
        deadline_s: float = 3.0,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._resolve = resolve or Lookups(_MOST_AT_ONCE).resolve
        self._connect = connect
        self._deadline_s = deadline_s
        self._trust = trust
        self._running = 0

    async def look(self, target: Target, probes: int) -> NetworkSeen:
        """Test every way to the target, with so many requests over each that is spoken SIP.

        Raises TargetBlocked for an address or port that is never called, TooManyRequests when too many are at it.
        """
        port = target.port
        if not self._rules.allow_private and port not in WEB_PORTS and port not in _SIP_PORTS:
            raise TargetBlocked(f"Port {port} is not tested; use {_SIP_PORTS[0]} to {_SIP_PORTS[-1]} or a web port.")
        if self._running >= _MOST_AT_ONCE:
            raise TooManyRequests("Other network tests are running; try again in a moment.", _RETRY_AFTER_S)
        self._running += 1
        try:
            return await self._look(target, probes)
        finally:
            self._running -= 1

    async def _look(self, target: Target, probes: int) -> NetworkSeen:
        seen = NetworkSeen()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._deadline_s):
                seen.addresses = tuple(await self._resolve(target.host, target.port))
        except TimeoutError:
            seen.failure = "name_server_timeout"
            return seen
        except (OSError, UnicodeError):
            seen.failure = "unresolved"
            return seen
        self._check(seen.addresses)
        seen.resolved_ms = _ms(loop.time() - began)
        async with asyncio.TaskGroup() as tasks:
            by_udp = tasks.create_task(self._udp(target, seen.addresses, probes))
            await self._streams(target, seen, probes)
        seen.sip[:0] = by_udp.result()
        return seen

    async def _udp(self, target: Target, addresses: Sequence[str], probes: int) -> list[SipSeen]:
        """Of the addresses, the first that answers; nothing where UDP is not asked for."""
        found: list[SipSeen] = []
        for address in addresses[:MAX_ADDRESSES] if "udp" in target.transports else ():
            found = [await sip_probe.over_udp(target.host, address, target.port, probes)]
            if found[0].times_ms:
                break
        return found

    async def _streams(self, target: Target, seen: NetworkSeen, probes: int) -> None:
        began = asyncio.get_running_loop().time()
        streams = await self._first_open(seen, target.port)
        if seen.connected_to is None:
            return
        seen.connected_ms = _ms(asyncio.get_running_loop().time() - began)
        try:
            if streams is not None and "tcp" in target.transports:
                seen.sip.append(await sip_probe.over_stream(target.host, target.port, "tcp", streams, probes))
        finally:
            if streams is not None:
                streams[1].transport.abort()
        if target.uses_tls:
            await self._tls(target, seen, seen.connected_to, probes)

    async def _tls(self, target: Target, seen: NetworkSeen, address: str, probes: int) -> None:
        found, streams = await tls_probe.shown(target.host, address, target.port, self._deadline_s)
        seen.tls = found
        if streams is None:
            return
        try:
            if "tls" in target.transports:
                seen.sip.append(await sip_probe.over_stream(target.host, target.port, "tls", streams, probes))
        finally:
            streams[1].transport.abort()
        error = await tls_probe.judged(target.host, address, target.port, self._deadline_s, self._trust)
        seen.tls = tls_probe.with_error(found, error)

    async def _first_open(
        self, seen: NetworkSeen, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The first address that takes a connection, else what came nearest to one. They share the deadline."""
        addresses = seen.addresses[:MAX_ADDRESSES]
        nearest: Failure = "unreachable" if addresses else "unresolved"
        for address in addresses:
            failure: Failure = "unreachable"
            try:
                async with asyncio.timeout(self._deadline_s / len(addresses)):
                    streams = await self._connect(address, port)
                seen.connected_to, seen.failure = address, None
                return streams
            except TimeoutError:  # also what the operating system raises when it gives up: it is an OSError too
                failure = "timeout"
            except ConnectionRefusedError:
                failure = "refused"
            except OSError:
                failure = "unreachable"
            nearest = max(nearest, failure, key=_FROM_FAR_TO_NEAR.index)
        seen.failure = nearest
        return None

    def _check(self, addresses: Sequence[str]) -> None:
        try:
            for address in addresses:
                self._rules.check_address(address)
        except TargetBlocked:
            raise TargetBlocked(
                "It leads to a private or reserved address. Name a public one, or let the operator set"
                " PARLEY_ALLOW_PRIVATE_TARGETS."
            ) from None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
