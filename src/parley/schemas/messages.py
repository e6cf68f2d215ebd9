"""Text messages and conversations on the wire."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from parley.domain.messages import MAX_BODY_CHARS, MAX_MEDIA
from parley.schemas.base import Limit, Offset, Timestamp, Wire, between
from parley.schemas.fields import Id, PhoneText, matching

MAX_METADATA_BYTES = 16_384

MediaUrl = Annotated[
    str,
    Field(max_length=2083, description="The carrier fetches the file from there.", json_schema_extra={"format": "uri"}),
    matching(r"^https://[^\s/?#@]+([/?#][^\s]*)?$", "must be an absolute URL that begins with https://"),
]
MessageLimit = Annotated[int, between(1, 200)]


def _bounded(metadata: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(metadata)) > MAX_METADATA_BYTES:
        raise ValueError(f"must not be larger than {MAX_METADATA_BYTES} bytes as JSON")
    return metadata


def _only_one(recipients: list[str]) -> list[str]:
    if len(recipients) > 1:
        raise ValueError("must name one number; send a message of its own to each of the others")
    return recipients


class MessageSend(Wire):
    """Send a text to one phone, from the number that is named, else from the agent's first.

    `recipients` is another way to write `toNumber`, with one number in it; `mediaUrl` another way to write one of
    `mediaUrls`. Without text there must be media.
    """

    body: Annotated[str, Field(max_length=MAX_BODY_CHARS)] | None = None
    agent_id: Id | None = None
    number_id: Id | None = None
    from_number: PhoneText | None = None
    to_number: PhoneText | None = None
    recipients: (
        Annotated[list[PhoneText], AfterValidator(_only_one), Field(json_schema_extra={"maxItems": 1})] | None
    ) = None
    media_url: MediaUrl | None = None
    media_urls: Annotated[list[MediaUrl], Field(max_length=MAX_MEDIA)] | None = None


class MessageList(Wire):
    """Query of a list of messages."""

    limit: MessageLimit = 50
    offset: Offset = 0


class MessageOut(Wire):
    """A text message. `from` and `fromNumber`, `to` and `toNumber` are the same: clients read either.

    `receivedAt` is when it came in, or was handed over to be sent.
    """

    id: str
    conversation_id: str
    number_id: str
    agent_id: str | None
    sender: str = Field(validation_alias="from_number", serialization_alias="from")
    recipient: str = Field(validation_alias="to_number", serialization_alias="to")
    from_number: str
    to_number: str
    body: str
    media_urls: list[str]
    direction: str
    channel: str = "sms"
    status: str
    error_message: str | None
    received_at: Timestamp = Field(validation_alias="created_at")
    delivered_at: Timestamp | None
    created_at: Timestamp


class MessageSent(MessageOut):
    """A message that was handed over to the carrier, with the second names that clients who send one read."""

    sent_at: Timestamp = Field(validation_alias="created_at")
    from_number_again: str = Field(validation_alias="from_number", serialization_alias="from_number")
    to_number_again: str = Field(validation_alias="to_number", serialization_alias="to_number")
    conversation_id_again: str = Field(validation_alias="conversation_id", serialization_alias="conversation_id")
    media_urls_again: list[str] = Field(validation_alias="media_urls", serialization_alias="media_urls")


class ConversationList(Wire):
    """Query of the conversations list."""

    limit: Limit = 20
    offset: Offset = 0


class ConversationRead(Wire):
    """Query of one conversation: how many of its newest messages to show."""

    message_limit: Limit = 50


class ConversationUpdate(Wire):
    """`metadata` replaces what was there; null clears it. It comes back to you in every event of the conversation."""

    metadata: Annotated[dict[str, Any], AfterValidator(_bounded)] | None = Field(examples=[{"orderId": "ORD-001"}])


class ConversationOut(Wire):
    """All texts between one of your numbers (`phoneNumber`) and one other (`participant`).

    `optedOutAt` is set while the participant wants no texts: they said STOP and not yet START.
    """

    id: str
    agent_id: str | None
    phone_number_id: str = Field(validation_alias="number_id")
    phone_number: str
    participant: str
    message_count: int
    last_message_at: Timestamp
    last_message_preview: str
    opted_out_at: Timestamp | None
    metadata: dict[str, Any] | None = Field(validation_alias="conversation_metadata")
    created_at: Timestamp


class ConversationDetail(ConversationOut):
    """One conversation with its newest messages, oldest first."""

    messages: list[MessageOut]
