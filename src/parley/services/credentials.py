"""A project's own provider accounts, sealed at rest. They win over the operator's environment."""

from __future__ import annotations

from collections.abc import Mapping

from parley.domain.secrets import Secret
from parley.schemas.credentials import CredentialCreate, CredentialList
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.tables import CredentialRow


class Credentials:
    """`operator_keys` maps a provider's name to the environment's key."""

    def __init__(self, database: Database, cipher: Cipher, operator_keys: Mapping[str, Secret]) -> None:
        self._database = database
        self._cipher = cipher
        self._operator_keys = operator_keys

    async def create(self, project_id: str, wanted: CredentialCreate) -> CredentialRow:
        raise NotImplementedError

    async def list(self, project_id: str, query: CredentialList) -> tuple[list[CredentialRow], int]:
        raise NotImplementedError

    async def delete(self, project_id: str, credential_id: str) -> CredentialRow:
        """Numbers and calls that used it fall back to the other accounts."""
        raise NotImplementedError

    async def for_provider(self, project_id: str, provider: str) -> Secret:
        """The project's newest key for the provider, else the operator's, else an empty secret."""
        raise NotImplementedError
