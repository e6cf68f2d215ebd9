"""Phone numbers: bought, imported, listed, released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.carriers import AvailableNumber, CarrierAccount, CarrierNumber
from parley.domain.errors import BadInput, CarrierRefused, Conflict, NotFound
from parley.domain.ids import new_id
from parley.domain.phone_numbers import country_of, normalise
from parley.providers.protocols import Carrier
from parley.schemas.numbers import NumberBuy, NumberImport, NumberList, NumberSearch, NumberUpdate
from parley.services.accounts import CarrierAccounts
from parley.services.claims import Overtaken, displace, give_up, require_unclaimed, taken
from parley.services.connections import Connection, Connections, Trunk, is_trunk
from parley.services.credentials import Credentials
from parley.services.defaults import Clock, utc_now
from parley.services.hooks import Hooks
from parley.services.limits import Limits
from parley.storage import agents, credentials, numbers
from parley.storage.database import Database
from parley.storage.tables import NumberRow

_log = structlog.get_logger()
_MOST_TRIES = 3
_MOST_OFFERS = 100
_UNIQUE_PHONE = "uq_numbers_active"
_KNOWN = "This number is registered on this server already; release it here first, or register it again."


class Numbers:
    def __init__(
        self,
        database: Database,
        accounts: CarrierAccounts,
        credentials: Credentials,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
        default_carrier: str,
        limits: Limits,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._limits = limits
        self._accounts = accounts
        self._carriers = carriers
        self._hooks = hooks
        self._connections = Connections(database, accounts, credentials, carriers, hooks, default_carrier)
        self._clock = clock

    async def search(self, project_id: str, query: NumberSearch) -> Sequence[AvailableNumber]:
        """Numbers on sale now. Raises BadInput (no account, or a carrier that cannot search), CarrierRefused."""
        async with self._database.read() as session:
            name = await self._connections.carrier_of(session, project_id, None, query.credential_id)
            carrier = self._carrier(name)
            account, _ = await self._accounts.resolve(session, project_id, name, query.credential_id)
        return await carrier.search(
            account,
            query.country.upper(),
            area_code=query.area_code or "",
            contains=query.contains or "",
            limit=query.limit,
        )

    async def buy(self, project_id: str, wanted: NumberBuy) -> NumberRow:
        """Buy a number with its hooks set to this server, so that it can ring at once. Raises like `search`.

        The area code is best effort: without a match any number of the country is bought. What was bought and cannot
        be kept is given back. Raises Conflict for a number that is registered here, QuotaExceeded when the project has
        as many as it may.
        """
        async with self._database.read() as session:
            if wanted.agent_id is not None:
                await agents.get(session, project_id, wanted.agent_id)
            name = await self._connections.carrier_of(session, project_id, None, wanted.credential_id)
            carrier, number_id = self._carrier(name), new_id("num")
            account, credential_id = await self._accounts.resolve(session, project_id, name, wanted.credential_id)
        async with self._limits.number_on_order(project_id, number_id):
            bought = await self._buy_one(project_id, carrier, account, wanted, name, number_id)
            is_kept = False
            try:
                row = self._row(project_id, number_id, bought.phone_number, wanted.country)
                Connection(
                    provider=name, credential_id=credential_id, carrier_id=bought.carrier_id, is_connected=True
                ).put(row)
                await self._keep(row, wanted.agent_id)
                is_kept = True
            finally:
                if not is_kept:
                    await carrier.release(account, bought.carrier_id)
        return row

    async def import_(self, project_id: str, wanted: NumberImport, dialect: str = "native") -> NumberRow:
        """Register a number, or update it. Raises Conflict when an active number belongs to another project, unless it
        is not connected there and this project's carrier account owns it: then the other project's is released.

        With an account at a carrier parley has an adapter for, the number's hooks are pointed at this server; one the
        account does not own is registered all the same, and `is_connected` is false. A number reached by a SIP trunk
        needs no account. An account token in `providerConfig` becomes a credential of its own.
        """
        phone = normalise(wanted.phone_number, "phoneNumber")
        try:
            return await self._register(project_id, phone, wanted, dialect)
        except Overtaken:
            # Somebody registered it meanwhile. If that was this project, the carrier has to call the row that stayed.
            return await self._register(project_id, phone, wanted, dialect)

    async def _register(self, project_id: str, phone: str, wanted: NumberImport, dialect: str) -> NumberRow:
        async with self._database.read() as session:
            if wanted.agent_id is not None:
                await agents.get(session, project_id, wanted.agent_id)
            if wanted.credential_id is not None:
                await credentials.get(session, project_id, wanted.credential_id)
            known = await numbers.active_by_phone(session, phone)
        if known is not None and (known.is_connected or is_trunk(wanted)):
            require_unclaimed(known, project_id)
        if known is not None and known.project_id == project_id:
            connection = await self._connections.make(project_id, wanted, phone, known.id, known)
            trunk = self._connections.trunk(project_id, known.id, wanted)
            return await self._reconnect(known, wanted, connection, trunk, dialect)
        number_id = new_id("num")
        async with self._limits.number_on_order(project_id, number_id):
            connection = await self._connections.make(project_id, wanted, phone, number_id, known)
            row = self._row(project_id, number_id, phone, wanted.country or wanted.country_code or country_of(phone))
            row.friendly_name = wanted.friendly_name
            _put(row, connection, self._connections.trunk(project_id, number_id, wanted), dialect)
            await self._keep(row, wanted.agent_id)
        return row

    async def get(self, project_id: str, number_id: str) -> NumberRow:
        """Also a released one."""
        async with self._database.read() as session:
            return await numbers.get(session, project_id, number_id)

    async def change(self, project_id: str, number_id: str, change: NumberUpdate) -> NumberRow:
        """Change only what was sent. Raises Conflict for a released number."""
        async with self._database.transaction() as session:
            await hold_agent(session, project_id, change.agent_id)
            row = await numbers.get(session, project_id, number_id, lock=True)
            if row.status != "active":
                raise Conflict("This number was released; register it again to use it.")
            if "friendly_name" in change.model_fields_set:
                row.friendly_name = change.friendly_name
            if "agent_id" in change.model_fields_set:
                attach(row, change.agent_id, self._clock())
        return row

    async def release(self, project_id: str, number_id: str, *, keep_at_carrier: bool = False) -> NumberRow:
        """Give the number back to the carrier for good, or only up here; its calls stay. Released already is NotFound.

        A number no carrier account holds is given up without asking anybody.
        """
        async with self._database.read() as session:
            row = await numbers.get(session, project_id, number_id)
            _require_active(row)
            account = None
            if row.carrier_id is not None and row.provider in self._carriers and not keep_at_carrier:
                account, _ = await self._accounts.of_number(session, row)
        if account is not None and row.carrier_id is not None:
            await self._carriers[row.provider].release(account, row.carrier_id)
        async with self._database.transaction() as session:
            row = await numbers.get(session, project_id, number_id, lock=True)
            _require_active(row)
            give_up(row, self._clock())
        return row

    async def list(self, project_id: str, query: NumberList) -> tuple[list[NumberRow], int]:
        """One page of the active numbers, oldest first, and how many there are in all."""
        async with self._database.read() as session:
            return await numbers.list_page(session, project_id, query.limit, query.offset)

    # ------------------------------------------------------------ steps

    def _carrier(self, name: str) -> Carrier:
        if name not in self._carriers:
            known = ", ".join(sorted(self._carriers))
            raise BadInput(
                f"parley cannot search or buy numbers at `{name}`; it can at: {known}. Import a number instead."
            )
        return self._carriers[name]

    async def _buy_one(
        self,
        project_id: str,
        carrier: Carrier,
        account: CarrierAccount,
        wanted: NumberBuy,
        name: str,
        number_id: str,
    ) -> CarrierNumber:
        hooks = self._hooks.number(name, number_id)
        refused: CarrierRefused | None = None
        for phone in (await self._offers(project_id, carrier, account, wanted))[:_MOST_TRIES]:
            try:
                return await carrier.buy(account, phone, hooks)
            except CarrierRefused as taken:  # somebody else was quicker, or this one needs papers: try the next
                refused = taken
        raise refused or Conflict("The carrier has no number for sale in this country now; try again later.")

    async def _offers(
        self, project_id: str, carrier: Carrier, account: CarrierAccount, wanted: NumberBuy
    ) -> Sequence[str]:
        """What could be bought and kept: numbers in use on this server are not among it."""
        if wanted.phone_number is not None:
            phone = normalise(wanted.phone_number, "phoneNumber")
            if not await self._unused(project_id, [phone]):
                raise Conflict(_KNOWN)
            return [phone]
        country = wanted.country.upper()
        for area_code in dict.fromkeys([wanted.area_code or "", ""]):
            offers = await carrier.search(account, country, area_code=area_code, limit=_MOST_OFFERS)
            if unused := await self._unused(project_id, [offer.phone_number for offer in offers]):
                return unused
        return []

    async def _unused(self, project_id: str, phones: Sequence[str]) -> Sequence[str]:
        """Those that this project could keep: it may have no row of them, nor anybody else a connected one."""
        async with self._database.read() as session:
            used = await numbers.taken_among(session, project_id, phones)
        return [phone for phone in phones if phone not in used]

    def _row(self, project_id: str, number_id: str, phone: str, country: str) -> NumberRow:
        return NumberRow(
            id=number_id,
            project_id=project_id,
            phone_number=phone,
            country=country.upper(),
            status="active",
            dialect="native",
            created_at=self._clock(),
        )

    async def _keep(self, row: NumberRow, agent_id: str | None) -> None:
        released = None
        try:
            async with self._database.transaction() as session:
                await hold_agent(session, row.project_id, agent_id)
                if row.is_connected:
                    released = await displace(session, row, self._clock())
                attach(row, agent_id, self._clock())
                session.add(row)
                await self._limits.take_number(session, row.project_id)
        except IntegrityError as clash:
            if _UNIQUE_PHONE not in str(clash.orig):
                raise
            raise taken() from None
        if released is not None:
            _log.info("unproven_number_released", number_id=released.id, project_id=released.project_id, by=row.id)

    async def _reconnect(
        self, known: NumberRow, wanted: NumberImport, connection: Connection, trunk: Trunk | None, dialect: str
    ) -> NumberRow:
        async with self._database.transaction() as session:
            await hold_agent(session, known.project_id, wanted.agent_id)
            row = await numbers.get(session, known.project_id, known.id, lock=True)
            if row.status != "active":
                raise Overtaken("This number was released meanwhile; register it again.")
            _put(row, connection, trunk, dialect)
            if wanted.friendly_name is not None:
                row.friendly_name = wanted.friendly_name
            if wanted.agent_id is not None:
                attach(row, wanted.agent_id, self._clock())
        return row


async def hold_agent(session: AsyncSession, project_id: str, agent_id: str | None) -> None:
    """Keep the agent there until the transaction is over; always before its numbers. Raises NotFound."""
    if agent_id is not None:
        await agents.get(session, project_id, agent_id, lock=True)


def attach(row: NumberRow, agent_id: str | None, now: datetime) -> None:
    """Let the agent answer the number, or nobody. Who answers it already keeps its place among the agent's numbers."""
    if agent_id != row.agent_id:
        row.agent_id, row.attached_at = agent_id, now if agent_id is not None else None


def _require_active(row: NumberRow) -> None:
    if row.status != "active":
        raise NotFound("This number was released already.")


def _put(row: NumberRow, connection: Connection, trunk: Trunk | None, dialect: str) -> None:
    connection.put(row)
    row.dialect = dialect
    if trunk is not None:
        trunk.put(row)
