"""Checks a customer may ask for: health, a test call, the network."""

from __future__ import annotations

from typing import Any

from parley.api.operations import Ask, Operation
from parley.schemas.diagnostics import (
    CallTestCreate,
    CallTestOut,
    IntegrationHealthOut,
    NetworkTestCreate,
    NetworkTestOut,
)
from parley.services.diagnostics import CALL, NETWORK
from parley.storage.tables import DiagnosticRow

GROUP = "Diagnostics"


async def get_health(ask: Ask[None, None]) -> IntegrationHealthOut:
    return await ask.services.integration_health.look(ask.project_id)


async def test_call(ask: Ask[CallTestCreate, None]) -> dict[str, Any]:
    return shown(await ask.services.diagnostics.test_call(ask.project_id, ask.body))


async def get_call_test(ask: Ask[None, None]) -> dict[str, Any]:
    return shown(await ask.services.diagnostics.get(ask.project_id, CALL, ask.ids["call_test_id"]))


async def test_network(ask: Ask[NetworkTestCreate, None]) -> dict[str, Any]:
    return shown(await ask.services.diagnostics.test_network(ask.project_id, ask.body))


async def get_network_test(ask: Ask[None, None]) -> dict[str, Any]:
    return shown(await ask.services.diagnostics.get(ask.project_id, NETWORK, ask.ids["network_test_id"]))


def shown(row: DiagnosticRow) -> dict[str, Any]:
    """A check with its result's own fields beside its id."""
    return {**row.result, "id": row.id, "test_id": row.id, "created_at": row.created_at}


OPERATIONS = (
    Operation(
        "GET",
        "/phone-integration/health",
        get_health,
        title="Check the phone integration",
        group=GROUP,
        answer=IntegrationHealthOut,
        about="What this server knows of your numbers, agents, carrier accounts, trunks and deliveries, and what to do"
        " about it. Nothing outside is asked.",
    ),
    Operation(
        "POST",
        "/test-call",
        test_call,
        title="Test a number",
        group=GROUP,
        answer=CallTestOut,
        body=CallTestCreate,
        about="Looks at what a call to one of your numbers would meet now: whether the carrier brings it here, which"
        " agent it reaches, and whether somebody answers for that agent. No call is placed.",
        refusals=frozenset({404}),
    ),
    Operation(
        "GET", "/test-call/{call_test_id}", get_call_test, title="Read a number's test", group=GROUP, answer=CallTestOut
    ),
    Operation(
        "POST",
        "/diagnostics/network-test",
        test_network,
        title="Test the way to a server",
        group=GROUP,
        answer=NetworkTestOut,
        body=NetworkTestCreate,
        about="Looks up the host and tries a TCP connection, within seconds. What does not work is a result, not an"
        " error. Private addresses are refused unless the operator allows them. The body is read as JSON whatever its"
        " Content-Type.",
        refusals=frozenset({429}),
        any_content_type=True,
    ),
    Operation(
        "GET",
        "/diagnostics/network-test/{network_test_id}",
        get_network_test,
        title="Read a network test",
        group=GROUP,
        answer=NetworkTestOut,
    ),
)
