"""What every family of parts stands on: the operator's choices, accounts and limits, and how customers are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx

from parley.domain.calls import CallPlan
from parley.domain.events import TurnDelivery
from parley.live.providers import Providers
from parley.providers.outbound import OutboundHttp
from parley.providers.protocols import Carrier
from parley.services.accounts import CarrierAccounts
from parley.services.credentials import Credentials
from parley.services.defaults import Defaults
from parley.services.hooks import Hooks
from parley.services.limits import Limits
from parley.services.plans import Plans
from parley.settings import Settings
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.wiring import adapters
from parley.wiring.diagnosing import Addresses
from parley.wiring.opening import cipher_for
from parley.wiring.telling import Telling, telling


@dataclass(frozen=True, slots=True)
class Ground:
    """`http` speaks to the operator's choices, never to an address a customer chose."""

    settings: Settings
    addresses: Addresses
    database: Database
    http: httpx.AsyncClient
    cipher: Cipher
    hooks: Hooks
    carriers: Mapping[str, Carrier]
    doors: Providers
    defaults: Defaults
    limits: Limits
    credentials: Credentials
    accounts: CarrierAccounts
    told: Telling
    plans: Plans


def laid(
    settings: Settings,
    addresses: Addresses,
    database: Database,
    http: httpx.AsyncClient,
    webhook_http: OutboundHttp,
    stack: AsyncExitStack,
    on_delivery: Callable[[CallPlan, TurnDelivery], None],
) -> Ground:
    """What the parts hold open is closed with `stack`. Raises ConfigurationError."""
    cipher, carriers = cipher_for(settings), adapters.carriers(settings, http)
    doors = adapters.providers(settings, webhook_http, stack, on_delivery)
    defaults = adapters.defaults(settings, doors)
    credentials = Credentials(database, cipher, adapters.operator_keys(settings), carriers)
    told = telling(settings, database, cipher, webhook_http)
    return Ground(
        settings=settings,
        addresses=addresses,
        database=database,
        http=http,
        cipher=cipher,
        hooks=Hooks(addresses.public_url),
        carriers=carriers,
        doors=doors,
        defaults=defaults,
        limits=Limits(database, adapters.allowance(settings)),
        credentials=credentials,
        accounts=CarrierAccounts(database, credentials, adapters.operator_accounts(settings)),
        told=told,
        plans=Plans(credentials, told.webhooks, defaults),
    )
