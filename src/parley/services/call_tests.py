"""Test calls: a true call through this server's own doors to any number of a project, with a scripted caller.

The call is announced first, under an id nobody can guess, so that the webhook knows it for a test on whichever replica
it arrives. It runs beside the request that asked for it and is kept; who does not wait for its end can read it later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.call_tests import LONGEST_S, CallOrder, CallSeen
from parley.domain.calls import CallPlan
from parley.domain.errors import Draining, NotFound, TooManyRequests
from parley.domain.phone_numbers import normalise
from parley.schemas.diagnostics import CallTestCreate
from parley.services.accounts import CarrierAccounts
from parley.services.call_test_orders import KIND, CallTestOrders
from parley.services.call_test_records import CallTestRecords, told
from parley.services.call_test_report import way_to_agent
from parley.services.call_test_talk import conversation
from parley.services.checks import Check, check, verdict
from parley.services.defaults import Clock, utc_now
from parley.services.hooks import Hooks
from parley.services.plans import Plans
from parley.services.router import Router
from parley.storage import diagnostics, numbers
from parley.storage.database import Database
from parley.storage.tables import DiagnosticRow, NumberRow

log = structlog.get_logger()

MOST_AT_ONCE = 3
_AROUND_S = 45.0
"""What a test may take besides its conversation: a webhook that is waited for, a hang-up, the last rows."""
_OVER_AFTER = timedelta(seconds=LONGEST_S + _AROUND_S + 15)
_RETRY_AFTER_S = 10
_CUT_OFF = "The server that made this test stopped before it was done. Test again."


class CallTester(Protocol):
    """Makes test calls as carriers do. `carriers` are those whose ways it knows."""

    @property
    def carriers(self) -> Collection[str]: ...

    async def call(self, order: CallOrder, plan: Callable[[], Awaitable[CallPlan | None]], seen: CallSeen) -> None:
        """Make the call and write into `seen` what is met; over soon after the order's duration."""
        ...


class CallTests:
    """A foreign or unknown id is NotFound everywhere. `has_public_url`: the operator set an address for carriers."""

    def __init__(
        self,
        database: Database,
        accounts: CarrierAccounts,
        hooks: Hooks,
        plans: Plans,
        router: Router,
        tester: CallTester,
        *,
        has_public_url: bool,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._orders = CallTestOrders(accounts, hooks, tester.carriers, clock)
        self._records = CallTestRecords(database, router, clock)
        self._plans = plans
        self._tester = tester
        self._has_public_url = has_public_url
        self._clock = clock
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Be the parent of all running tests until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    async def start(self, project_id: str, wanted: CallTestCreate) -> DiagnosticRow:
        """Test a number, and wait for the end as long as was asked; a test that goes on is `running`.

        Raises NotFound for a number that is not this project's, TooManyRequests while the number is tested already or
        too many others are, Draining.
        """
        if self._tasks is None:
            raise Draining("This server is stopping and takes no new calls; try again in a moment.")
        phone = normalise(wanted.phone_number, "phoneNumber")
        async with self._database.transaction() as session:
            number = await numbers.active_by_phone(session, phone)
            if number is None or number.project_id != project_id:
                raise NotFound("This phone number is not registered in this project. Import it first, then test it.")
            number = await numbers.get(session, project_id, number.id, lock=True)
            await self._require_room(session, number)
            account, checks = await self._orders.looked(session, number)
            row = self._orders.row(number, wanted, checks)
            order = await self._orders.order(session, number, account, row, wanted) if account is not None else None
            await diagnostics.add(session, row)
        if order is None:
            await self._finish(row, checks, {"call_placed_reason": "No call could be made. The checks say why."})
        else:
            testing = self._tasks.create_task(self._test(row, order, checks))
            await asyncio.wait((testing,), timeout=wanted.wait_seconds)
        return await self.get(project_id, row.id)

    async def get(self, project_id: str, test_id: str) -> DiagnosticRow:
        """A test with what is known of it by now. One that its server left behind has failed."""
        async with self._database.read() as session:
            row = await diagnostics.get(session, project_id, KIND, test_id)
            session.expunge(row)
        if row.result["status"] == "running" and row.created_at < self._clock() - _OVER_AFTER:
            row.result = {**row.result, "status": "failed", "call_placed_reason": _CUT_OFF}
        return row

    # ------------------------------------------------------------ before the call

    async def _require_room(self, session: AsyncSession, number: NumberRow) -> None:
        running = await diagnostics.running(session, number.project_id, self._clock() - _OVER_AFTER)
        for each in running:
            if each.result["phone_number_id"] == number.id:
                detail = f"This number is being tested already; read the test {each.id}, or wait."
                raise TooManyRequests(detail, _RETRY_AFTER_S)
        if len(running) >= MOST_AT_ONCE:
            raise TooManyRequests(f"{len(running)} tests of this project are running; wait for one.", _RETRY_AFTER_S)

    # ------------------------------------------------------------ the call

    async def _test(self, row: DiagnosticRow, order: CallOrder, checks: list[Check]) -> None:
        seen, trouble = CallSeen(), ""
        try:
            async with asyncio.timeout(order.duration_s + _AROUND_S):
                await self._tester.call(order, lambda: self._plan(row, order), seen)
        except TimeoutError:
            trouble = "The call did not end in time."
        except Exception:  # The edge of one test: a bug in it must not end the calls beside it.
            log.exception("call_test_failed", test_id=row.id)
            trouble = "The test itself failed. Look at this server's log."
        await self._conclude(row, order, checks, seen, trouble)

    async def _plan(self, row: DiagnosticRow, order: CallOrder) -> CallPlan | None:
        call = await self._records.call(row, order)
        return await self._plans.for_call(call) if call is not None else None

    async def _conclude(
        self, row: DiagnosticRow, order: CallOrder, checks: list[Check], seen: CallSeen, trouble: str
    ) -> None:
        written = await self._records.written(row, order)
        decision = await self._records.decision(row, order)
        found = [
            *checks,
            *way_to_agent(seen, written, decision, has_public_url=self._has_public_url),
            *conversation(seen, written, decision),
        ]
        if trouble:
            found.append(check("test", "failed", trouble, "Test again."))
        agent = written.agent if written is not None else None
        if agent is not None and agent.id and agent.voice_mode == "webhook":
            found.append(await self._records.answerer(row.project_id, agent.id))
        await self._finish(row, found, told(seen, written, decision))

    async def _finish(self, row: DiagnosticRow, checks: list[Check], more: dict[str, Any]) -> None:
        result = {**row.result, "status": verdict(checks), "checks": checks, **more}
        async with self._database.transaction() as session:
            await diagnostics.finish(session, row.id, result)
