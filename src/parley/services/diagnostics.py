"""Whether a server of a customer's can be reached: looked at when it is asked for, kept, and read again."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.errors import BadInput, FieldError, TargetBlocked
from parley.domain.ids import new_id
from parley.domain.network_tests import NetworkSeen, SipSeen, Target, latency, parse_target
from parley.schemas.diagnostics import NetworkTestCreate
from parley.services.checks import verdict
from parley.services.defaults import Clock, utc_now
from parley.services.network_report import best_sip, checks_of
from parley.storage import diagnostics
from parley.storage.database import Database
from parley.storage.tables import DiagnosticRow

NETWORK = "network_test"


class Probe(Protocol):
    """Tries every way to a server."""

    async def look(self, target: Target, probes: int) -> NetworkSeen:
        """Raises TargetBlocked for a target that is never called, TooManyRequests when too many are at it."""
        ...


class Diagnostics:
    """A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database, probe: Probe, clock: Clock = utc_now) -> None:
        self._database = database
        self._probe = probe
        self._clock = clock

    async def test_network(self, project_id: str, wanted: NetworkTestCreate) -> DiagnosticRow:
        """Try every way to the server; that one fails is a result. Raises BadInput for a target that this server must
        not call, and TooManyRequests."""
        target = parse_target(wanted.target_endpoint)
        try:
            seen = await self._probe.look(target, wanted.probes)
        except TargetBlocked as blocked:
            message = f"cannot be tested. {blocked.message}"
            raise BadInput(f"`targetEndpoint` {message}", [FieldError("targetEndpoint", message)]) from None
        checks = checks_of(target, seen, self._clock())
        result: dict[str, Any] = {
            "test_type": wanted.test_type,
            "target_endpoint": wanted.target_endpoint,
            "host": target.host,
            "port": target.port,
            "status": verdict(checks),
            "checks": checks,
            **_measured(seen),
        }
        async with self._database.transaction() as session:
            return await self._keep(session, project_id, NETWORK, wanted.model_dump(), result)

    async def get(self, project_id: str, kind: str, diagnostic_id: str) -> DiagnosticRow:
        """A check of that kind made before."""
        async with self._database.read() as session:
            return await diagnostics.get(session, project_id, kind, diagnostic_id)

    async def _keep(
        self, session: AsyncSession, project_id: str, kind: str, request: dict[str, Any], result: dict[str, Any]
    ) -> DiagnosticRow:
        row = DiagnosticRow(
            id=new_id("diag"),
            project_id=project_id,
            kind=kind,
            request=request,
            result=result,
            created_at=self._clock(),
        )
        await diagnostics.add(session, row)
        return row


def _measured(seen: NetworkSeen) -> dict[str, Any]:
    """What was found, as it is stored and shown."""
    best = best_sip(seen)
    measured = latency(best.times_ms, best.sent) if best is not None else None
    return {
        "addresses": list(seen.addresses),
        "resolved_ms": seen.resolved_ms,
        "connected_to": seen.connected_to,
        "connected_ms": seen.connected_ms,
        "tls": msgspec.to_builtins(seen.tls) if seen.tls is not None else None,
        "sip": [_sip(each) for each in seen.sip],
        "latency": msgspec.to_builtins(measured) if measured is not None else None,
    }


def _sip(sip: SipSeen) -> dict[str, Any]:
    found = latency(sip.times_ms, sip.sent)
    return {
        "transport": sip.transport,
        "status": sip.status,
        "reason": sip.reason or None,
        "server": sip.server or None,
        "sent": sip.sent,
        "answered": len(sip.times_ms),
        "latency": msgspec.to_builtins(found) if found is not None else None,
    }
