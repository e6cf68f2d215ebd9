"""Looks at everything a project's calls depend on, once: what the carrier, the providers and the trunks say now.

Vendors are asked little and seldom: one request a credential and a number, four at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain import health as found
from parley.domain.carriers import CarrierAccount
from parley.domain.errors import BadInput, CarrierRefused, ConfigurationError, ParleyError, ProviderError
from parley.domain.health import Finding, KeyState
from parley.domain.network_tests import NetworkSeen, Target, parse_target
from parley.providers.protocols import Carrier, KeyCheck
from parley.services.accounts import CarrierAccounts
from parley.services.credentials import Credentials
from parley.services.defaults import Clock, Defaults
from parley.services.hooks import Hooks
from parley.services.network_report import checks_of
from parley.storage import health
from parley.storage.database import Database
from parley.storage.tables import CredentialRow, NumberRow, TrunkRow

AT_ONCE = 4
TIMEOUT_S = 8.0
TRUNKS_AT_ONCE = 2
"""Of all projects together. The probe refuses more than a few, and a trunk nobody tested would seem to have changed."""
MOST = 100
"""So many of a kind are looked at; the newest ones."""
_TRUNK_PROBES = 2


class Probe(Protocol):
    """Tries every way to a server."""

    async def look(self, target: Target, probes: int) -> NetworkSeen: ...


class Outside(NamedTuple):
    """Whom to ask: carriers and key checks by provider, and the way to servers, by a probe that nobody else uses.

    `providers` are all that listen, speak or think on this server, with a key to try or without; empty: not known.
    """

    carriers: Mapping[str, Carrier]
    key_checks: Mapping[str, KeyCheck]
    probe: Probe
    providers: frozenset[str] = frozenset()


class HealthLook:
    """`hooks` are the URLs that carriers should call; `defaults` name the providers of agents that name none."""

    def __init__(
        self,
        database: Database,
        accounts: CarrierAccounts,
        credentials: Credentials,
        outside: Outside,
        hooks: Hooks,
        defaults: Defaults,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._credentials = credentials
        self._outside = outside
        self._hooks = hooks
        self._defaults = defaults
        self._clock = clock
        self._trunks_at_once = asyncio.Semaphore(TRUNKS_AT_ONCE)

    async def findings(self, project_id: str) -> list[Finding]:
        """Everything there is, each as it was found. Raises Unavailable while the database is away."""
        async with self._database.read() as session:
            work: list[Awaitable[Finding] | Finding] = [
                *[self._credential(row) for row in await health.credentials(session, project_id, MOST)],
                *[await self._number(session, row) for row in await health.numbers(session, project_id, MOST)],
                *[self._trunk(row) for row in await health.trunks(session, project_id, MOST)],
            ]
            for target_id, is_disabled in await health.targets(session, project_id):
                outcomes = await health.last_outcomes(session, project_id, target_id)
                work.append(found.of_deliveries(target_id, outcomes, is_disabled=is_disabled))
            in_use = await health.parts_in_use(session, project_id)
        work += await self._providers(project_id, in_use)
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(_held(each, places)) for each in work if not isinstance(each, Finding)]
        return [*(each for each in work if isinstance(each, Finding)), *(task.result() for task in running)]

    # ------------------------------------------------------------ credentials and providers

    def _credential(self, row: CredentialRow) -> Awaitable[Finding] | Finding:
        try:
            key = self._credentials.open(row)
        except ConfigurationError as locked:
            return _sealed("credential", row.id, locked)
        carrier = self._outside.carriers.get(row.provider)
        if carrier is not None:
            if not row.account_id:
                detail = "It has no account id, so the server's is used with it. Create it again with `accountSid`."
                return Finding("credential", row.id, "warning", "no_account_id", detail)
            asked = _asked(carrier.check(CarrierAccount(row.account_id, key)))
        elif row.provider in self._outside.key_checks:
            asked = _asked(self._outside.key_checks[row.provider].check(key))
        else:
            detail = f"Nothing on this server knows how to try a key of `{row.provider}`."
            return Finding("credential", row.id, "unknown", "not_tried", detail)
        return _told(asked, "credential", row.id, row.provider)

    async def _providers(self, project_id: str, in_use: list[health.PartsInUse]) -> list[Awaitable[Finding] | Finding]:
        """Of the providers that agents use, those that have somebody to be asked, and those that are not there."""
        own, first, spare = self._defaults, set[str](), set[str]()
        for parts in in_use:
            first |= {parts.listen or own.listen.provider, parts.voice or own.voice.provider}
            spare |= set(parts.spares)
            if parts.asks_model:
                first.add(parts.model or own.model.provider)
                spare |= set(parts.spare_models)
        named, there, tried = first | spare, self._outside.providers, self._outside.key_checks.keys()
        absent = sorted(named - there - tried) if there else []
        asked = [await self._provider(project_id, name) for name in sorted(named & tried)]
        return [*asked, *(_absent(name, is_spare=name not in first) for name in absent)]

    async def _provider(self, project_id: str, name: str) -> Awaitable[Finding] | Finding:
        try:
            key = await self._credentials.for_provider(project_id, name)
        except ConfigurationError as locked:
            return _sealed("provider", name, locked)
        return _told(_asked(self._outside.key_checks[name].check(key)), "provider", name, name, has_key=bool(key))

    # ------------------------------------------------------------ numbers

    async def _number(self, session: AsyncSession, row: NumberRow) -> Awaitable[Finding] | Finding:
        carrier = self._outside.carriers.get(row.provider)
        if carrier is None:
            detail = f"Nothing on this server can ask `{row.provider}` about the number."
            return Finding("number", row.id, "unknown", "not_supported", detail)
        try:
            account, _ = await self._accounts.of_number(session, row)
        except BadInput as missing:
            return Finding("number", row.id, "failed", "no_account", missing.message)
        except ConfigurationError as locked:
            return _sealed("number", row.id, locked)
        return self._inspected(carrier, account, row.id, row.provider, row.phone_number)

    async def _inspected(
        self, carrier: Carrier, account: CarrierAccount, number_id: str, provider: str, phone_number: str
    ) -> Finding:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                setup = await carrier.inspect(account, phone_number)
        except CarrierRefused as refused:
            return Finding("number", number_id, "failed", "refused", f"{refused.message} Check the credential.")
        except (ProviderError, TimeoutError):
            detail = f"`{provider}` cannot be asked about the number now. It is asked again in a few minutes."
            return Finding("number", number_id, "unknown", "unreachable", detail)
        return found.of_number(number_id, self._hooks.number(provider, number_id), setup)

    # ------------------------------------------------------------ trunks

    async def _trunk(self, row: TrunkRow) -> Finding:
        target = _target(row)
        try:
            async with self._trunks_at_once, asyncio.timeout(TIMEOUT_S):
                seen = await self._outside.probe.look(target, _TRUNK_PROBES)
        except ParleyError as refused:
            return Finding("trunk", row.id, "unknown", refused.code, f"It was not tested: {refused.message}")
        except TimeoutError:
            return Finding("trunk", row.id, "failed", "timeout", "The trunk did not answer in time. Test its network.")
        for each in checks_of(target, seen, self._clock()):
            if each["status"] == "failed":
                return Finding("trunk", row.id, "failed", each["name"], f"{each['detail']} {each['what_to_do']}")
        return Finding("trunk", row.id, "ok", "ok", "The trunk's server answers to SIP OPTIONS.")


def _target(row: TrunkRow) -> Target:
    if row.proxy:
        return parse_target(row.proxy)
    if row.transport.upper() == "TLS":
        return Target(host=row.sip_domain, port=row.port, uses_tls=True, transports=("tls",))
    return Target(
        host=row.sip_domain, port=row.port, transports=("tcp",) if row.transport.upper() == "TCP" else ("udp",)
    )


def _sealed(kind: found.Kind, subject_id: str, locked: ConfigurationError) -> Finding:
    """A key that this server cannot read is one finding among the others, and keeps none of them away."""
    return Finding(kind, subject_id, "failed", "sealed", f"{locked.message} Or create the credential again.")


def _absent(name: str, *, is_spare: bool) -> Finding:
    """A name of an agent's that nobody here has: mistyped, or of a provider that the operator has not set up."""
    result = "It is left out where it is to take over." if is_spare else "Calls of those agents fail."
    detail = f"Agents name the provider `{name}`, and this server has none of that name. {result} Correct the name."
    return Finding("provider", name, "warning" if is_spare else "failed", "unknown_provider", detail)


async def _held(work: Awaitable[Finding], places: asyncio.Semaphore) -> Finding:
    async with places:
        return await work


async def _asked(question: Awaitable[KeyState]) -> KeyState:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await question
    except TimeoutError:
        return "unreachable"


async def _told(
    asked: Awaitable[KeyState], kind: found.Kind, subject_id: str, provider: str, *, has_key: bool = True
) -> Finding:
    state = await asked
    if state == "unauthorized" and not has_key:
        detail = f"There is no key for `{provider}`. Create a credential for it, or let agents use another provider."
        return Finding(kind, subject_id, "failed", "no_key", detail)
    return found.of_key(kind, subject_id, f"`{provider}`", state)
