"""Phone numbers on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from parley.domain.endpoints import require_endpoint
from parley.schemas.agents import AgentNumber, ProviderName, Word
from parley.schemas.base import Limit, Offset, Timestamp, Wire
from parley.schemas.credentials import ACCOUNT_ADVICE, SecretKey
from parley.schemas.fields import Id, PhoneText, matching

Country = Annotated[str, matching(r"^[A-Za-z]{2}$", "must be a two-letter country code like US")]
AreaCode = Annotated[str, matching(r"^[0-9]{3}$", "must be 3 digits")]


class NumberBuy(Wire):
    """Buy one number: a given one, or any that fits. Without a country it is a US number."""

    country: Annotated[str, matching(r"^(US|CA|us|ca)$", "must be US or CA")] = "US"
    area_code: AreaCode | None = None
    agent_id: Id | None = None
    phone_number: PhoneText | None = None
    credential_id: Id | None = None


AccountIdOrNone = Annotated[str, Field(max_length=64), matching(r"^[A-Za-z0-9_.:-]*$", ACCOUNT_ADVICE)]
SecretText = Annotated[str, Field(max_length=4096)]
TrunkAddress = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        description="A host name or address, with a port behind a colon if it is not 5060, or a `sip:` or `sips:` URI.",
        examples=["sip.example.com"],
    ),
    AfterValidator(require_endpoint),
]


class ProviderConfig(Wire):
    """How the number is reached: an account at its carrier, or a SIP trunk. What else a trunk needs may be sent too.

    Passwords, tokens and whatever else a trunk needs are sealed and never shown again.
    """

    model_config = ConfigDict(extra="allow")

    account_sid: AccountIdOrNone | None = None
    auth_token: SecretKey | None = None
    trunk_address: TrunkAddress | None = None
    sip_domain: TrunkAddress | None = None
    proxy: TrunkAddress | None = None
    auth_username: Word | None = None
    auth_password: SecretText | None = None


class NumberImport(Wire):
    """Register a number the carrier account already owns. Registering it again in the same project updates it."""

    phone_number: PhoneText
    friendly_name: Word | None = None
    provider: ProviderName | None = None
    agent_id: Id | None = None
    credential_id: Id | None = None
    country: Country | None = None
    country_code: Country | None = None
    provider_config: ProviderConfig | None = None


class NumberUpdate(Wire):
    """Only the fields that were sent change; a null agent leaves the number unanswered."""

    agent_id: Id | None = None
    friendly_name: Word | None = None


DigitsWanted = Annotated[
    str,
    Field(max_length=20),
    matching(r"^[0-9A-Za-z*+]+$", "must be digits, or letters of a keypad, with * for any digit"),
]


class NumberSearch(Wire):
    """Query of the search for numbers on sale."""

    country: Country = "US"
    area_code: Annotated[str, matching(r"^[0-9]{1,6}$", "must be 1 to 6 digits")] | None = None
    contains: DigitsWanted | None = None
    limit: Limit = 10
    credential_id: Id | None = None


class NumberList(Wire):
    """Query of the numbers list."""

    limit: Limit = 20
    offset: Offset = 0


class NumberConnection(Wire):
    """`connected` says whether the carrier was told to call this server; if not, `connectionNote` says what to do."""

    connected: bool = Field(validation_alias="is_connected")
    connection_note: str | None


class NumberOut(NumberConnection):
    id: str
    phone_number: str
    country: str
    status: str
    agent_id: str | None
    friendly_name: str | None
    provider: str
    credential_id: str | None
    created_at: Timestamp


class NumberAttached(Wire):
    agent_id: str
    number: AgentNumber


class NumberReleased(Wire):
    success: bool = True
    id: str
    phone_number: str
    status: str = "released"


class AvailableNumberOut(Wire):
    """A number on sale."""

    phone_number: str
    country: str
    locality: str
    region: str
