"""What is told about a call that was judged, in the transaction that writes the judgement down."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import analysis_events, events
from parley.domain.analysis_events import CALL_ANALYSED, Judged
from parley.services.announcements import Announcements
from parley.services.call_events import facts_of, subject_of
from parley.storage.tables import AnalysisRow, CallRow


class AnalysisEvents:
    """`wake` is for whoever has committed what was told."""

    def __init__(self, announcements: Announcements) -> None:
        self._announcements = announcements

    def wake(self) -> None:
        self._announcements.wake()

    async def analysed(self, session: AsyncSession, call: CallRow, found: AnalysisRow, at: datetime) -> None:
        """`call.analyzed`, and what subscriptions call it."""
        facts, subject, judged = facts_of(call), subject_of(call), _judged(found)
        told = analysis_events.call_analysed(facts, judged, at=at)
        if call.webhook_url is not None:
            told = events.with_flat_names(told, facts) | analysis_events.flat_names(judged)
        await self._announcements.tell_webhook(session, subject, CALL_ANALYSED, at, lambda limit: told)
        await self._announcements.tell_subscriptions(session, subject, at, analysis_events.flat(facts, judged, at))


def _judged(row: AnalysisRow) -> Judged:
    return Judged(
        analysis_id=row.id,
        summary=row.summary,
        resolution_status=row.resolution_status,
        satisfaction_score=row.satisfaction_score,
        topics=row.topics,
        fields=row.fields,
        criteria=row.criteria,
        metrics=row.metrics,
    )
