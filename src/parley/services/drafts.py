"""A call's first row: who calls whom from which number, as which agent, through which account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.agents import AgentSnapshot
from parley.domain.call_tests import looks_announced
from parley.domain.calls import Direction
from parley.domain.errors import BadInput, Conflict, NotFound
from parley.domain.ids import new_id
from parley.domain.phone_numbers import normalise, require_dialable
from parley.providers.protocols import Carrier, RingingCall
from parley.schemas.base import Wire
from parley.schemas.calls import CallCreate
from parley.services.accounts import CarrierAccounts
from parley.services.defaults import Clock
from parley.services.limits import Limits
from parley.services.plans import Overrides, Plans
from parley.storage import agents, diagnostics, numbers
from parley.storage.tables import AgentRow, CallRow, NumberRow


class CallDrafts:
    """Everything happens in the caller's transaction."""

    def __init__(
        self, plans: Plans, accounts: CarrierAccounts, carriers: Mapping[str, Carrier], limits: Limits, clock: Clock
    ) -> None:
        self._plans = plans
        self._accounts = accounts
        self._carriers = carriers
        self._limits = limits
        self._clock = clock

    async def outbound(self, session: AsyncSession, project_id: str, wanted: CallCreate, dialect: str) -> CallRow:
        """A queued call. Raises BadInput (no caller ID, nobody to answer, never to be dialled), NotFound, Conflict,
        QuotaExceeded."""
        agent = await agents.get(session, project_id, wanted.agent_id, lock=True)
        snapshot = await self._plans.snapshot(session, agent, _overrides(wanted))
        to_number = require_dialable(normalise(wanted.to_number, "toNumber"), "toNumber")
        from_number, number = await self._caller_id(session, project_id, wanted, agent)
        await self._require_answers(session, project_id, snapshot, wanted.webhook_url)
        carrier = number.provider if number is not None else self._plans.defaults.carrier
        if carrier not in self._carriers:
            raise BadInput(
                f"parley cannot place calls through `{carrier}`, and calls over SIP trunks are not connected yet;"
                " call from a number at another carrier."
            )
        if number is not None:
            _, credential_id = await self._accounts.of_number(session, number)
        else:
            _, credential_id = await self._accounts.resolve(session, project_id, carrier, None)
        row = CallRow(
            **self._common(project_id, snapshot, "outbound"),
            status="queued",
            dialect=dialect,
            carrier=carrier,
            credential_id=credential_id,
            number_id=number.id if number is not None else None,
            from_number=from_number,
            to_number=to_number,
            webhook_url=wanted.webhook_url,
            call_metadata=wanted.metadata,
        )
        session.add(row)
        await self._limits.take_call(session, project_id, agent.id)
        return row

    def _common(self, project_id: str, snapshot: AgentSnapshot, direction: Direction) -> dict[str, Any]:
        return {
            "id": new_id("call"),
            "project_id": project_id,
            "agent_id": snapshot.id,
            "direction": direction,
            "snapshot": msgspec.to_builtins(snapshot),
            "created_at": self._clock(),
        }

    async def _caller_id(
        self, session: AsyncSession, project_id: str, wanted: CallCreate, agent: AgentRow
    ) -> tuple[str, NumberRow | None]:
        """The number that was named, else the agent's first. One that nobody registered is the carrier's to judge."""
        if wanted.from_number_id is not None:
            named = await numbers.get(session, project_id, wanted.from_number_id)
            if named.status != "active":
                raise BadInput("`fromNumberId` names a number that was released; call from an active one.")
            return named.phone_number, named
        if wanted.from_number is not None:
            phone = normalise(wanted.from_number, "fromNumber")
            registered = await numbers.active_by_phone(session, phone)
            if registered is not None and registered.project_id != project_id:
                raise Conflict("`fromNumber` belongs to another project; call from a number of your own.")
            return phone, registered
        if not agent.numbers:
            raise BadInput("The agent has no phone number to call from; attach one to it or send `fromNumber`.")
        return agent.numbers[0].phone_number, agent.numbers[0]

    async def _require_answers(
        self, session: AsyncSession, project_id: str, snapshot: AgentSnapshot, own_url: str | None
    ) -> None:
        if own_url is not None:
            self._plans.webhooks.require_url(own_url, "webhookUrl")
        if not await self._plans.is_answered(session, project_id, snapshot, own_url):
            raise BadInput(
                "Nobody would answer this call: the agent is in webhook mode and there is no active webhook. "
                "Set a webhook, or send `systemPrompt`."
            )


async def test_marks(session: AsyncSession, number: NumberRow, ringing: RingingCall) -> dict[str, Any]:
    """What marks the row of a call that this server announced. Raises NotFound for an id that only looks like that."""
    if not looks_announced(ringing.carrier_call_id):
        return {}
    test = await diagnostics.announced(session, number.project_id, number.id, ringing.carrier_call_id)
    if test is None:
        raise NotFound("No test call was announced under this id.")
    return {"is_test": True, "call_metadata": {"is_test": True, "test_id": test.id}}


def _overrides(wanted: CallCreate) -> Overrides:
    return Overrides(
        system_prompt=wanted.system_prompt or None,
        greeting=wanted.initial_greeting,
        voice=wanted.voice,
        variables=wanted.variables or {},
        speech_to_text=_chosen(wanted.speech_to_text),
        text_to_speech=_chosen(wanted.text_to_speech),
        language_model=_chosen(wanted.language_model),
    )


def _chosen(part: Wire | None) -> dict[str, Any]:
    return part.model_dump(exclude_none=True) if part is not None else {}
