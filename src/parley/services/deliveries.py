"""Events on their way to customers: listed, and sent by a worker, at least once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from parley.domain.errors import ConfigurationError, Unavailable
from parley.domain.secrets import Secret
from parley.domain.webhooks import SendResult, classify, next_attempt_at, read_retry_after, sign
from parley.schemas.webhooks import DeliveryList
from parley.services.defaults import Clock, utc_now
from parley.services.webhooks import Webhooks
from parley.storage import agents, deliveries, outbox, webhooks
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


class Deliveries:
    """At most 20 requests are on their way at once; what is due beyond that waits in the database.

    `lease_s` is how long a row is a worker's own. It outlasts a request, so that only a dead worker's rows come free.
    """

    def __init__(
        self,
        database: Database,
        webhooks: Webhooks,
        sender: Sender,
        clock: Clock = utc_now,
        *,
        lease_s: float = SEND_TIMEOUT_S + 10,
        poll_s: float = 1.0,
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._sender = sender
        self._clock = clock
        self._lease = timedelta(seconds=lease_s)
        self._poll_s = poll_s
        self._bell = asyncio.Event()
        self._on_their_way = 0

    def wake(self) -> None:
        """An event was committed: look now instead of at the next poll."""
        self._bell.set()

    async def run(self) -> None:
        """Send what is due until cancelled. Start it as a child of the server's TaskGroup."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._bell.clear()
                for row in await self._claim():
                    self._on_their_way += 1
                    tasks.create_task(self._carry(row))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await self._bell.wait()

    async def send_due(self) -> int:
        """Send, once, what is due now; returns how many were taken. What `run` does all the time."""
        rows = await self._claim()
        self._on_their_way += len(rows)
        async with asyncio.TaskGroup() as tasks:
            for row in rows:
                tasks.create_task(self._carry(row))
        return len(rows)

    async def _claim(self) -> list[DeliveryRow]:
        free = MOST_AT_ONCE - self._on_their_way
        if free <= 0:
            return []
        try:
            async with self._database.transaction() as session:
                return await outbox.claim(session, self._clock(), self._lease, free)
        except _TROUBLE as away:
            _log.warning("deliveries_wait_for_database", reason=type(away).__name__)
            return []

    async def _carry(self, row: DeliveryRow) -> None:
        try:
            await self._settle(row, await self._sent(row))
        except _TROUBLE as away:
            _log.warning("delivery_not_settled", delivery_id=row.id, reason=type(away).__name__)
        finally:
            self._on_their_way -= 1
            self._bell.set()

    async def _sent(self, row: DeliveryRow) -> SendResult:
        try:
            return await self._send(row)
        except _TROUBLE:
            raise
        except Exception:  # noqa: BLE001 - the edge of one delivery: a bug in it must not end the others
            _log.exception("delivery_failed", delivery_id=row.id)
            return SendResult(status=None, error="internal_error")

    async def _send(self, row: DeliveryRow) -> SendResult:
        try:
            url, secret = await self._where_to(row)
        except ConfigurationError as unreadable:
            _log.error("webhook_secret_unreadable", delivery_id=row.id, reason=unreadable.message)
            return SendResult(status=None, error="secret_unreadable")
        body = (row.body or "").encode()
        headers = sign(secret, row.id, int(self._clock().timestamp()), body)
        return await self._sender.send(url, headers, body, SEND_TIMEOUT_S)

    async def _where_to(self, row: DeliveryRow) -> tuple[str, Secret]:
        """The webhook as it is now: after a change of URL or secret the old ones are of no use."""
        async with self._database.read() as session:
            if row.webhook_id is not None:
                webhook = await webhooks.by_id(session, row.webhook_id)
                if webhook is not None:
                    return webhook.url, self._webhooks.open(webhook)
            target = await self._webhooks.target_in(session, row.project_id, row.agent_id, row.url)
        assert target is not None, "a URL was given"
        return row.url, target.secret

    async def _settle(self, row: DeliveryRow, result: SendResult) -> None:
        now = self._clock()
        outcome: dict[str, Any] = {
            "http_status": result.status,
            "error_message": result.error,
            "response_body": result.excerpt[:_EXCERPT_CHARS].replace("\x00", "") or None,
            "response_ms": result.response_ms,
        }
        verdict = classify(result.status)
        retry_at = None
        if verdict == "retry":
            wait_s = read_retry_after(result.status or 0, result.retry_after, now)
            retry_at = next_attempt_at(row.attempts, now, random.random(), retry_after_s=wait_s)
        if verdict == "delivered":
            outcome |= {"status": "success", "next_at": None}
        elif retry_at is not None:
            outcome |= {"status": "pending", "next_at": retry_at}
        else:
            outcome |= {"status": "failed", "next_at": None}
        async with self._database.transaction() as session:
            await outbox.settle(session, row, **outcome)
            if verdict == "disable" and row.webhook_id is not None:
                webhook = await webhooks.by_id(session, row.webhook_id, lock=True)
                if webhook is not None and webhook.url == row.url:
                    webhook.status, webhook.updated_at = "disabled", now
                    await outbox.fail_waiting(session, row.webhook_id, "webhook_disabled")
        _log.info("delivery", delivery_id=row.id, http_status=result.status, attempt=row.attempts, outcome=verdict)

    async def list(self, project_id: str, query: DeliveryList) -> tuple[list[DeliveryRow], int]:
        """One page, newest first, and how many there are in all."""
        since = self._clock() - timedelta(hours=query.hours) if query.hours is not None else None
        async with self._database.read() as session:
            if query.agent_id is not None:
                await agents.get(session, project_id, query.agent_id)
            return await deliveries.list_page(session, project_id, query.agent_id, since, query.limit, query.offset)
