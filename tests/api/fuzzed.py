"""A whole parley on a socket of its own, for testers that are not asynchronous; and what Schemathesis may expect of it.

The carrier is simulated: its phones are not plugged in, so that every call that is placed fails by itself. Webhooks
lead to a server that answers everything with 200.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import re
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import schemathesis
import uvloop
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.hooks import unregister
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from parley.api.table import TABLE
from parley.schemas.dialects import NATIVE, THREETONE
from parley.server import running
from parley.settings import Settings
from parley.simulation import SimulatedCarrier
from parley.simulation.serving import LoopbackServer
from tests.api.rows import EVERY, Belongings, fill, with_ids
from tests.patience import patient

KEY = "sk_live_fuzzed-0123456789"
SEED = 20_260_115
_ACCEPTED = ["2xx", "401", "403", "404", "409", "429", "502"]

# Valid by the schema and refused with a 400 nevertheless, and why a schema cannot say so.
REFUSED_BY_MEANING: Mapping[str, str] = {
    "POST /v1/calls": "the agent has to have a number and something to say; numbers may be emergency numbers",
    "POST /v1/calls/{call_id}/transfer": "numbers may be emergency numbers",
    "POST /v1/voiceai/conversations/{conversation_id}/transfer": "numbers may be emergency numbers",
    "POST /v1/messages": "sender and recipient are found in several ways, of which some have to be there",
    "POST /v1/agents": "transfer numbers may be emergency numbers; fields to find out are a schema of a certain form",
    "PATCH /v1/agents/{agent_id}": "hosted agents need a prompt, which the agent may have already",
    "POST /v1/numbers": "an account at the carrier is needed; credentials are of one provider or another",
    "POST /v1/numbers/import": "the same",
    "GET /v1/numbers/search": "the same",
    "GET /v1/phone-numbers/search": "the same",
    "POST /v1/phone-numbers": "the same",
    "POST /v1/credentials": "a carrier's account id may be in one of five places",
    "POST /v1/webhooks": "where a URL leads to",
    "POST /v1/agents/{agent_id}/webhook": "where a URL leads to",
    "PATCH /v1/conversations/{conversation_id}": "metadata is bounded as a whole",
    "GET /v1/usage/by-agent": "the names of time zones",
    "POST /v1/voiceai/phone-numbers": "time zones; hours of no length",
    "PUT /v1/voiceai/phone-numbers/{number_id}": "time zones; hours of no length",
    "PUT /v1/voiceai/routing": "time zones; hours of no length; days that no calendar has; emergency numbers",
    "PUT /v1/routing": "the same",
    "PUT /v1/numbers/{number_id}/routing": "the same",
    "POST /v1/routing/explain": "the same",
    "POST /v1/voiceai/routing/explain": "the same",
    "POST /v1/routing/explain/calls": "the same",
    "POST /v1/voiceai/routing/explain/calls": "the same",
    "GET /v1/analytics": "time zones; days that no calendar has; spans that are too long, or end before they begin",
    "GET /v1/agents/{agent_id}/analytics": "the same",
    "GET /v1/voiceai/analytics": "the same",
    "GET /v1/voiceai/analytics/agents/{agent_id}": "the same",
    "POST /v1/voiceai/sip-trunks": "codecs by their other names may be the same twice",
    "PUT /v1/voiceai/sip-trunks/{trunk_id}": "codecs by their other names may be the same twice",
    "POST /v1/voiceai/webhooks": "where a URL leads to",
    "PUT /v1/voiceai/webhooks/{webhook_id}": "where a URL leads to",
    "POST /v1/voiceai/diagnostics/network-test": "where an endpoint leads to",
    "POST /v1/network-tests": "where an endpoint leads to",
    "POST /v1/alerts": "where a URL leads to; mail where there is no mail server; time zones; hours of no length",
    "PATCH /v1/alerts/{alert_id}": "the same",
    "POST /v1/alerts/backtest": "the same",
    "POST /v1/voiceai/alerts": "the same",
    "PATCH /v1/voiceai/alerts/{alert_id}": "the same",
    "POST /v1/voiceai/alerts/backtest": "the same",
    "GET /v1/voiceai/phone-numbers": "a cursor is one that was given; limit and page_size are one",
    "GET /v1/alerts": "the same",
    "GET /v1/alert-firings": "the same",
    "GET /v1/queues": "the same",
    "GET /v1/voiceai/alerts": "the same",
    "GET /v1/voiceai/alert-firings": "the same",
    "GET /v1/voiceai/call-queues": "the same",
    "GET /v1/voiceai/voicemails": "the same",
    "GET /v1/voiceai/sip-trunks": "the same",
    "GET /v1/voiceai/webhooks": "the same",
    "GET /v1/voiceai/conversations": "the same",
}

# Their bodies are those of PUT /v1/routing, or hold them: what is tried on each field there need not be tried again.
TRIED_ELSEWHERE = frozenset(
    {
        "PUT /v1/numbers/{number_id}/routing",
        "POST /v1/routing/explain",
        "POST /v1/routing/explain/calls",
        "POST /v1/voiceai/phone-numbers",
        "PUT /v1/voiceai/phone-numbers/{number_id}",
        "PUT /v1/voiceai/routing",
        "POST /v1/voiceai/routing/explain",
        "POST /v1/voiceai/routing/explain/calls",
    }
)

# Each of these makes a call or asks another machine, in real time; every field of theirs has tests of its own.
_IN_REAL_TIME = frozenset(
    {
        "POST /v1/test-calls",
        "POST /v1/voiceai/test-call",
        "POST /v1/network-tests",
        "POST /v1/voiceai/diagnostics/network-test",
    }
)


def _same_in_another_dialect() -> Iterator[str]:
    """Operations that are native ones under another prefix: the same function, shapes and checks."""
    native = {operation.run for operation in TABLE[NATIVE]}
    for mounted in EVERY:
        if mounted.dialect is THREETONE and mounted.operation.run in native:
            yield f"{mounted.operation.method} {mounted.path}"


NOT_COVERED = TRIED_ELSEWHERE | _IN_REAL_TIME | frozenset(_same_in_another_dialect())
"""Operations that Schemathesis tries without its systematic phase; the other phases try them all."""


@dataclass(frozen=True)
class Served:
    """A running server at `url`, where webhooks may lead to, and a row of each kind."""

    url: str
    sink_url: str
    rows: Belongings


@dataclass
class Findings:
    """What came of a run: how many cases of which phase, the answers' statuses, and everything that was wrong."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def __str__(self) -> str:
        wrong = "\n\n".join(f"{' · '.join(what)}\n{sample}" for what, sample in self.failures.items())
        return f"seed {SEED}, cases {dict(self.cases)}, statuses {dict(self.statuses)}\n{wrong}"


