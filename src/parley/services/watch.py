"""Watching over calls: each replica marks those it holds, and whatever nobody marks any more is closed.

A process that is killed cannot write how its calls ended. The mark is a time in the call's row, so this works with one
process and with many, with Redis and without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta

import structlog

from parley.domain.errors import ParleyError, Unavailable
from parley.services.call_log import CallLog
from parley.services.defaults import Clock, utc_now
from parley.storage import calls
from parley.storage.database import Database

log = structlog.get_logger()

BEAT_S = 15.0
LOST_AFTER = timedelta(seconds=75)
"""Longer than a call may go unmarked while its process lives: four beats, and the time a slow database takes."""

FORWARDED_AT_MOST = timedelta(hours=4, minutes=15)
"""A caller who was put through to a human is with the carrier alone, which tells when they have spoken. Carriers end
such a call by themselves after four hours."""

RUNG_AT_MOST = timedelta(minutes=15)
"""A human's phone rings for half a minute. Where nothing was heard of it for so long, the carrier told of the end while
nobody listened, and the call keeps its place in the limits no longer."""


class CallWatch:
    """`held` gives the ids of the calls that have a session in this process."""

    def __init__(
        self, database: Database, log: CallLog, held: Callable[[], Collection[str]], clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._log = log
        self._held = held
        self._clock = clock

    async def run(self) -> None:
        """Mark and close every 15 seconds until cancelled.

        After the database was away, one round only marks: every other process has to have had its turn before a call
        counts as lost.
        """
        closes = False
        while True:
            try:
                await self.mark()
                if closes:
                    await self.close_lost()
                closes = True
            except ParleyError as away:
                closes = False
                log.warning("calls_not_watched", code=away.code)
            await asyncio.sleep(BEAT_S)

    async def mark(self) -> None:
        """Say of the calls held here that they are."""
        held = list(self._held())
        if held:
            async with self._database.transaction() as session:
                await calls.mark_held(session, held, self._clock())

    async def close_lost(self) -> int:
        """End, as `media_lost`, the calls nobody holds any more; returns how many there were.

        One that cannot be ended keeps none of the others from it: they all count against their project's limit.
        """
        async with self._database.read() as session:
            now = self._clock()
            lost = await calls.unheld_since(session, now - LOST_AFTER, now - RUNG_AT_MOST, now - FORWARDED_AT_MOST)
        for call_id in lost:
            log.warning("call_lost", call_id=call_id)
            try:
                await self._log.finished(call_id, "media_lost")
            except Unavailable:
                raise
            except ParleyError as trouble:
                log.error("lost_call_not_ended", call_id=call_id, code=trouble.code)
        return len(lost)
