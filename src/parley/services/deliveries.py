"""Deliveries as their owner sees them: listed, counted, and sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import Conflict
from parley.domain.ids import new_id
from parley.schemas.deliveries import DeliveryCounts, DeliveryList, DeliveryStats, DeliveryTotals, HourCounts
from parley.services.defaults import Clock, utc_now
from parley.services.webhooks import Webhooks
from parley.storage import agents, deliveries, outbox, subscriptions
from parley.storage.database import Database
from parley.storage.deliveries import Tally
from parley.storage.tables import DeliveryRow

_HOUR = timedelta(hours=1)


class Deliveries:
    """A foreign or unknown id is NotFound everywhere. `wake` is called when something is to be sent."""

    def __init__(
        self, database: Database, webhooks: Webhooks, wake: Callable[[], None], clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._webhooks = webhooks
        self._wake = wake
        self._clock = clock

    async def list(
        self, project_id: str, query: DeliveryList, *, to_agents_own: bool = False
    ) -> tuple[list[DeliveryRow], int]:
        """One page, newest first, and how many there are in all.

        With an `agent_id` those that tell of this agent, and of them, if so wanted, only those to its own webhook.
        """
        since = self._clock() - timedelta(hours=query.hours) if query.hours is not None else None
        conditions: dict[str, Any] = {"project_id": project_id}
        if query.status is not None:
            conditions["status"] = query.status
        async with self._database.read() as session:
            if query.agent_id is not None:
                conditions["agent_id"] = (await agents.get(session, project_id, query.agent_id)).id
            if to_agents_own:
                conditions["target"] = "agent"
            return await deliveries.list_page(session, conditions, since, query.limit, query.offset)

    async def get(self, project_id: str, delivery_id: str) -> DeliveryRow:
        async with self._database.read() as session:
            return await deliveries.get(session, project_id, delivery_id)

    async def stats(self, project_id: str, hours: int) -> DeliveryStats:
        """What was created in the last `hours`, in all, by type and by hour; hours without any are shown too."""
        now = self._clock()
        since = now - timedelta(hours=hours)
        async with self._database.read() as session:
            tallies = await deliveries.tallies(session, project_id, since)
        types = sorted({each.event_type for each in tallies})
        first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        hourly: dict[datetime, list[Tally]] = {first + _HOUR * n: [] for n in range((now - first) // _HOUR + 1)}
        for each in tallies:
            hourly.setdefault(each.hour, []).append(each)
        return DeliveryStats(
            **_totals(_counted(tallies)),
            by_event_type={name: _counted(each for each in tallies if each.event_type == name) for name in types},
            by_hour=[HourCounts(hour=hour, **_counted(some).model_dump()) for hour, some in sorted(hourly.items())],
        )

    async def all_time(self, project_id: str) -> DeliveryTotals:
        """All deliveries that are still kept."""
        async with self._database.read() as session:
            found = await deliveries.count_by_status(session, project_id)
        return DeliveryTotals(**_totals(DeliveryCounts(total=sum(found.values()), **found)))

    async def redeliver(self, project_id: str, delivery_id: str) -> DeliveryRow:
        """Queue an event once more, as a delivery of its own with the same body and the schedule of a new one.

        Receivers know it by the same event id (`webhook-id`, `X-Webhook-ID`) as before: one that has it already may
        drop it, one that never got it takes it for new. It goes where such an event would go today: to the
        subscription or the call's own URL it was for, else to the webhook that applies to its agent now. A delivery
        that still waits for its next try gives way to the new one.

        Raises Conflict for what is no event (a voice turn is asked once, while the caller waits, and a test is a
        test), for one that is being sent at this moment, and where there is nobody to send it to any more.
        """
        now = self._clock()
        async with self._database.transaction() as session:
            row = await deliveries.get(session, project_id, delivery_id)
            if row.body is None:
                raise Conflict("Only events are sent again; this was a voice turn or a test, which is sent once.")
            target = await self._target_today(session, row)
            row = await deliveries.get(session, project_id, delivery_id, lock=True)
            if row.status == "pending":
                _give_way(row, now)
            again = DeliveryRow(
                id=new_id("evt"),
                original_id=row.event_id,
                project_id=project_id,
                agent_id=row.agent_id,
                call_id=row.call_id,
                conversation_id=row.conversation_id,
                message_id=row.message_id,
                event_type=row.event_type,
                channel=row.channel,
                body=row.body,
                status="pending",
                attempts=0,
                next_at=now,
                created_at=now,
                **target,
            )
            outbox.record(session, again)
        self._wake()
        return again

    async def _target_today(self, session: AsyncSession, row: DeliveryRow) -> dict[str, Any]:
        if row.target == "call":
            return {"target": "call", "url": row.url}
        if row.target == "subscription":
            for each in await subscriptions.active(session, row.project_id):
                if each.id == row.subscription_id:
                    return {"target": "subscription", "subscription_id": each.id, "url": each.url}
            raise Conflict("The subscription this was sent to is deleted or not active. Activate it first.")
        address = await self._webhooks.address_in(session, row.project_id, row.agent_id)
        if address is None:
            raise Conflict("There is no active webhook to send this to. Set one first.")
        return {"target": address.kind, "webhook_id": address.webhook_id, "url": address.url}


def _give_way(row: DeliveryRow, now: datetime) -> None:
    if row.lease_until is not None and row.lease_until > now:
        raise Conflict("This is being sent at this moment. Look at it again in a few seconds.")
    row.status, row.next_at = "failed", None
    row.error_message = row.error_message or "redelivered"


def _counted(tallies: Iterable[Tally]) -> DeliveryCounts:
    counts = {"total": 0, "success": 0, "failed": 0, "pending": 0}
    for each in tallies:
        counts["total"] += each.number
        counts[each.status] += each.number
    return DeliveryCounts(**counts)


def _totals(counts: DeliveryCounts) -> dict[str, Any]:
    """With the share of what is settled; where nothing is, nothing failed."""
    settled = counts.success + counts.failed
    rate = round(100 * counts.success / settled, 2) if settled else 100.0
    return {**counts.model_dump(), "success_rate": rate}
