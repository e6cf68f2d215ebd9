"""The only place where settings are read and concrete things are built and joined."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx

from parley.api.carriers import CarrierEdge
from parley.api.operations import Services
from parley.domain.errors import Unavailable
from parley.domain.voices import DEFAULT_VOICE_ID
from parley.live.directory import Directory
from parley.live.journals import Journals
from parley.live.metrics import Metrics
from parley.live.recorder import Recorders
from parley.providers.guard import TargetRules
from parley.providers.outbound import OutboundHttp
from parley.providers.tls import http_trust
from parley.services.accounts import CarrierAccounts
from parley.services.agents import Agents
from parley.services.conversations import Conversations
from parley.services.credentials import Credentials
from parley.services.delivery_worker import DeliveryWorker
from parley.services.hooks import Hooks
from parley.services.idempotency import Idempotency
from parley.services.limits import Limits
from parley.services.live_view import LiveView
from parley.services.message_watch import MessageWatch
from parley.services.messages import Messages
from parley.services.numbers import Numbers
from parley.services.phone_conversations import PhoneConversations
from parley.services.plans import Plans
from parley.services.projects import Projects
from parley.services.pruning import Pruning
from parley.services.queues import Queues
from parley.services.recording_intake import RecordingIntake
from parley.services.router import Router
from parley.services.routing import Routing
from parley.services.routing_explained import RoutingExplanations
from parley.services.transcripts import Transcripts
from parley.services.trunks import Trunks
from parley.services.usage import Usage
from parley.services.voicemail_intake import VoicemailIntake
from parley.services.watch import CallWatch
from parley.settings import Settings
from parley.storage.database import Database
from parley.storage.presence import Presence
from parley.wiring import adapters
from parley.wiring.alerting import alerting
from parley.wiring.desk import front_desk
from parley.wiring.diagnosing import Addresses, diagnosing
from parley.wiring.insight import insight
from parley.wiring.live import audience
from parley.wiring.opening import cipher_for, opened_database
from parley.wiring.recording import recording
from parley.wiring.telling import telling

Background = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""
PING_TIMEOUT_S = 2.0
STORE_TIMEOUT_S = 20.0
"""How long a stopping process may take to store its last recordings; what is not stored by then stays in its spool."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A whole parley, put together and not yet running. `background` is the work of parts that nobody else calls."""

    database: Database
    services: Services
    directory: Directory
    presence: Presence
    watch: CallWatch
    message_watch: MessageWatch
    pruning: Pruning
    intake: RecordingIntake
    voicemail_intake: VoicemailIntake
    delivery_worker: DeliveryWorker
    metrics: Metrics
    edge: CarrierEdge
    background: tuple[Background, ...]

    async def drain(self, timeout_s: float) -> None:
        """Let the live calls finish, and what was recorded of them reach its store."""
        await self.directory.drain(timeout_s)
        await asyncio.gather(self.intake.settle(STORE_TIMEOUT_S), self.voicemail_intake.settle(STORE_TIMEOUT_S))

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
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, verify=http_trust()))
        webhook_http = OutboundHttp.guarded(TargetRules(allow_private=settings.allow_private_targets))
        stack.push_async_callback(webhook_http.aclose)
        addresses = Addresses(settings.public_url or own_url, own_url)
        assembly = _join(settings, addresses, database, http, webhook_http, stack)
        await assembly.services.projects.ensure_default(settings.api_key or None)
        yield assembly


def _join(
    settings: Settings,
    addresses: Addresses,
    database: Database,
    http: httpx.AsyncClient,
    webhook_http: OutboundHttp,
    stack: AsyncExitStack,
) -> Assembly:
    public_url = addresses.public_url
    cipher, metrics, hooks, presence = cipher_for(settings), Metrics(), Hooks(public_url), adapters.presence(settings)
    carriers = adapters.carriers(settings, http)
    doors = adapters.providers(
        settings, webhook_http, stack, lambda plan, delivery: directory.note_delivery(plan, delivery)
    )
    defaults = adapters.defaults(settings, doors)
    limits = Limits(database, adapters.allowance(settings))

    credentials = Credentials(database, cipher, adapters.operator_keys(settings), carriers)
    accounts = CarrierAccounts(database, credentials, adapters.operator_accounts(settings))
    told = telling(settings, database, cipher, webhook_http)
    learnt = insight(settings, database, credentials, told, stack)
    alarm = alerting(settings, database, told)
    taped = recording(settings, database, cipher, public_url, told.announcements)
    plans = Plans(credentials, told.webhooks, defaults)
    desk = front_desk(database, told, taped, accounts, carriers, plans, limits, Router())
    journals, watched = Journals(settings.journal_dir), audience(settings)
    doors = replace(doors, recorders=Recorders(taped.intake))
    directory = Directory(
        doors, desk.log, metrics, journals, presence, desk=desk.records, audience=watched, ring_limit_s=settings.ring_limit_s
    )
    calls, queue_runner = desk.opened(directory, presence, accounts, carriers, hooks)
    messages = Messages(database, told.announcements, accounts, carriers, hooks, limits)
    numbers = Numbers(database, accounts, credentials, carriers, hooks, defaults.carrier, limits)
    doctor = diagnosing(
        settings, addresses, database, http, doors, accounts, credentials, plans, Router(), carriers, told.announcements
    )
    services = Services(
        projects=Projects(database),
        agents=Agents(database),
        numbers=numbers,
        routing=Routing(database, cipher, numbers),
        routing_explanations=RoutingExplanations(database),
        queues=Queues(database, limits),
        trunks=Trunks(database, cipher),
        phone_conversations=PhoneConversations(database),
        call_tests=doctor.call_tests,
        diagnostics=doctor.diagnostics,
        integration_health=doctor.integration_health,
        calls=calls,
        recordings=taped.recordings,
        analyses=learnt.analyses,
        analytics=learnt.analytics,
        voicemails=taped.voicemails,
        messages=messages,
        conversations=Conversations(database),
        webhooks=told.webhooks,
        webhook_tests=told.tests,
        subscriptions=told.subscriptions,
        deliveries=told.deliveries,
        credentials=credentials,
        voices=adapters.voices(settings, credentials, http, defaults),
        transcripts=Transcripts(database),
        live=LiveView(database, watched, directory, presence),
        usage=Usage(database, limits, defaults.max_call_duration_s),
        alerts=alarm.alerts,
        idempotency=Idempotency(database, cipher),
        default_voice=DEFAULT_VOICE_ID,
    )
    edge = CarrierEdge(carriers, accounts, calls, messages, directory, public_url)
    watch = CallWatch(database, desk.log, directory.held)
    pruning = Pruning(database, timedelta(days=settings.delivery_retention_days))
    watches = watch, MessageWatch(messages)
    background: tuple[Background, ...] = (learnt.worker.run, alarm.watch.run, queue_runner.run, watched.run, *doctor.background)
    return Assembly(
        database,
        services,
        directory,
        presence,
        *watches,
        pruning,
        *taped.intakes,
        told.worker,
        metrics,
        edge,
        background,
    )
