"""How a registered number is reached: through a carrier account that was told to call this server, or by a SIP trunk.

A trunk is stored (its secrets sealed) and no calls go over it yet, so a number that has nothing else is not connected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import BadInput, CarrierRefused, FieldError
from parley.domain.secrets import Secret
from parley.providers.protocols import NOT_OWNED, Carrier
from parley.schemas.credentials import CredentialCreate
from parley.schemas.numbers import NumberImport
from parley.services.accounts import CarrierAccounts
from parley.services.claims import require_unclaimed
from parley.services.credentials import Credentials
from parley.services.hooks import Hooks
from parley.storage import credentials as credential_rows
from parley.storage.database import Database
from parley.storage.tables import NumberRow

_CONFIG_FIELDS = {"apiKey": "authToken"}
_TRUNK_FIELDS = ("trunk_address", "sip_domain")
# What of a trunk may be kept in the clear; whatever else a customer sends may be a secret, and is sealed.
_PLAIN_FIELDS = frozenset(
    {"trunk_address", "sip_domain", "auth_username", "username", "proxy", "port", "transport", "codec_preferences"}
)


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What a number's row says of how it is reached."""

    provider: str
    credential_id: str | None = None
    carrier_id: str | None = None
    is_connected: bool = False

    def put(self, row: NumberRow) -> None:
        for name in self.__struct_fields__:
            setattr(row, name, getattr(self, name))


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """A number's SIP trunk: what may be kept in the clear, and what is sealed; without any of that, what was stays."""

    sip_config: Mapping[str, Any]
    sealed_config: bytes | None

    def put(self, row: NumberRow) -> None:
        row.sip_config = dict(self.sip_config)
        row.sealed_config = self.sealed_config or row.sealed_config


class Connections:
    """`carriers` are those parley can set up numbers at; `default_carrier` is meant where nobody names one."""

    def __init__(
        self,
        database: Database,
        accounts: CarrierAccounts,
        credentials: Credentials,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
        default_carrier: str,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._credentials = credentials
        self._carriers = carriers
        self._hooks = hooks
        self._default_carrier = default_carrier

    async def carrier_of(
        self, session: AsyncSession, project_id: str, provider: str | None, credential_id: str | None
    ) -> str:
        """The carrier that was named, else the credential's, else the server's default. Raises NotFound."""
        own = await credential_rows.get(session, project_id, credential_id) if credential_id is not None else None
        if provider is not None:
            return provider.lower()
        return own.provider if own is not None else self._default_carrier

    async def make(
        self, project_id: str, wanted: NumberImport, phone: str, number_id: str, known: NumberRow | None
    ) -> Connection:
        """Point the number at this server where a carrier account owns it. `known` is its active row, if it has one
        already; another project's has to be unconnected.

        A number the account does not own comes back unconnected, as does one at a carrier without an adapter; where
        another project claims it too, that is a Conflict. A trunk changes nothing about a connection that is there.
        Raises BadInput (no account, or another carrier's), NotFound, CarrierRefused (any other refusal; also when the
        number is connected through another account), and ProviderUnavailable; whatever it raises, an account token in
        `providerConfig` is not kept.
        """
        sent = self._credential_in(wanted)
        if sent is None:
            return await self._made(project_id, wanted, phone, number_id, known, wanted.credential_id)
        try:
            credential, is_new = await self._credentials.create_once(project_id, sent)
        except BadInput as refused:
            raise _in_config(refused) from None
        is_made = False
        try:
            made = await self._made(project_id, wanted, phone, number_id, known, credential.id)
            is_made = True
        finally:
            if is_new and not is_made:  # it does not work, and would be in the way of the project's others
                await self._credentials.delete(project_id, credential.id)
        return made

    async def _made(
        self,
        project_id: str,
        wanted: NumberImport,
        phone: str,
        number_id: str,
        known: NumberRow | None,
        given: str | None,
    ) -> Connection:
        async with self._database.read() as session:
            name = await self.carrier_of(session, project_id, wanted.provider, given)
            if is_trunk(wanted):
                return _left_alone(known, name, given)
            if name not in self._carriers:
                require_unclaimed(known, project_id)
                return Connection(provider=name, credential_id=given)
            account, used = await self._accounts.resolve(session, project_id, name, given)
        try:
            adopted = await self._carriers[name].adopt(account, phone, self._hooks.number(name, number_id))
        except CarrierRefused as refused:
            is_elsewhere = known is not None and known.is_connected and known.credential_id != used
            if refused.reason != NOT_OWNED or is_elsewhere:
                raise
            require_unclaimed(known, project_id)
            return Connection(provider=name, credential_id=used)
        return Connection(provider=name, credential_id=used, carrier_id=adopted.carrier_id, is_connected=True)

    def trunk(self, project_id: str, number_id: str, wanted: NumberImport) -> Trunk | None:
        """The SIP trunk that was sent, for this very row. None when none was."""
        if wanted.provider_config is None or not is_trunk(wanted):
            return None
        config = wanted.provider_config.model_dump(exclude_none=True)
        hidden = {name: value for name, value in config.items() if name not in _PLAIN_FIELDS}
        secret = Secret(json.dumps(hidden, ensure_ascii=False)) if hidden else None
        return Trunk(
            sip_config={name: value for name, value in config.items() if name not in hidden},
            sealed_config=self._credentials.seal(secret, project_id, number_id) if secret else None,
        )

    def _credential_in(self, wanted: NumberImport) -> CredentialCreate | None:
        """What an account token in `providerConfig` becomes, unless a credential was named besides."""
        config = wanted.provider_config
        if wanted.credential_id is not None or config is None or not config.auth_token:
            return None
        return CredentialCreate(
            name=wanted.friendly_name or "Imported number",
            provider=wanted.provider or self._default_carrier,
            api_key=config.auth_token,
            account_sid=config.account_sid or None,
        )


def _in_config(refused: BadInput) -> BadInput:
    """What was wrong with a credential, at the fields it was read from."""
    message, errors = refused.message, []
    for field, why in refused.errors:
        place = f"providerConfig.{_CONFIG_FIELDS.get(field, field)}"
        message = message.replace(f"`{field}`", f"`{place}`")
        errors.append(FieldError(place, why))
    return BadInput(message, errors)


def is_trunk(wanted: NumberImport) -> bool:
    """Whether the number is to be reached by SIP and not through an account."""
    config = wanted.provider_config
    return config is not None and any(getattr(config, name) for name in _TRUNK_FIELDS)


def _left_alone(known: NumberRow | None, provider: str, credential_id: str | None) -> Connection:
    if known is None or known.provider != provider:
        return Connection(provider=provider, credential_id=credential_id)
    return Connection(
        provider=provider,
        credential_id=known.credential_id if known.is_connected else credential_id,
        carrier_id=known.carrier_id,
        is_connected=known.is_connected,
    )
