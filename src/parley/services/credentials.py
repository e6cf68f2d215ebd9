"""A project's own provider accounts, sealed at rest. They win over the operator's environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import BadInput, FieldError
from parley.domain.ids import new_id
from parley.domain.secrets import Secret
from parley.providers.protocols import Carrier
from parley.schemas.credentials import CredentialCreate, CredentialList
from parley.services.defaults import Clock, utc_now
from parley.storage import credentials
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.tables import CredentialRow

_ACCOUNT_FIELDS = ("account_sid", "accountSid")
_ACCOUNT_FORM = "[A-Za-z0-9_.:-]{1,64}"
_NO_ACCOUNT = "has to hold the account id exactly as the provider shows it, without spaces, slashes or line ends"
_NO_PAIR = "has to be a token alone, or `ID:TOKEN` with the account id exactly as the provider shows it"


class Credentials:
    """`operator_keys` maps a provider's name to the environment's key; `carriers` are those that place calls."""

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        operator_keys: Mapping[str, Secret],
        carriers: Mapping[str, Carrier],
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._operator_keys = operator_keys
        self._carriers = carriers
        self._clock = clock

    async def create(self, project_id: str, wanted: CredentialCreate) -> CredentialRow:
        """Seal and keep it. Several credentials for one provider are allowed; the newest is used.

        Raises BadInput for an account id that its carrier, or any, cannot have.
        """
        account_id, secret = self._read(wanted)
        async with self._database.transaction() as session:
            return self._add(session, project_id, wanted, account_id, secret)

    async def create_once(self, project_id: str, wanted: CredentialCreate) -> tuple[CredentialRow, bool]:
        """The one the project has for this very account and key already, else a new one; and whether it is new.

        Raises like `create`.
        """
        account_id, secret = self._read(wanted)
        async with self._database.transaction() as session:
            for row in await credentials.for_providers(session, project_id, [wanted.provider.lower()]):
                if row.account_id == account_id and self.open(row).reveal() == secret.reveal():
                    return row, False
            return self._add(session, project_id, wanted, account_id, secret), True

    def _add(
        self,
        session: AsyncSession,
        project_id: str,
        wanted: CredentialCreate,
        account_id: str | None,
        secret: Secret,
    ) -> CredentialRow:
        row = CredentialRow(
            id=new_id("cred"),
            project_id=project_id,
            name=wanted.name,
            provider=wanted.provider.lower(),
            account_id=account_id,
            masked_key=secret.hint,
            created_at=self._clock(),
        )
        row.sealed_secret = self._cipher.seal(secret, project_id, row.id)
        session.add(row)
        return row

    async def delete(self, project_id: str, credential_id: str) -> CredentialRow:
        """Numbers and calls that used it fall back to the other accounts."""
        async with self._database.transaction() as session:
            row = await credentials.get(session, project_id, credential_id)
            await session.delete(row)
        return row

    async def for_provider(self, project_id: str, provider: str) -> Secret:
        """The project's newest key for the provider, else the operator's, else an empty secret."""
        return (await self.for_providers(project_id, [provider]))[provider]

    async def for_providers(self, project_id: str, providers: Collection[str]) -> dict[str, Secret]:
        """`for_provider` of several, in one query."""
        keys = {provider: self._operator_keys.get(provider, Secret("")) for provider in providers}
        async with self._database.read() as session:
            rows = await credentials.for_providers(session, project_id, providers)
        return keys | {row.provider: self.open(row) for row in reversed(rows)}

    def open(self, row: CredentialRow) -> Secret:
        """Raises ConfigurationError when the row was sealed with a key this server does not have."""
        return self._cipher.open(row.sealed_secret, row.project_id, row.id)

    def seal(self, secret: Secret, project_id: str, row_id: str) -> bytes:
        """A secret of another noun's row, such as the password of a number's trunk."""
        return self._cipher.seal(secret, project_id, row_id)

    async def list(self, project_id: str, query: CredentialList) -> tuple[list[CredentialRow], int]:
        """One page, newest first, and how many there are in all."""
        async with self._database.read() as session:
            return await credentials.list_page(session, project_id, query.provider, query.limit, query.offset)

    def _read(self, wanted: CredentialCreate) -> tuple[str | None, Secret]:
        field, account_id = next(_account_ids(wanted), ("", None))
        carrier, key = self._carriers.get(wanted.provider.lower()), wanted.api_key.strip()
        why = _NO_ACCOUNT
        if account_id is None and carrier is not None and ":" in key:
            field, why = "apiKey", _NO_PAIR
            account_id, _, key = key.partition(":")
        form = carrier.account_form if carrier is not None else _ACCOUNT_FORM
        if account_id is not None and (not re.fullmatch(form, account_id) or not key):
            raise BadInput(f"`{field}` {why}.", [FieldError(field, why)])
        return account_id, Secret(key)


def _account_ids(wanted: CredentialCreate) -> Iterator[tuple[str, str]]:
    """Where an account id may stand, and what stands there: the first is meant."""
    places = (("metadata", wanted.metadata), ("providerConfig", wanted.provider_config))
    written = [("accountSid", wanted.account_sid)]
    written += [(f"{place}.{name}", (held or {}).get(name)) for place, held in places for name in _ACCOUNT_FIELDS]
    for field, text in written:
        if isinstance(text, str) and text:
            yield field, text
