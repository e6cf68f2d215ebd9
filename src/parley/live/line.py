"""What the directory holds: a call's line, whoever is at it, an agent or the front desk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from parley.conversation.facts import AnyFact
from parley.domain.calls import CallPlan
from parley.domain.errors import ParleyError
from parley.domain.events import TurnDelivery
from parley.domain.stages import StageEnd
from parley.domain.transfers import Told
from parley.live.desk_records import DeskRecords
from parley.live.scribe import CallRecords
from parley.live.supervision import Supervised
from parley.providers.protocols import LegEvents, MediaLeg

log = structlog.get_logger()

_HAND_ON_TIMEOUT_S = 3.0

ENDED_BY_CARRIER = frozenset({"caller_hangup", "busy", "no_answer", "canceled", "carrier_failed"})
"""Reasons that mean the carrier has ended the call already."""


@dataclass(frozen=True, slots=True)
class LineRecords:
    """Where a line writes: of its call, and of what comes after its stage."""

    calls: CallRecords
    desk: DeskRecords


class Line(Protocol):
    """One stage of one call. `run` is its whole life; the other methods may be called at any time of it."""

    plan: CallPlan

    @property
    def supervision(self) -> Supervised:
        """What people beside the call see of it and make of it."""
        ...

    async def run(self, ring_limit_s: float) -> None: ...

    async def attach(self, leg: MediaLeg) -> LegEvents: ...

    def post(self, fact: AnyFact) -> None:
        """Tell it something the carrier or the API knows."""
        ...

    def release(self) -> None:
        """Another line has the phone: go without ending the call."""
        ...

    async def abandon(self) -> bool:
        """After a bug: let the phone go, so that nobody is left on a dead line. True where the call goes on."""
        ...

    def note_delivery(self, delivery: TurnDelivery) -> None: ...

    @property
    def is_over(self) -> bool:
        """Nothing more is said here; what remains is being written."""
        ...

    @property
    def has_left(self) -> bool:
        """It is over here, while the call goes on: at another replica, or at its next stage."""
        ...


async def handed_on(desk: DeskRecords, call_id: str, end: StageEnd) -> bool:
    """Whether something comes after `end`, and is written. What cannot be written soon does not come."""
    try:
        async with asyncio.timeout(_HAND_ON_TIMEOUT_S):
            return await desk.hand_on(call_id, end)
    except (ParleyError, TimeoutError) as error:
        log.warning("call_not_handed_on", call_id=call_id, end=end, error=type(error).__name__)
        return False


async def handed_over(desk: DeskRecords, call_id: str, to_number: str, whispers: Sequence[Told]) -> bool:
    """Whether the carrier will ring that number for the caller once the stream is closed."""
    try:
        async with asyncio.timeout(_HAND_ON_TIMEOUT_S):
            return await desk.transfer(call_id, to_number, whispers)
    except (ParleyError, TimeoutError) as error:
        log.warning("call_not_transferred", call_id=call_id, error=type(error).__name__)
        return False
