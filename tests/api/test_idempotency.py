"""The header Idempotency-Key over the whole application: what is run once, what is repeated, what frees the key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from parley.api.mount import mount
from parley.api.openapi import document
from parley.api.operations import Ask, Operation, Services
from parley.api.table import TABLE
from parley.app import Drain, create_app
from parley.domain import errors
from parley.schemas.base import Wire
from parley.schemas.dialects import NATIVE
from parley.server import running
from parley.services.idempotency import Idempotency
from parley.services.projects import Opened
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.wiring import assembled
from tests.api.conftest import OWN_URL, Api, _run_parts, settings_for

KEY = {"Idempotency-Key": "5d1c1b6e-0001"}
CALLEE = "+14155550199"


async def caller(api: Api) -> dict[str, Any]:
    """The body of a call that can be placed; the callee's phone rings and rings."""
    hosted = {"name": "Desk", "voiceMode": "hosted", "systemPrompt": "Be kind."}
    agent = (await api.client.post("/v1/agents", json=hosted)).json()
    assert (await api.client.post("/v1/numbers", json={"agentId": agent["id"]})).status_code == 201
    return {"agentId": agent["id"], "toNumber": CALLEE}


def dials(api: Api) -> int:
    return sum(method == "POST" and path.endswith("/Calls.json") for method, path, _ in api.carrier.requests)


async def calls(api: Api) -> int:
    return int((await api.client.get("/v1/calls")).json()["total"])


@asynccontextmanager
async def second_instance(api: Api, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Another process's application over the same database and carrier."""
    async with assembled(settings_for(database_url, api.carrier), OWN_URL) as house:
        app = create_app(house, Drain(lambda: house.directory.drain(1.0)))
        parts = asyncio.create_task(_run_parts(app, started := asyncio.Event(), stop := asyncio.Event()))
        await started.wait()
        headers = dict(api.client.headers)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OWN_URL, headers=headers) as client:
            yield client
        stop.set()
        await parts


def assert_one_answer(answers: list[httpx.Response]) -> None:
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotent-Replayed", "") for answer in answers) == [
        "",
        *["true"] * (len(answers) - 1),
    ]


async def test_fifty_equal_posts_place_one_call(api: Api) -> None:
    body = await caller(api)
    answers = await asyncio.gather(*(api.client.post("/v1/calls", json=body, headers=KEY) for _ in range(50)))
    assert_one_answer(answers)
    assert (dials(api), await calls(api)) == (1, 1)


async def test_fifty_equal_posts_at_two_replicas_place_one_call(api: Api, database_url: str) -> None:
    body = await caller(api)
    async with second_instance(api, database_url) as other:
        clients = [api.client, other] * 25
        answers = await asyncio.gather(*(each.post("/v1/calls", json=body, headers=KEY) for each in clients))
        assert_one_answer(answers)
        assert (dials(api), await calls(api)) == (1, 1)


async def test_the_order_of_names_does_not_make_another_request(api: Api) -> None:
    body = await caller(api)
    first = await api.client.post("/v1/calls", json=body, headers=KEY)
    again = await api.client.post("/v1/calls", json=dict(reversed(body.items())), headers=KEY)
    assert (again.content, again.headers["content-type"]) == (first.content, first.headers["content-type"])
    assert dials(api) == 1


async def test_a_key_used_for_another_request_is_refused(api: Api) -> None:
    made = await api.client.post("/v1/agents", json={"name": "a"}, headers=KEY)
    assert made.status_code == 201
    for path, body in (("/v1/agents", {"name": "b"}), ("/v1/webhooks", {"url": "https://example.com"})):
        refused = await api.client.post(path, json=body, headers=KEY)
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_reused")
        assert "new key" in refused.json()["detail"]
    theirs = await api.stranger.post("/v1/agents", json={"name": "b"}, headers=KEY)
    assert theirs.status_code == 201
    assert "Idempotent-Replayed" not in theirs.headers


async def test_a_request_refused_before_it_ran_leaves_the_key_free(api: Api) -> None:
    refused = await api.client.post("/v1/agents", json={"name": 5}, headers=KEY)
    assert refused.status_code == 400
    made = await api.client.post("/v1/agents", json={"name": "a"}, headers=KEY)
    assert (made.status_code, "Idempotent-Replayed" in made.headers) == (201, False)


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"])
async def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    refused = await api.client.post("/v1/agents", json={"name": "a"}, headers={b"Idempotency-Key": key.encode()})
    assert refused.status_code == 400
    assert "Idempotency-Key" in refused.json()["detail"]
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert (await api.client.post("/v1/agents", json={"name": "a"}, headers=twice)).status_code == 400


async def test_an_answer_with_a_secret_is_repeated_whole(api: Api) -> None:
    first = await api.client.post("/v1/webhooks", json={"url": "https://example.com/hook"}, headers=KEY)
    again = await api.client.post("/v1/webhooks", json={"url": "https://example.com/hook"}, headers=KEY)
    assert again.json()["secret"] == first.json()["secret"]


async def test_other_methods_ignore_the_header(api: Api) -> None:
    agent = (await api.client.post("/v1/agents", json={"name": "a"})).json()
    path = f"/v1/agents/{agent['id']}"
    for name in ("b", "c"):
        assert (await api.client.patch(path, json={"name": name}, headers=KEY)).json()["name"] == name


