"""Webhooks over HTTP: the project's, an agent's own, and what was delivered to them."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.schemas.answers import Success
from parley.schemas.webhooks import DeliveryList, DeliveryOut, WebhookOut, WebhookPut

GROUP = "Webhooks"
_ABOUT = (
    "A new secret is made every time. Every request is signed with it, as Standard Webhooks and as X-Webhook-Signature."
)


async def put_webhook(ask: Ask[WebhookPut, None]) -> WebhookOut:
    return WebhookOut.of(*await ask.services.webhooks.put(ask.project_id, ask.ids.get("agent_id"), ask.body))


async def get_webhook(ask: Ask[None, None]) -> WebhookOut | None:
    opened = await ask.services.webhooks.get(ask.project_id, ask.ids.get("agent_id"))
    return None if opened is None else WebhookOut.of(*opened)


async def delete_webhook(ask: Ask[None, None]) -> Success:
    await ask.services.webhooks.delete(ask.project_id, ask.ids.get("agent_id"))
    return Success()


async def list_deliveries(ask: Ask[None, DeliveryList]) -> Listing:
    rows, total = await ask.services.deliveries.list(ask.project_id, ask.query)
    return Listing(rows, total, ask.query.limit, ask.query.offset)


def _operations_at(path: str, whose: str, fallback: str) -> tuple[Operation, ...]:
    return (
        Operation(
            "POST",
            path,
            put_webhook,
            title=f"Set {whose} webhook",
            group=GROUP,
            answer=WebhookOut,
            body=WebhookPut,
            status=201,
            about=_ABOUT,
        ),
        Operation(
            "GET",
            path,
            get_webhook,
            title=f"Read {whose} webhook",
            group=GROUP,
            answer=WebhookOut,
            nullable=True,
            about="null when none is set.",
        ),
        Operation(
            "DELETE",
            path,
            delete_webhook,
            title=f"Delete {whose} webhook",
            group=GROUP,
            answer=Success,
            about=fallback,
            refusals=frozenset({404}),
        ),
    )


OPERATIONS = (
    *_operations_at("/webhooks", "the project's", "Agents that have their own webhook keep it."),
    *_operations_at("/agents/{agent_id}/webhook", "an agent's own", "Its events go to the project's webhook again."),
    Operation(
        "GET",
        "/webhooks/deliveries",
        list_deliveries,
        title="List deliveries",
        group=GROUP,
        answer=DeliveryOut,
        query=DeliveryList,
        lists=("deliveries", "items"),
        about="Every event and every voice turn sent to your server, newest first, with what came of it.",
    ),
)
