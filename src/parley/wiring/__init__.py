"""The only place where settings are read and concrete things are built and joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from parley.api.carriers import CarrierEdge
from parley.api.operations import Services
from parley.domain.errors import Unavailable
from parley.live.directory import Directory
from parley.live.journals import Journals
from parley.live.metrics import Metrics
from parley.providers.guard import TargetRules
from parley.providers.outbound import OutboundHttp, Sender
from parley.services.accounts import CarrierAccounts
from parley.services.agents import Agents
from parley.services.announcements import Announcements
from parley.services.call_log import CallLog
from parley.services.calls import Calls
from parley.services.credentials import Credentials
from parley.services.deliveries import Deliveries
from parley.services.hooks import Hooks
from parley.services.idempotency import Idempotency
from parley.services.numbers import Numbers
from parley.services.plans import Plans
from parley.services.projects import Projects
from parley.services.watch import CallWatch
from parley.services.webhooks import Webhooks
from parley.settings import Settings
from parley.storage.database import Database
from parley.storage.presence import Presence
from parley.wiring import adapters
from parley.wiring.opening import cipher_for, opened_database

PING_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Assembly:
    """A whole parley, put together and not yet running."""

    database: Database
    services: Services
    directory: Directory
    presence: Presence
    watch: CallWatch
    metrics: Metrics
    edge: CarrierEdge

    async def is_database_there(self) -> bool:
        """Whether the database answers within two seconds."""
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self.database.ping()
        except (Unavailable, TimeoutError):
            return False
        return True


@asynccontextmanager
async def assembled(settings: Settings, own_url: str) -> AsyncIterator[Assembly]:
    """Start what has to be started first, join everything, and take it apart again at the end.

    `own_url` is where this machine reaches the server; carriers are told it when there is no PARLEY_PUBLIC_URL.
    Raises ConfigurationError.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened_database(settings))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        webhook_http = OutboundHttp.guarded(TargetRules(allow_private=settings.allow_private_targets))
        stack.push_async_callback(webhook_http.aclose)
        assembly = _join(settings, settings.public_url or own_url, database, http, webhook_http, stack)
        await assembly.services.projects.ensure_default(settings.api_key or None)
        yield assembly


def _join(
    settings: Settings,
    public_url: str,
    database: Database,
    http: httpx.AsyncClient,
    webhook_http: OutboundHttp,
    stack: AsyncExitStack,
) -> Assembly:
    cipher, metrics, hooks, presence = cipher_for(settings), Metrics(), Hooks(public_url), adapters.presence(settings)
    carriers = adapters.carriers(settings, http)
    doors = adapters.providers(
        settings, webhook_http, stack, lambda plan, delivery: directory.note_delivery(plan, delivery)
    )
    defaults = adapters.defaults(settings, doors)

    credentials = Credentials(database, cipher, adapters.operator_keys(settings), carriers)
    accounts = CarrierAccounts(database, credentials, adapters.operator_accounts(settings))
    webhooks = Webhooks(database, cipher, allow_private_targets=settings.allow_private_targets)
    deliveries = Deliveries(database, webhooks, Sender(webhook_http))
    announcements = Announcements(webhooks, deliveries.wake)
    call_log = CallLog(database, announcements, accounts, carriers)
    journals = Journals(settings.journal_dir)
    directory = Directory(doors, call_log, metrics, journals, presence, ring_limit_s=settings.ring_limit_s)
    plans = Plans(credentials, webhooks, defaults)
    calls = Calls(database, call_log, plans, directory, presence, accounts, carriers, hooks)
    services = Services(
        projects=Projects(database),
        agents=Agents(database),
        numbers=Numbers(database, accounts, credentials, carriers, hooks, defaults.carrier),
        calls=calls,
        webhooks=webhooks,
        deliveries=deliveries,
        credentials=credentials,
        idempotency=Idempotency(database, cipher),
        default_voice=adapters.shown_voice(defaults.voice),
    )
    edge = CarrierEdge(carriers, accounts, calls, directory, public_url)
    watch = CallWatch(database, call_log, directory.held)
    return Assembly(database, services, directory, presence, watch, metrics, edge)
