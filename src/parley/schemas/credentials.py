"""Provider credentials on the wire. The secret goes in and never comes out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from parley.schemas.agents import Name, ProviderName
from parley.schemas.base import Limit, Offset, Timestamp, Wire
from parley.schemas.fields import matching

SecretKey = Annotated[
    str,
    Field(min_length=1, max_length=4096),
    matching(r"^\s*[!-~]([ -~]*[!-~])?\s*$", "must be the key as the provider shows it: one line of plain ASCII"),
]
"""It goes into the headers of requests, which take nothing else."""


ACCOUNT_ADVICE = "must be the account id exactly as the provider shows it"
AccountId = Annotated[
    str,
    Field(min_length=1, max_length=64),
    matching(r"^[A-Za-z0-9_.:-]+$", ACCOUNT_ADVICE),
]
"""It becomes a step of a request's path. A carrier's own form may be narrower."""


class CredentialCreate(Wire):
    """A project's own account at a provider.

    A carrier's account id may come as `accountSid`, in `metadata` or `providerConfig`, or as `ID:TOKEN` in `apiKey`.
    """

    name: Name
    provider: ProviderName = Field(examples=["twilio"])
    api_key: SecretKey
    account_sid: AccountId | None = None
    metadata: dict[str, Any] | None = None
    provider_config: dict[str, Any] | None = None


class CredentialList(Wire):
    """Query of the credentials list."""

    limit: Limit = 20
    offset: Offset = 0
    provider: ProviderName | None = None


class CredentialOut(Wire):
    """`maskedKey` is the last four characters, enough to tell keys apart."""

    id: str
    name: str
    provider: str
    masked_key: str
    account_id: str | None
    created_at: Timestamp
