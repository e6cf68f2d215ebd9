"""What is learnt from a call: counted when it ends, judged later by a model, read and asked for again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.conversation.measuring import talk
from parley.conversation.measuring.measures import measured
from parley.domain import analysis
from parley.domain.analysis import Criterion, Line, Wanted
from parley.domain.calls import ENDED
from parley.domain.errors import Conflict
from parley.domain.ids import new_id
from parley.services.defaults import Clock, utc_now
from parley.storage import agents, analyses, calls
from parley.storage.database import Database
from parley.storage.tables import AnalysisRow, CallRow, TranscriptRow


class Analyses:
    """A foreign or unknown id is NotFound everywhere. `wake` is called when there is something new to judge."""

    def __init__(self, database: Database, clock: Clock = utc_now, wake: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake

    async def get(self, project_id: str, call_id: str) -> AnalysisRow:
        """As far as it has come. A call without one gets a row that is nowhere stored, with the reason and the counts
        of this moment."""
        async with self._database.read() as session:
            call = await calls.get(session, project_id, call_id)
            found = await analyses.find(session, project_id, call.id)
        return found or AnalysisRow(
            project_id=project_id,
            call_id=call.id,
            agent_id=call.agent_id,
            status="not_analysed",
            reason=reason_without(call),
            attempts=0,
            metrics=self._counted(call, call.transcripts),
        )

    async def again(self, project_id: str, call_id: str) -> AnalysisRow:
        """Have it judged now, whatever the agent's settings say of its calls in general; what was judged before is
        forgotten. One that waits to be judged just stays so.

        Raises Conflict for a call that is not over, was never answered, or was a test.
        """
        async with self._database.transaction() as session:
            seen = await calls.get(session, project_id, call_id)
            await agents.hold(session, project_id, seen.agent_id)
            call = await calls.get_known(session, seen.id, lock=True)
            if call.status not in ENDED or call.started_at is None or call.is_test:
                raise Conflict(reason_without(call))
            found = await analyses.find(session, project_id, call.id)
            if found is None or found.status != "pending":
                await self._put(session, call, is_enabled=True)
                found = await analyses.find(session, project_id, call.id)
        self._wake()
        assert found is not None, "it was written in this transaction"
        return found

    # ------------------------------------------------------------ in the transaction that ends a call

    async def begin(self, session: AsyncSession, call: CallRow) -> None:
        """Count what can be counted, and put the call in line to be judged if somebody wants that.

        A call that was never answered, and one the server placed itself to test something, has no analysis.
        """
        if call.started_at is not None and not call.is_test:
            await self._put(session, call)

    async def recount(self, session: AsyncSession, call: CallRow) -> None:
        """Something of an ended call was measured late, or elsewhere."""
        if call.status in ENDED:
            rows = await calls.transcript(session, call.id)
            await analyses.put_metrics(session, call.id, self._counted(call, rows))

    async def _put(self, session: AsyncSession, call: CallRow, **overrides: Any) -> None:
        rows = await calls.transcript(session, call.id)
        wishes = await analyses.agents_wishes(session, call.project_id, call.agent_id)
        wanted = msgspec.structs.replace(wanted_of(wishes, call.snapshot), **overrides)
        reason = wanted.reason_against if any(row.caller for row in rows) else analysis.NO_WORDS
        now = self._clock()
        values = {
            "id": new_id("ana"),
            "project_id": call.project_id,
            "call_id": call.id,
            "agent_id": call.agent_id,
            "status": "pending" if reason is None else "skipped",
            "reason": reason,
            "next_at": now,
            "metrics": self._counted(call, rows),
            "wanted": msgspec.to_builtins(wanted),
            "created_at": now,
            "finished_at": None if reason is None else now,
        }
        await analyses.put(session, values)

    def _counted(self, call: CallRow, rows: Sequence[TranscriptRow]) -> dict[str, Any]:
        lasted_s = _seconds(call.started_at, call.ended_at or self._clock())
        counted = measured(lasted_s, rows, talk.read(call.talk), call.snapshot.get("language", ""))
        found: dict[str, Any] = msgspec.to_builtins(counted)
        return found


def wanted_of(wishes: Mapping[str, Any], snapshot: Mapping[str, Any]) -> Wanted:
    """What the agent wants to be found out about a call that began with this snapshot of it."""
    named, own = wishes.get("model") or {}, snapshot.get("model") or {}
    provider = named.get("provider") or own.get("provider", "")
    is_own = provider == own.get("provider", "")
    return Wanted(
        is_enabled=wishes.get("enabled"),
        is_hosted=snapshot.get("voice_mode") == "hosted",
        fields=wishes.get("fields"),
        criteria=tuple(msgspec.convert(each, Criterion) for each in wishes.get("success_criteria") or ()),
        instructions=wishes.get("instructions") or "",
        provider=provider,
        model=named.get("model") or (own.get("model", "") if is_own else ""),
    )


def lines_of(rows: Sequence[TranscriptRow]) -> list[Line]:
    """What was heard, line by line, in order."""
    lines = []
    for row in rows:
        if row.caller:
            lines.append(Line("caller", row.caller))
        if row.agent:
            lines.append(Line("human" if row.is_human else "agent", row.agent, row.was_cut))
    return lines


def reason_without(call: CallRow) -> str:
    """Why this call has no analysis."""
    if call.is_test:
        return analysis.TEST_CALL
    if call.status not in ENDED:
        return analysis.NOT_ENDED
    return analysis.NOT_CONNECTED if call.started_at is None else analysis.NOT_ANALYSED


def _seconds(began: datetime | None, until: datetime) -> float:
    return max(0.0, (until - began).total_seconds()) if began is not None else 0.0
