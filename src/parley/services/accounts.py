"""Which carrier account a request is made with.

The number's own credential, else the project's only credential for the carrier, else the operator's environment. What
was made at the carrier stays with the account it was made with, whatever credentials the project gains later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.carriers import CarrierAccount
from parley.domain.errors import BadInput
from parley.domain.secrets import Secret
from parley.services.credentials import Credentials
from parley.storage import calls, credentials, messages, numbers
from parley.storage.database import Database
from parley.storage.tables import CredentialRow, NumberRow

Owner = Literal["project", "operator", "missing"]
_NOBODY = CarrierAccount("", Secret(""))


class CarrierAccounts:
    """`operator` maps a carrier's name to the environment's account; its token may be empty, its id alone is useful."""

    def __init__(self, database: Database, credentials: Credentials, operator: Mapping[str, CarrierAccount]) -> None:
        self._database = database
        self._credentials = credentials
        self._operator = operator

    async def for_number(self, number_id: str) -> tuple[str, CarrierAccount]:
        """(carrier, account) that owns a number: what its carrier webhooks are verified with.

        Also a released one, whose last call may still end. Raises NotFound, or BadInput when there is no account.
        """
        async with self._database.read() as session:
            number = await numbers.get_known(session, number_id)
            account, _ = await self.of_number(session, number)
        return number.provider, account

    async def for_call(self, call_id: str) -> tuple[str, CarrierAccount]:
        """(carrier, account) that owns the call. Raises like `for_number`."""
        async with self._database.read() as session:
            call = await calls.get_known(session, call_id)
            account, _ = await self._made_with(session, call.project_id, call.carrier, call.credential_id)
        return call.carrier, account

    async def for_message(self, message_id: str) -> tuple[str, CarrierAccount]:
        """(carrier, account) that owns the text message. Raises like `for_number`."""
        async with self._database.read() as session:
            message = await messages.get_known(session, message_id)
            account, _ = await self._made_with(session, message.project_id, message.carrier, message.credential_id)
        return message.carrier, account

    async def of_number(self, session: AsyncSession, number: NumberRow) -> tuple[CarrierAccount, str | None]:
        """The account that owns a number at its carrier, or the one to try for a number nobody asked the carrier for.

        Raises like `resolve`.
        """
        find = self._made_with if number.carrier_id is not None else self.resolve
        return await find(session, number.project_id, number.provider, number.credential_id)

    async def resolve(
        self, session: AsyncSession, project_id: str, carrier: str, credential_id: str | None
    ) -> tuple[CarrierAccount, str | None]:
        """The account, and the id of the credential it came from if it is the project's own.

        Raises NotFound for a foreign credential, BadInput when there is no account to use.
        """
        if credential_id is not None:
            return self._of(await credentials.get(session, project_id, credential_id), carrier)
        own = await credentials.for_providers(session, project_id, [carrier])
        if len(own) == 1:
            return self._of(own[0], carrier)
        operators = self._operator.get(carrier, _NOBODY)
        if operators.account_id and operators.token:
            return operators, None
        if own:
            raise BadInput(f"This project has several `{carrier}` credentials; name one with `credentialId`.")
        raise BadInput(f"There is no `{carrier}` account to use: create a credential for it, or give the server one.")

    async def _made_with(
        self, session: AsyncSession, project_id: str, carrier: str, credential_id: str | None
    ) -> tuple[CarrierAccount, str | None]:
        """The account of something that exists at the carrier: what has no credential is the operator's."""
        operators = self._operator.get(carrier, _NOBODY)
        if credential_id is None and operators.account_id and operators.token:
            return operators, None
        return await self.resolve(session, project_id, carrier, credential_id)

    async def owner(self, session: AsyncSession, project_id: str, carrier: str) -> Owner:
        """Whose account there is to use at the carrier. Nobody's where a credential lacks the account's id, too."""
        operators = self._operator.get(carrier, _NOBODY)
        own = await credentials.for_providers(session, project_id, [carrier])
        if any(row.account_id or operators.account_id for row in own):
            return "project"
        return "operator" if operators.account_id and operators.token else "missing"

    def _of(self, row: CredentialRow, carrier: str) -> tuple[CarrierAccount, str]:
        if row.provider != carrier:
            raise BadInput(f"This credential is for `{row.provider}`, and the number's carrier is `{carrier}`.")
        account_id = row.account_id or self._operator.get(carrier, _NOBODY).account_id
        if not account_id:
            raise BadInput("This credential has no account id; create it again with `accountSid`.")
        return CarrierAccount(account_id, self._credentials.open(row)), row.id
