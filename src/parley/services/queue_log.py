"""What becomes of a place in a queue: written, and told of, in the transaction that changes the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import desk_events, flat_events
from parley.domain.queueing import (
    CALLBACK_AFTER_S,
    CALLBACK_ATTEMPTS,
    CALLBACK_LIFE_S,
    CALLBACK_PAUSES_S,
    Left,
    QueueSettings,
)
from parley.services.announcements import Announcements
from parley.services.call_events import facts_of, subject_of
from parley.storage import calls, queues
from parley.storage.tables import CallRow, QueueEntryRow

ENTRY_KEY = "queueEntryId"
"""Under this name the metadata of a call back says which place it is made for."""
STAYED_FOR = timedelta(seconds=30)
"""No goodbye takes so much longer than it should."""


def _nobody() -> None:
    """Nobody waits."""


class QueueLog:
    """`wake` is set by whoever gives the free places away; it is rung when a call has ended."""

    def __init__(self, announcements: Announcements) -> None:
        self._announcements = announcements
        self.wake: Callable[[], None] = _nobody

    async def connected(self, session: AsyncSession, call: CallRow, at: datetime) -> None:
        """The call was answered: a caller who waits hears the music from now on; a call back has reached its caller."""
        if _waits(call):
            entry = await queues.open_of_call(session, call.id)
            if entry is not None:
                await self._entered(session, call, entry, at)
        elif (entry := await self._called_back(session, call)) is not None:
            await self.leave(session, entry, "called_back", at, agent_id=call.agent_id)

    async def ended(self, session: AsyncSession, call: CallRow, at: datetime) -> None:
        """The call is over: who waited in it is gone. A call back that nobody answered is made again, some times."""
        call.is_handed_on = False
        if _waits(call):
            entry = await queues.open_of_call(session, call.id)
            if entry is not None:
                await self.leave(session, entry, "abandoned", at, call=call)
        elif call.started_at is None and (entry := await self._called_back(session, call)) is not None:
            await self.not_reached(session, entry, at)

    async def promise(self, session: AsyncSession, call: CallRow, entry: QueueEntryRow, at: datetime) -> None:
        """The caller hangs up and keeps the place."""
        entry.status, entry.held_until = "callback", None
        entry.due_at = at + timedelta(seconds=CALLBACK_AFTER_S)
        entry.overflows_at = at + timedelta(seconds=CALLBACK_LIFE_S)
        told = desk_events.callback_requested(facts_of(call), _wait(entry), at=at)
        await self._announcements.tell_webhook(
            session, subject_of(call), desk_events.CALLBACK_REQUESTED, at, lambda limit: told
        )

    async def keep(self, session: AsyncSession, call_ids: Sequence[str], now: datetime, until: datetime) -> None:
        """Renew the places of those who hear the music here.

        Who was promised a call back and is on the line long after the goodbye was told that it is impossible, because
        it was not known in time that it is: they wait on.
        """
        for entry in await queues.promised_before(session, call_ids, now - STAYED_FOR):
            settings = msgspec.convert(entry.settings, QueueSettings)
            entry.status, entry.due_at = "waiting", None
            entry.overflows_at = entry.entered_at + timedelta(seconds=settings.max_wait_s)
        await session.flush()
        await queues.renew(session, call_ids, until)

    async def not_reached(self, session: AsyncSession, entry: QueueEntryRow, at: datetime) -> None:
        """The caller did not answer the call back: the place is kept for another attempt, if one is left."""
        if entry.attempts >= CALLBACK_ATTEMPTS:
            await self.leave(session, entry, "overflowed", at)
            return
        entry.callback_call_id = None
        entry.due_at = at + timedelta(seconds=CALLBACK_PAUSES_S[min(entry.attempts, len(CALLBACK_PAUSES_S)) - 1])

    async def leave(
        self,
        session: AsyncSession,
        entry: QueueEntryRow,
        how: Left,
        at: datetime,
        *,
        agent_id: str | None = None,
        call: CallRow | None = None,
    ) -> None:
        """Nobody waits there any more. It is told to those who were told that somebody entered."""
        entry.status, entry.left_at, entry.agent_id = how, at, agent_id
        call = call or await calls.get_known(session, entry.call_id)
        if call.started_at is None:
            return
        told = desk_events.queue_left(
            facts_of(call), _wait(entry), how=how, agent_id=agent_id, at=at, attempts=entry.attempts
        )
        await self._announcements.tell_webhook(
            session, subject_of(call), desk_events.QUEUE_LEFT, at, lambda limit: told
        )

    async def _entered(self, session: AsyncSession, call: CallRow, entry: QueueEntryRow, at: datetime) -> None:
        position = await queues.position_of(session, entry)
        facts, subject = facts_of(call), subject_of(call)
        told = desk_events.queue_entered(facts, _wait(entry), position=position, at=at)
        await self._announcements.tell_webhook(session, subject, desk_events.QUEUE_ENTERED, at, lambda limit: told)
        await self._announcements.tell_subscriptions(
            session, subject, at, flat_events.waits(facts, at, entry.queue_id, position)
        )

    async def _called_back(self, session: AsyncSession, call: CallRow) -> QueueEntryRow | None:
        """The place this call was made for. Only calls that say so are looked up, and only true ones are found."""
        if call.direction != "outbound" or ENTRY_KEY not in (call.call_metadata or {}):
            return None
        return await queues.called_back_by(session, call.id)


def _waits(call: CallRow) -> bool:
    return call.stage is not None and call.stage.get("type") == "waiting"


def _wait(entry: QueueEntryRow) -> desk_events.Wait:
    return desk_events.Wait(
        entry_id=entry.id,
        queue_id=entry.queue_id,
        priority=entry.priority,
        agent_ids=tuple(entry.agent_ids),
        entered_at=entry.entered_at,
    )
