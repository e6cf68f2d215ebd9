"""Which carrier account a request is made with.

The number's own credential, else the project's only credential for a carrier parley can dial with, else the
operator's environment.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.carriers import CarrierAccount
from parley.services.credentials import Credentials
from parley.storage.database import Database


class CarrierAccounts:
    """`operator` maps a carrier's name to the environment's account; its token may be empty, its id alone is useful."""

    def __init__(self, database: Database, credentials: Credentials, operator: Mapping[str, CarrierAccount]) -> None:
        self._database = database
        self._credentials = credentials
        self._operator = operator

    async def for_number(self, number_id: str) -> tuple[str, CarrierAccount]:
        """(carrier, account) that owns the number: what its carrier webhooks are verified with. Raises NotFound."""
        raise NotImplementedError

    async def for_call(self, call_id: str) -> tuple[str, CarrierAccount]:
        """(carrier, account) that owns the call. Raises NotFound."""
        raise NotImplementedError

    async def resolve(
        self, session: AsyncSession, project_id: str, carrier: str, credential_id: str | None
    ) -> tuple[CarrierAccount, str | None]:
        """The account and the id of the credential it came from. Raises BadInput when there is none to use."""
        raise NotImplementedError
