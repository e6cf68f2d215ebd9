"""Numbers on the wire for clients that register what they own at a carrier and let one agent answer it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict

from parley.schemas.base import Timestamp, Wire
from parley.schemas.business_hours import Spoken
from parley.schemas.fields import Id
from parley.schemas.numbers import NumberConnection, NumberImport


class InboundRouting(Wire):
    """Who answers: the number's agent. Other agents as a fallback are not supported here, and refused.

    `voicemail_message` is what callers are asked for a message with where nobody can take their call.
    """

    model_config = ConfigDict(extra="forbid")

    agent_id: Id | None = None
    voicemail_message: Spoken | None = None


class NumberRegister(NumberImport):
    """Register a number, through an account (`credentialId`) or a SIP trunk (`providerConfig`)."""

    agent_id: Id
    inbound_routing: InboundRouting | None = None


def _shown_status(status: str) -> str:
    return "active" if status == "active" else "inactive"


ShownStatus = Annotated[Literal["active", "inactive"], BeforeValidator(_shown_status)]


class RoutedTo(Wire):
    """Who answers, and what callers are asked for a message with where nobody can."""

    agent_id: str | None
    voicemail_message: str | None


class RegisteredNumber(NumberConnection):
    """A number as read. `inboundRouting` says who answers."""

    id: str
    phone_number: str
    friendly_name: str | None
    provider: str
    credential_id: str | None
    agent_id: str | None
    status: ShownStatus
    inbound_routing: RoutedTo
    created_at: Timestamp


class Unregistered(Wire):
    success: bool = True
    id: str
    phone_number: str
    status: ShownStatus
