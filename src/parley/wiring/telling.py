"""Everything by which customers are told and asked, joined over one guarded HTTP client."""

from __future__ import annotations

from dataclasses import dataclass

from parley.providers.outbound import OutboundHttp, Sender
from parley.schemas.dialects import SUBSCRIBER_SIGNATURE_HEADER
from parley.services.announcements import Announcements
from parley.services.deliveries import Deliveries
from parley.services.delivery_worker import DeliveryWorker
from parley.services.destinations import Destinations
from parley.services.subscriptions import Subscriptions
from parley.services.webhook_tests import WebhookTests
from parley.services.webhooks import Webhooks
from parley.settings import Settings
from parley.storage.cipher import Cipher
from parley.storage.database import Database


@dataclass(frozen=True, slots=True)
class Telling:
    """Where events go, how they get there, and what their owners see of it."""

    webhooks: Webhooks
    subscriptions: Subscriptions
    announcements: Announcements
    worker: DeliveryWorker
    deliveries: Deliveries
    tests: WebhookTests


def telling(settings: Settings, database: Database, cipher: Cipher, http: OutboundHttp) -> Telling:
    """Nothing runs yet; `worker.run` is the one part that does."""
    from parley.providers.responders.webhook import WebhookResponder

    webhooks = Webhooks(database, cipher, allow_private_targets=settings.allow_private_targets)
    subscriptions = Subscriptions(database, cipher, webhooks)
    destinations, sender = Destinations(webhooks, subscriptions, SUBSCRIBER_SIGNATURE_HEADER), Sender(http)
    worker = DeliveryWorker(database, destinations, sender)
    return Telling(
        webhooks,
        subscriptions,
        Announcements(webhooks, worker.wake),
        worker,
        Deliveries(database, webhooks, worker.wake),
        WebhookTests(database, webhooks, destinations, sender, lambda note: WebhookResponder(http, note)),
    )
