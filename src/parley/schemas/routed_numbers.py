"""Phone numbers with who answers them and how they are reached, on the wire."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from parley.schemas.agents import ProviderName, Word
from parley.schemas.base import Timestamp, Wire
from parley.schemas.business_hours import CallRouting
from parley.schemas.fields import Id, PhoneText
from parley.schemas.numbers import Country, NumberConnection, ProviderConfig
from parley.schemas.routing import ROUTING_NOTE, RoutingConfig, routing_sent
from parley.schemas.routing_rules import RoutingRule, RoutingRules
from parley.schemas.trunks import SipConfig, SipConfigOut


class RoutedNumberUpdate(Wire):
    """Assign an agent and say when and how calls reach it. What is left out stays, null clears.

    `sip_config` without a password keeps the password it had.
    """

    agent_id: Id | None = None
    friendly_name: Word | None = None
    call_routing: CallRouting | None = None
    routing_config: RoutingConfig | None = None
    routing_rules: RoutingRules | None = None
    sip_config: SipConfig | None = None

    def routing_sent(self) -> dict[str, Any]:
        """Those of the three routing objects that were sent, plain; None where one is to be cleared."""
        return routing_sent(self)


class RoutedNumberImport(RoutedNumberUpdate):
    """Import a number of your carrier account. Importing it again in the same project updates it.

    `provider_config` holds the account at the carrier, such as `account_sid` and `auth_token`; it is kept sealed.
    """

    phone_number: PhoneText
    country_code: Country | None = None
    provider: ProviderName | None = Field(None, examples=["twilio"])
    provider_config: ProviderConfig | None = None
    credential_id: Id | None = None


class RoutedNumberOut(NumberConnection):
    """A number. `connected` says whether the carrier was told to call this server; if not, the note says what to do."""

    id: str
    phone_number: str
    country_code: str
    provider: str
    status: str
    friendly_name: str | None
    agent_id: str | None
    credential_id: str | None
    call_routing: CallRouting | None
    routing_config: RoutingConfig | None
    routing_rules: list[RoutingRule] = Field(default_factory=list)
    routing_applied: bool = True
    routing_note: str = ROUTING_NOTE
    sip_config: SipConfigOut | None
    created_at: Timestamp
