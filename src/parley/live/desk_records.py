"""What a session at the front desk asks of the services, beside what every call is written down with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from parley.domain.stages import StageEnd
from parley.domain.transfers import Told
from parley.domain.voicemails import TakenMessage as TakenMessage


class Place(msgspec.Struct, frozen=True):
    """Where a waiting caller stands: 1 is next. `wait_s` is an estimate, None where nothing is known to go by."""

    position: int
    wait_s: float | None = None


class DeskRecords(Protocol):
    """Each may be tried again with the same outcome. All raise a ParleyError while that is not possible."""

    async def hand_on(self, call_id: str, end: StageEnd) -> bool:
        """The stage is over while the caller is still there: decide what comes next and write it down.

        True: close the media stream and end nothing; the carrier will ask what comes next. False: nothing does, and
        the call is to be ended.
        """
        ...

    async def transfer(self, call_id: str, to_number: str, whispers: Sequence[Told]) -> bool:
        """The agent hands its caller to a human: write that down, with what the agent was told during the call.

        True: close the media stream and end nothing; the carrier will ask, and ring that number. False: the
        conversation goes on, because the call is over, or the number, or one more attempt, is not allowed.
        """
        ...

    async def keep_message(self, call_id: str, message: TakenMessage) -> None:
        """Store a message and tell of it. Silence alone is no message."""
        ...

    async def has_come_again(self, call_id: str, within_s: float) -> bool:
        """Whether the call's phone came in with a stream so short a time ago, at whatever replica."""
        ...


class NoDesk:
    """The quiet twin, for a server without a front desk: nothing ever comes next, and nobody is asked for a message."""

    async def hand_on(self, call_id: str, end: StageEnd) -> bool:
        return False

    async def transfer(self, call_id: str, to_number: str, whispers: Sequence[Told]) -> bool:
        return False

    async def keep_message(self, call_id: str, message: TakenMessage) -> None: ...

    async def has_come_again(self, call_id: str, within_s: float) -> bool:
        return False
