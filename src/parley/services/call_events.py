"""What is told about a call, to its webhook and to subscriptions, in the transaction that changes its row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import events, flat_events, transfer_events, transfers
from parley.domain.events import CallFacts
from parley.services.announcements import Announcements, Subject
from parley.services.recordings import Recordings
from parley.storage import calls
from parley.storage.tables import CallRow, NumberRow, TranscriptRow


class CallEvents:
    """Everything happens in the caller's transaction; `announcements.wake` is the caller's to ring afterwards."""

    def __init__(self, announcements: Announcements, recordings: Recordings) -> None:
        self._announcements = announcements
        self._recordings = recordings

    async def connected(self, session: AsyncSession, call: CallRow, at: datetime) -> None:
        """`call.started`, and what subscriptions call it."""
        facts, subject = facts_of(call), subject_of(call)
        told = _told(call, facts, events.call_started(facts, at=at))
        await self._announcements.tell_webhook(session, subject, events.CALL_STARTED, at, lambda limit: told)
        await self._announcements.tell_subscriptions(session, subject, at, flat_events.connected(facts, at))

    async def over(self, session: AsyncSession, call: CallRow, at: datetime) -> None:
        """`call.ended` with the transcript, and what subscriptions call it."""
        await self._recordings.link(session, [call])
        facts, subject = facts_of(call), subject_of(call)
        rows = [_event_row(row) for row in await calls.transcript(session, call.id)]
        await self._announcements.tell_webhook(
            session,
            subject,
            events.CALL_ENDED,
            at,
            lambda limit: _told(call, facts, events.call_ended(facts, rows, at=at, context_limit=limit)),
        )
        await self._announcements.tell_subscriptions(session, subject, at, flat_events.over(facts, at))

    async def transferred(self, session: AsyncSession, call: CallRow, at: datetime) -> None:
        """`call.transferred`: a human took the call, and what subscriptions call it."""
        facts = facts_of(call)
        flat = flat_events.transferred(facts, facts.transfers[-1], at)
        await self._tell_transfer(session, call, transfer_events.call_transferred(facts, at=at), flat, at)

    async def transfer_failed(self, session: AsyncSession, call: CallRow, at: datetime) -> None:
        """`call.transfer_failed`: nobody did, and why."""
        facts = facts_of(call)
        flat = flat_events.transfer_failed(facts, facts.transfers[-1], at)
        await self._tell_transfer(session, call, transfer_events.transfer_failed(facts, at=at), flat, at)

    async def _tell_transfer(
        self, session: AsyncSession, call: CallRow, event: events.Payload, flat: Sequence[events.Payload], at: datetime
    ) -> None:
        subject, told = subject_of(call), _told(call, facts_of(call), event)
        await self._announcements.tell_webhook(session, subject, event["event"], at, lambda limit: told)
        await self._announcements.tell_subscriptions(session, subject, at, flat)

    async def declined(
        self, session: AsyncSession, number: NumberRow, from_number: str, reason: str, at: datetime
    ) -> None:
        """A caller was turned away before there was a call; only subscriptions have a name for it."""
        subject = Subject(project_id=number.project_id, agent_id=number.agent_id, channel="voice")
        told = flat_events.declined(number.phone_number, from_number, number.agent_id, reason, at)
        await self._announcements.tell_subscriptions(session, subject, at, told)


def _told(call: CallRow, facts: CallFacts, payload: events.Payload) -> events.Payload:
    return payload if call.webhook_url is None else events.with_flat_names(payload, facts)


def subject_of(call: CallRow) -> Subject:
    """Whom its events are about; a caller whom no agent holds is nobody's but the project's."""
    return Subject(
        project_id=call.project_id,
        agent_id=call.snapshot.get("id") or None,
        channel="voice",
        call_id=call.id,
        own_url=call.webhook_url,
    )


def facts_of(call: CallRow) -> CallFacts:
    """The call as events show it."""
    return CallFacts(
        call_id=call.id,
        agent_id=call.snapshot.get("id") or None,
        number_id=call.number_id,
        phone_number=call.phone_number,
        from_number=call.from_number,
        to_number=call.to_number,
        direction=call.direction,
        status=call.status,
        started_at=call.started_at,
        ended_at=call.ended_at,
        duration_s=call.duration_seconds,
        end_reason=call.end_reason,
        recording_url=call.recording_url,
        recording_available=call.recording_available,
        is_test=call.is_test,
        transfers=tuple(transfers.read(call.transfers)),
    )


def _event_row(row: TranscriptRow) -> events.TranscriptRow:
    return events.TranscriptRow(
        id=row.id, caller=row.caller, agent=row.agent, confidence=row.confidence, created_at=row.created_at
    )
