"""Text messages: sent, received, followed, listed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import CarrierRefused, Forbidden, NotFound, ParleyError, ProviderUnavailable
from parley.domain.events import AGENT_MESSAGE
from parley.domain.ids import new_id
from parley.domain.message_events import MESSAGE_RECEIVED
from parley.domain.messages import keyword
from parley.domain.phone_numbers import normalise
from parley.providers.protocols import OPTED_OUT, Carrier, IncomingMessage, MessageReport
from parley.schemas.messages import MessageList, MessageSend
from parley.services.accounts import CarrierAccounts
from parley.services.announcements import Announcements
from parley.services.defaults import Clock, utc_now
from parley.services.hooks import Hooks
from parley.services.limits import Limits
from parley.services.message_drafts import OPTED_OUT_SENTENCE, Draft, MessageDrafts, add_to, next_moment
from parley.services.message_log import MessageLog
from parley.services.outages import noted_if_possible
from parley.storage import agents, conversations, messages, numbers
from parley.storage.database import Database
from parley.storage.tables import ConversationRow, MessageRow, NumberRow

_UNKNOWN_OUTCOME = "The carrier did not answer: whether the message went out is not known unless it reports."
_LOST = (
    "The server stopped while it was sending the message, and whether it went out is not known. It is not sent again by"
    " itself; if the carrier reports on it, this is corrected."
)
LOST_AFTER = timedelta(minutes=2)
"""Far longer than a carrier is given to answer, so that nobody is sending the message any more."""
_log = structlog.get_logger()


class Messages:
    """A foreign or unknown id is NotFound everywhere. What a message says is in no log line."""

    def __init__(
        self,
        database: Database,
        announcements: Announcements,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
        limits: Limits,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._limits = limits
        self._log = MessageLog(announcements, clock)
        self._drafts = MessageDrafts(accounts, carriers, clock)
        self._carriers = carriers
        self._hooks = hooks
        self._clock = clock

    # ------------------------------------------------------------ the API's side

    async def send(self, project_id: str, wanted: MessageSend) -> MessageRow:
        """Write the message down, then hand it to the carrier. It comes back as the carrier's first words leave it.

        Raises BadInput (no sender, no recipient, nothing to say, a number that must not be texted), NotFound, Conflict,
        Forbidden (the recipient wants no texts), QuotaExceeded, CarrierRefused and ProviderUnavailable. After a refusal
        by the carrier the message stays on record as failed; where the carrier's answer was lost, or could not be
        written down, it stays as it was, until the carrier reports.
        """
        async with self._database.transaction() as session:
            draft = await self._drafts.outbound(session, project_id, wanted)
            await self._limits.take_message(session, project_id)
        try:
            named = await self._handed_over(draft)
        except ParleyError as refused:
            with noted_if_possible("message_refusal_not_noted", message_id=draft.message.id):
                await self._note_refusal(draft.message.id, refused)
            if isinstance(refused, CarrierRefused) and refused.reason == OPTED_OUT:
                raise Forbidden(OPTED_OUT_SENTENCE) from refused
            raise
        message = draft.message
        with noted_if_possible("message_not_named", message_id=message.id):
            async with self._database.transaction() as session:
                message = await messages.get_known(session, message.id, lock=True)
                message.carrier_message_id = message.carrier_message_id or named
        return message

    async def get(self, project_id: str, message_id: str) -> MessageRow:
        async with self._database.read() as session:
            return await messages.get(session, project_id, message_id)

    async def list_for_number(
        self, project_id: str, number_id: str, query: MessageList
    ) -> tuple[list[MessageRow], int]:
        """One page, newest first, and how many there are in all; also of a number that was released."""
        async with self._database.read() as session:
            await numbers.get(session, project_id, number_id)
            return await messages.list_of_number(session, project_id, number_id, query.limit, query.offset)

    # ------------------------------------------------------------ the carrier's side

    async def receive(self, number_id: str, incoming: IncomingMessage) -> MessageRow:
        """A text came in: record it and tell the webhook, whatever the agent's voice mode. Raises NotFound.

        Told again of a message that is recorded already, it changes nothing. A text that is nothing but STOP, START or
        HELP, or another of their words, is for the carrier, which answers it itself and stops or allows further texts
        (CTIA, Messaging Principles and Best Practices; 47 CFR 64.1200): it is told as `message.received` with `optOut`,
        and not as `agent.message`, because nobody should converse with it.
        """
        async with self._database.transaction() as session:
            number = await numbers.get_ringing(session, number_id)
            message, is_new = await self._record(session, number, incoming)
        if is_new:
            _log.info("message_received", message_id=message.id, number_id=number_id)
            self._log.wake()
        return message

    async def report(self, message_id: str, report: MessageReport) -> None:
        """What the carrier says of a message it was given. It may say so twice, out of order, and before it has
        answered the sending: a message only moves forward, except that it takes back what was only guessed to have
        failed. Raises NotFound for a message that is not that one."""
        async with self._database.transaction() as session:
            message, conversation = await self._locked(session, message_id)
            if message.direction == "outbound":
                self._log.take_back_failure(message, report.status)
            message.carrier_message_id = message.carrier_message_id or report.carrier_message_id
            if message.carrier_message_id != report.carrier_message_id or message.direction != "outbound":
                raise NotFound("This server knows no such message.")
            await self._log.write_status(
                session, message, conversation, report.status, report.error, report.is_opted_out
            )
        self._log.wake()

    async def fail_lost(self) -> int:
        """Mark as failed, and tell so, what was never handed over, or whose answer nobody wrote down, because the
        process died: nobody is sending it any more. It is not sent again, for it may have gone out. Returns how many
        there were; one that was reported meanwhile is left alone."""
        before, count = self._clock() - LOST_AFTER, 0
        async with self._database.read() as session:
            lost = await messages.unnamed_since(session, before)
        for message_id in lost:
            async with self._database.transaction() as session:
                message, conversation = await self._locked(session, message_id)
                if message.status != "queued" or message.carrier_message_id or message.error_message:
                    continue
                await self._log.write_status(session, message, conversation, "failed", _LOST, False)
            _log.warning("message_lost", message_id=message_id)
            count += 1
        if count:
            self._log.wake()
        return count

    # ------------------------------------------------------------ steps

    async def _handed_over(self, draft: Draft) -> str:
        message = draft.message
        return await self._carriers[message.carrier].send_message(
            draft.account,
            message.from_number,
            message.to_number,
            message.body,
            message.media_urls,
            self._hooks.message(message.carrier, message.id),
        )

    async def _note_refusal(self, message_id: str, refused: ParleyError) -> None:
        """What did not go out has failed. What may have gone out is left to the carrier's reports."""
        is_unknown = isinstance(refused, ProviderUnavailable) and not refused.retryable
        async with self._database.transaction() as session:
            message, conversation = await self._locked(session, message_id)
            if message.carrier_message_id is not None and isinstance(refused, ProviderUnavailable):
                return  # its reports overtook the answer: the carrier has it
            if is_unknown:
                if message.status == "queued":
                    message.error_message = _UNKNOWN_OUTCOME
                return
            is_opted_out = isinstance(refused, CarrierRefused) and refused.reason == OPTED_OUT
            await self._log.write_status(session, message, conversation, "failed", refused.message, is_opted_out)
        self._log.wake()

    async def _locked(self, session: AsyncSession, message_id: str) -> tuple[MessageRow, ConversationRow]:
        """A sent message and its conversation, locked in the order that holds everywhere: agent, conversation,
        message."""
        known = await messages.get_known(session, message_id)
        await agents.hold(session, known.project_id, known.agent_id)
        conversation = await conversations.get(session, known.project_id, known.conversation_id, lock=True)
        return await messages.get_known(session, message_id, lock=True), conversation

    async def _record(
        self, session: AsyncSession, number: NumberRow, incoming: IncomingMessage
    ) -> tuple[MessageRow, bool]:
        """The message, and whether it was not known before."""
        now = self._clock()
        agent_id = await agents.hold(session, number.project_id, number.agent_id)
        conversation = await conversations.get_or_add(
            session, number, _participant(incoming.from_number), new_id("conv"), now
        )
        values = {
            "id": new_id("msg"),
            "project_id": number.project_id,
            "conversation_id": conversation.id,
            "number_id": number.id,
            "agent_id": agent_id,
            "direction": "inbound",
            "from_number": conversation.participant,
            "to_number": number.phone_number,
            "body": incoming.body,
            "media_urls": list(incoming.media_urls),
            "status": "received",
            "carrier": number.provider,
            "carrier_message_id": incoming.carrier_message_id,
            "credential_id": number.credential_id,
            "created_at": next_moment(conversation, now),
        }
        message = await messages.insert_once(session, values)
        if message is None:
            return await self._known(session, number, incoming), False
        opt_out = incoming.opt_out or keyword(incoming.body, is_opted_out=conversation.opted_out_at is not None)
        if opt_out == "stop":
            conversation.opted_out_at = conversation.opted_out_at or now
        elif opt_out == "start":
            conversation.opted_out_at = None
        add_to(conversation, message)
        await self._log.announce(session, message, conversation, MESSAGE_RECEIVED, opt_out)
        if opt_out is None:
            await self._log.announce(session, message, conversation, AGENT_MESSAGE)
        return message, True

    async def _known(self, session: AsyncSession, number: NumberRow, incoming: IncomingMessage) -> MessageRow:
        known = await messages.by_carrier_id(session, number.project_id, number.provider, incoming.carrier_message_id)
        assert known is not None, "the carrier's id was taken"
        return known


def _participant(sender: str) -> str:
    """A phone number in E.164; a short code or a name as the carrier writes it."""
    return normalise(sender) if sender.startswith("+") else sender
