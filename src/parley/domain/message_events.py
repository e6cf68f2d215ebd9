"""What customers are told about text messages, in the shape every event has (see `events`). Pure.

`data` is the whole message. Where public clients read a second name for a key, both are sent (`id` and `messageId`,
`body` and `message`, `from` and `fromNumber`, ...).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from parley.domain.events import Payload, envelope, timestamp
from parley.domain.messages import OptOut

MESSAGE_RECEIVED = "message.received"
MESSAGE_SENT = "message.sent"
MESSAGE_FAILED = "message.failed"
SMS = "sms"


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A message as events show it. `at` is when it came in, or was handed over to be sent.

    `opt_out` is set for one that only asks the carrier for something; `error` for one that failed.
    """

    message_id: str
    conversation_id: str
    number_id: str
    agent_id: str | None
    from_number: str
    to_number: str
    body: str
    direction: str
    status: str
    at: datetime
    media_urls: tuple[str, ...] = ()
    delivered_at: datetime | None = None
    error: str | None = None
    opt_out: OptOut | None = None


def message_event(
    kind: str,
    message: MessageFacts,
    *,
    at: datetime,
    history: Sequence[MessageFacts],
    state: Mapping[str, Any] | None,
    context_limit: int,
) -> Payload:
    """`message.received`, `message.sent`, `message.failed`, or `agent.message` on the `sms` channel.

    `history` is oldest first and ends with the message itself; the newest `context_limit` lines of it are shown.
    `state` is the conversation's metadata, as the customer keeps it.
    """
    return envelope(
        kind,
        channel=SMS,
        agent_id=message.agent_id,
        at=at,
        data=_data(message),
        state=None if state is None else dict(state),
        history=recent_messages(history, context_limit),
    )


def recent_messages(history: Sequence[MessageFacts], context_limit: int) -> list[Payload]:
    """The newest `context_limit` messages, oldest first; a limit of 0 gives none."""
    newest = history[-context_limit:] if context_limit > 0 else []
    return [
        {
            "content": message.body,
            "direction": message.direction,
            "channel": SMS,
            "at": timestamp(message.at),
            "messageId": message.message_id,
            "mediaUrls": list(message.media_urls),
        }
        for message in newest
    ]


def _data(message: MessageFacts) -> Payload:
    return {
        "id": message.message_id,
        "messageId": message.message_id,
        "conversationId": message.conversation_id,
        "agentId": message.agent_id,
        "numberId": message.number_id,
        "phoneNumberId": message.number_id,
        "from": message.from_number,
        "fromNumber": message.from_number,
        "to": message.to_number,
        "toNumber": message.to_number,
        "body": message.body,
        "message": message.body,
        "mediaUrl": message.media_urls[0] if message.media_urls else None,
        "mediaUrls": list(message.media_urls),
        "direction": message.direction,
        "channel": SMS,
        "status": message.status,
        "receivedAt": timestamp(message.at),
        "deliveredAt": timestamp(message.delivered_at) if message.delivered_at else None,
        "errorMessage": message.error,
        "optOut": message.opt_out,
    }
