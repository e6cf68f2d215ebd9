"""A number rings: the caller's row, and the first place the call goes to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import EndReason
from parley.domain.decisions import Decision, stored_decision
from parley.domain.errors import QuotaExceeded
from parley.domain.ids import new_id
from parley.providers.protocols import RingingCall
from parley.services.call_events import CallEvents
from parley.services.defaults import Clock, utc_now
from parley.services.drafts import test_marks
from parley.services.lanes import Lane, Lanes
from parley.services.limits import Limits
from parley.services.plans import Plans
from parley.services.stages import Stages
from parley.services.turns import Turns
from parley.storage import agents, calls, projects
from parley.storage.tables import CallRow, NumberRow


class Router(Protocol):
    """Who decides."""

    async def decide(self, session: AsyncSession, number: NumberRow, ringing: RingingCall, at: datetime) -> Decision:
        """Where this call goes at that moment, with why; everything is read in the caller's transaction."""
        ...


class Arrivals:
    """Everything happens in the caller's transaction. A caller who is turned away has a row too: a call that failed."""

    def __init__(
        self,
        router: Router,
        plans: Plans,
        lanes: Lanes,
        turns: Turns,
        stages: Stages,
        limits: Limits,
        events: CallEvents,
        clock: Clock = utc_now,
    ) -> None:
        self._router = router
        self._plans = plans
        self._lanes = lanes
        self._turns = turns
        self._stages = stages
        self._limits = limits
        self._events = events
        self._clock = clock

    async def receive(self, session: AsyncSession, number: NumberRow, ringing: RingingCall) -> CallRow:
        """A ringing call; the one that is recorded already if the carrier tells of it twice.

        It has ended where the caller is turned away. Raises NotFound for an id that only looks like a test call's.
        """
        known = await calls.find_by_carrier_id(session, number.project_id, number.provider, ringing.carrier_call_id)
        if known is not None:
            return known
        marks = await test_marks(session, number, ringing)
        decision = await self._router.decide(session, number, ringing, self._clock())
        lane = await self._lane(session, number, decision) if decision.action in ("agent", "queue") else None
        values = self._row(number, ringing) | marks
        call = await calls.insert_once(session, values)
        if call.id != values["id"]:
            return call
        call.routing = stored_decision(decision)
        refusal = await self._place(session, call, number, decision, lane)
        if refusal is not None:
            now = self._clock()
            call.status, call.end_reason, call.ended_at = "failed", refusal, now
            await self._events.declined(session, number, ringing.from_number, refusal, now)
        return call

    async def _place(
        self, session: AsyncSession, call: CallRow, number: NumberRow, decision: Decision, lane: Lane | None
    ) -> EndReason | None:
        """Lead the caller to where the decision says, or to what stands in for it. Why not, where neither is there."""
        if not call.is_test:
            try:
                await self._limits.take_caller(session, call.project_id)
            except QuotaExceeded:
                return "limit_reached"
        if lane is not None:
            return await self._join(session, call, decision, lane)
        if number.agent_id is not None:  # whoever speaks for the desk sounds like the agent callers know
            found = await agents.named(session, number.project_id, [number.agent_id])
            await self._stages.lend_voice(session, call, next(iter(found), None), is_its=False)
        if decision.action == "number":
            if not await self._turns.has_room(session, call.project_id, None, call_id=call.id):
                is_placed = await self._stages.fall_back(session, call, decision, "limit_reached")
                return None if is_placed else "limit_reached"
            self._stages.forward(call, decision.phone_number or "", self._clock())
        elif decision.action == "announcement":
            self._stages.announce(call, decision.text)
        elif decision.action == "reject":
            return "no_agent" if decision.matched == "fallback" else "rejected"
        elif not await self._is_routed(session, number):
            return "no_agent"
        else:
            await self._stages.take_message(session, call, _why_message(decision), decision.text)
        return None

    async def _lane(self, session: AsyncSession, number: NumberRow, decision: Decision) -> Lane:
        lane = await self._lanes.of(session, number, decision)
        if lane.agents or await self._is_routed(session, number):
            return lane
        return lane.with_its_agent()  # its greeting is heard, and then nothing, as it is documented

    async def _join(self, session: AsyncSession, call: CallRow, decision: Decision, lane: Lane) -> EndReason | None:
        if lane.agents:
            return None if await self._lanes.join(session, call, lane) else "limit_reached"
        await self._stages.lend_voice(session, call, lane.nearest, is_its=lane.queue_id is None)
        if lane.queue_id is not None:
            is_placed = await self._lanes.overflow(session, call, lane.settings.overflow)
        else:
            is_placed = await self._stages.fall_back(session, call, decision, "no_agent")
        return None if is_placed else "no_agent"

    async def _is_routed(self, session: AsyncSession, number: NumberRow) -> bool:
        """Whether anything was said of where calls go. A number that nobody set up takes no messages that nobody
        would look for."""
        return bool(number.routing) or bool((await projects.get(session, number.project_id)).routing)

    def _row(self, number: NumberRow, ringing: RingingCall) -> dict[str, Any]:
        return {
            "id": new_id("call"),
            "project_id": number.project_id,
            "direction": "inbound",
            "status": "ringing",
            "snapshot": msgspec.to_builtins(self._plans.house()),
            "created_at": self._clock(),
            "dialect": number.dialect,
            "carrier": number.provider,
            "carrier_call_id": ringing.carrier_call_id,
            "credential_id": number.credential_id,
            "number_id": number.id,
            "from_number": ringing.from_number,
            "to_number": number.phone_number,
        }


def _why_message(decision: Decision) -> str:
    """Why nobody answered, as a message shows it."""
    if decision.matched == "business_hours":
        return "closed"
    return "no_agent" if decision.matched == "fallback" else "rule"
