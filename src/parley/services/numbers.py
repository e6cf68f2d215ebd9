"""Phone numbers: bought, imported, listed, released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.carriers import AvailableNumber, CarrierAccount, CarrierNumber
from parley.domain.errors import BadInput, CarrierRefused, Conflict, NotFound
from parley.domain.ids import new_id
from parley.domain.phone_numbers import country_of, normalise
from parley.providers.protocols import Carrier
from parley.schemas.credentials import CredentialCreate
from parley.schemas.numbers import NumberBuy, NumberImport, NumberList, NumberSearch
from parley.services.accounts import CarrierAccounts
from parley.services.credentials import Credentials
from parley.services.defaults import Clock, utc_now
from parley.services.hooks import Hooks
from parley.storage import agents, numbers
from parley.storage import credentials as credential_rows
from parley.storage.database import Database
from parley.storage.tables import NumberRow

_MOST_TRIES = 3
_UNIQUE_PHONE = "uq_numbers_active"
_TAKEN = "This number is registered on this server by another project; a number belongs to one project only."
_TRUNK_FIELDS = ("trunk_address", "trunkAddress", "sip_domain", "sipDomain")


class Numbers:
    def __init__(
        self,
        database: Database,
        accounts: CarrierAccounts,
        credentials: Credentials,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
        default_carrier: str,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._credentials = credentials
        self._carriers = carriers
        self._hooks = hooks
        self._default_carrier = default_carrier
        self._clock = clock

    async def search(self, project_id: str, query: NumberSearch) -> Sequence[AvailableNumber]:
        """Numbers on sale now. Raises BadInput (no account, or a carrier that cannot search), CarrierRefused."""
        async with self._database.read() as session:
            name = await self._carrier_of(session, project_id, None, query.credential_id)
            account, _ = await self._accounts.resolve(session, project_id, name, query.credential_id)
        return await self._carrier(name).search(
            account,
            query.country.upper(),
            area_code=query.area_code or "",
            contains=query.contains or "",
            limit=query.limit,
        )

    async def buy(self, project_id: str, wanted: NumberBuy) -> NumberRow:
        """Buy a number with its hooks set to this server, so that it can ring at once. Raises like `search`.

        The area code is best effort: without a match any number of the country is bought. What was bought and cannot
        be kept is given back.
        """
        async with self._database.read() as session:
            if wanted.agent_id is not None:
                await agents.get(session, project_id, wanted.agent_id)
            name = await self._carrier_of(session, project_id, None, wanted.credential_id)
            account, credential_id = await self._accounts.resolve(session, project_id, name, wanted.credential_id)
        carrier, number_id = self._carrier(name), new_id("num")
        bought = await self._buy_one(carrier, account, wanted, name, number_id)
        is_kept = False
        try:
            row = NumberRow(
                id=number_id,
                project_id=project_id,
                phone_number=bought.phone_number,
                country=wanted.country.upper(),
                status="active",
                provider=name,
                credential_id=credential_id,
                carrier_id=bought.carrier_id,
                created_at=self._clock(),
            )
            await self._keep(row, wanted.agent_id)
            is_kept = True
        finally:
            if not is_kept:
                await carrier.release(account, bought.carrier_id)
        return row

    async def import_(self, project_id: str, wanted: NumberImport) -> NumberRow:
        """Register a number, or update it. Raises Conflict when an active number belongs to another project.

        With an account at a carrier parley has an adapter for, the number's hooks are pointed at this server. A number
        reached by a SIP trunk needs no account. An account token in `providerConfig` becomes a credential of its own.
        """
        phone = normalise(wanted.phone_number, "phoneNumber")
        async with self._database.read() as session:
            if wanted.agent_id is not None:
                await agents.get(session, project_id, wanted.agent_id)
            known = await numbers.active_by_phone(session, phone)
        if known is not None and known.project_id != project_id:
            raise Conflict(_TAKEN)
        given = await self._import_credential(project_id, wanted)
        async with self._database.read() as session:
            name = await self._carrier_of(session, project_id, wanted.provider, given)
            is_trunk = any((wanted.provider_config or {}).get(field) for field in _TRUNK_FIELDS)
            account, credential_id = None, given
            if name in self._carriers and not is_trunk:
                account, credential_id = await self._accounts.resolve(session, project_id, name, given)
        number_id = known.id if known is not None else new_id("num")
        carrier_id = known.carrier_id if known is not None else None
        if account is not None:
            adopted = await self._carriers[name].adopt(account, phone, self._hooks.number(name, number_id))
            carrier_id = adopted.carrier_id
        changes: dict[str, Any] = {"provider": name, "credential_id": credential_id, "carrier_id": carrier_id}
        if wanted.friendly_name is not None:
            changes["friendly_name"] = wanted.friendly_name
        if known is not None:
            return await self._change(project_id, number_id, changes, wanted.agent_id)
        country = (wanted.country or wanted.country_code or country_of(phone)).upper()
        row = NumberRow(id=number_id, project_id=project_id, phone_number=phone, country=country, status="active")
        row.created_at = self._clock()
        for field, value in changes.items():
            setattr(row, field, value)
        await self._keep(row, wanted.agent_id)
        return row

    async def get(self, project_id: str, number_id: str) -> NumberRow:
        """Also a released one."""
        async with self._database.read() as session:
            return await numbers.get(session, project_id, number_id)

    async def release(self, project_id: str, number_id: str) -> NumberRow:
        """Give the number back to the carrier for good; its calls stay. Released already is NotFound."""
        async with self._database.read() as session:
            row = await numbers.get(session, project_id, number_id)
            if row.status != "active":
                raise NotFound("This number was released already.")
            account = None
            if row.carrier_id is not None and row.provider in self._carriers:
                account, _ = await self._accounts.resolve(session, project_id, row.provider, row.credential_id)
        if account is not None and row.carrier_id is not None:
            await self._carriers[row.provider].release(account, row.carrier_id)
        async with self._database.transaction() as session:
            row = await numbers.get(session, project_id, number_id, lock=True)
            row.status, row.released_at = "released", self._clock()
            row.agent_id = row.attached_at = None
        return row

    async def list(self, project_id: str, query: NumberList) -> tuple[list[NumberRow], int]:
        """One page of the active numbers, oldest first, and how many there are in all."""
        async with self._database.read() as session:
            return await numbers.list_page(session, project_id, query.limit, query.offset)

    # ------------------------------------------------------------ steps

    async def _carrier_of(
        self, session: AsyncSession, project_id: str, provider: str | None, credential_id: str | None
    ) -> str:
        """The carrier that was named, else the credential's, else the server's default."""
        if provider is not None:
            return provider.lower()
        if credential_id is not None:
            return (await credential_rows.get(session, project_id, credential_id)).provider
        return self._default_carrier

    def _carrier(self, name: str) -> Carrier:
        if name not in self._carriers:
            known = ", ".join(sorted(self._carriers))
            raise BadInput(
                f"parley cannot search or buy numbers at `{name}`; it can at: {known}. Import a number instead."
            )
        return self._carriers[name]

    async def _buy_one(
        self, carrier: Carrier, account: CarrierAccount, wanted: NumberBuy, name: str, number_id: str
    ) -> CarrierNumber:
        hooks = self._hooks.number(name, number_id)
        if wanted.phone_number is not None:
            return await carrier.buy(account, normalise(wanted.phone_number, "phoneNumber"), hooks)
        country = wanted.country.upper()
        offers = await carrier.search(account, country, area_code=wanted.area_code or "", limit=_MOST_TRIES)
        if not offers and wanted.area_code:
            offers = await carrier.search(account, country, limit=_MOST_TRIES)
        refused: CarrierRefused | None = None
        for offer in offers[:_MOST_TRIES]:
            try:
                return await carrier.buy(account, offer.phone_number, hooks)
            except CarrierRefused as taken:  # somebody else was quicker, or this one needs papers: try the next
                refused = taken
        raise refused or Conflict("The carrier has no number for sale in this country now; try again later.")

    async def _import_credential(self, project_id: str, wanted: NumberImport) -> str | None:
        config = wanted.provider_config or {}
        token = config.get("auth_token", config.get("authToken"))
        if wanted.credential_id is not None or not isinstance(token, str) or not token:
            return wanted.credential_id
        provider = wanted.provider or self._default_carrier
        credential = CredentialCreate(
            name=wanted.friendly_name or "Imported number", provider=provider, api_key=token, provider_config=config
        )
        return (await self._credentials.create_once(project_id, credential)).id

    async def _keep(self, row: NumberRow, agent_id: str | None) -> None:
        if agent_id is not None:
            row.agent_id, row.attached_at = agent_id, self._clock()
        try:
            async with self._database.transaction() as session:
                session.add(row)
        except IntegrityError as clash:
            if _UNIQUE_PHONE not in str(clash.orig):
                raise
            raise Conflict(_TAKEN) from None

    async def _change(
        self, project_id: str, number_id: str, changes: Mapping[str, Any], agent_id: str | None
    ) -> NumberRow:
        async with self._database.transaction() as session:
            row = await numbers.get(session, project_id, number_id, lock=True)
            for field, value in changes.items():
                setattr(row, field, value)
            if agent_id is not None and agent_id != row.agent_id:
                row.agent_id, row.attached_at = agent_id, self._clock()
        return row
