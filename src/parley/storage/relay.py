"""Telling other replicas what happens this moment, without anybody waiting for it.

Presence carries questions to the one replica that holds a call; this carries news to however many want them. Nothing
is kept: who does not listen now never hears of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

OnMessage = Callable[[str, bytes], None]
"""Told the channel and the message. Must not wait for anything."""

OnReady = Callable[[str], None]
"""Told a channel whose messages come from now on, again after every reconnection."""


class Relay(Protocol):
    """Channels by name. Only `run` waits; everything else is done when it can be, or dropped. Nothing here raises."""

    async def run(self, on_message: OnMessage, on_ready: OnReady) -> None:
        """Carry messages both ways until cancelled."""
        ...

    @property
    def is_joined(self) -> bool:
        """Whether other replicas can be reached."""
        ...

    def subscribe(self, channel: str) -> None: ...

    def unsubscribe(self, channel: str) -> None: ...

    def publish(self, channel: str, message: bytes) -> None:
        """Send to whoever is subscribed, this replica included; dropped when too much waits to be sent."""
        ...


class NoRelay:
    """The only replica has nobody to tell."""

    is_joined = False

    async def run(self, on_message: OnMessage, on_ready: OnReady) -> None:
        return

    def subscribe(self, channel: str) -> None:
        return

    def unsubscribe(self, channel: str) -> None:
        return

    def publish(self, channel: str, message: bytes) -> None:
        return
