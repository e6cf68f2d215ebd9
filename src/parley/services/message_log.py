"""What becomes of a text message, and who is told. The one writer of a sent message's status."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import message_events
from parley.domain.message_events import MessageFacts
from parley.domain.messages import FAILED, MessageStatus, OptOut, may_advance
from parley.services.announcements import Announcements, Subject
from parley.services.defaults import Clock
from parley.storage import messages
from parley.storage.tables import ConversationRow, MessageRow

_MOST_HISTORY = 50
"""The largest context limit a webhook can have."""


class MessageLog:
    """Everything happens in the caller's transaction; whoever commits it calls `wake`."""

    def __init__(self, announcements: Announcements, clock: Clock) -> None:
        self._announcements = announcements
        self._clock = clock

    def wake(self) -> None:
        """Something was committed: let what was announced leave now."""
        self._announcements.wake()

    async def write_status(
        self,
        session: AsyncSession,
        message: MessageRow,
        conversation: ConversationRow,
        status: MessageStatus,
        error: str | None,
        is_opted_out: bool,
    ) -> None:
        """The one place where a sent message's status changes: forward only, together with the event it causes."""
        if not may_advance(message.status, status):
            return
        message.status, message.error_message = status, error
        now = self._clock()
        if status != "delivered" and status not in FAILED:
            return
        if status == "delivered":
            message.delivered_at = now
        elif is_opted_out:
            conversation.opted_out_at = conversation.opted_out_at or now
        kind = message_events.MESSAGE_SENT if status == "delivered" else message_events.MESSAGE_FAILED
        await self.announce(session, message, conversation, kind)

    def take_back_failure(self, message: MessageRow, reported: MessageStatus) -> None:
        """A failure of a message that the carrier had not named was this server's guess, from an answer that was lost
        or meant no more than "not now". If the carrier now reports that it has the message, the report is right."""
        is_guess = message.status == "failed" and message.carrier_message_id is None
        if is_guess and reported not in FAILED:
            message.status, message.error_message = "queued", None

    async def announce(
        self,
        session: AsyncSession,
        message: MessageRow,
        conversation: ConversationRow,
        kind: str,
        opt_out: OptOut | None = None,
    ) -> None:
        await session.flush()  # the history is read from the database, and events leave in the order they are recorded
        earlier = [_facts(row) for row in await messages.history(session, message, _MOST_HISTORY)]
        facts, state, at = _facts(message, opt_out), conversation.conversation_metadata, self._clock()
        subject = Subject(
            project_id=message.project_id,
            agent_id=message.agent_id,
            channel=message_events.SMS,
            conversation_id=message.conversation_id,
            message_id=message.id,
        )

        def render(context_limit: int) -> dict[str, Any]:
            return message_events.message_event(
                kind, facts, at=at, history=earlier, state=state, context_limit=context_limit
            )

        await self._announcements.tell_webhook(session, subject, kind, at, render)


def _facts(row: MessageRow, opt_out: OptOut | None = None) -> MessageFacts:
    return MessageFacts(
        message_id=row.id,
        conversation_id=row.conversation_id,
        number_id=row.number_id,
        agent_id=row.agent_id,
        from_number=row.from_number,
        to_number=row.to_number,
        body=row.body,
        direction=row.direction,
        status=row.status,
        at=row.created_at,
        media_urls=tuple(row.media_urls),
        delivered_at=row.delivered_at,
        error=row.error_message,
        opt_out=opt_out,
    )
