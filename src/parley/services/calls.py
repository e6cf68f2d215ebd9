"""Calls: placed, answered, followed, ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from parley.domain.calls import CallPlan, EndReason
from parley.domain.secrets import Secret
from parley.providers.protocols import CallReport, Carrier, RingingCall
from parley.schemas.calls import CallCreate, CallList
from parley.services.accounts import CarrierAccounts
from parley.services.call_log import CallLog
from parley.services.defaults import Clock, utc_now
from parley.services.hooks import Hooks
from parley.services.plans import Plans
from parley.storage.database import Database
from parley.storage.tables import CallRow, TranscriptRow


class Switchboard(Protocol):
    """Who holds the live sessions of this process."""

    def prepare(self, plan: CallPlan) -> None:
        """Start a session whose sockets warm up while the phone rings; a second time for the same call does nothing.

        Raises Draining.
        """
        ...

    def holds(self, call_id: str) -> bool: ...

    def hang_up(self, call_id: str, reason: EndReason) -> bool:
        """The carrier says it is over. False if the call is not held here."""
        ...

    def ask_end(self, call_id: str, reason: EndReason) -> bool:
        """Somebody wants it to end. False if the call is not held here."""
        ...

    @property
    def live_count(self) -> int: ...


class Calls:
    """A foreign or unknown id is NotFound everywhere."""

    def __init__(
        self,
        database: Database,
        log: CallLog,
        plans: Plans,
        switchboard: Switchboard,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._log = log
        self._plans = plans
        self._switchboard = switchboard
        self._accounts = accounts
        self._carriers = carriers
        self._hooks = hooks
        self._clock = clock

    # ------------------------------------------------------------ the API's side

    async def create(self, project_id: str, wanted: CallCreate) -> CallRow:
        """Place a call: the session warms up while the carrier dials. The row comes back with `transcripts` loaded.

        Raises BadInput (no caller ID, no webhook and no prompt, a number that must not be dialled), NotFound, Draining,
        CarrierRefused and ProviderUnavailable; after a refusal the call stays on record as failed.
        """
        raise NotImplementedError

    async def get(self, project_id: str, call_id: str) -> CallRow:
        """With `transcripts` loaded."""
        raise NotImplementedError

    async def list(self, project_id: str, query: CallList) -> tuple[list[CallRow], int]:
        """One page, newest first, and how many match in all. `in-progress` also finds queued and ringing calls.

        A foreign `agent_id` or `number_id` is NotFound.
        """
        raise NotImplementedError

    async def transcript(self, project_id: str, call_id: str) -> list[TranscriptRow]:
        raise NotImplementedError

    async def end(self, project_id: str, call_id: str) -> CallRow:
        """End a call; one that is over already stays as it is."""
        raise NotImplementedError

    # ------------------------------------------------------------ the carrier's side

    async def ring_inbound(self, number_id: str, ringing: RingingCall) -> tuple[CallPlan, Secret]:
        """A number rings: record the call, prepare its session, and give a token for its media socket.

        A repeated report of the same carrier call gives the same call and another token. Raises NotFound (no such
        number, or released), Conflict (nobody answers it, or the call is over already), Draining.
        """
        raise NotImplementedError

    async def answer_outbound(self, call_id: str) -> tuple[CallPlan, Secret]:
        """Our call was answered: a token for its media socket. Raises NotFound; Conflict when the call is over."""
        raise NotImplementedError

    async def report(self, report: CallReport, *, call_id: str | None = None, number_id: str | None = None) -> None:
        """What the carrier says of a call, named by our id (outbound) or by the number it came in on.

        Reports may come twice and out of order: a call only moves forward. One about a call nobody knows is NotFound.
        """
        raise NotImplementedError

    async def redeem_stream_token(self, token: str) -> CallPlan:
        """Let one media socket in. A token works once, for 60 s, and only while its call lives. Raises Forbidden."""
        raise NotImplementedError

    async def reissue(self, call_id: str) -> Secret:
        """Another token for a call whose stream broke. Raises NotFound; Conflict when the call is over."""
        raise NotImplementedError
