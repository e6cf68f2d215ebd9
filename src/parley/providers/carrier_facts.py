"""What a carrier tells, in nobody's dialect: calls that ring, reports, texts; and the documents it is answered with."""

from __future__ import annotations

from typing import Final

import msgspec

from parley.domain.calls import CallStatus, EndReason
from parley.domain.messages import MessageStatus, OptOut


class RingingCall(msgspec.Struct, frozen=True):
    """A call that rings on one of our numbers, or was answered by whom we called. Numbers as the carrier gives them."""

    carrier_call_id: str
    from_number: str
    to_number: str


class CallReport(msgspec.Struct, frozen=True):
    """What the carrier says became of a call. `reason` is set for an end whose reason the carrier knows."""

    carrier_call_id: str
    status: CallStatus
    reason: EndReason | None = None
    duration_s: int | None = None


class ForwardOutcome(msgspec.Struct, frozen=True):
    """What became of ringing a human's number for a caller. `failure` is None where the human answered, and then
    `talked_s` is how long they spoke, if the carrier says so. After a caller who is gone nothing can follow."""

    failure: EndReason | None = None
    talked_s: int | None = None
    is_caller_gone: bool = False


class IncomingMessage(msgspec.Struct, frozen=True):
    """A text message that came in on one of our numbers, as the carrier gives it.

    `from_number` may be a short code or a name. `opt_out` is set where the carrier itself says that the message asks
    for no more texts, for texts again, or for help.
    """

    carrier_message_id: str
    from_number: str
    to_number: str
    body: str
    media_urls: tuple[str, ...] = ()
    opt_out: OptOut | None = None


class MessageReport(msgspec.Struct, frozen=True):
    """What the carrier says became of a message. `error` says in a sentence why it failed; `is_opted_out` that it was
    because the other side wants no texts."""

    carrier_message_id: str
    status: MessageStatus
    error: str | None = None
    is_opted_out: bool = False


OPTED_OUT: Final = "opted_out"
"""The `reason` of a CarrierRefused when the other side has told the carrier to stop texts from this number."""


NOT_OWNED: Final = "not_owned"
"""The `reason` of a CarrierRefused when the account does not own the number that was to be adopted."""


class Document(msgspec.Struct, frozen=True):
    """An answer to a carrier's webhook that tells it what to do with the call or message."""

    content_type: str
    body: bytes
