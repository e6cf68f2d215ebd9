"""Events sent to customers, at least once, by a worker that takes them from the outbox."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from parley.domain.errors import ConfigurationError, Unavailable
from parley.domain.webhooks import RETRY_DELAYS_S, SendResult, classify, next_attempt_at, read_retry_after
from parley.services.defaults import Clock, utc_now
from parley.services.destinations import Destinations, Nowhere
from parley.storage import outbox
from parley.storage.database import Database
from parley.storage.tables import DeliveryRow

SEND_TIMEOUT_S = 10.0
MOST_AT_ONCE = 20
_EXCERPT_CHARS = 1000
_log = structlog.get_logger()

# Neither a database that is away nor a single row it cannot write may end the worker.
_TROUBLE = (Unavailable, SQLAlchemyError)


class Sender(Protocol):
    """Posts to an address a customer chose; the guard against forbidden targets is its business."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> SendResult:
        """Never raises for what the other side does; never takes longer than `timeout_s`."""
        ...


class Attempt(NamedTuple):
    """What came of one try. `url` is empty where nothing was sent; `delays_s` is the schedule of tries after it."""

    result: SendResult
    url: str = ""
    delays_s: Sequence[float] = RETRY_DELAYS_S


class DeliveryWorker:
    """At most 20 requests are on their way at once, and 4 of them to one target, so that a receiver that does not
    answer holds up nobody else; what is due beyond that waits in the database. Each process counts its own.

    `lease_s` is how long a row is a worker's own. It outlasts a request, so that only a dead worker's rows come free.
    """

    def __init__(
        self,
        database: Database,
        destinations: Destinations,
        sender: Sender,
        clock: Clock = utc_now,
        *,
        lease_s: float = SEND_TIMEOUT_S + 10,
        poll_s: float = 1.0,
    ) -> None:
        self._database = database
        self._destinations = destinations
        self._sender = sender
        self._clock = clock
        self._lease = timedelta(seconds=lease_s)
        self._poll_s = poll_s
        self._bell = asyncio.Event()
        self._on_their_way: Counter[str] = Counter()

    def wake(self) -> None:
        """An event was committed: look now instead of at the next poll."""
        self._bell.set()

    async def run(self) -> None:
        """Send what is due until cancelled. Start it as a child of the server's TaskGroup."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._bell.clear()
                for row in await self._claim():
                    tasks.create_task(self._carry(row))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await self._bell.wait()

    async def send_due(self) -> int:
        """Send, once, what is due now; returns how many were taken. What `run` does all the time."""
        rows = await self._claim()
        async with asyncio.TaskGroup() as tasks:
            for row in rows:
                tasks.create_task(self._carry(row))
        return len(rows)

    async def _claim(self) -> list[DeliveryRow]:
        free = MOST_AT_ONCE - self._on_their_way.total()
        if free <= 0:
            return []
        try:
            async with self._database.transaction() as session:
                now, held = self._clock(), self._on_their_way
                rows = await outbox.claim(session, now, self._lease, free, on_their_way=held)
        except _TROUBLE as away:
            _log.warning("deliveries_wait_for_database", reason=type(away).__name__)
            return []
        self._on_their_way.update(row.target_key for row in rows)
        return rows

    async def _carry(self, row: DeliveryRow) -> None:
        try:
            await self._settle(row, await self._sent(row))
        except _TROUBLE as away:
            _log.warning("delivery_not_settled", delivery_id=row.id, reason=type(away).__name__)
        finally:
            self._on_their_way -= Counter([row.target_key])  # and a target with none leaves the count
            self._bell.set()

    async def _sent(self, row: DeliveryRow) -> Attempt:
        try:
            return await self._send(row)
        except _TROUBLE:
            raise
        except Exception:  # noqa: BLE001 - the edge of one delivery: a bug in it must not end the others
            _log.exception("delivery_failed", delivery_id=row.id)
            return Attempt(SendResult(status=None, error="internal_error"))

    async def _send(self, row: DeliveryRow) -> Attempt:
        try:
            async with self._database.read() as session:
                to = await self._destinations.of(session, row)
        except ConfigurationError as unreadable:
            _log.error("webhook_secret_unreadable", delivery_id=row.id, reason=unreadable.message)
            return Attempt(SendResult(status=None, error="secret_unreadable"))
        if isinstance(to, Nowhere):
            return Attempt(SendResult(status=None, error=to.reason), delays_s=())
        body = (row.body or "").encode()
        headers = to.sign(row.event_id, int(self._clock().timestamp()), body)
        return Attempt(await self._sender.send(to.url, headers, body, SEND_TIMEOUT_S), to.url, to.delays_s)

    async def _settle(self, row: DeliveryRow, attempt: Attempt) -> None:
        now, result = self._clock(), attempt.result
        verdict = classify(result.status)
        retry_at = None
        if verdict == "retry":
            wait_s = read_retry_after(result.status or 0, result.retry_after, now)
            retry_at = next_attempt_at(
                row.attempts, now, random.random(), retry_after_s=wait_s, delays_s=attempt.delays_s
            )
        status = "success" if verdict == "delivered" else "pending" if retry_at is not None else "failed"
        outcome = noted(result) | {"status": status, "next_at": retry_at, "url": attempt.url or row.url}
        async with self._database.transaction() as session:
            is_gone = verdict == "disable"
            target = await self._destinations.target_at(session, row, attempt.url) if is_gone else None
            await outbox.settle(session, row, **outcome)
            if target is not None:
                await self._destinations.switch_off(session, target, now)
        _log.info("delivery", delivery_id=row.id, http_status=result.status, attempt=row.attempts, outcome=verdict)


def noted(result: SendResult) -> dict[str, Any]:
    """What a delivery's row keeps of the answer to a request."""
    return {
        "http_status": result.status,
        "error_message": result.error,
        "response_body": result.excerpt[:_EXCERPT_CHARS].replace("\x00", "") or None,
        "response_ms": result.response_ms,
    }
