"""How a project's phone integration is doing, and what to do about it: what this server knows of itself, and what was
found outside when it was looked at last."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from parley.schemas.diagnostics import (
    CallsHealth,
    CarrierHealth,
    CheckState,
    DeliveriesHealth,
    HealthCheckOut,
    IntegrationHealthOut,
    NumbersHealth,
    ReasonOut,
    TrunksHealth,
)
from parley.services.accounts import CarrierAccounts
from parley.services.defaults import Clock, utc_now
from parley.services.health_watch import HealthWatch
from parley.storage import diagnostics, health, phone_conversations, trunks
from parley.storage.database import Database
from parley.storage.diagnostics import NumberCount
from parley.storage.health import Named
from parley.storage.tables import HealthStateRow

_LATELY = timedelta(hours=1)
_REFRESH_S = 10.0
_FROM_BAD_TO_GOOD: tuple[CheckState, ...] = ("failed", "warning", "unknown", "ok")


class IntegrationHealth:
    """`carriers` are those this server can reach; `default_carrier` is where numbers come from unless one is named."""

    def __init__(
        self,
        database: Database,
        accounts: CarrierAccounts,
        carriers: Collection[str],
        default_carrier: str,
        watch: HealthWatch,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._carriers = frozenset(carriers)
        self._default_carrier = default_carrier
        self._watch = watch
        self._clock = clock

    async def look(self, project_id: str, *, refresh: bool = False) -> IntegrationHealthOut:
        """The state of this moment, with what was found outside at the last look; `refresh` looks first, for some
        seconds. Raises Unavailable while the database is away."""
        await self._watch.asked(project_id)
        if refresh:
            await self._watch.refresh(project_id, _REFRESH_S)
        now = self._clock()
        async with self._database.read() as session:
            counts = await diagnostics.number_counts(session, project_id)
            unanswered = await diagnostics.agents_without_answer(session, project_id)
            failed, retrying = await diagnostics.failing_deliveries(session, project_id, now - _LATELY)
            trunk_count = await trunks.count(session, project_id)
            live = await phone_conversations.live_count(session, project_id)
            providers = sorted({each.provider for each in counts} | {self._default_carrier})
            carriers = [await self._carrier(session, project_id, provider) for provider in providers]
            states = await health.states(session, project_id)
            names = await health.names(session, project_id)
        found = IntegrationHealthOut(
            status="healthy",
            reasons=[],
            phone_numbers=_numbers(counts),
            agents_without_answer=unanswered,
            carriers=carriers,
            sip_trunks=TrunksHealth(stored=trunk_count),
            calls=CallsHealth(live=live),
            webhook_deliveries=DeliveriesHealth(failed=failed, retrying=retrying),
            checks=[_shown(each, names) for each in states],
            checked_at=now,
        )
        for carrier in found.carriers:
            carrier.check = _worst(states, names, carrier.provider)
        found.reasons = [
            ReasonOut(code=code, message=message) for code, message in (*_reasons(found), *_failed(found.checks))
        ]
        if found.reasons:
            found.status = "degraded" if counts else "not_configured"
        return found

    async def _carrier(self, session: AsyncSession, project_id: str, provider: str) -> CarrierHealth:
        if provider not in self._carriers:
            return CarrierHealth(provider=provider, account="not_supported")
        return CarrierHealth(provider=provider, account=await self._accounts.owner(session, project_id, provider))


def _shown(state: HealthStateRow, names: Mapping[str, Named]) -> HealthCheckOut:
    named = names.get(state.subject_id)
    return HealthCheckOut(
        kind=state.kind,
        subject_id=state.subject_id,
        name=named.name if named is not None else state.subject_id,
        status=state.status,
        code=state.code,
        detail=state.detail,
        since=state.since,
        checked_at=state.checked_at,
    )


def _worst(states: Sequence[HealthStateRow], names: Mapping[str, Named], provider: str) -> CheckState:
    """Of what was found of a provider's credentials and numbers."""
    found = {each.status for each in states if each.subject_id in names and names[each.subject_id].provider == provider}
    return next((each for each in _FROM_BAD_TO_GOOD if each in found), "not_checked")


def _failed(checks: Sequence[HealthCheckOut]) -> Iterator[tuple[str, str]]:
    """The reasons that were found outside."""
    for each in checks:
        if each.status == "failed":
            yield f"{each.kind}_{each.code}", f"{each.name}: {each.detail}"


def _numbers(counts: Sequence[NumberCount]) -> NumbersHealth:
    registered, connected = sum(each.registered for each in counts), sum(each.connected for each in counts)
    return NumbersHealth(
        registered=registered,
        connected=connected,
        not_connected=registered - connected,
        without_agent=sum(each.without_agent for each in counts),
    )


def _reasons(found: IntegrationHealthOut) -> Iterator[tuple[str, str]]:
    """(stable word, what to do) for everything that keeps a call or an event from arriving."""
    numbers, deliveries = found.phone_numbers, found.webhook_deliveries
    if not numbers.registered:
        yield "no_phone_numbers", "No phone number is registered. Import one, or buy one, and assign an agent to it."
    for carrier in found.carriers:
        if carrier.account == "missing":
            yield (
                "no_carrier_account",
                f"There is no account to use at {carrier.provider}. Create a credential for it, with its account id.",
            )
    if numbers.not_connected:
        yield (
            "numbers_not_connected",
            f"{numbers.not_connected} of the numbers get no calls. Each number's connection_note says what to do.",
        )
    if numbers.without_agent:
        yield "numbers_without_agent", f"{numbers.without_agent} of the numbers have no agent. Assign one to each."
    if found.agents_without_answer:
        yield (
            "agents_without_answer",
            f"{found.agents_without_answer} of the agents with a number ask a webhook and have none that is active."
            " Set a webhook, or make them hosted.",
        )
    if found.sip_trunks.stored:
        yield "trunks_not_connected", "SIP trunks are stored and not connected: no call goes over them."
    if deliveries.failed or deliveries.retrying:
        yield (
            "deliveries_failing",
            f"{deliveries.failed + deliveries.retrying} webhook deliveries failed in the last hour. Check that your"
            " endpoint answers with a 2xx status; the list of deliveries shows what it answered.",
        )
