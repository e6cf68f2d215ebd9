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
from parley.domain.calls import CallPlan
from parley.domain.errors import Unavailable
from parley.domain.events import TurnDelivery
from parley.live.directory import Directory
from parley.live.journals import Journals
from parley.live.metrics import Metrics
from parley.live.recorder import Recorders
from parley.providers.guard import TargetRules
from parley.providers.outbound import OutboundHttp
from parley.providers.tls import http_trust
from parley.services.delivery_worker import DeliveryWorker
from parley.services.live_view import LiveView
from parley.services.message_watch import MessageWatch
from parley.services.pruning import Pruning
from parley.services.recording_intake import RecordingIntake
from parley.services.router import Router
from parley.services.voicemail_intake import VoicemailIntake
from parley.services.watch import CallWatch
from parley.settings import Settings
from parley.storage.database import Database
from parley.storage.presence import Presence
from parley.wiring import adapters
from parley.wiring.alerting import alerting
from parley.wiring.desk import front_desk
from parley.wiring.diagnosing import Addresses, diagnosing
from parley.wiring.ground import laid
from parley.wiring.insight import insight
from parley.wiring.live import audience
from parley.wiring.offering import offered
from parley.wiring.opening import opened_database
from parley.wiring.recording import recording

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
    def note_delivery(plan: CallPlan, delivery: TurnDelivery) -> None:
        directory.note_delivery(plan, delivery)

    ground = laid(settings, addresses, database, http, webhook_http, stack, note_delivery)
    told, accounts, carriers, router = ground.told, ground.accounts, ground.carriers, Router()
    metrics, presence, watched = Metrics(), adapters.presence(settings), audience(settings)
    ground.doors.breakers.watch(metrics.breaker)
    learnt = insight(settings, database, ground.credentials, told, stack)
    alarm = alerting(settings, database, told)
    taped = recording(settings, database, ground.cipher, addresses.public_url, told.announcements)
    desk = front_desk(database, told, taped, accounts, carriers, ground.plans, ground.limits, router)
    directory = Directory(
        replace(ground.doors, recorders=Recorders(taped.intake)),
        desk.log,
        metrics,
        Journals(settings.journal_dir),
        presence,
        desk=desk.records,
        audience=watched,
        ring_limit_s=settings.ring_limit_s,
    )
    calls, queue_runner = desk.opened(directory, presence, accounts, carriers, ground.hooks)
    doctor = diagnosing(
        settings,
        addresses,
        database,
        http,
        ground.doors,
        accounts,
        ground.credentials,
        ground.plans,
        router,
        carriers,
        told.announcements,
    )
    live = LiveView(database, watched, directory, presence)
    services = offered(ground, taped, learnt, alarm, doctor, calls, live)
    return Assembly(
        database,
        services,
        directory,
        presence,
        CallWatch(database, desk.log, directory.held),
        MessageWatch(services.messages),
        Pruning(database, timedelta(days=settings.delivery_retention_days)),
        *taped.intakes,
        told.worker,
        metrics,
        CarrierEdge(carriers, accounts, calls, services.messages, directory, addresses.public_url),
        (learnt.worker.run, *alarm.background, queue_runner.run, watched.run, *doctor.background),
    )
