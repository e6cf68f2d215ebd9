"""Whether a customer's server can be reached from here: its name is looked up, and a TCP connection tried.

It goes where webhooks may go and nowhere else, so that nobody looks around in the operator's own network with it, and
to the ports of web and SIP servers alone, so that it is no port scanner. Nothing is sent over the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from parley.domain.endpoints import Failure, Reach
from parley.domain.errors import TargetBlocked, TooManyRequests
from parley.providers.guard import MAX_ADDRESSES, WEB_PORTS, Lookups, Resolve, TargetRules

Connect = Callable[[str, int], Awaitable[None]]

_SIP_PORTS = range(5060, 5100)
_MOST_AT_ONCE = 4
_RETRY_AFTER_S = 5
_FROM_FAR_TO_NEAR: tuple[Failure, ...] = ("unresolved", "unreachable", "timeout", "refused")


async def system_connect(address: str, port: int) -> None:
    """Open a TCP connection and drop it again. Raises OSError."""
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, address, port)
    transport.abort()


class NetworkProbe:
    """`deadline_s` limits each of the two steps. `resolve` and `connect` are given by tests."""

    def __init__(
        self,
        rules: TargetRules,
        resolve: Resolve | None = None,
        connect: Connect = system_connect,
        deadline_s: float = 3.0,
    ) -> None:
        self._rules = rules
        self._resolve = resolve or Lookups(_MOST_AT_ONCE).resolve
        self._connect = connect
        self._deadline_s = deadline_s
        self._running = 0

    async def reach(self, host: str, port: int) -> Reach:
        """Raises TargetBlocked for an address or port that is never called, TooManyRequests when too many are at it."""
        if not self._rules.allow_private and port not in WEB_PORTS and port not in _SIP_PORTS:
            raise TargetBlocked(f"Port {port} is not tested; use {_SIP_PORTS[0]} to {_SIP_PORTS[-1]} or a web port.")
        if self._running >= _MOST_AT_ONCE:
            raise TooManyRequests("Other network tests are running; try again in a moment.", _RETRY_AFTER_S)
        self._running += 1
        try:
            return await self._reach(host, port)
        finally:
            self._running -= 1

    async def _reach(self, host: str, port: int) -> Reach:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._deadline_s):
                addresses = tuple(await self._resolve(host, port))
        except TimeoutError:
            return Reach(failure="name_server_timeout")
        except (OSError, UnicodeError):
            return Reach(failure="unresolved")
        self._check(addresses)
        resolved = loop.time()
        resolved_ms = _ms(resolved - began)
        reached, failure = await self._first_open(addresses[:MAX_ADDRESSES], port)
        if reached is None:
            return Reach(addresses=addresses, resolved_ms=resolved_ms, failure=failure)
        connected_ms = _ms(loop.time() - resolved)
        return Reach(addresses=addresses, resolved_ms=resolved_ms, connected_to=reached, connected_ms=connected_ms)

    async def _first_open(self, addresses: Sequence[str], port: int) -> tuple[str | None, Failure]:
        """The first address that takes a connection, else what came nearest to one. They share the deadline."""
        nearest: Failure = "unreachable" if addresses else "unresolved"
        for address in addresses:
            failure: Failure = "unreachable"
            try:
                async with asyncio.timeout(self._deadline_s / len(addresses)):
                    await self._connect(address, port)
                return address, failure
            except TimeoutError:  # also what the operating system raises when it gives up: it is an OSError too
                failure = "timeout"
            except ConnectionRefusedError:
                failure = "refused"
            except OSError:
                failure = "unreachable"
            nearest = max(nearest, failure, key=_FROM_FAR_TO_NEAR.index)
        return None, nearest

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
