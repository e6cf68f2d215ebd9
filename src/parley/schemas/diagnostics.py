"""Checks a customer may ask for, on the wire. What was not checked says so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from parley.domain.network_tests import require_target
from parley.schemas.base import Timestamp, Wire, between
from parley.schemas.fields import PhoneText

EndpointText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="A host name or address, with a port behind a colon if it is not 5060, a `sip:` or `sips:` URI, or"
        " an `https://` URL.",
        examples=["sip.example.com"],
    ),
    AfterValidator(require_target),
]
CheckStatus = Literal["passed", "failed", "not_tested"]


Sentence = Annotated[str, Field(min_length=1, max_length=200, description="What the caller says, in one breath.")]


class CallTestCreate(Wire):
    """Call one of your numbers as a caller would, and see each step of it.

    The caller says each sentence of `script` (one of its own without it) and waits for the answer. `from_number` is
    whose call it seems to be, for routing that looks at callers. A conversation lasts `duration_seconds` at most, and
    never more than 60. The answer comes when the test is done, after `wait_seconds` at the latest: a test that goes on
    longer is `running`, and read again by its id. With 0 the answer comes at once.
    """

    phone_number: PhoneText
    test_type: Literal["inbound_routing"] = "inbound_routing"
    duration_seconds: Annotated[int, between(1, 600)] = 30
    script: Annotated[list[Sentence], Field(min_length=1, max_length=5)] | None = None
    from_number: PhoneText | None = None
    wait_seconds: Annotated[int, between(0, 60)] = 20


class NetworkTestCreate(Wire):
    """Check whether a server of yours can be reached from here, and how well.

    A SIP server is sent `probes` OPTIONS requests over each transport: UDP and TCP, or TLS for `sips:` and port 5061.
    """

    target_endpoint: EndpointText
    test_type: Literal["connectivity"] = "connectivity"
    probes: Annotated[int, between(1, 10)] = 5


class CheckOut(Wire):
    """One thing that was looked at: in `detail` what was seen, in `what_to_do` how to mend what failed.

    Milliseconds, null where nothing was measured: `at_ms` since the test began, `took_ms`.
    """

    name: str
    status: CheckStatus
    detail: str
    what_to_do: str | None = None
    at_ms: int | None = None
    took_ms: int | None = None


class SaidLineOut(Wire):
    """A sentence of the caller's. `reply_ms` is from its end to the agent's first sound; null where none came."""

    text: str
    at_ms: int
    reply_ms: int | None


class RoutedOut(Wire):
    """What routing decided: `matched` names the rule that did, `action` is where the call goes."""

    matched: str
    action: str


class CallTestOut(Wire):
    """What a call to the number met, step by step, in `checks`; `status` is `passed` when no step failed.

    The call goes through this server's own webhook, routing, media websocket, recogniser, model and voice; no carrier
    takes part. `call_id` is its row among the calls, marked as a test in its metadata. `said` is what the caller said,
    `recognised` what this server made of it, `heard` what a recogniser made of the agent's voice. `spoken_by` is whose
    voice the caller had. Of a declined call `call_id` is null. `is_cut_short`: the time was up before the script was.
    """

    id: str
    test_id: str
    test_type: str
    phone_number: str
    phone_number_id: str
    duration_seconds: int
    status: Literal["running", "passed", "failed"]
    checks: list[CheckOut]
    call_id: str | None = None
    agent_id: str | None
    answered_by: Literal["model", "webhook"] | None = None
    routing_applied: bool = False
    routing: RoutedOut | None = None
    call_placed: bool = False
    call_placed_reason: str
    said: list[SaidLineOut] = Field(default_factory=list)
    recognised: list[str] = Field(default_factory=list)
    heard: list[str] = Field(default_factory=list)
    spoken_by: str | None = None
    problems: list[str] = Field(default_factory=list)
    is_cut_short: bool = False
    created_at: Timestamp


class LatencyOut(Wire):
    """Milliseconds over all answered probes. `jitter_ms` is how much one answer's time differs from the next one's, on
    average; `loss` is the share that was not answered, 0 to 1."""

    min_ms: float
    avg_ms: float
    p95_ms: float
    jitter_ms: float
    loss: float
    sent: int
    answered: int


class CertificateOut(Wire):
    """One certificate of the server's chain, its own first. `hosts` is what it is valid for."""

    subject: str
    issuer: str
    valid_from: Timestamp
    valid_until: Timestamp
    hosts: list[str]


class TlsOut(Wire):
    """The TLS handshake. `error` is a stable word for why a careful client would not trust the server, else empty."""

    version: str
    took_ms: int | None
    chain: list[CertificateOut]
    error: str


class SipOptionsOut(Wire):
    """What SIP OPTIONS over one transport came to. `status` and `reason` are the server's; any answer is good."""

    transport: Literal["udp", "tcp", "tls"]
    status: int | None
    reason: str | None
    server: str | None
    sent: int
    answered: int
    latency: LatencyOut | None


class NetworkTestOut(Wire):
    """How far the server could be reached: its name, TCP, TLS with its certificates, and SIP's own answers.

    `addresses` are what the name led to. Times are milliseconds, null for a step that was not reached. `tls` is null
    where it is not spoken. `latency` is of the transport that answered best; null where nothing was measured.
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
    tls: TlsOut | None = None
    sip: list[SipOptionsOut] = Field(default_factory=list)
    latency: LatencyOut | None = None
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


CheckState = Literal["not_checked", "ok", "warning", "failed", "unknown"]


class CarrierHealth(Wire):
    """A carrier your numbers are at. `account` says whose is used; `check` is the worst of what was found of your
    credentials for it and your numbers there."""

    provider: str
    account: Literal["project", "operator", "missing", "not_supported"]
    check: CheckState = "not_checked"


class TrunksHealth(Wire):
    stored: int
    registration: Literal["not_connected"] = "not_connected"


class CallsHealth(Wire):
    live: int


class DeliveriesHealth(Wire):
    """Of the last hour: deliveries given up, and those that failed and will be tried again."""

    failed: int
    retrying: int


class HealthQuery(Wire):
    """`refresh` asks the carriers, providers and trunks before answering, for at most ten seconds."""

    refresh: bool = False


class HealthCheckOut(Wire):
    """What was found of one thing that calls depend on. `code` is a stable word, and `detail` says what to do.

    `kind` is `credential`, `number`, `provider`, `trunk` or `webhook`, `subject_id` which one, `name` what you call it.
    It has been so since `since`, and was looked at last at `checked_at`.
    """

    kind: str
    subject_id: str
    name: str
    status: Literal["ok", "warning", "failed", "unknown"]
    code: str
    detail: str
    since: Timestamp
    checked_at: Timestamp


class IntegrationHealthOut(Wire):
    """The state of a project's phone integration. `healthy` means that nothing known stands in a call's way.

    `checks` are what was found outside, the worst first. They are looked at every few minutes for a day after you ask,
    and while you have calls; empty until the first look is done.
    """

    status: Literal["healthy", "degraded", "not_configured"]
    reasons: list[ReasonOut]
    database: Literal["ok"] = "ok"
    phone_numbers: NumbersHealth
    agents_without_answer: int
    carriers: list[CarrierHealth]
    sip_trunks: TrunksHealth
    calls: CallsHealth
    webhook_deliveries: DeliveriesHealth
    checks: list[HealthCheckOut] = Field(default_factory=list)
    checked_at: Timestamp
