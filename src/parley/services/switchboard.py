"""Who holds the live sessions of this process, as services need it."""

from __future__ import annotations

from typing import Protocol

from parley.domain.calls import CallPlan, EndReason


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

    @property
    def live_count(self) -> int: ...
