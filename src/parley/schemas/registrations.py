"""Numbers on the wire for clients that register what they own at a carrier and let one agent answer it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from parley.schemas.base import Timestamp, Wire
from parley.schemas.fields import Id
from parley.schemas.numbers import NumberConnection, NumberImport


class InboundRouting(Wire):
    """Who answers: the number's agent. Fallbacks are not supported and refused."""

    model_config = ConfigDict(extra="forbid")

    agent_id: Id | None = None


class NumberRegister(NumberImport):
    """Register a number, through an account (`credentialId`) or a SIP trunk (`providerConfig`)."""

    agent_id: Id
    inbound_routing: InboundRouting | None = None


def _shown_status(status: str) -> str:
    return "active" if status == "active" else "inactive"


ShownStatus = Annotated[Literal["active", "inactive"], BeforeValidator(_shown_status)]


def _routing_to(agent_id: Any) -> dict[str, Any]:
    return {"agent_id": agent_id}


class RoutedTo(Wire):
    agent_id: str | None


class RegisteredNumber(NumberConnection):
    """A number as read. `inboundRouting` says who answers."""

    id: str
    phone_number: str
    friendly_name: str | None
    provider: str
    credential_id: str | None
    agent_id: str | None
    status: ShownStatus
    inbound_routing: Annotated[RoutedTo, BeforeValidator(_routing_to)] = Field(validation_alias="agent_id")
    created_at: Timestamp


class Unregistered(Wire):
    success: bool = True
    id: str
    phone_number: str
    status: ShownStatus