async def test_a_client_that_goes_away_does_not_stop_what_it_asked_for(api: Api, database_url: str) -> None:
    """Over a real socket: the client gives up while the carrier dials, asks again, and gets its one call."""
    body = await caller(api)
    dialling, answered = asyncio.Event(), asyncio.Event()

    async def hesitate(request: Request, form: dict[str, str]) -> Response | None:
        dialling.set()
        await answered.wait()
        return None

    settings = settings_for(database_url, api.carrier)
    async with running(settings.model_copy(update={"port": 0})) as parley:
        headers = dict(api.client.headers) | KEY
        async with httpx.AsyncClient(base_url=parley.url, headers=headers, trust_env=False) as client:
            api.carrier.intercept = hesitate
            given_up = asyncio.create_task(client.post("/v1/calls", json=body))
            await dialling.wait()
            given_up.cancel()
            await asyncio.wait([given_up])
            api.carrier.intercept = None
            again = asyncio.create_task(client.post("/v1/calls", json=body))
            answered.set()
            answer = await again
    assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (201, "true")
    assert (dials(api), await calls(api)) == (1, 1)


# ---------------------------------------------------------------- what is kept


class Work(Wire):
    wanted: str


class Done(Wire):
    turn: int


@dataclass
class Workshop:
    """One operation that goes wrong the way it is told to."""

    idempotency: Idempotency
    outcome: Exception | None = None
    turns: int = 0
    app: FastAPI = field(default_factory=FastAPI)

    async def opened_by(self, plain: str) -> Opened:
        return Opened(self.project_id, "key_mine")

    project_id: str = ""

    async def work(self, ask: Ask[Work, None]) -> Done:
        self.turns += 1
        if self.outcome is not None:
            raise self.outcome
        return Done(turn=self.turns)

    async def post(self) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=OWN_URL, headers={"x-api-key": "k"} | KEY) as client:
            return await client.post("/v1/work", json={"wanted": "x"})


@pytest.fixture
async def workshop(api: Api, database: Database, cipher: Cipher) -> Workshop:
    made = Workshop(Idempotency(database, cipher))
    made.project_id = await api.house.services.projects.authenticate(api.client.headers["authorization"].split()[1])
    services = cast(Services, SimpleNamespace(projects=made, idempotency=made.idempotency))
    operation = Operation("POST", "/work", made.work, title="Work", group="Work", body=Work, answer=Done)
    mount(made.app, services, {NATIVE: [operation]})
    return made


KEPT = [
    errors.BadInput("No."),
    errors.QuotaExceeded("No."),
    errors.NotFound("No."),
    errors.Conflict("No."),
    errors.CarrierRefused("carrier", "No.", retryable=False),
    errors.ProviderUnavailable("carrier", "No.", retryable=True),
]
FREED = [errors.Draining("Later."), errors.TooManyRequests("Later.", 3)]
UNKNOWN = [errors.Unavailable("Later."), errors.ConfigurationError("Broken."), RuntimeError("a bug")]


def named(outcome: Exception) -> str:
    return type(outcome).__name__


@pytest.mark.parametrize("outcome", KEPT, ids=named)
async def test_a_refusal_of_what_ran_is_repeated(workshop: Workshop, outcome: Exception) -> None:
    workshop.outcome = outcome
    first = await workshop.post()
    workshop.outcome = None
    again = await workshop.post()
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert workshop.turns == 1


@pytest.mark.parametrize("outcome", FREED, ids=named)
async def test_what_did_nothing_may_run_anew(workshop: Workshop, outcome: Exception) -> None:
    workshop.outcome = outcome
    first = await workshop.post()
    assert "Retry-After" in first.headers
    workshop.outcome = None
    assert (await workshop.post()).json() == {"turn": 2}
    assert (await workshop.post()).json() == {"turn": 2}


@pytest.mark.parametrize("outcome", UNKNOWN, ids=named)
async def test_what_broke_off_is_never_run_again(workshop: Workshop, outcome: Exception) -> None:
    workshop.outcome = outcome
    assert (await workshop.post()).status_code in {500, 503}
    workshop.outcome = None
    for _ in range(2):
        refused = await workshop.post()
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_outcome_unknown")
    assert workshop.turns == 1


async def test_a_first_request_that_takes_long_is_named_as_running(
    workshop: Workshop, database: Database, cipher: Cipher
) -> None:
    workshop.idempotency = Idempotency(database, cipher, wait_s=0.0)
    services = cast(Services, SimpleNamespace(projects=workshop, idempotency=workshop.idempotency))
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(ask: Ask[Work, None]) -> Done:
        entered.set()
        await go_on.wait()
        return Done(turn=1)

    workshop.app = FastAPI()
    mount(workshop.app, services, {NATIVE: [Operation("POST", "/work", slow, "Work", "Work", body=Work, answer=Done)]})
    first = asyncio.create_task(workshop.post())
    await entered.wait()
    refused = await workshop.post()
    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_in_progress")
    assert int(refused.headers["Retry-After"]) >= 1
    go_on.set()
    assert (await first).json() == (await workshop.post()).json() == {"turn": 1}


# ---------------------------------------------------------------- in every dialect


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/agents", {"name": "a"}),
        ("/v1/credentials", {"name": "c", "provider": "deepgram", "api_key": "k" * 20}),
        ("/v1/voiceai/sip-trunks", {"name": "t", "sip_domain": "sip.example.com"}),
        ("/v1/voiceai/webhooks", {"url": "https://example.com/h", "events": ["call_started"], "secret": "s" * 32}),
    ],
)
async def test_a_post_is_run_once_in_every_dialect(api: Api, path: str, body: dict[str, Any]) -> None:
    first = await api.client.post(path, json=body, headers=KEY)
    again = await api.client.post(path, json=body, headers=KEY)
    assert first.status_code in {200, 201}, first.text
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")


def test_every_post_documents_the_header() -> None:
    posts = [methods["post"] for methods in document(TABLE)["paths"].values() if "post" in methods]
    assert posts
    for post in posts:
        (header,) = [each for each in post["parameters"] if each["in"] == "header"]
        assert header["name"] == "Idempotency-Key"
        assert {"400", "409"} <= post["responses"].keys()
