"""What became of handing a caller to a human: kept on the call, and told where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import transfers
from parley.domain.transfers import Told, Transfer, TransferOutcome
from parley.providers.protocols import ForwardOutcome
from parley.services.call_events import CallEvents
from parley.storage.tables import CallRow

_FAILURES: dict[str, TransferOutcome] = {"busy": "busy", "no_answer": "no_answer"}


def begin(call: CallRow, to_number: str, at: datetime, whispers: Sequence[Told] = ()) -> None:
    """A human's phone is about to ring."""
    entry = Transfer(to=to_number, at=at, whispers=tuple(whispers))
    call.transfers = transfers.stored([*transfers.read(call.transfers), entry])


def is_back(call: CallRow) -> bool:
    """Whether the caller comes from a transfer that came to nothing, and the agent does not know it yet."""
    known = transfers.read(call.transfers)
    return bool(known) and known[-1].is_news


def take_news(call: CallRow) -> bool:
    """The same, once: from now on the agent knows."""
    known = transfers.read(call.transfers)
    if not known or not known[-1].is_news:
        return False
    _replace(call, known, transfers.heard(known[-1]))
    return True


class TransferLog:
    """Everything happens in the caller's transaction, which holds the call. The first outcome to arrive stays."""

    def __init__(self, events: CallEvents) -> None:
        self._events = events

    async def answered(self, session: AsyncSession, call: CallRow, at: datetime) -> None:
        """The human took the call: it is told at once, however long they speak."""
        last = _ringing(call)
        if last is not None:
            _replace(call, transfers.read(call.transfers), transfers.answered(last, at))
            await self._events.transferred(session, call, at)

    async def unanswered(
        self, session: AsyncSession, call: CallRow, outcome: ForwardOutcome, at: datetime, *, comes_back: bool
    ) -> None:
        """Nobody did. `comes_back`: the caller goes on with the agent."""
        last = _ringing(call)
        if last is not None:
            became = "canceled" if outcome.is_caller_gone else _FAILURES.get(outcome.failure or "", "failed")
            await self._failed(session, call, transfers.unanswered(last, became, at, comes_back=comes_back), at)

    async def over(self, session: AsyncSession, call: CallRow, at: datetime, talked_s: int | None = None) -> None:
        """The call is over; whoever still rings was waited for in vain."""
        known = transfers.read(call.transfers)
        if not known:
            return
        last = transfers.over(known[-1], at, talked_s)
        if last.outcome != known[-1].outcome:
            await self._failed(session, call, last, at)
        else:
            _replace(call, known, last)

    async def _failed(self, session: AsyncSession, call: CallRow, last: Transfer, at: datetime) -> None:
        _replace(call, transfers.read(call.transfers), last)
        await self._events.transfer_failed(session, call, at)


def _ringing(call: CallRow) -> Transfer | None:
    known = transfers.read(call.transfers)
    return known[-1] if known and known[-1].outcome == "ringing" else None


def _replace(call: CallRow, known: Sequence[Transfer], last: Transfer) -> None:
    call.transfers = transfers.stored([*known[:-1], last])
