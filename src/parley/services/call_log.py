"""What a live session writes down about its call, and what it asks of the carrier. The one writer of a status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.conversation.measuring.talk import Talk
from parley.conversation.wishes import NoteTurn
from parley.domain.calls import ENDED, CallPlan, CallStatus, EndReason, may_advance
from parley.domain.events import TurnDelivery
from parley.domain.ids import new_id
from parley.domain.stages import Forwarding
from parley.providers.protocols import CallReport, Carrier, ForwardOutcome
from parley.services.accounts import CarrierAccounts
from parley.services.analyses import Analyses
from parley.services.announcements import Announcements
from parley.services.call_events import CallEvents
from parley.services.defaults import Clock, utc_now
from parley.services.plans import stage_of
from parley.services.queue_log import QueueLog
from parley.services.recordings import Recordings
from parley.services.transfers import TransferLog
from parley.storage import agents, calls, deliveries
from parley.storage.database import Database
from parley.storage.tables import CallRow

_SNIPPET_CHARS = 160
# A call that connected and ended like this was not what anybody wanted.
_FAULTS: frozenset[EndReason] = frozenset({"carrier_failed", "media_lost", "provider_failed"})


class CallLog:
    """Satisfies what `live` declares as its call records. Everything is idempotent: the first end to arrive stays."""

    def __init__(
        self,
        database: Database,
        announcements: Announcements,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        recordings: Recordings,
        queue_log: QueueLog,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._events = CallEvents(announcements, recordings)
        self._transfers = TransferLog(self._events)
        self._analyses = Analyses(database, clock)
        self._queue_log = queue_log
        self.recordings = recordings
        self._accounts = accounts
        self._carriers = carriers
        self._clock = clock

    def wake(self) -> None:
        """Something was written elsewhere that is to be told, and that may give somebody a turn."""
        self._announcements.wake()
        self._queue_log.wake()

    # ------------------------------------------------------------ how the call moves

    async def ringing(self, call_id: str) -> None:
        async with self._database.transaction() as session:
            call = await self._locked(session, call_id)
            await self._write_status(session, call, "ringing", self._clock())

    async def connected(self, call_id: str) -> None:
        """Status in-progress, the start time and `call.started`, in one transaction."""
        async with self._database.transaction() as session:
            call = await self._locked(session, call_id)
            await self._write_status(session, call, "in-progress", self._clock())
        self.wake()

    async def finished(self, call_id: str, reason: EndReason, ago_s: float = 0.0) -> None:
        """Status completed or failed, the end's time and reason, `call.ended` with the transcript: one transaction.

        The end was `ago_s` before now. A call that never connected has failed, whatever the reason. One that did
        connect was answered: whoever says it was not has waited for a phone that is connected to another replica.
        """
        async with self._database.transaction() as session:
            call = await self._locked(session, call_id)
            if reason == "no_answer" and call.started_at is not None:
                return
            is_good = call.started_at is not None and reason not in _FAULTS
            at = max(self._clock() - timedelta(seconds=ago_s), call.began_at)
            await self._write_status(session, call, "completed" if is_good else "failed", at, reason)
        self.wake()

    async def put_through(self, call_id: str) -> None:
        """The human whose number was rung answered: from now on, at the latest, the call is connected."""
        async with self._database.transaction() as session:
            call = await self._locked(session, call_id)
            stage = stage_of(call)
            if isinstance(stage, Forwarding):
                call.stage = msgspec.to_builtins(msgspec.structs.replace(stage, is_answered=True))
                await self._write_status(session, call, "in-progress", self._clock())
                await self._transfers.answered(session, call, self._clock())
        self.wake()

    async def unanswered(self, call_id: str, outcome: ForwardOutcome) -> None:
        """The human whose number was rung did not answer, and the caller is still there."""
        async with self._database.transaction() as session:
            call = await self._locked(session, call_id)
            stage = stage_of(call)
            if isinstance(stage, Forwarding):
                comes_back = stage.returns_to_agent
                await self._transfers.unanswered(session, call, outcome, self._clock(), comes_back=comes_back)
        self._announcements.wake()

    async def forwarded(self, call_id: str, outcome: ForwardOutcome) -> None:
        """The end of a call that was forwarded to a human: they have spoken, or nothing follows their not answering."""
        now = self._clock()
        async with self._database.transaction() as session:
            call = await self._locked(session, call_id)
            if outcome.failure is None:
                began = max(now - timedelta(seconds=outcome.talked_s or 0), call.created_at)
                await self._write_status(session, call, "in-progress", began)
                await self._transfers.answered(session, call, began)
                await self._transfers.over(session, call, now, outcome.talked_s)
                await self._write_status(session, call, "completed", now, "transferred")
            else:
                await self._transfers.unanswered(session, call, outcome, now, comes_back=False)
                reason = "caller_hangup" if outcome.is_caller_gone else outcome.failure
                status: CallStatus = "completed" if call.started_at is not None else "failed"
                await self._write_status(session, call, status, now, reason)
        self.wake()

    async def closed_by_carrier(self, call_id: str, report: CallReport) -> None:
        """The end of a call that no session holds. A completed call did connect, though that report may be lost."""
        now = self._clock()
        async with self._database.transaction() as session:
            call = await self._locked(session, call_id)
            if report.status == "completed":
                began = max(now - timedelta(seconds=report.duration_s or 0), call.created_at)
                reason: EndReason = "transferred" if _is_with_human(call) else "caller_hangup"
                await self._write_status(session, call, "in-progress", began)
                if reason == "transferred":
                    await self._transfers.answered(session, call, began)
                await self._write_status(session, call, "completed", now, report.reason or reason)
            else:
                await self._write_status(session, call, "failed", now, report.reason or "carrier_failed")
        self.wake()

    async def _locked(self, session: AsyncSession, call_id: str) -> CallRow:
        """The call, behind its agent: whoever deletes an agent locks its webhook before its calls, and the event of a
        call needs that webhook too."""
        known = await calls.get_known(session, call_id)
        await agents.hold(session, known.project_id, known.agent_id)
        return await calls.get_known(session, call_id, lock=True)

    async def _write_status(
        self, session: AsyncSession, call: CallRow, status: CallStatus, at: datetime, reason: EndReason | None = None
    ) -> None:
        """The one place where a stored call's status changes: forward only, together with the event it causes."""
        if not may_advance(call.status, status):
            return
        call.status = status
        if status == "in-progress":
            call.started_at = at
            await self._events.connected(session, call, at)
            await self._queue_log.connected(session, call, at)
        elif status in ENDED:
            call.ended_at, call.end_reason = at, reason
            await self._transfers.over(session, call, at)
            await self._queue_log.ended(session, call, at)
            await self._events.over(session, call, at)
            await self._analyses.begin(session, call)

    # ------------------------------------------------------------ what is written beside it

    async def note_turn(self, call_id: str, turn: NoteTurn) -> None:
        """Write or replace transcript row (call, turn.row)."""
        async with self._database.transaction() as session:
            call = await calls.get_known(session, call_id)
            values = {
                "id": new_id("tr"),
                "project_id": call.project_id,
                "call_id": call_id,
                "row": turn.row,
                "at_s": turn.at_s,
                "caller": _storable(turn.caller),
                "agent": None if turn.agent is None else _storable(turn.agent),
                "was_cut": turn.was_cut,
                "confidence": turn.confidence,
                "intended": _storable(turn.intended),
                "latencies": msgspec.to_builtins(turn.latencies),
                "is_human": turn.speaker == "human",
                "created_at": self._clock(),
            }
            await calls.put_transcript(session, values)
            latest = turn.agent or turn.caller
            if latest:
                await calls.put_snippet(session, call_id, _storable(latest)[:_SNIPPET_CHARS])

    async def note_problem(self, call_id: str, code: str) -> None:
        """Append to the call's problems."""
        async with self._database.transaction() as session:
            await calls.add_problem(session, call_id, code, new_id("prob"), self._clock())

    async def note_talk(self, call_id: str, talk: Talk) -> None:
        """Keep what a session measured of the call; each session of a call measures its own part."""
        async with self._database.transaction() as session:
            await calls.put_talk(session, call_id, f"{talk.from_s:.3f}", msgspec.to_builtins(talk))
            await self._analyses.recount(session, await calls.get_known(session, call_id))

    async def record_turn_delivery(self, plan: CallPlan, delivery: TurnDelivery) -> None:
        """Keep how a voice turn's webhook request went, beside the events' deliveries; it is never sent again.

        One that was given up, since nobody wanted the answer any more, says nothing against the webhook.
        """
        if plan.webhook is None:
            return
        values = {
            "id": delivery.delivery_id,
            "project_id": plan.project_id,
            "target": plan.webhook.kind,
            "webhook_id": plan.webhook.webhook_id or None,
            "agent_id": plan.agent.id,
            "call_id": plan.call_id,
            "event_type": delivery.event_type,
            "channel": "voice",
            "url": plan.webhook.url,
            "status": "failed" if delivery.error not in (None, "canceled") else "success",
            "attempts": 1,
            "http_status": delivery.http_status,
            "error_message": delivery.error,
            "response_ms": delivery.response_ms,
            "last_attempt_at": delivery.sent_at,
            "created_at": delivery.sent_at,
        }
        async with self._database.transaction() as session:
            await deliveries.add_once(session, values)

    # ------------------------------------------------------------ at the carrier

    async def end_at_carrier(self, call_id: str) -> None:
        """Hang up at the carrier; a call it never had, a test too, needs nothing. Raises CarrierRefused or
        ProviderUnavailable."""
        call = await self._read(call_id)
        if call.carrier_call_id is not None and not call.is_test:
            carrier, account = await self._accounts.for_call(call_id)
            await self._carriers[carrier].end(account, call.carrier_call_id)

    async def _read(self, call_id: str) -> CallRow:
        async with self._database.read() as session:
            return await calls.get_known(session, call_id)


def _is_with_human(call: CallRow) -> bool:
    """Whether its caller speaks with a human. A call that was not connected before has found nobody else."""
    stage = stage_of(call)
    return isinstance(stage, Forwarding) and (stage.is_answered or call.started_at is None)


def _storable(text: str) -> str:
    """Recognisers and models may send what Postgres cannot keep: NUL and lone surrogates go."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()
