"""Calls: placed, answered, followed, ended."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.calls import ENDED, CallPlan, CallStatus, EndReason
from parley.domain.errors import (
    Conflict,
    Draining,
    Forbidden,
    NotFound,
    ParleyError,
    QuotaExceeded,
    TooManyRequests,
)
from parley.domain.phone_numbers import without_punctuation
from parley.domain.secrets import Secret
from parley.providers.protocols import CallReport, Carrier, RingingCall
from parley.schemas.calls import CallCreate, CallList
from parley.services.accounts import CarrierAccounts
from parley.services.call_log import CallLog
from parley.services.defaults import Clock, utc_now
from parley.services.drafts import CallDrafts
from parley.services.hooks import Hooks
from parley.services.limits import Limits
from parley.services.outages import noted_if_possible
from parley.services.plans import Plans
from parley.storage import agents, calls, numbers
from parley.storage.database import Database
from parley.storage.presence import AskEnd, HangUp, Presence
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


_TOKEN_LIFE = timedelta(seconds=60)
# The API knows three words for what parley knows in five.
_STATUSES: Mapping[str, Sequence[CallStatus]] = {
    "in-progress": ("queued", "ringing", "in-progress"),
    "completed": ("completed",),
    "failed": ("failed",),
}


class Calls:
    """A foreign or unknown id is NotFound everywhere."""

    def __init__(
        self,
        database: Database,
        log: CallLog,
        plans: Plans,
        switchboard: Switchboard,
        presence: Presence,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
        limits: Limits,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._log = log
        self._plans = plans
        self._drafts = CallDrafts(plans, accounts, carriers, limits, clock)
        self._switchboard = switchboard
        self._presence = presence
        self._accounts = accounts
        self._carriers = carriers
        self._hooks = hooks
        self._clock = clock

    # ------------------------------------------------------------ the API's side

    async def create(self, project_id: str, wanted: CallCreate, dialect: str = "native") -> CallRow:
        """Place a call: the session warms up while the carrier dials. The row comes back with `transcripts` loaded.

        `dialect` is the API it is placed through, and that it is shown in where a request does not tell.
        Raises BadInput (no caller ID, no webhook and no prompt, a number that must not be dialled), NotFound, Conflict,
        QuotaExceeded, Draining, CarrierRefused and ProviderUnavailable; after a refusal by the carrier the call stays
        on record as failed.
        """
        async with self._database.transaction() as session:
            call = await self._drafts.outbound(session, project_id, wanted, dialect)
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
                call = await calls.get(session, project_id, call.id)
        return call

    async def get(self, project_id: str, call_id: str) -> CallRow:
        """With `transcripts` loaded, and the link its recording is shown with."""
        async with self._database.read() as session:
            call = await calls.get(session, project_id, call_id)
            await self._log.recordings.link(session, [call])
        return call

    async def transcript(self, project_id: str, call_id: str) -> list[TranscriptRow]:
        """In the order it was said."""
        return (await self.get(project_id, call_id)).transcripts

    async def end(self, project_id: str, call_id: str) -> CallRow:
        """End a call; one that is over already stays as it is.

        A live one is asked to end, here or on the replica that holds it, and goes through the carrier like every end.
        One that nobody holds is hung up at the carrier here. Raises CarrierRefused or ProviderUnavailable.
        """
        call = await self.get(project_id, call_id)
        if call.status not in ENDED and not await self._asked_to_end(call_id):
            await self._log.end_at_carrier(call_id)
            await self._log.finished(call_id, "api_request")
        return await self.get(project_id, call_id)

    async def _asked_to_end(self, call_id: str) -> bool:
        if self._switchboard.ask_end(call_id, "api_request"):
            return True
        return await self._presence.tell(call_id, AskEnd("api_request"))

    async def list(
        self, project_id: str, query: CallList, statuses: Sequence[CallStatus] | None = None
    ) -> tuple[list[CallRow], int]:
        """One page, newest first, and how many match in all. `in-progress` also finds queued and ringing calls.

        `statuses` are finer words than the query has, and stand in for its `status`. A foreign `agent_id` or
        `number_id` is NotFound.
        """
        conditions: dict[str, Any] = {"project_id": project_id}
        async with self._database.read() as session:
            if query.agent_id is not None:
                conditions["agent_id"] = (await agents.get(session, project_id, query.agent_id)).id
            if query.number_id is not None:
                conditions["number_id"] = (await numbers.get(session, project_id, query.number_id)).id
            if query.direction is not None:
                conditions["direction"] = query.direction
            if statuses is None and query.status is not None:
                statuses = _STATUSES[query.status]
            search = without_punctuation(query.search or "")
            rows, total = await calls.list_page(session, conditions, statuses, search, query.limit, query.offset)
            await self._log.recordings.link(session, rows)
        return rows, total

    # ------------------------------------------------------------ the carrier's side

    async def ring_inbound(self, number_id: str, ringing: RingingCall) -> tuple[CallPlan, Secret]:
        """A number rings: record the call, prepare its session, and give a token for its media socket.

        A repeated report of the same carrier call gives the same call and another token. Raises NotFound (no such
        number, or released), Conflict (nobody answers it, or the call is over already), QuotaExceeded, Draining, and
        ConfigurationError where a secret that the session needs cannot be opened; then the call has failed.
        """
        try:
            async with self._database.transaction() as session:
                number = await numbers.get_ringing(session, number_id)
                call = await self._drafts.inbound(session, number, ringing)
                token = await self._new_token(session, call)
        except (Conflict, QuotaExceeded, TooManyRequests) as declined:
            reason = "no_agent" if isinstance(declined, Conflict) else "limit_reached"
            await self._log.declined(number_id, ringing, reason)
            raise
        return await self._warm(call), token

    async def answer_outbound(self, call_id: str) -> tuple[CallPlan, Secret]:
        """Our call was answered: a token for its media socket. Raises NotFound; Conflict when the call is over."""
        async with self._database.transaction() as session:
            call = await calls.get_known(session, call_id)
            token = await self._new_token(session, call)
        return await self._warm(call), token

    async def report(self, report: CallReport, *, call_id: str | None = None, number_id: str | None = None) -> None:
        """What the carrier says of a call, named by our id (outbound) or by the number it came in on.

        Reports may come twice and out of order: a call only moves forward. One about a call nobody knows is NotFound.
        A live call's session is told of the end, wherever it is, and writes it down itself, after its last words.
        """
        call = await self._reported(report, call_id, number_id)
        if report.status == "ringing":
            await self._log.ringing(call.id)
        elif report.status == "in-progress":
            await self._log.connected(call.id)
        elif report.status in ENDED:
            reason = report.reason or ("caller_hangup" if report.status == "completed" else "carrier_failed")
            if self._switchboard.hang_up(call.id, reason) or await self._presence.tell(call.id, HangUp(reason)):
                return
            await self._log.closed_by_carrier(call.id, report)

    async def redeem_stream_token(self, token: str) -> CallPlan:
        """Let one media socket in. A token works once, for 60 s, and only while its call lives. Raises Forbidden."""
        async with self._database.transaction() as session:
            call_id = await calls.use_token(session, _hash(token), self._clock())
            call = await calls.get_known(session, call_id) if call_id is not None else None
            rows = await calls.transcript(session, call.id) if call is not None else []
        if call is None or call.status in ENDED:
            raise Forbidden("This media stream's token is not valid, was used before, or its call is over.")
        return await self._plans.for_rest(call, rows, self._clock())

    async def reissue(self, call_id: str) -> Secret:
        """Another token for a call whose stream broke. Raises NotFound; Conflict when it is over or nobody holds it.

        The new stream may come in at any replica, and the call goes on there.
        """
        async with self._database.read() as session:
            call = await calls.get_known(session, call_id)
        if not self._switchboard.holds(call_id) and not await self._presence.is_held_elsewhere(call_id):
            raise Conflict("No replica holds this call any more.")
        async with self._database.transaction() as session:
            return await self._new_token(session, call)

    # ------------------------------------------------------------ steps

    async def _new_token(self, session: AsyncSession, call: CallRow) -> Secret:
        if call.status in ENDED:
            raise Conflict("This call is over.")
        token, now = secrets.token_urlsafe(32), self._clock()
        await calls.add_token(session, call.id, _hash(token), now, now + _TOKEN_LIFE)
        return Secret(token)

    async def _warm(self, call: CallRow) -> CallPlan:
        try:
            plan = await self._plans.for_call(call)
            self._switchboard.prepare(plan)
        except ParleyError as refused:
            await self._log.finished(call.id, "server_shutdown" if isinstance(refused, Draining) else "provider_failed")
            raise
        return plan

    async def _reported(self, report: CallReport, call_id: str | None, number_id: str | None) -> CallRow:
        """The call that is meant. The carrier's own id has to fit: another leg's report is not about this call."""
        async with self._database.transaction() as session:
            if call_id is None:
                number = await numbers.get_known(session, number_id or "")
                return await calls.get_by_carrier_id(
                    session, number.project_id, number.provider, report.carrier_call_id
                )
            await calls.name_at_carrier(session, call_id, report.carrier_call_id)
            call = await calls.get_known(session, call_id)
        if call.carrier_call_id != report.carrier_call_id:
            raise NotFound("This server knows no such call.")
        return call


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
