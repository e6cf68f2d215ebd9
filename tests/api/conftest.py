"""The whole application over a real database and a simulated carrier, asked in-process by two projects."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from parley.app import Drain, create_app
from parley.settings import Settings, load_settings
from parley.simulation import SimulatedCarrier
from parley.wiring import Assembly, assembled
from tests.api.rows import Belongings, fill
from tests.patience import patient

KEY = "sk_live_test-key-of-the-default-project"
OWN_URL = "http://parley.test"


@dataclass
class Api:
    """The application, clients that hold the keys of two projects, and one without a key."""

    house: Assembly
    carrier: SimulatedCarrier
    drain: Drain
    client: httpx.AsyncClient
    stranger: httpx.AsyncClient
    nobody: httpx.AsyncClient


def settings_for(database_url: str, carrier: SimulatedCarrier, data_dir: Path = Path("data")) -> Settings:
    return load_settings(
        None,
        database_url=database_url,
        data_dir=data_dir,
        PARLEY_API_KEY=KEY,
        PARLEY_SECRET_KEY="a key for tests alone",
        PARLEY_ALLOW_PRIVATE_TARGETS="true",
        PARLEY_PUBLIC_URL=OWN_URL,
        PARLEY_SPEECH_TO_TEXT="simulated",
        PARLEY_TEXT_TO_SPEECH="tone",
        DEEPGRAM_BASE_URL="http://127.0.0.1:9",  # nobody's keys are tried at the vendor itself
        TWILIO_BASE_URL=carrier.url,
        TWILIO_ACCOUNT_SID=carrier.account_sid,
        TWILIO_AUTH_TOKEN=carrier.auth_token,
    )


async def _api(database_url: str, folder: Path) -> AsyncIterator[Api]:
    async with SimulatedCarrier() as carrier, assembled(settings_for(database_url, carrier, folder), OWN_URL) as house:
        drain = Drain(lambda: house.directory.drain(1.0))
        app = create_app(house, drain)
        transport = httpx.ASGITransport(app=app)
        _, other_key = await house.services.projects.create_key("other")

        def client(key: str | None) -> httpx.AsyncClient:
            headers = {} if key is None else {"authorization": f"Bearer {key}"}
            return httpx.AsyncClient(transport=transport, base_url=OWN_URL, headers=headers)

        stop = asyncio.Event()
        parts = asyncio.create_task(_run_parts(app, started := asyncio.Event(), stop))
        await started.wait()
        async with client(KEY) as own, client(other_key.reveal()) as stranger, client(None) as nobody:
            yield Api(house, carrier, drain, own, stranger, nobody)
        stop.set()
        await parts


async def _run_parts(app: FastAPI, started: asyncio.Event, stop: asyncio.Event) -> None:
    """The lifespan, in a task of its own: what it starts has to end in the task that started it."""
    async with app.router.lifespan_context(app):
        started.set()
        await stop.wait()


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """An application with a database of this test's own."""
    async for each in _api(database_url, tmp_path):
        yield each


@pytest.fixture(scope="session")
async def shared_api(
    postgres_url: str, administration: AsyncEngine, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    """One application for the many tests that are refused and change nothing."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    async with administration.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template_database}"))
    url = make_url(postgres_url).set(database=name)
    async for each in _api(patient(url), tmp_path_factory.mktemp("data")):
        yield each
    async with administration.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
async def mine(shared_api: Api) -> Belongings:
    """One row of each kind in the project of `shared_api.client`."""
    return await fill(shared_api.client, shared_api.house, await project_of(shared_api, KEY), "+15105550123")


@pytest.fixture(scope="session")
async def theirs(shared_api: Api) -> Belongings:
    """The same in the project of `shared_api.stranger`."""
    key = shared_api.stranger.headers["authorization"].removeprefix("Bearer ")
    return await fill(shared_api.stranger, shared_api.house, await project_of(shared_api, key), "+15105550101")


async def project_of(api: Api, key: str) -> str:
    return await api.house.services.projects.authenticate(key)
