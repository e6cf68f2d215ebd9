"""Phone numbers: bought, imported, listed, released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parley.domain.carriers import AvailableNumber
from parley.providers.protocols import Carrier
from parley.schemas.numbers import NumberBuy, NumberImport, NumberList, NumberSearch
from parley.services.accounts import CarrierAccounts
from parley.services.hooks import Hooks
from parley.storage.database import Database
from parley.storage.tables import NumberRow


class Numbers:
    def __init__(
        self,
        database: Database,
        accounts: CarrierAccounts,
        carriers: Mapping[str, Carrier],
        hooks: Hooks,
        default_carrier: str,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._carriers = carriers
        self._hooks = hooks
        self._default_carrier = default_carrier

    async def search(self, project_id: str, query: NumberSearch) -> Sequence[AvailableNumber]:
        """Numbers on sale now. Raises BadInput (no account, or a carrier that cannot search), CarrierRefused."""
        raise NotImplementedError

    async def buy(self, project_id: str, wanted: NumberBuy) -> NumberRow:
        """Buy a number with its hooks set to this server, so that it can ring at once. Raises like `search`.

        The area code is best effort: without a match any number of the country is bought.
        """
        raise NotImplementedError

    async def import_(self, project_id: str, wanted: NumberImport) -> NumberRow:
        """Register a number. Raises Conflict when an active number belongs to another project.

        With an account at a carrier parley has an adapter for, the number's hooks are pointed at this server.
        """
        raise NotImplementedError

    async def get(self, project_id: str, number_id: str) -> NumberRow:
        """Also a released one."""
        raise NotImplementedError

    async def list(self, project_id: str, query: NumberList) -> tuple[list[NumberRow], int]:
        """One page of the active numbers, oldest first, and how many there are in all."""
        raise NotImplementedError

    async def release(self, project_id: str, number_id: str) -> NumberRow:
        """Give the number back to the carrier for good; its calls stay. Released already is NotFound."""
        raise NotImplementedError
