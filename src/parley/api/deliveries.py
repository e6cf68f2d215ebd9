"""What was sent to customers' servers: listed, counted, sent again."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.deliveries import (
    AgentDeliveryList,
    DeliveryDetail,
    DeliveryList,
    DeliveryOut,
    DeliveryStats,
    DeliveryTotals,
    StatsQuery,
)
from parley.storage.tables import DeliveryRow

GROUP = "Webhooks"
_NAMES = ("deliveries", "items")


async def list_deliveries(ask: Ask[None, DeliveryList]) -> Listing:
    rows, total = await ask.services.deliveries.list(ask.project_id, ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


async def list_agent_deliveries(ask: Ask[None, AgentDeliveryList]) -> Listing:
    query = DeliveryList(agent_id=ask.ids["agent_id"], **ask.query.model_dump())
    rows, total = await ask.services.deliveries.list(ask.project_id, query, to_agents_own=True)
    return Listing(rows, total, query.limit, query.offset)


async def read_stats(ask: Ask[None, StatsQuery]) -> DeliveryStats:
    return await ask.services.deliveries.stats(ask.project_id, ask.query.hours)


async def read_totals(ask: Ask[None, None]) -> DeliveryTotals:
    return await ask.services.deliveries.all_time(ask.project_id)


async def get_delivery(ask: Ask[None, None]) -> DeliveryRow:
    return await ask.services.deliveries.get(ask.project_id, ask.ids["delivery_id"])


async def redeliver(ask: Ask[None, None]) -> DeliveryRow:
    return await ask.services.deliveries.redeliver(ask.project_id, ask.ids["delivery_id"])


OPERATIONS = (
    Operation(
        "GET",
        "/webhooks/deliveries",
        list_deliveries,
        title="List deliveries",
        group=GROUP,
        answer=DeliveryOut,
        query=DeliveryList,
        lists=_NAMES,
        about="Every event and every voice turn sent to your servers, newest first, with what came of it. `target` says"
        " whose it was: the project's webhook, an agent's own, a call's own URL or a subscription.",
    ),
    Operation(
        "GET",
        "/agents/{agent_id}/webhook/deliveries",
        list_agent_deliveries,
        title="List deliveries to an agent's own webhook",
        group=GROUP,
        answer=DeliveryOut,
        query=AgentDeliveryList,
        lists=_NAMES,
        is_bare=True,
        about="A plain array, newest first. All that tells of an agent, wherever it was sent, is listed at"
        " /webhooks/deliveries with its `agentId`.",
    ),
    Operation(
        "GET",
        "/webhooks/deliveries/stats",
        read_stats,
        title="Count recent deliveries",
        group=GROUP,
        answer=DeliveryStats,
        query=StatsQuery,
        about="Those created in the last `hours`, in all, by type and by hour.",
    ),
    Operation(
        "GET",
        "/webhooks/deliveries/all-time",
        read_totals,
        title="Count all deliveries",
        group=GROUP,
        answer=DeliveryTotals,
        about="Those that are still kept.",
    ),
    Operation(
        "GET",
        "/webhooks/deliveries/{delivery_id}",
        get_delivery,
        title="Read a delivery",
        group=GROUP,
        answer=DeliveryDetail,
    ),
    Operation(
        "POST",
        "/webhooks/deliveries/{delivery_id}/redeliver",
        redeliver,
        title="Send an event again",
        group=GROUP,
        answer=DeliveryDetail,
        status=201,
        about="Queues the same body as a new delivery under the same event id (`webhook-id`, `X-Webhook-ID`): a"
        " receiver that has it already may drop it. It goes where such an event would go today; one that still waits"
        " for its next try gives way to it. A voice turn and a test are sent once: 409.",
        refusals=frozenset({409}),
    ),
)
