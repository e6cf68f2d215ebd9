"""Conversations held by phone: a call, seen as what was said in it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from parley.schemas.phone_conversations import STATUSES, ConversationQuery
from parley.services.analyses import reason_without
from parley.services.defaults import Clock, utc_now
from parley.storage import agents, analyses, calls, phone_conversations
from parley.storage.database import Database
from parley.storage.lookup import Slice
from parley.storage.tables import AnalysisRow, CallRow, TranscriptRow


class PhoneConversation(msgspec.Struct, frozen=True):
    """A call, how many exchanges it had, and whole seconds since it was answered (so far, while it runs).

    `analysis` is what was learnt from it, as far as it has come; None where none was begun, `unanalysed` says why.
    """

    call: CallRow
    turn_count: int
    duration_seconds: int
    analysis: AnalysisRow | None
    unanalysed: str


class PhoneConversations:
    """Its id is the call's. A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def get(self, project_id: str, call_id: str) -> PhoneConversation:
        async with self._database.read() as session:
            row = await calls.get(session, project_id, call_id)
            counts = await phone_conversations.exchange_counts(session, project_id, [row.id])
            found = await analyses.find(session, project_id, row.id)
        return self._seen(row, counts.get(row.id, 0), found)

    async def transcript(self, project_id: str, call_id: str) -> tuple[CallRow, list[TranscriptRow]]:
        """The call, and what was heard in it so far, in the order it was said."""
        async with self._database.read() as session:
            row = await calls.get(session, project_id, call_id)
        return row, row.transcripts

    async def list(self, project_id: str, query: ConversationQuery) -> tuple[list[PhoneConversation], Slice[CallRow]]:
        """One page, newest first, and the slice of calls it was made of. NotFound for a foreign agent."""
        asked = {"agent_id": query.agent_id, "direction": query.direction}
        conditions = {name: value for name, value in asked.items() if value is not None}
        statuses = STATUSES[query.status] if query.status is not None else None
        async with self._database.read() as session:
            if query.agent_id is not None:
                await agents.get(session, project_id, query.agent_id)
            page = await phone_conversations.list_after(
                session, project_id, conditions, statuses, query.after_id, query.count
            )
            ids = [row.id for row in page.rows]
            counts = await phone_conversations.exchange_counts(session, project_id, ids)
            found = await analyses.of_calls(session, project_id, ids)
        return [self._seen(row, counts.get(row.id, 0), found.get(row.id)) for row in page.rows], page

    def _seen(self, row: CallRow, turn_count: int, found: AnalysisRow | None) -> PhoneConversation:
        lasted_s = _seconds(row.started_at, row.ended_at or self._clock())
        return PhoneConversation(row, turn_count, lasted_s, found, reason_without(row))


def _seconds(began: datetime | None, until: datetime) -> int:
    return max(0, round((until - began).total_seconds())) if began is not None else 0
