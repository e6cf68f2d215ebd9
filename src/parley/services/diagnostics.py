"""Checks that a customer asks for: what would become of a call, and whether a server can be reached.

They say what was looked at and what was not; no call is placed. The newest of them are kept and can be read again.
"""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from parley.domain.endpoints import Reach, parse_endpoint
from parley.domain.errors import BadInput, FieldError, NotFound, TargetBlocked
from parley.domain.ids import new_id
from parley.domain.phone_numbers import normalise
from parley.schemas.diagnostics import CallTestCreate, NetworkTestCreate
from parley.services.accounts import CarrierAccounts
from parley.services.defaults import Clock, utc_now
from parley.storage import agents, diagnostics, numbers, webhooks
from parley.storage.database import Database
from parley.storage.tables import DiagnosticRow, NumberRow

Check = dict[str, str]
CALL, NETWORK = "test_call", "network_test"
_NOT_PLACED = (
    "This test looks at what is set up and places no call. Ring the number from any phone to hear your agent answer."
)
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

    def __init__(self, database: Database, accounts: CarrierAccounts, probe: Probe, clock: Clock = utc_now) -> None:
        self._database = database
        self._accounts = accounts
        self._probe = probe
        self._clock = clock

    async def test_call(self, project_id: str, wanted: CallTestCreate) -> DiagnosticRow:
        """Look at what a call to the number would meet now. NotFound for a number that is not this project's."""
        phone = normalise(wanted.phone_number, "phoneNumber")
        async with self._database.transaction() as session:
            number = await numbers.active_by_phone(session, phone)
            if number is None or number.project_id != project_id:
                raise NotFound("This phone number is not registered in this project. Import it first, then test it.")
            answerer, answer = await _answer(session, number)
            account = await self._account(session, number)
            checks = [_connection(number), account, _assignment(number), answer]
            result: dict[str, Any] = {
                "test_type": wanted.test_type,
                "phone_number": phone,
                "phone_number_id": number.id,
                "duration_seconds": wanted.duration_seconds,
                "status": _verdict(checks),
                "checks": [
                    *checks,
                    _check("routing", "not_tested", _ROUTING_NOTE),
                    _check("call", "not_tested", _NOT_PLACED),
                ],
                "agent_id": number.agent_id,
                "answered_by": answerer,
                "call_placed_reason": _NOT_PLACED,
            }
            return await self._keep(session, project_id, CALL, wanted.model_dump(), result)

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
        udp = _check("udp", "not_tested", "UDP is not tested: without SIP's own answers silence over it means nothing.")
        result: dict[str, Any] = {
            "test_type": wanted.test_type,
            "target_endpoint": wanted.target_endpoint,
            "host": endpoint.host,
            "port": endpoint.port,
            "status": _verdict(checks),
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

    async def _account(self, session: AsyncSession, number: NumberRow) -> Check:
        """Without the account's secret nobody can tell whether it is the carrier that reports a call."""
        if not number.is_connected:
            return _check("account", "not_tested", "Only a connected number needs an account.")
        try:
            await self._accounts.resolve(session, number.project_id, number.provider, number.credential_id)
        except BadInput as missing:
            return _check("account", "failed", missing.message)
        return _check("account", "passed", "There is an account to tell the carrier's reports of calls from others.")

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


_ROUTING_NOTE = "Routing rules and business hours are stored and not applied: the number's own agent answers."


def _check(name: str, status: str, detail: str) -> Check:
    return {"name": name, "status": status, "detail": detail}


def _verdict(checks: list[Check]) -> str:
    return "passed" if all(check["status"] == "passed" for check in checks) else "failed"


def _connection(number: NumberRow) -> Check:
    if number.is_connected:
        return _check("connection", "passed", "The carrier was told to bring this number's calls here.")
    return _check("connection", "failed", number.connection_note or "No call reaches this number.")


def _assignment(number: NumberRow) -> Check:
    if number.agent_id is None:
        return _check("agent", "failed", "The number has no agent. Assign one, so that its calls are answered.")
    return _check("agent", "passed", "The number is assigned to an agent.")


async def _answer(session: AsyncSession, number: NumberRow) -> tuple[str | None, Check]:
    """(who gives the agent's answers, the check of it)."""
    if number.agent_id is None:
        return None, _check("answer", "not_tested", "Without an agent nobody can answer.")
    agent = await agents.get(session, number.project_id, number.agent_id)
    if agent.voice_mode == "hosted":
        return "model", _check("answer", "passed", "The built-in chat model answers, from the agent's prompt.")
    webhook = await webhooks.applying(session, number.project_id, agent.id)
    if webhook is not None and webhook.status == "active":
        return "webhook", _check("answer", "passed", "Your webhook is asked for the answers; it was not called.")
    return None, _check(
        "answer", "failed", "The agent asks a webhook and there is none that is active. Set one, or make it hosted."
    )


def _name_check(reach: Reach) -> Check:
    if reach.failure == "unresolved":
        return _check("dns", "failed", "The host name does not resolve. Check its spelling and its DNS records.")
    if reach.failure == "name_server_timeout":
        return _check("dns", "failed", "The name server did not answer in time. Check the domain's name servers.")
    return _check("dns", "passed", "The host has an address.")


def _tcp_check(reach: Reach) -> Check:
    if reach.failure is None:
        return _check("tcp", "passed", "A TCP connection was made, and closed without sending anything.")
    if reach.failure in _TCP_FAILURES:
        return _check("tcp", "failed", _TCP_FAILURES[reach.failure])
    return _check("tcp", "not_tested", "Without an address there is nowhere to connect to.")
