"""What a live session writes down about its call, and what it asks of the carrier. The one writer of a status."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from parley.conversation.wishes import NoteTurn
from parley.domain.calls import CallPlan, EndReason
from parley.domain.events import TurnDelivery
from parley.providers.protocols import Carrier
from parley.services.accounts import CarrierAccounts
from parley.services.defaults import Clock, utc_now
from parley.services.webhooks import Webhooks
from parley.storage.database import Database


class CallLog:
    """Satisfies what `live` declares as its call records. Everything is idempotent: the first end to arrive stays.

    `wake` is called after an event was committed (`Deliveries.wake`).
    """

    def __init__(
        self,
        database: Database,
        webhooks: Webhooks,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        wake: Callable[[], None],
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._accounts = accounts
        self._carriers = carriers
        self._wake = wake
        self._clock = clock

    async def connected(self, call_id: str) -> None:
        """Status in-progress, the start time and `call.started`, in one transaction."""
        raise NotImplementedError

    async def note_turn(self, call_id: str, turn: NoteTurn) -> None:
        """Write or replace transcript row (call, turn.row)."""
        raise NotImplementedError

    async def note_problem(self, call_id: str, code: str) -> None:
        """Append to the call's problems."""
        raise NotImplementedError

    async def finished(self, call_id: str, reason: EndReason) -> None:
        """Status completed or failed, the end's time and reason, `call.ended` with the transcript: in one transaction."""
        raise NotImplementedError

    async def record_turn_delivery(self, plan: CallPlan, delivery: TurnDelivery) -> None:
        """Keep how a voice turn's webhook request went, beside the events' deliveries; it is never sent again."""
        raise NotImplementedError

    async def end_at_carrier(self, call_id: str) -> None:
        """Hang up at the carrier. Raises CarrierRefused or ProviderUnavailable."""
        raise NotImplementedError

    async def transfer_at_carrier(self, call_id: str, to_number: str) -> None:
        """Hand the caller to another number, shown our side of the call as caller ID. Raises like `end_at_carrier`."""
        raise NotImplementedError
