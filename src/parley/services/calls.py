"""Calls: placed, answered, followed, ended."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from parley.domain.calls import ENDED, CallPlan, CallStatus
from parley.domain.errors import Conflict, Draining, Forbidden, NotFound, ParleyError
from parley.domain.live_events import LiveEvent
from parley.domain.phone_numbers import without_punctuation
from parley.domain.secrets import Secret
from parley.domain.stages import Forwarding
from parley.providers.protocols import CallReport, ForwardOutcome, RingingCall
from parley.schemas.calls import CallCreate, CallList
from parley.services import transfers
from parley.services.arrivals import Arrivals
from parley.services.call_log import CallLog
from parley.services.defaults import Clock, utc_now
from parley.services.desk import Desk
from parley.services.dialling import Dialling
from parley.services.drafts import CallDrafts
from parley.services.plans import Plans, stage_of
from parley.services.stream_tokens import StreamTokens
from parley.services.switchboard import Switchboard
from parley.storage import agents, calls, numbers, voicemails
from parley.storage.database import Database
from parley.storage.presence import AskEnd, HangUp, Presence
from parley.storage.tables import CallRow, TranscriptRow

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
        drafts: CallDrafts,
        arrivals: Arrivals,
        desk: Desk,
        dialling: Dialling,
        switchboard: Switchboard,
        presence: Presence,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._log = log
        self._plans = plans
        self._drafts = drafts
        self._arrivals = arrivals
        self._desk = desk
        self._dialling = dialling
        self._switchboard = switchboard
        self._presence = presence
        self._tokens = StreamTokens(clock)

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
        return await self._dialling.place(call)

    async def get(self, project_id: str, call_id: str) -> CallRow:
        """With `transcripts` loaded, the link its recording is shown with, and the message its caller left."""
        async with self._database.read() as session:
            call = await calls.get(session, project_id, call_id)
            await self._log.recordings.link(session, [call])
            call.voicemail_id = await voicemails.id_of_call(session, call.id)
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
            await self._tell_over(call)
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
        """A number rings: record the call, lead it where routing decides, and give a token for its media socket.

        Where the plan's stage is `Forwarding`, the carrier rings a human instead. A repeated report of the same carrier
        call gives the same call and another token. Raises NotFound (no such number, or released), Conflict (the caller
        is turned away, or the call is over already), Draining, and ConfigurationError where a secret that the session
        needs cannot be opened; then the call has failed.
        """
        async with self._database.transaction() as session:
            number = await numbers.get_ringing(session, number_id)
            call = await self._arrivals.receive(session, number, ringing)
            token = None if call.status in ENDED else await self._tokens.new(session, call)
        try:
            if token is None:
                raise Conflict(f"This call is not taken, or over: {call.end_reason}.")
            return await self._warm_or_fall_back(call), token
        finally:
            self._log.wake()

    async def answer_outbound(self, call_id: str) -> tuple[CallPlan, Secret]:
        """Our call was answered: a token for its media socket. Raises NotFound; Conflict when the call is over."""
        async with self._database.transaction() as session:
            call = await calls.get_known(session, call_id)
            token = await self._tokens.new(session, call)
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
            await self._tell_over(call)

    async def redeem_stream_token(self, token: str) -> CallPlan:
        """Let one media socket in. A token works once, for 60 s, and only while its call lives. Raises Forbidden."""
        async with self._database.transaction() as session:
            call = await self._tokens.redeem(session, token)
            rows = await calls.transcript(session, call.id) if call is not None else []
            is_back = call is not None and call.stage is None and transfers.take_news(call)
        if call is None:
            raise Forbidden("This media stream's token is not valid, was used before, or its call is over.")
        return await self._plans.for_rest(call, rows, self._tokens.clock(), is_back=is_back)

    async def after(self, call_id: str, outcome: ForwardOutcome | None = None) -> tuple[CallPlan, Secret]:
        """What comes next on a call whose stream ended, or whose `outcome` of ringing a human is known.

        The next stage where one is written; else the same again where the stream broke, at any replica: a caller who
        waits has a place in the database, and a conversation goes on if somebody holds it still. Where the plan's stage
        is `Forwarding`, the carrier rings a human, and the token is not needed. Raises NotFound; Conflict when the call
        is over, or nobody holds it.
        """
        if outcome is not None:
            await self._after_forwarding(call_id, outcome)
        elif (over := await self._desk.lead_on(call_id)) is not None:
            await self._log.finished(call_id, over)
        async with self._database.transaction() as session:
            call = await calls.get_known(session, call_id, lock=True)
            is_known = call.is_handed_on or call.stage is not None
            token = await self._tokens.new(session, call)
            if isinstance(stage_of(call), Forwarding):
                call.is_handed_on = False
        if not is_known and not await self._is_held(call_id):
            raise Conflict("No replica holds this call any more.")
        if call.stage is None and transfers.is_back(call):
            await self._warm_for_return(call)
        return await self._plans.for_call(call), token

    async def forwarded(self, call_id: str) -> None:
        """The human answered: the caller is connected from now on."""
        await self._log.put_through(call_id)

    async def reissue(self, call_id: str) -> Secret:
        """The token alone of what comes `after`."""
        return (await self.after(call_id))[1]

    # ------------------------------------------------------------ steps

    async def _warm_for_return(self, call: CallRow) -> None:
        """What the caller hears first is ready when they come back, if they come back to here."""
        async with self._database.read() as session:
            rows = await calls.transcript(session, call.id)
        plan = await self._plans.for_rest(call, rows, self._tokens.clock(), is_back=True)
        with contextlib.suppress(ParleyError):  # whoever is given the stream is told again
            self._switchboard.prepare(plan)

    async def _is_held(self, call_id: str) -> bool:
        return self._switchboard.holds(call_id) or await self._presence.is_held_elsewhere(call_id)

    async def _after_forwarding(self, call_id: str, outcome: ForwardOutcome) -> None:
        """The human was reached, and the call is over; or not, and it falls back."""
        async with self._database.read() as session:
            call = await calls.get_known(session, call_id)
            if not isinstance(stage_of(call), Forwarding) or call.is_handed_on:
                return  # told twice: what comes next is written already
        is_over = outcome.failure is None or outcome.is_caller_gone
        if not is_over:
            await self._log.unanswered(call_id, outcome)
        if is_over or not await self._desk.hand_on(call_id, "unanswered"):
            await self._log.forwarded(call_id, outcome)
            await self._tell_over(call)

    async def _tell_over(self, before: CallRow) -> None:
        """Whoever watched a call learns of its end also where nobody held it; `before` is the call as it was."""
        async with self._database.read() as session:
            call = await calls.get_known(session, before.id)
        if before.status not in ENDED and call.ended_at is not None:
            seq = round((call.ended_at - call.created_at).total_seconds() * 1000)
            told = {"end_reason": call.end_reason}
            self._switchboard.tell_watchers(LiveEvent(call.id, call.project_id, "call.ended", call.ended_at, seq, told))

    async def _warm_or_fall_back(self, call: CallRow) -> CallPlan:
        """A caller whom the agent cannot take may leave a message, where that is set: better than a busy tone."""
        try:
            return await self._prepared(call)
        except ParleyError as refused:
            if isinstance(refused, Draining) or call.stage is not None:
                await self._give_up(call, refused)
                raise
            if not await self._desk.hand_on(call.id, "agent_failed"):
                await self._give_up(call, refused)
                raise
        async with self._database.read() as session:
            call = await calls.get_known(session, call.id)
        return await self._warm(call)

    async def _warm(self, call: CallRow) -> CallPlan:
        try:
            return await self._prepared(call)
        except ParleyError as refused:
            await self._give_up(call, refused)
            raise

    async def _prepared(self, call: CallRow) -> CallPlan:
        plan = await self._plans.for_call(call)
        if not isinstance(plan.stage, Forwarding):
            self._switchboard.prepare(plan)
        return plan

    async def _give_up(self, call: CallRow, refused: ParleyError) -> None:
        await self._log.finished(call.id, "server_shutdown" if isinstance(refused, Draining) else "provider_failed")

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
