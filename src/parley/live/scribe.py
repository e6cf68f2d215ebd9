"""What remains of a call is written here, beside the conversation and never in its way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec
import structlog

from parley.conversation.measuring.talk import Talk
from parley.conversation.wishes import NoteTurn
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import ParleyError
from parley.domain.events import TurnDelivery

log = structlog.get_logger()

_RETRY_S = (0.2, 0.5, 1.0, 2.0, *(5.0,) * 3, *(10.0,) * 28)
_MOST_PROBLEMS = 50
_MOST_DELIVERIES = 200


class CallRecords(Protocol):
    """Where a call is written down. Every method is idempotent, so that it can be tried again."""

    async def connected(self, call_id: str) -> None: ...
    async def note_turn(self, call_id: str, note: NoteTurn) -> None: ...
    async def note_problem(self, call_id: str, code: str) -> None: ...
    async def note_talk(self, call_id: str, talk: Talk) -> None: ...
    async def finished(self, call_id: str, reason: EndReason, ago_s: float = 0.0) -> None: ...
    async def record_turn_delivery(self, plan: CallPlan, delivery: TurnDelivery) -> None: ...
    async def end_at_carrier(self, call_id: str) -> None: ...


class _Ending(msgspec.Struct):
    """How this session is left, when (time of the event loop), and what it measured and has not written yet."""

    reason: EndReason | Literal["elsewhere"]
    at: float = 0.0
    talk: Talk | None = None


class Scribe:
    """Holds what is not written yet and writes it in order: connected, rows, the rest, and last that the call ended.

    A newer note of a row replaces the waiting one, so the backlog is bounded by the rows of the call. Beyond 50
    problems or 200 deliveries waiting, new ones are dropped: by then the database has been away for minutes.

    While the call lasts it waits for the database as long as it takes; once the call is over, through the pauses of
    `retry_s`, five minutes in all.
    """

    def __init__(self, plan: CallPlan, records: CallRecords, retry_s: Sequence[float] = _RETRY_S) -> None:
        self._plan = plan
        self._records = records
        self._is_connected = False
        self._rows: dict[int, NoteTurn] = {}
        self._problems: list[str] = []
        self._deliveries: list[TurnDelivery] = []
        self._ending: _Ending | None = None
        self._wake = asyncio.Event()
        self._retry_s = retry_s

    def connected(self) -> None:
        self._is_connected = True
        self._wake.set()

    def note(self, note: NoteTurn) -> None:
        if self._ending is not None and self._ending.reason == "elsewhere":
            return
        if (before := self._plan.continues) is not None:
            note = msgspec.structs.replace(note, row=before.first_row + note.row, at_s=before.after_s + note.at_s)
        self._rows[note.row] = note
        self._wake.set()

    def problem(self, code: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(code)
            self._wake.set()

    def delivery(self, delivery: TurnDelivery) -> None:
        if len(self._deliveries) < _MOST_DELIVERIES:
            self._deliveries.append(delivery)
            self._wake.set()

    def ended(self, reason: EndReason, at: float | None = None, talk: Talk | None = None) -> None:
        """It ended now, or `at` that time of the event loop. Nothing comes after; `run` returns when it is written."""
        over_at = asyncio.get_running_loop().time() if at is None else at
        self._ending = _Ending(reason, over_at, self._placed(talk))
        self._wake.set()

    def leave(self, talk: Talk | None = None) -> None:
        """The call goes on elsewhere: what waits is written, no more rows are taken, and `run` returns."""
        self._ending = _Ending("elsewhere", talk=self._placed(talk))
        self._wake.set()

    def _placed(self, talk: Talk | None) -> Talk | None:
        """Behind what sessions before this one measured."""
        before = self._plan.continues
        if talk is None or before is None:
            return talk
        return msgspec.structs.replace(talk, from_s=round(before.after_s + talk.from_s, 3))

    async def run(self) -> None:
        """Write until the end is written, or the database stayed away too long after it: then the loss is logged."""
        failures = after_end = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                if await self._write():
                    return
                failures = after_end = 0
            except ParleyError as error:
                if after_end >= len(self._retry_s):
                    log.error("call_record_lost", call_id=self._plan.call_id, rows=len(self._rows), code=error.code)
                    return
                await asyncio.sleep(self._retry_s[min(failures, len(self._retry_s) - 1)])
                failures += 1
                after_end += self._ending is not None
                self._wake.set()

    async def _write(self) -> bool:
        """Write all that waits; True once the end was written. What was written is forgotten step by step."""
        call_id = self._plan.call_id
        if self._is_connected:
            await self._records.connected(call_id)
            self._is_connected = False
        while self._rows:
            row, note = next(iter(self._rows.items()))
            await self._records.note_turn(call_id, note)
            if self._rows.get(row) is note:
                del self._rows[row]
        while self._problems:
            await self._records.note_problem(call_id, self._problems[0])
            del self._problems[0]
        while self._deliveries:
            await self._records.record_turn_delivery(self._plan, self._deliveries[0])
            del self._deliveries[0]
        if (ending := self._ending) is None:
            return False
        if self._rows or self._problems or self._deliveries:
            self._wake.set()
            return False
        if ending.talk is not None:
            await self._records.note_talk(call_id, ending.talk)
            ending.talk = None
        if ending.reason != "elsewhere":
            ago_s = asyncio.get_running_loop().time() - ending.at
            await self._records.finished(call_id, ending.reason, ago_s)
        return True
