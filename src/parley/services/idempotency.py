"""A request that is sent twice with one Idempotency-Key is run once.

The first one claims the key in the database, so this holds across replicas; equal ones wait for its answer. Whoever has
claimed a key and died left no answer: nobody knows what it did, so the key stays refused and nothing is run again.
The header is the one of the IETF draft "The Idempotency-Key HTTP Header Field".
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import TracebackType

import msgspec
import structlog

from parley.domain.errors import KeyInUse, KeyReused, OutcomeUnknown, Unavailable
from parley.domain.secrets import Secret
from parley.services.defaults import Clock, utc_now
from parley.storage import idempotency
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.tables import IdempotencyRow

log = structlog.get_logger()

WAIT_S = 10.0
LEASE = timedelta(seconds=60)
KEPT_FOR = timedelta(hours=24)
MOST_WAITING = 200
"""Requests of this process that wait for their first one; one more is told to come again."""

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_RETRY_AFTER_S = 2
_NO_ANSWER = 500


class Kept(msgspec.Struct, frozen=True):
    """The answer to the first request, as it was sent."""

    status: int
    body: bytes


class Idempotency:
    """`wait_s` is how long an equal request waits for the first one before it is told that this one still runs;
    `most_waiting` how many of them may wait at once."""

    def __init__(
        self,
        database: Database,
        cipher: Cipher,
        clock: Clock = utc_now,
        *,
        wait_s: float = WAIT_S,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._clock = clock
        self._wait_s = wait_s
        self._most_waiting = most_waiting
        self._running: dict[tuple[str, str], asyncio.Event] = {}
        self._waiting = 0

    async def begin(self, project_id: str, key: str, fingerprint: str) -> Kept | FirstRun:
        """The kept answer, or the right to run the request, to be entered with `async with`.

        Raises KeyReused (the key stands for a request with another fingerprint), KeyInUse (the first one has not ended
        in time), OutcomeUnknown (it broke off) and Unavailable.
        """
        met = await self._meet(project_id, key, fingerprint)
        if met is not None:
            return met
        if self._waiting >= self._most_waiting:
            raise _still_running()
        self._waiting += 1
        try:
            return await self._wait(project_id, key, fingerprint)
        finally:
            self._waiting -= 1

    async def settle(self, project_id: str, key: str, kept: Kept | None) -> None:
        """Keep the answer, or, with None, note that there is none. The work is done: a database that is away is no
        reason to tell the client that it failed."""
        sealed = None if kept is None else self._cipher.seal(Secret(kept.body.decode()), project_id, _row_id(key))
        with self._ending(project_id, key):
            async with self._database.transaction() as session:
                status = _NO_ANSWER if kept is None else kept.status
                await idempotency.settle(session, project_id, key, status, sealed)

    async def free(self, project_id: str, key: str) -> None:
        """The request did nothing, and may run anew."""
        with self._ending(project_id, key):
            async with self._database.transaction() as session:
                await idempotency.free(session, project_id, key)

    async def _wait(self, project_id: str, key: str, fingerprint: str) -> Kept | FirstRun:
        """Whoever got a place keeps it until there is an answer: one who waits longer is not sent away for others."""
        loop = asyncio.get_running_loop()
        deadline, pause_s = loop.time() + self._wait_s, _FIRST_PAUSE_S
        while (left_s := deadline - loop.time()) > 0:
            await self._pause(project_id, key, min(pause_s, left_s))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            met = await self._meet(project_id, key, fingerprint)
            if met is not None:
                return met
        raise _still_running()

    async def _meet(self, project_id: str, key: str, fingerprint: str) -> Kept | FirstRun | None:
        """What the key has for this request; None while the first one runs."""
        row = await self._claim(project_id, key, fingerprint)
        if row is not None:
            return self._read(row, fingerprint)
        self._running[project_id, key] = asyncio.Event()
        return FirstRun(self, project_id, key)

    async def _claim(self, project_id: str, key: str, fingerprint: str) -> IdempotencyRow | None:
        """None when the key is this request's now, else the row of the one that has it."""
        while True:
            now = self._clock()
            async with self._database.transaction() as session:
                known = await idempotency.get(session, project_id, key)
                if known is not None and known.created_at >= now - KEPT_FOR:
                    return known
                sealed = self._cipher.seal(Secret(fingerprint), project_id, _row_id(key))
                if await idempotency.claim(session, project_id, key, sealed, now, now - KEPT_FOR):
                    return None

    def _read(self, row: IdempotencyRow, fingerprint: str) -> Kept | None:
        first = self._cipher.open(row.fingerprint, row.project_id, _row_id(row.key)).reveal()
        if not hmac.compare_digest(first, fingerprint):
            raise KeyReused("This Idempotency-Key was used for another request; send this one with a new key.")
        if row.status is None and not self._is_lost(row, self._clock()):
            return None
        if row.status is None or row.sealed_body is None:
            raise OutcomeUnknown(
                "The first request with this Idempotency-Key broke off, and how much of it was done is not known. Look"
                " (list your calls, messages or numbers), and if it has to be done again, use a new key."
            )
        body = self._cipher.open(row.sealed_body, row.project_id, _row_id(row.key))
        return Kept(row.status, body.reveal().encode())

    def _is_lost(self, row: IdempotencyRow, now: datetime) -> bool:
        return (row.project_id, row.key) not in self._running and row.created_at < now - LEASE

    async def _pause(self, project_id: str, key: str, pause_s: float) -> None:
        """Wait for the first request if it runs in this process, and for the time to look again anyway."""
        end = self._running.get((project_id, key)) or asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await end.wait()

    @contextlib.contextmanager
    def _ending(self, project_id: str, key: str) -> Iterator[None]:
        try:
            yield
        except Unavailable as away:
            log.warning("idempotency_key_not_settled", code=away.code)
        finally:
            end = self._running.pop((project_id, key), None)
            if end is not None:
                end.set()


class FirstRun:
    """The right to run a request, once. Left without `keep` or `free`, its outcome counts as unknown."""

    def __init__(self, owner: Idempotency, project_id: str, key: str) -> None:
        self._owner = owner
        self._project_id = project_id
        self._key = key
        self._is_settled = False

    async def keep(self, status: int, body: bytes) -> None:
        """This is the answer, now and for a day. `body` is UTF-8 text."""
        self._is_settled = True
        await self._owner.settle(self._project_id, self._key, Kept(status, body))

    async def free(self) -> None:
        """Nothing was done: the next request with the key is the first."""
        self._is_settled = True
        await self._owner.free(self._project_id, self._key)

    async def __aenter__(self) -> FirstRun:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_settled:
            await self._owner.settle(self._project_id, self._key, None)


def _still_running() -> KeyInUse:
    return KeyInUse(
        "The first request with this Idempotency-Key is still running; send it again in a moment, with the same key.",
        _RETRY_AFTER_S,
    )


def _row_id(key: str) -> str:
    return f"idempotency/{key}"
