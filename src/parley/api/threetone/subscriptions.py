"""Webhook subscriptions over HTTP."""

from __future__ import annotations

from parley.api.operations import Ask, Listing, Operation
from parley.api.paging import page_of
from parley.domain.flat_events import SENT_NOW
from parley.schemas.answers import Success
from parley.schemas.dialects import THREETONE
from parley.schemas.pages import CursorQuery
from parley.schemas.subscriptions import (
    SubscriptionCreate,
    SubscriptionCreated,
    SubscriptionOut,
    SubscriptionUpdate,
)
from parley.schemas.webhooks import SentTestOut
from parley.storage.tables import SubscriptionRow

GROUP = "Webhooks"
_PATH = "/webhooks"
_ONE = "/webhooks/{webhook_id}"
_ABOUT = (
    "Every active subscription is told the events it names, of all agents, besides the project's and the agents' own"
    f" webhooks. Requests carry `{THREETONE.body_signature_header}: sha256=` + hex HMAC-SHA256 of the body, and the"
    " Standard Webhooks headers, which also protect against replays. Anything but a 2xx is tried again; 410 ends the"
    f" subscription. Sent today: {', '.join(f'`{name}`' for name in SENT_NOW)}. The other names are accepted and never"
    " sent by this version, because nothing here causes them yet."
)


async def create_subscription(ask: Ask[SubscriptionCreate, None]) -> SubscriptionCreated:
    row, made = await ask.services.subscriptions.create(ask.project_id, ask.body)
    return SubscriptionCreated.of(row, made.reveal() if made is not None else None)


async def list_subscriptions(ask: Ask[None, CursorQuery]) -> Listing:
    return page_of(*await ask.services.subscriptions.list(ask.project_id, ask.query), ask.query)


async def get_subscription(ask: Ask[None, None]) -> SubscriptionRow:
    return await ask.services.subscriptions.get(ask.project_id, ask.ids["webhook_id"])


async def update_subscription(ask: Ask[SubscriptionUpdate, None]) -> SubscriptionRow:
    return await ask.services.subscriptions.update(ask.project_id, ask.ids["webhook_id"], ask.body)


async def delete_subscription(ask: Ask[None, None]) -> Success:
    await ask.services.subscriptions.delete(ask.project_id, ask.ids["webhook_id"])
    return Success()


async def test_subscription(ask: Ask[None, None]) -> SentTestOut:
    return await ask.services.webhook_tests.subscription(ask.project_id, ask.ids["webhook_id"])


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        _PATH,
        create_subscription,
        title="Subscribe to events",
        group=GROUP,
        answer=SubscriptionCreated,
        body=SubscriptionCreate,
        status=201,
        about=_ABOUT,
    ),
    Operation(
        "GET",
        _PATH,
        list_subscriptions,
        title="List subscriptions",
        group=GROUP,
        answer=SubscriptionOut,
        query=CursorQuery,
        lists=("webhooks",),
    ),
    Operation("GET", _ONE, get_subscription, title="Read a subscription", group=GROUP, answer=SubscriptionOut),
    Operation(
        "PUT",
        _ONE,
        update_subscription,
        title="Change a subscription",
        group=GROUP,
        answer=SubscriptionOut,
        body=SubscriptionUpdate,
        about="What is not sent stays as it is. Switching it off fails what waits for it.",
    ),
    Operation(
        "DELETE",
        _ONE,
        delete_subscription,
        title="End a subscription",
        group=GROUP,
        about="What still waits for it fails.",
    ),
    Operation(
        "POST",
        f"{_ONE}/test",
        test_subscription,
        title="Test a subscription",
        group=GROUP,
        answer=SentTestOut,
        about="Sends one signed `webhook_test` event now, never again, and answers 200 whatever came of it.",
    ),
)
