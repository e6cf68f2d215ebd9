"""What looks after a project's phone integration: test calls, tests of networks, health."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from parley.live.providers import Providers
from parley.providers import key_checks
from parley.providers.guard import TargetRules
from parley.providers.network_probe import NetworkProbe
from parley.providers.protocols import Carrier, KeyCheck
from parley.services.accounts import CarrierAccounts
from parley.services.announcements import Announcements
from parley.services.call_tests import CallTests
from parley.services.credentials import Credentials
from parley.services.defaults import utc_now
from parley.services.diagnostics import Diagnostics
from parley.services.health_look import HealthLook, Outside
from parley.services.health_watch import HealthWatch
from parley.services.hooks import Hooks
from parley.services.integration_health import IntegrationHealth
from parley.services.plans import Plans
from parley.services.router import Router
from parley.settings import DEEPGRAM_URL, ELEVENLABS_URL, OPENAI_URL, Settings, as_http
from parley.simulation.scripted_caller import ScriptedCaller
from parley.storage.database import Database


@dataclass(frozen=True, slots=True)
class Diagnosing:
    """The three, and what of them runs beside the calls."""

    call_tests: CallTests
    diagnostics: Diagnostics
    integration_health: IntegrationHealth
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where this server is reached: `public_url` by carriers, `own_url` by this machine; the same without the first."""

    public_url: str
    own_url: str


def diagnosing(
    settings: Settings,
    addresses: Addresses,
    database: Database,
    http: httpx.AsyncClient,
    doors: Providers,
    accounts: CarrierAccounts,
    credentials: Credentials,
    plans: Plans,
    router: Router,
    carriers: Mapping[str, Carrier],
    announcements: Announcements,
) -> Diagnosing:
    """Nothing runs yet."""
    hooks = Hooks(addresses.public_url)
    caller = ScriptedCaller(doors, http, addresses.public_url, addresses.own_url)
    tests = CallTests(database, accounts, hooks, plans, router, caller, has_public_url=settings.public_url is not None)
    rules = TargetRules(allow_private=settings.allow_private_targets)
    providers = frozenset({*doors.speech_to_text, *doors.text_to_speech, *doors.models})
    outside = Outside(carriers, _key_checks(settings, http), NetworkProbe(rules), providers)
    look = HealthLook(database, accounts, credentials, outside, hooks, plans.defaults, utc_now)
    watch = HealthWatch(database, look, announcements)
    return Diagnosing(
        tests,
        Diagnostics(database, NetworkProbe(rules)),
        IntegrationHealth(database, accounts, frozenset(carriers), plans.defaults.carrier, watch),
        (tests.run, watch.run),
    )


def _key_checks(settings: Settings, http: httpx.AsyncClient) -> dict[str, KeyCheck]:
    """By provider; what this server does itself needs nobody to be asked."""
    return {
        "deepgram": key_checks.deepgram(
            http, as_http(settings.deepgram_base_url), needs_key=settings.deepgram_base_url == DEEPGRAM_URL
        ),
        "elevenlabs": key_checks.elevenlabs(
            http, as_http(settings.elevenlabs_base_url), needs_key=settings.elevenlabs_base_url == ELEVENLABS_URL
        ),
        "openai": key_checks.openai(http, settings.openai_base_url, needs_key=settings.openai_base_url == OPENAI_URL),
    }
