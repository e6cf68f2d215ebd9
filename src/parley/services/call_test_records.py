"""What this server itself wrote down of a test call: the other half of its report."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from parley.domain.agents import AgentSnapshot
from parley.domain.call_tests import CallOrder, CallSeen
from parley.domain.calls import ENDED
from parley.domain.decisions import Decision
from parley.domain.errors import NotFound
from parley.providers.protocols import RingingCall
from parley.services.call_test_report import CallWritten
from parley.services.call_test_talk import stood_in
from parley.services.checks import Check, check
from parley.services.defaults import Clock
from parley.services.router import Router
from parley.storage import calls, diagnostics, numbers, webhooks
from parley.storage.database import Database
from parley.storage.tables import CallRow, DiagnosticRow

_WRITTEN_S = 8.0
_STEP_S = 0.1
_PLACED = "The call was made by this server to itself; no carrier was asked for anything, and it cost no call."


class CallTestRecords:
    """`router` explains a call that got no row."""

    def __init__(self, database: Database, router: Router, clock: Clock) -> None:
        self._database = database
        self._router = router
        self._clock = clock

    async def call(self, row: DiagnosticRow, order: CallOrder) -> CallRow | None:
        """The call's row; None for one that was declined."""
        async with self._database.read() as session:
            try:
                return await calls.get_by_carrier_id(session, row.project_id, order.carrier, order.carrier_call_id)
            except NotFound:
                return None

    async def written(self, row: DiagnosticRow, order: CallOrder) -> CallWritten | None:
        """The call as it is stored, once its session has written its last words, or has had the time for it."""
        call = await self.call(row, order)
        if call is None:
            return None
        events = 0
        for _ in range(round(_WRITTEN_S / _STEP_S)):
            async with self._database.read() as session:
                call = await calls.get(session, row.project_id, call.id)
                events = await diagnostics.events_of(session, row.project_id, call.id)
            if call.status in ENDED:
                break
            await asyncio.sleep(_STEP_S)
        return CallWritten(
            call_id=call.id,
            status=call.status,
            end_reason=call.end_reason,
            agent=msgspec.convert(call.snapshot, AgentSnapshot),
            problems=tuple(call.problems),
            lines=tuple((each.caller, each.agent) for each in call.transcripts),
            events=events,
        )

    async def decision(self, row: DiagnosticRow, order: CallOrder) -> Decision:
        """What was decided of the call; of one that has no row, what is decided now."""
        call = await self.call(row, order)
        if call is not None and call.routing:
            return msgspec.convert(call.routing, Decision)
        ringing = RingingCall(order.carrier_call_id, order.from_number, order.to_number)
        async with self._database.read() as session:
            number = await numbers.get_known(session, row.result["phone_number_id"])
            return await self._router.decide(session, number, ringing, self._clock())

    async def answerer(self, project_id: str, agent_id: str) -> Check:
        """Whether there is a webhook to ask for an agent that asks one."""
        async with self._database.read() as session:
            webhook = await webhooks.applying(session, project_id, agent_id)
        if webhook is not None and webhook.status == "active":
            return check("answerer", "passed", "The agent asks a webhook for its answers, and there is an active one.")
        detail = "The agent asks a webhook for its answers, and there is none that is active."
        return check("answerer", "failed", detail, "Set a webhook, or make the agent hosted.")


def told(seen: CallSeen, written: CallWritten | None, decision: Decision) -> dict[str, Any]:
    """What a report says besides its checks."""
    is_agent = written is not None and written.agent.id != "" and not stood_in(written, decision)
    is_hosted = written is not None and written.agent.voice_mode == "hosted"
    said = [msgspec.to_builtins(line) for line in seen.lines]
    return {
        "call_placed": seen.public is not None,
        "call_placed_reason": _PLACED,
        "call_id": written.call_id if written is not None else None,
        "agent_id": (written.agent.id if written is not None else decision.agent_id) or None,
        "answered_by": None if not is_agent else "model" if is_hosted else "webhook",
        "routing_applied": True,
        "routing": {"matched": decision.matched, "action": decision.action},
        "said": said if is_agent else [{**line, "reply_ms": None} for line in said],
        "spoken_by": seen.spoken_by or None,
        "recognised": [caller for caller, _ in written.lines if caller] if written is not None else [],
        "heard": seen.agent_words,
        "problems": list(written.problems) if written is not None else [],
        "is_cut_short": seen.is_cut_short,
    }
