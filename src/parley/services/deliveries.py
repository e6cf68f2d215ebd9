"""Events on their way to customers: listed, and sent by a worker, at least once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from parley.schemas.webhooks import DeliveryList
from parley.services.defaults import Clock, utc_now
from parley.services.webhooks import Webhooks
from parley.storage.database import Database
from parley.storage.tables import DeliveryRow


class SendResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one request. `status` is None when there was no answer, and then `error` says why in a stable word.

    `excerpt` is the beginning of the answer's body; `retry_after` that header as it came.
    """

    status: int | None
    error: str | None = None
    excerpt: str = ""
    retry_after: str | None = None
    response_ms: int = 0


class Sender(Protocol):
    """Posts to an address a customer chose; the guard against forbidden targets is its business."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> SendResult:
        """Never raises for what the other side does; never takes longer than `timeout_s`."""
        ...


class Deliveries:
    def __init__(self, database: Database, webhooks: Webhooks, sender: Sender, clock: Clock = utc_now) -> None:
        self._database = database
        self._webhooks = webhooks
        self._sender = sender
        self._clock = clock

    async def list(self, project_id: str, query: DeliveryList) -> tuple[list[DeliveryRow], int]:
        """One page, newest first, and how many there are in all."""
        raise NotImplementedError

    def wake(self) -> None:
        """An event was committed: look now instead of at the next poll."""
        raise NotImplementedError

    async def run(self) -> None:
        """Send what is due until cancelled. Start it as a child of the server's TaskGroup."""
        raise NotImplementedError