async def _accept(request: Request) -> Response:
    return JSONResponse({"text": "Thank you."})


# Nobody waits for the end of these; the journeys read them.
_ENDLESS = {each.path for each in EVERY if each.operation.is_endless}
SINK = Starlette(routes=[Route("/{path:path}", _accept, methods=["POST"])])


@contextmanager
def served(postgres_url: str, template: str, folder: Path) -> Iterator[Served]:
    """Run everything in a thread with an event loop of its own, and a database of its own, cloned from the template."""
    ready: Future[Served] = Future()
    stop = threading.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(_new_database(postgres_url, template))
            sink = await stack.enter_async_context(LoopbackServer(SINK))
            carrier = await stack.enter_async_context(SimulatedCarrier())
            settings = Settings(
                database_url=url,
                data_dir=folder,
                port=0,
                api_key=KEY,
                secret_key="a key for tests alone",
                allow_private_targets=True,
                speech_to_text="simulated",
                text_to_speech="tone",
                twilio_account_sid=carrier.account_sid,
                twilio_auth_token=carrier.auth_token,
                twilio_base_url=carrier.url,
            )
            server = await stack.enter_async_context(running(settings))
            headers = {"authorization": f"Bearer {KEY}"}
            async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
                mine = await server.house.services.projects.authenticate(KEY)
                rows = await fill(client, server.house, mine, "+15105550123")
            ready.set_result(Served(server.url, sink.url, rows))
            await asyncio.to_thread(stop.wait)

    def run() -> None:
        try:
            uvloop.run(serve())
        except BaseException as error:  # handed to the thread that waits
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ready.result(60)
    finally:
        stop.set()
        thread.join(60)


