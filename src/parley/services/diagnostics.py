"""Whether a server of a customer's can be reached: looked at when it is asked for, kept, and read again."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.endpoints import Reach, parse_endpoint
from parley.domain.errors import BadInput, FieldError, TargetBlocked
from parley.domain.ids import new_id
from parley.schemas.diagnostics import NetworkTestCreate
from parley.services.checks import Check, check, verdict
from parley.services.defaults import Clock, utc_now
from parley.storage import diagnostics
from parley.storage.database import Database
from parley.storage.tables import DiagnosticRow

NETWORK = "network_test"
_TCP_FAILURES = {
    "refused": "The host answered and refused a TCP connection on this port. Check the port; a server that speaks SIP"
    " over UDP alone looks the same.",
    "timeout": "No TCP connection came about in time. Let your firewall accept connections from this server; a server"
    " that speaks SIP over UDP alone looks the same.",
    "unreachable": "There is no way from this server to the host. Check its address and the network between.",
}


class Probe(Protocol):
    """Tries to reach a server over TCP."""

    async def reach(self, host: str, port: int) -> Reach:
        """Raises TargetBlocked for a target that is never called, TooManyRequests when too many are at it."""
        ...


class Diagnostics:
    """A foreign or unknown id is NotFound everywhere."""

    def __init__(self, database: Database, probe: Probe, clock: Clock = utc_now) -> None:
        self._database = database
        self._probe = probe
        self._clock = clock

    async def test_network(self, project_id: str, wanted: NetworkTestCreate) -> DiagnosticRow:
        """Look up the host and try a TCP connection; that it fails is a result. Raises BadInput for a target that this
        server must not call, and TooManyRequests."""
        endpoint = parse_endpoint(wanted.target_endpoint)
        try:
            reach = await self._probe.reach(endpoint.host, endpoint.port)
        except TargetBlocked as blocked:
            message = f"cannot be tested. {blocked.message}"
            raise BadInput(f"`targetEndpoint` {message}", [FieldError("targetEndpoint", message)]) from None
        checks = [_name_check(reach), _tcp_check(reach)]
        udp = check("udp", "not_tested", "UDP is not tested: without SIP's own answers silence over it means nothing.")
        result: dict[str, Any] = {
            "test_type": wanted.test_type,
            "target_endpoint": wanted.target_endpoint,
            "host": endpoint.host,
            "port": endpoint.port,
            "status": verdict(checks),
            "checks": [*checks, udp],
            "addresses": list(reach.addresses),
            "resolved_ms": reach.resolved_ms,
            "connected_to": reach.connected_to,
            "connected_ms": reach.connected_ms,
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


def _name_check(reach: Reach) -> Check:
    if reach.failure == "unresolved":
        return check("dns", "failed", "The host name does not resolve. Check its spelling and its DNS records.")
    if reach.failure == "name_server_timeout":
        return check("dns", "failed", "The name server did not answer in time. Check the domain's name servers.")
    return check("dns", "passed", "The host has an address.")


def _tcp_check(reach: Reach) -> Check:
    if reach.failure is None:
        return check("tcp", "passed", "A TCP connection was made, and closed without sending anything.")
    if reach.failure in _TCP_FAILURES:
        return check("tcp", "failed", _TCP_FAILURES[reach.failure])
    return check("tcp", "not_tested", "Without an address there is nowhere to connect to.")
