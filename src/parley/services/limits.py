"""How much a project may use, enforced exactly: of any number of simultaneous requests, only as many as fit go through.

What is limited is inserted first, and then taken from the limit in the same transaction: the project's row is locked,
everything is counted, the new row included, and the transaction is refused if that is too much. The project's lock is
the last one that such a transaction takes, so it can never be part of a deadlock. Without a limit nothing is locked or
counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import QuotaExceeded
from parley.domain.limits import UNLIMITED, Allowance
from parley.domain.queueing import Room
from parley.services.defaults import Clock, utc_now
from parley.storage import agents, limits
from parley.storage.database import Database

DAY = timedelta(hours=24)
_OR_ASK = "or ask this server's operator for more"


class Rooms(NamedTuple):
    """How many calls a project holds, and those of its agents that were asked for and are there."""

    project: Room
    agents: Mapping[str, Room]


class Limits:
    """`server` holds for every project that has no limit of its own.

    All that takes raises QuotaExceeded with a sentence that names the limit and what is used of it.
    """

    def __init__(self, database: Database, server: Allowance, clock: Clock = utc_now) -> None:
        self._database = database
        self._server = server
        self._clock = clock
        self._ordering = asyncio.Lock()
        self._on_order: set[tuple[str, str]] = set()

    async def of(self, session: AsyncSession, project_id: str) -> Allowance:
        """What holds for the project."""
        return (await limits.own(session, project_id)).over(self._server)

    async def take_call(self, session: AsyncSession, project_id: str, agent_id: str) -> None:
        """A call that this agent holds was inserted in this transaction: keep it only if there is room for it."""
        await session.flush()
        own = (await agents.call_limits(session, project_id, [agent_id])).get(agent_id)
        held = await self._locked(session, project_id, "concurrent_calls", "daily_calls", also=own is not None)
        if held.concurrent_calls < UNLIMITED or own is not None:
            live = await limits.live_calls(session, project_id)
            self._check_calls(held.concurrent_calls, sum(live.values()) - 1)
            if own is not None and live[agent_id] > own:
                raise QuotaExceeded(
                    f"This agent may hold {own} calls at once and holds {live[agent_id] - 1}. Wait until one ends, or"
                    " raise its `maxConcurrentCalls`."
                )
        await self._check_day(session, project_id, held)

    async def take_caller(self, session: AsyncSession, project_id: str) -> None:
        """The call of somebody who calls us was inserted in this transaction: only the day's limit is theirs.

        Who has to wait for an agent is decided by `room`.
        """
        await self._check_day(session, project_id, await self._locked(session, project_id, "daily_calls"))

    async def room(
        self, session: AsyncSession, project_id: str, agent_ids: Collection[str], *, except_for: str = ""
    ) -> Rooms | None:
        """What of the project's and these agents' limits is used, locked until this transaction ends.

        None where nothing limits them: then nothing was locked or counted. The call `except_for` is not counted.
        """
        await session.flush()
        own = await agents.call_limits(session, project_id, agent_ids)
        is_own = any(limit is not None for limit in own.values())
        held = await self._locked(session, project_id, "concurrent_calls", also=is_own)
        if held.concurrent_calls >= UNLIMITED and not is_own:
            return None
        return await self._rooms(session, project_id, held, own, except_for)

    async def hold(self, session: AsyncSession, project_id: str) -> None:
        """Nothing of the project is taken until this transaction ends."""
        await session.flush()
        await limits.own(session, project_id, lock=True)

    async def room_now(
        self, session: AsyncSession, project_id: str, agent_ids: Collection[str], *, except_for: str = ""
    ) -> Rooms:
        """The same as it is at this moment, with nothing locked."""
        own = await agents.call_limits(session, project_id, agent_ids)
        return await self._rooms(session, project_id, await self.of(session, project_id), own, except_for)

    async def _rooms(
        self, session: AsyncSession, project_id: str, held: Allowance, own: Mapping[str, int | None], except_for: str
    ) -> Rooms:
        live = await limits.live_calls(session, project_id, except_for=except_for)
        most = held.concurrent_calls if held.concurrent_calls < UNLIMITED else None
        each = {agent_id: Room(live.get(agent_id, 0), limit) for agent_id, limit in own.items()}
        return Rooms(Room(sum(live.values()), most), each)

    async def _check_day(self, session: AsyncSession, project_id: str, held: Allowance) -> None:
        if held.daily_calls < UNLIMITED:
            made = await limits.calls_since(session, project_id, self._clock() - DAY) - 1
            if made >= held.daily_calls:
                raise QuotaExceeded(
                    f"This project may have {held.daily_calls} calls in 24 hours and has had {made}. Wait until the"
                    f" first of them is a day old, {_OR_ASK}."
                )

    def _check_calls(self, limit: int, live: int) -> None:
        if live >= limit:
            raise QuotaExceeded(
                f"This project may hold {limit} calls at once and holds {live}. Wait until one ends, {_OR_ASK}."
            )

    async def take_message(self, session: AsyncSession, project_id: str) -> None:
        """A message to be sent was inserted in this transaction. Received ones are never refused, and do not count."""
        held = await self._locked(session, project_id, "daily_messages")
        if held.daily_messages < UNLIMITED:
            sent = await limits.messages_sent_since(session, project_id, self._clock() - DAY) - 1
            if sent >= held.daily_messages:
                raise QuotaExceeded(
                    f"This project may send {held.daily_messages} messages in 24 hours and has sent {sent}. Wait until"
                    f" the first of them is a day old, {_OR_ASK}."
                )

    async def take_number(self, session: AsyncSession, project_id: str) -> None:
        """A number was inserted in this transaction."""
        held = await self._locked(session, project_id, "numbers")
        if held.numbers < UNLIMITED:
            self._check_numbers(held.numbers, await limits.numbers(session, project_id) - 1)

    @asynccontextmanager
    async def number_on_order(self, project_id: str, number_id: str) -> AsyncIterator[None]:
        """For as long as a number that will get this id is being bought: raises at once when there is no room for it.

        Room is what is neither used nor being bought in this process, so that parallel requests do not buy what can
        only be given back. `take_number` still decides.
        """
        order = (project_id, number_id)
        async with self._ordering:
            await self._require_room(project_id)
            self._on_order.add(order)
        try:
            yield
        finally:
            self._on_order.discard(order)

    async def _require_room(self, project_id: str) -> None:
        on_order = [number_id for owner, number_id in self._on_order if owner == project_id]
        async with self._database.read() as session:
            held = await self.of(session, project_id)
            if held.numbers < UNLIMITED:
                used = await limits.numbers(session, project_id, except_for=on_order)
                self._check_numbers(held.numbers, used + len(on_order))

    async def _locked(self, session: AsyncSession, project_id: str, *kinds: str, also: bool = False) -> Allowance:
        """The limits; if any of those kinds is one, the project is locked from here to the end of the transaction.

        `also` locks it in any case: something else of it is limited too.
        """
        await session.flush()
        held = await self.of(session, project_id)
        if not also and all(getattr(held, kind) >= UNLIMITED for kind in kinds):
            return held
        return (await limits.own(session, project_id, lock=True)).over(self._server)

    def _check_numbers(self, limit: int, used: int) -> None:
        if used >= limit:
            raise QuotaExceeded(f"This project may have {limit} numbers and has {used}. Release one, {_OR_ASK}.")