@asynccontextmanager
async def _new_database(postgres_url: str, template: str) -> AsyncIterator[str]:
    """The URL of a database that is gone afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    engine = create_async_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield patient(make_url(postgres_url).set(database=name))
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


Phases = Mapping[str, int | None]


def tried(server: Served, document: str, key_header: str, tags: list[str], phases: Phases) -> Findings:
    """Let Schemathesis try the operations of a document that have one of the tags (of all, without any), with all its
    checks. `phases` says which, and how many examples an operation gets at most where that can be said."""
    headers = {"x-api-key": KEY} if key_header == "x-api-key" else {"Authorization": f"Bearer {KEY}"}
    whole = httpx.get(f"{server.url}/openapi/{document}.json").json()
    whole["paths"] = {path: each for path, each in whole["paths"].items() if path not in _ENDLESS}
    part = part_of(whole, tags)
    config = SchemathesisConfig.from_dict(
        {
            "seed": SEED,
            "base-url": server.url,
            "headers": headers,
            "suppress-health-check": ["too_slow"],
            "request-timeout": 60,
            "output": {"sanitization": {"enabled": False}},
            # A NUL cannot be kept in Postgres, and is refused in every text (test_every_field.py).
            "generation": {"deterministic": True, "database": "none", "allow-x00": False},
            "phases": {name: _phase(name, phases) for name in ("examples", "coverage", "fuzzing", "stateful")},
            # 502 is no fault of the server: the carrier refused, and the answer quotes it.
            "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "4xx", "502"]}},
            "operations": [_exception(name, phases) for name in _exceptions(phases, part)],
        }
    )
    schema = schemathesis.openapi.from_dict(part, config=config)
    findings = Findings()
    adjust = schemathesis.hook("before_call")(_adjusting(server))
    try:
        for event in from_schema(schema).execute():
            _note(event, findings)
    finally:
        unregister(adjust)
    return findings


def _exceptions(phases: Phases, document: dict[str, Any]) -> list[str]:
    """Of what the document has alone: each is compared with every operation again and again."""
    known = REFUSED_BY_MEANING.keys() | (NOT_COVERED if "coverage" in phases else frozenset())
    return sorted(known & operations_of(document))


def _exception(name: str, phases: Phases) -> dict[str, Any]:
    """What is different about one operation."""
    found: dict[str, Any] = {"include-name": name}
    if name in REFUSED_BY_MEANING:
        found["checks"] = {"positive_data_acceptance": {"expected-statuses": [*_ACCEPTED, "400"]}}
    if "coverage" in phases:
        found["phases"] = {"coverage": {"enabled": name not in NOT_COVERED}}
    return found


def part_of(document: dict[str, Any], tags: list[str]) -> dict[str, Any]:
    """A document of the paths whose first operation has one of these tags; all of it without any.

    Schemathesis's own filters do nothing where operations are configured. Links may lead out of the part: they go.
    """
    if not tags:
        return document
    first = {path: next(iter(methods.values())) for path, methods in document["paths"].items()}
    chosen = {path: each for path, each in document["paths"].items() if set(first[path]["tags"]) & set(tags)}
    part = copy.deepcopy(chosen)
    for methods in part.values():
        for operation in methods.values():
            for answer in operation["responses"].values():
                answer.pop("links", None)
    return {**document, "paths": part}


def operations_of(document: dict[str, Any]) -> set[str]:
    """Each as `METHOD /path`."""
    return {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}


def _phase(name: str, phases: Phases) -> dict[str, Any]:
    most = phases.get(name)
    generation: dict[str, Any] = {"max-examples": most} if most else {}
    if name == "coverage":
        # Wrong values of every field, and wrong methods of every path, are tried by the tests of every route.
        generation["mode"] = "positive"
    return {"enabled": name in phases, "generation": generation}


def _adjusting(server: Served) -> Any:
    """Valid requests are about rows that exist (but never delete them), webhooks lead to a server of the test's own,
    and no request repeats another one's Idempotency-Key."""
    numbers = itertools.count()

    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        if case.meta is not None and case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE:
            dialect = THREETONE if "/voiceai/" in case.path else NATIVE
            ids = server.rows.ids_in(dialect)
            if case.method != "DELETE" and case.path_parameters:
                case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
            if isinstance(case.body, dict):
                case.body = with_ids("", case.body, ids)
                if "/test-call" in case.path:  # a real call, but a short one that nobody waits for
                    names = ("waitSeconds", "durationSeconds")
                    if dialect is THREETONE:
                        names = ("wait_seconds", "duration_seconds")
                    case.body |= dict(zip(names, (0, 1), strict=True))
        if isinstance(case.body, dict):
            case.body = _redirected(case.body, server.sink_url)
        key = (case.headers or {}).get("Idempotency-Key")
        if isinstance(key, str) and re.fullmatch("[!-~]{1,200}", key):
            case.headers["Idempotency-Key"] = f"{key}-{next(numbers)}"

    return before_call


def _redirected(value: Any, sink_url: str) -> Any:
    if isinstance(value, dict):
        return {name: _redirected(each, sink_url) for name, each in value.items()}
    if isinstance(value, list):
        return [_redirected(each, sink_url) for each in value]
    return value.replace("https://example.com", sink_url) if isinstance(value, str) else value


def _note(event: events.EngineEvent, findings: Findings) -> None:
    if isinstance(event, events.NonFatalError | events.FatalError):
        about = getattr(event, "value", None) or getattr(event, "exception", None)
        findings.failures[type(event).__name__, str(getattr(event, "label", "")), type(about).__name__] = str(about)
    if not isinstance(event, events.ScenarioFinished):
        return
    recorder = event.recorder
    findings.cases[event.phase.value] += len(recorder.cases)
    findings.statuses.update(each.response.status_code for each in recorder.interactions.values() if each.response)
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure, sample = check.failure_info.failure, check.failure_info.code_sample
                what = (check.name, recorder.cases[case_id].value.operation.label, failure.title)
                findings.failures.setdefault(what, f"{failure.message}\n{sample}")
