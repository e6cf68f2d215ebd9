"""How much a project may use. The operator says it for the server, and for a project where that differs."""

from __future__ import annotations

import msgspec

UNLIMITED = 1_000_000
"""This much, or more, means that nothing is counted. A number, because clients of the API read one."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers at once, calls at once, calls in 24 hours (in and out), text messages sent in 24 hours."""

    numbers: int = UNLIMITED
    concurrent_calls: int = UNLIMITED
    daily_calls: int = UNLIMITED
    daily_messages: int = UNLIMITED


class OwnLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A project's own; None where the server's hold."""

    numbers: int | None = None
    concurrent_calls: int | None = None
    daily_calls: int | None = None
    daily_messages: int | None = None

    def over(self, server: Allowance) -> Allowance:
        """What holds for the project."""
        return Allowance(
            numbers=_first(self.numbers, server.numbers),
            concurrent_calls=_first(self.concurrent_calls, server.concurrent_calls),
            daily_calls=_first(self.daily_calls, server.daily_calls),
            daily_messages=_first(self.daily_messages, server.daily_messages),
        )


def _first(own: int | None, servers: int) -> int:
    return servers if own is None else own
