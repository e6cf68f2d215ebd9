"""Tests of numbers and networks, and the state of the phone integration: what every dialect shows of them alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parley.api.operations import Ask, Operation
from parley.schemas.diagnostics import (
    CallTestCreate,
    CallTestOut,
    HealthQuery,
    IntegrationHealthOut,
    NetworkTestCreate,
    NetworkTestOut,
)
from parley.services.diagnostics import NETWORK
from parley.storage.tables import DiagnosticRow

GROUP = "Diagnostics"


async def get_health(ask: Ask[None, HealthQuery]) -> IntegrationHealthOut:
    return await ask.services.integration_health.look(ask.project_id, refresh=ask.query.refresh)


async def test_call(ask: Ask[CallTestCreate, None]) -> dict[str, Any]:
    return shown(await ask.services.call_tests.start(ask.project_id, ask.body))


async def get_call_test(ask: Ask[None, None]) -> dict[str, Any]:
    return shown(await ask.services.call_tests.get(ask.project_id, ask.ids["call_test_id"]))


async def test_network(ask: Ask[NetworkTestCreate, None]) -> dict[str, Any]:
    return shown(await ask.services.diagnostics.test_network(ask.project_id, ask.body))


async def get_network_test(ask: Ask[None, None]) -> dict[str, Any]:
    return shown(await ask.services.diagnostics.get(ask.project_id, NETWORK, ask.ids["network_test_id"]))


def shown(row: DiagnosticRow) -> dict[str, Any]:
    """A check with its result's own fields beside its id."""
    return {**row.result, "id": row.id, "test_id": row.id, "created_at": row.created_at}


HEALTH = Operation(
    "GET",
    "/health/integration",
    get_health,
    title="Check the phone integration",
    group=GROUP,
    answer=IntegrationHealthOut,
    query=HealthQuery,
    about="What this server knows of your numbers, agents, carrier accounts, trunks and deliveries; what the carriers,"
    " providers and trunks themselves said when they were asked last, since when it is so, and what to do about it."
    " They are asked in the background, or before the answer with `refresh`. Subscriptions are told `system_error`"
    " once for everything that fails.",
)
TEST_CALL = Operation(
    "POST",
    "/test-calls",
    test_call,
    title="Test a number",
    group=GROUP,
    answer=CallTestOut,
    body=CallTestCreate,
    about="Calls one of your numbers with a scripted caller, as a carrier would: through the signed webhook, routing,"
    " the media websocket, and the recogniser, model and voice in use. The report says of each step what was seen, how"
    " long it took, and what to do about what failed. No carrier takes part. One test of a number runs at a time, and"
    " three of a project.",
    refusals=frozenset({404, 429, 503}),
)
GET_CALL_TEST = Operation(
    "GET",
    "/test-calls/{call_test_id}",
    get_call_test,
    title="Read a number's test",
    group=GROUP,
    answer=CallTestOut,
)
TEST_NETWORK = Operation(
    "POST",
    "/network-tests",
    test_network,
    title="Test the way to a server",
    group=GROUP,
    answer=NetworkTestOut,
    body=NetworkTestCreate,
    about="Looks up the host, connects, looks at the certificates where TLS is spoken, and asks SIP servers for their"
    " options over each transport: latency, jitter and loss, within seconds. What does not work is a result, not an"
    " error. Private addresses are refused unless the operator allows them. The body is read as JSON whatever its"
    " Content-Type.",
    refusals=frozenset({429}),
    any_content_type=True,
)
GET_NETWORK_TEST = Operation(
    "GET",
    "/network-tests/{network_test_id}",
    get_network_test,
    title="Read a network test",
    group=GROUP,
    answer=NetworkTestOut,
)

OPERATIONS = (HEALTH, TEST_CALL, GET_CALL_TEST, TEST_NETWORK, GET_NETWORK_TEST)


def at(operation: Operation, path: str) -> Operation:
    """The same operation where another dialect has it."""
    return replace(operation, path=path)
