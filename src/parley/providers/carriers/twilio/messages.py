"""What Twilio says about text messages: one that came in, and what became of one that went out.

Source: twilio.com/docs/messaging/guides/webhook-request (request parameters),
twilio.com/docs/messaging/guides/track-outbound-message-status (status callbacks),
twilio.com/docs/messaging/api/message-resource (statuses).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from parley.domain.errors import BadInput
from parley.domain.messages import MAX_MEDIA, MessageStatus, OptOut
from parley.providers.carriers.twilio.transport import RECIPIENT_OPTED_OUT
from parley.providers.carriers.twilio.webhooks import read_form
from parley.providers.protocols import IncomingMessage, MessageReport

MAX_SENDER_CHARS: Final = 64
MAX_URL_CHARS: Final = 2083

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}")
_ADDRESS: Final = re.compile(r"https?://[!-~]+")
_OPT_OUTS: Final[dict[str, OptOut]] = {"STOP": "stop", "START": "start", "HELP": "help"}

_STATUSES: Final[dict[str, MessageStatus]] = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undelivered",
    "failed": "failed",
    "canceled": "failed",
}


def read_message(body: bytes) -> IncomingMessage:
    """A text that came in. Raises BadInput.

    `OptOutType` is sent where the number has Twilio's Advanced Opt-Out, whose words the account chooses itself.
    """
    fields = _fields(body)
    sender, ours = _storable(fields.get("From", "")).strip(), fields.get("To", "")
    if not sender or not ours or len(sender) > MAX_SENDER_CHARS:
        raise BadInput("The carrier's request does not say who wrote to which number.")
    return IncomingMessage(
        carrier_message_id=_message_id(fields),
        from_number=sender,
        to_number=ours,
        body=_storable(fields.get("Body", "")),
        media_urls=_media(fields),
        opt_out=_OPT_OUTS.get(fields.get("OptOutType", "").upper()),
    )


def read_report(body: bytes) -> MessageReport:
    """What became of a text that was sent. Raises BadInput for a status this version does not know."""
    fields = _fields(body)
    status = _STATUSES.get(fields.get("MessageStatus", "") or fields.get("SmsStatus", ""))
    if status is None:
        raise BadInput("The carrier reports a message status that is not known here.")
    code = fields.get("ErrorCode", "")
    if not _NUMBER.fullmatch(code):
        return MessageReport(_message_id(fields), status)
    sentence = f"Twilio error {code}; twilio.com/docs/api/errors/{code} says what it means."
    return MessageReport(_message_id(fields), status, sentence, int(code) == RECIPIENT_OPTED_OUT)


def _fields(body: bytes) -> dict[str, str]:
    fields = read_form(body)
    if not _ID.fullmatch(_message_id(fields)):
        raise BadInput("The carrier's request names no message.")
    return fields


def _message_id(fields: Mapping[str, str]) -> str:
    """`SmsSid` is its older name, which the callbacks of some products still use alone."""
    return fields.get("MessageSid") or fields.get("SmsSid", "")


def _media(fields: Mapping[str, str]) -> tuple[str, ...]:
    told = fields.get("NumMedia", "")
    count = min(int(told), MAX_MEDIA) if _NUMBER.fullmatch(told) else 0
    urls = (fields.get(f"MediaUrl{index}", "") for index in range(count))
    return tuple(url for url in urls if len(url) <= MAX_URL_CHARS and _ADDRESS.fullmatch(url))


def _storable(text: str) -> str:
    """A form may hold NUL, which Postgres cannot keep."""
    return text.replace("\x00", "")
