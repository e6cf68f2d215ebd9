"""Who holds the live sessions of this process, as services need it."""

from __future__ import annotations

from typing import Protocol

from parley.domain.calls import CallPlan, EndReason
from parley.domain.live_events import LiveEvent


class Switchboard(Protocol):
    """Who holds the live sessions of this process."""

    def prepare(self, plan: CallPlan) -> None:
        """Start a session whose sockets warm up while the phone rings; a second time for the same call does nothing.

        Raises Draining.
        """
        ...

    def holds(self, call_id: str) -> bool: ...

    def hang_up(self, call_id: str, reason: EndReason) -> bool:
        """The carrier says it is over. False if the call is not held here."""
        ...

    def ask_end(self, call_id: str, reason: EndReason) -> bool:
        """Somebody wants it to end. False if the call is not held here."""
        ...

    def tell_watchers(self, event: LiveEvent) -> None:
        """Tell whoever watches of something in a call that no session holds."""
        ...

    @property
    def live_count(self) -> int: ...
