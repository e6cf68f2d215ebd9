"""Twilio as a `Carrier`: the files beside this one, composed."""

from __future__ import annotations

from collections.abc import Mapping

from parley.domain.secrets import Secret
from parley.providers.carriers.twilio import messages, twiml, webhooks
from parley.providers.carriers.twilio.leg import TwilioLeg
from parley.providers.carriers.twilio.rest import TwilioRest
from parley.providers.protocols import (
    CallReport,
    Document,
    ForwardOutcome,
    IncomingLeg,
    IncomingMessage,
    MessageReport,
    RingingCall,
    TextSocket,
)


class Twilio(TwilioRest):
    """Everything parley asks of Twilio, for all accounts: `Twilio(http, base_url="")`.

    The caller owns and closes `http`; a `base_url` sends REST requests elsewhere: to an emulator, to a proxy.
    """

    def verify(self, token: Secret, url: str, headers: Mapping[str, str], body: bytes) -> None:
        webhooks.verify(token, url, headers, body)

    def read_ringing(self, body: bytes) -> RingingCall:
        return webhooks.read_ringing(body)

    def read_report(self, body: bytes) -> CallReport:
        return webhooks.read_report(body)

    def read_forwarded(self, body: bytes) -> ForwardOutcome | None:
        return webhooks.read_forwarded(body)

    def read_message(self, body: bytes) -> IncomingMessage:
        return messages.read_message(body)

    def read_message_report(self, body: bytes) -> MessageReport:
        return messages.read_report(body)

    def message_document(self) -> Document:
        return _xml(twiml.nothing())

    def connect_document(self, stream_url: str, token: str, after_url: str) -> Document:
        return _xml(twiml.connect(stream_url, token, after_url))

    def forward_document(
        self, phone_number: str, caller_id: str, *, after_url: str, answered_url: str, timeout_s: int
    ) -> Document:
        return _xml(twiml.forward(phone_number, caller_id, after_url, answered_url, timeout_s))

    def hangup_document(self) -> Document:
        return _xml(twiml.hangup())

    def reject_document(self) -> Document:
        return _xml(twiml.reject())

    def leg(self, socket: TextSocket) -> IncomingLeg:
        return TwilioLeg(socket)


def _xml(text: str) -> Document:
    return Document("text/xml; charset=utf-8", text.encode())
