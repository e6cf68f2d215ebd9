"""Which replica holds a call, and how another one reaches it.

Behind one address several replicas serve, and the carrier's requests about one call may come in at any of them. Its
session lives in one, which announces the call; the others can then tell that one what they were told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from parley.domain.calls import EndReason
from parley.domain.live_events import Steer


class HangUp(msgspec.Struct, frozen=True, tag="hang_up"):
    """The carrier says the call is over."""

    reason: EndReason


class AskEnd(msgspec.Struct, frozen=True, tag="ask_end"):
    """Somebody wants the call to end."""

    reason: EndReason


class Release(msgspec.Struct, frozen=True, tag="release"):
    """The phone's audio came in elsewhere: let the call go there, without ending it."""


class HandOn(msgspec.Struct, frozen=True, tag="hand_on"):
    """A waiting caller's next stage is written: close the stream, so that the carrier asks for it."""


Command = HangUp | AskEnd | Release | HandOn | Steer

Take = Callable[[str, Command], bool]
"""Carries out a command about the call with this id; False if no session here holds it, or it cannot be done now. Must
not wait for anything."""


class Presence(Protocol):
    """Only `tell` and `is_held_elsewhere` wait, at most about a second; what else is announced is sent when it can be.

    Nothing here raises, and nothing here is needed for a call to go on: whoever cannot be reached holds nothing.
    """

    async def run(self, take: Take) -> None:
        """Announce, and hand commands of other replicas to `take`, until cancelled."""
        ...

    def announce(self, call_id: str) -> None:
        """A session of this replica holds the call from now on."""
        ...

    def claim(self, call_id: str) -> None:
        """The phone is connected to this replica: announce the call, and let all others that hold it release it."""
        ...

    def withdraw(self, call_id: str) -> None:
        """The session is over."""
        ...

    async def tell(self, call_id: str, command: Command) -> bool:
        """Whether a session of another replica took the command."""
        ...

    async def is_held_elsewhere(self, call_id: str) -> bool:
        """Whether another replica announced the call and did not withdraw it; one that was killed did not either."""
        ...


class Alone:
    """The only replica: nobody else holds anything."""

    async def run(self, take: Take) -> None:
        return

    def announce(self, call_id: str) -> None:
        return

    def claim(self, call_id: str) -> None:
        return

    def withdraw(self, call_id: str) -> None:
        return

    async def tell(self, call_id: str, command: Command) -> bool:
        return False

    async def is_held_elsewhere(self, call_id: str) -> bool:
        return False
