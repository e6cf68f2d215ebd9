"""Checks a customer may ask for, on the wire. What was not checked says so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from parley.domain.endpoints import require_endpoint
from parley.schemas.base import Timestamp, Wire, between
from parley.schemas.fields import PhoneText

EndpointText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="A host name or address, with a port behind a colon if it is not 5060, or a `sip:` or `sips:` URI.",
        examples=["sip.example.com"],
    ),
    AfterValidator(require_endpoint),
]
CheckStatus = Literal["passed", "failed", "not_tested"]


class CallTestCreate(Wire):
    """Check what would become of a call to one of your numbers."""

    phone_number: PhoneText
    test_type: Literal["inbound_routing"] = "inbound_routing"
    duration_seconds: Annotated[int, between(1, 600)] = 30


class NetworkTestCreate(Wire):
    """Check whether a server of yours can be reached from here."""

    target_endpoint: EndpointText
    test_type: Literal["connectivity"] = "connectivity"


class CheckOut(Wire):
    """One thing that was looked at, and in `detail` what was seen or what to do."""

    name: str
    status: CheckStatus
    detail: str


class CallTestOut(Wire):
    """What a call to the number would meet now. No call is placed: `call_placed` is false, and the reason says why.

    `status` is `passed` when the number is connected and somebody would answer. `agent_id` is who, and `answered_by`
    says whether the chat model or your webhook gives the answers.
    """

    id: str
    test_id: str
    test_type: str
    phone_number: str
    phone_number_id: str
    duration_seconds: int
    status: Literal["passed", "failed"]
    checks: list[CheckOut]
    agent_id: str | None
    answered_by: Literal["model", "webhook"] | None
    routing_applied: bool = False
    call_placed: bool = False
    call_placed_reason: str
    created_at: Timestamp


class NetworkTestOut(Wire):
    """How far the server could be reached: its name, and a TCP connection. UDP is not tested.

    `addresses` are what the name led to. Times are milliseconds, null for a step that was not reached.
    """

    id: str
    test_id: str
    test_type: str
    target_endpoint: str
    host: str
    port: int
    status: Literal["passed", "failed"]
    checks: list[CheckOut]
    addresses: list[str]
    resolved_ms: int | None
    connected_to: str | None
    connected_ms: int | None
    created_at: Timestamp


class ReasonOut(Wire):
    """Why something is not as it should be: a stable word, and a sentence that says what to do."""

    code: str
    message: str


class NumbersHealth(Wire):
    registered: int
    connected: int
    not_connected: int
    without_agent: int


class CarrierHealth(Wire):
    """A carrier your numbers are at. `account` says whose is used; it is not tried out: `check` is `not_checked`."""

    provider: str
    account: Literal["project", "operator", "missing", "not_supported"]
    check: Literal["not_checked"] = "not_checked"


class TrunksHealth(Wire):
    stored: int
    registration: Literal["not_connected"] = "not_connected"


class CallsHealth(Wire):
    live: int


class DeliveriesHealth(Wire):
    """Of the last hour: deliveries given up, and those that failed and will be tried again."""

    failed: int
    retrying: int


class IntegrationHealthOut(Wire):
    """The state of a project's phone integration. `healthy` means that nothing known stands in a call's way."""

    status: Literal["healthy", "degraded", "not_configured"]
    reasons: list[ReasonOut]
    database: Literal["ok"] = "ok"
    phone_numbers: NumbersHealth
    agents_without_answer: int
    carriers: list[CarrierHealth]
    sip_trunks: TrunksHealth
    calls: CallsHealth
    webhook_deliveries: DeliveriesHealth
    checked_at: Timestamp
