"""Where calls are written down in tests of the live floor: in memory, and away when told to be."""

from __future__ import annotations

from typing import Any

from parley.conversation.measuring.talk import Talk
from parley.conversation.wishes import NoteTurn
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import ProviderUnavailable
from parley.domain.events import TurnDelivery


class MemoryRecords:
    """Keeps what was written in order; fails the next `failing` writes."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Any]] = []
        self.failing = 0

    async def connected(self, call_id: str) -> None:
        self._write("connected", call_id)

    async def note_turn(self, call_id: str, note: NoteTurn) -> None:
        self._write("turn", note)

    async def note_problem(self, call_id: str, code: str) -> None:
        self._write("problem", code)

    async def note_talk(self, call_id: str, talk: Talk) -> None:
        self._write("talk", talk)

    async def finished(self, call_id: str, reason: EndReason, ago_s: float = 0.0) -> None:
        self._write("finished", reason)

    async def record_turn_delivery(self, plan: CallPlan, delivery: TurnDelivery) -> None:
        self._write("delivery", delivery)

    async def end_at_carrier(self, call_id: str) -> None:
        self._write("ended_at_carrier", call_id)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.written]

    def _write(self, kind: str, what: object) -> None:
        if self.failing > 0:
            self.failing -= 1
            raise ProviderUnavailable("database", "The database is away.", retryable=True)
        self.written.append((kind, what))
