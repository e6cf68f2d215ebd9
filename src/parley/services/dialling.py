"""Dialling a call that is recorded: the session warms up while the phone rings."""

from __future__ import annotations

from collections.abc import Mapping

from parley.domain.calls import EndReason
from parley.domain.errors import Draining, ParleyError
from parley.providers.protocols import Carrier
from parley.services.accounts import CarrierAccounts
from parley.services.call_log import CallLog
from parley.services.hooks import Hooks
from parley.services.outages import noted_if_possible
from parley.services.plans import Plans
from parley.services.switchboard import Switchboard
from parley.storage import calls
from parley.storage.database import Database
from parley.storage.tables import CallRow


class Dialling:
    def __init__(
        self,
        database: Database,
        log: CallLog,
        plans: Plans,
        switchboard: Switchboard,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
    ) -> None:
        self._database = database
        self._log = log
        self._plans = plans
        self._switchboard = switchboard
        self._accounts = accounts
        self._carriers = carriers
        self._hooks = hooks

    async def place(self, call: CallRow) -> CallRow:
        """Let the carrier dial it. The row comes back with `transcripts` loaded.

        Raises Draining, CarrierRefused and ProviderUnavailable; then the call is on record as failed.
        """
        try:
            carrier, account = await self._accounts.for_call(call.id)
            self._switchboard.prepare(await self._plans.for_call(call))
            hooks = self._hooks.call(carrier, call.id)
            placed = await self._carriers[carrier].dial(account, call.from_number, call.to_number, hooks)
        except ParleyError as refused:
            reason: EndReason = "server_shutdown" if isinstance(refused, Draining) else "carrier_failed"
            self._switchboard.hang_up(call.id, reason)
            with noted_if_possible("call_refusal_not_noted", call_id=call.id):
                await self._log.finished(call.id, reason)
            raise
        call = calls.with_no_transcript(call)
        with noted_if_possible("call_not_named", call_id=call.id):
            async with self._database.transaction() as session:
                await calls.name_at_carrier(session, call.id, placed)
                call = await calls.get(session, call.project_id, call.id)
        return call

    async def place_recorded(self, call_id: str) -> CallRow:
        """The same of a call named by its id."""
        async with self._database.read() as session:
            call = await calls.get_known(session, call_id)
        return await self.place(call)
