"""What a test call is made of before it is made: the account to sign with, and what the carrier would ask."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.call_tests import DEFAULT_SCRIPT, LONGEST_S, PREFIX, CallOrder
from parley.domain.carriers import CarrierAccount
from parley.domain.errors import BadInput
from parley.domain.ids import new_id
from parley.domain.phone_numbers import normalise
from parley.domain.samples import THEIR_NUMBER
from parley.schemas.diagnostics import CallTestCreate
from parley.services.accounts import CarrierAccounts
from parley.services.checks import Check, check
from parley.services.defaults import Clock
from parley.services.hooks import Hooks
from parley.storage import agents
from parley.storage.tables import DiagnosticRow, NumberRow

KIND = "test_call"
_GREETING_S, _NO_GREETING_S = 8.0, 2.0


class CallTestOrders:
    """`carriers` are those whose ways can be imitated. Everything happens in the caller's transaction."""

    def __init__(self, accounts: CarrierAccounts, hooks: Hooks, carriers: Collection[str], clock: Clock) -> None:
        self._accounts = accounts
        self._hooks = hooks
        self._carriers = frozenset(carriers)
        self._clock = clock

    async def looked(self, session: AsyncSession, number: NumberRow) -> tuple[CarrierAccount | None, list[Check]]:
        """The account to sign with, if there is one, and what is set up at all."""
        checks = [_connection(number)]
        if number.provider not in self._carriers:
            detail = f"Calls of the carrier `{number.provider}` cannot be imitated."
            return None, [*checks, check("account", "not_tested", detail)]
        try:
            account, _ = await self._accounts.of_number(session, number)
        except BadInput as missing:
            fix = "Create a credential for the carrier with its account id, or give the server an account."
            return None, [*checks, check("account", "failed", missing.message, fix)]
        detail = "There is an account to tell the carrier's reports of calls from others."
        return account, [*checks, check("account", "passed", detail)]

    def row(self, number: NumberRow, wanted: CallTestCreate, checks: list[Check]) -> DiagnosticRow:
        """A running test, announced under a new id."""
        result: dict[str, Any] = {
            "test_type": wanted.test_type,
            "phone_number": number.phone_number,
            "phone_number_id": number.id,
            "duration_seconds": wanted.duration_seconds,
            "status": "running",
            "checks": checks,
            "agent_id": number.agent_id,
            "call_placed_reason": "The call is being made.",
        }
        request = {**wanted.model_dump(), "carrier_call_id": f"{PREFIX}{secrets.token_hex(16)}"}
        return DiagnosticRow(
            id=new_id("diag"),
            project_id=number.project_id,
            kind=KIND,
            request=request,
            result=result,
            created_at=self._clock(),
        )

    async def order(
        self,
        session: AsyncSession,
        number: NumberRow,
        account: CarrierAccount,
        row: DiagnosticRow,
        wanted: CallTestCreate,
    ) -> CallOrder:
        """Raises BadInput for a caller's number that is none."""
        hooks = self._hooks.number(number.provider, number.id)
        agent = await agents.get(session, number.project_id, number.agent_id) if number.agent_id else None
        speaks_first = agent is None or bool(agent.begin_message)
        return CallOrder(
            carrier=number.provider,
            carrier_call_id=row.request["carrier_call_id"],
            account=account,
            voice_url=hooks.voice_url,
            status_url=hooks.status_url,
            from_number=normalise(wanted.from_number, "fromNumber") if wanted.from_number else THEIR_NUMBER,
            to_number=number.phone_number,
            script=tuple(wanted.script or DEFAULT_SCRIPT),
            duration_s=min(float(wanted.duration_seconds), LONGEST_S),
            greeting_wait_s=_GREETING_S if speaks_first else _NO_GREETING_S,
        )


def _connection(number: NumberRow) -> Check:
    if number.is_connected:
        return check("connection", "passed", "The carrier was told to bring this number's calls here.")
    detail = number.connection_note or "No call reaches this number."
    return check("connection", "failed", detail, "Do what the number's connection note says, then import it again.")
