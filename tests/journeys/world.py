"""A whole parley on loopback: the real server, a database of its own, and everybody it talks to.

The phone speaks Twilio's protocol, and the recogniser hears the words whose audio reached it; so what a test asserts of
the words went the whole way: phone, socket, recogniser, model or webhook, voice, socket, phone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from parley.domain.secrets import Secret
from parley.providers.tls import http_trust
from parley.server import Running, running
from parley.settings import Settings
from parley.simulation.phone import SimulatedPhone
from tests.emulators.deepgram import DeepgramEmulator
from tests.emulators.elevenlabs import ElevenLabsEmulator
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.twilio import TwilioEmulator
from tests.emulators.webhook import WebhookEmulator

API_KEY = "sk_live_journeys-0123456789"
SECRET_KEY = "a key for tests alone"

PATIENCE_S = 60.0
"""How long a journey waits for what it asserts: nothing where it happens, and enough on a machine that is very busy."""

Json = dict[str, Any]


@dataclass
class World:
    """The server at `server.url` and the outside world around it."""

    server: Running
    carrier: TwilioEmulator
    deepgram: DeepgramEmulator
    elevenlabs: ElevenLabsEmulator
    openai: OpenAIEmulator
    webhook: WebhookEmulator
    api: httpx.AsyncClient
    journals: Path
    settings: Settings
    _phones: int = field(default=0)

    # ------------------------------------------------------------ setting up, over the API

    async def post(self, path: str, body: Json) -> Json:
        return self._read(await self.api.post(path, json=body))

    async def get(self, path: str) -> Json:
        return self._read(await self.api.get(path))

    async def hosted(self, **fields: Any) -> Json:
        """A hosted agent with a number that was bought for it."""
        return await self._agent({"voiceMode": "hosted", "systemPrompt": "You are a receptionist.", **fields})

    async def answered_by_webhook(self, **fields: Any) -> Json:
        """An agent whose turns go to the emulated customer's webhook."""
        agent = await self._agent(fields)
        await self.set_webhook(f"/v1/agents/{agent['id']}/webhook")
        return agent

    async def set_webhook(self, path: str = "/v1/webhooks", **fields: Any) -> None:
        """Let the emulated webhook be the project's (or an agent's), and let it know its secret."""
        hook = await self.post(path, {"url": self.webhook.url, **fields})
        self.webhook.secret = Secret(hook["secret"])

    async def _agent(self, fields: Json) -> Json:
        # On a busy machine any answer may be late, and a filler would be among the words that are asserted.
        agent = await self.post("/v1/agents", {"name": "Desk", "fillers": [], **fields})
        number = await self.post("/v1/numbers", {"areaCode": "415", "agentId": agent["id"]})
        return agent | {"number": number["phoneNumber"]}

    def phone(self) -> SimulatedPhone:
        """Another phone of the outside world."""
        self._phones += 1
        return self.carrier.phone(f"+1555010{self._phones:04d}")

    async def call(self, agent: Json) -> SimulatedPhone:
        """A phone that has called the agent's number and is connected."""
        phone = self.phone()
        await self.carrier.call_in(phone, agent["number"])
        return phone

    # ------------------------------------------------------------ what became of it

    async def ended_call(self, timeout_s: float = PATIENCE_S) -> Json:
        """The newest call, with its rows, as soon as it is over."""
        async with asyncio.timeout(timeout_s):
            while True:
                calls = (await self.get("/v1/calls?limit=1"))["data"]
                if calls and calls[0]["status"] in {"completed", "failed"}:
                    return await self.get(f"/v1/calls/{calls[0]['id']}")
                await asyncio.sleep(0.05)

    @property
    def slack_s(self) -> float:
        """How much longer than promised something may take here: a reply goes through about ten hands, and each of
        them may be as late as this machine was at its worst. A few hundredths of a second where nothing else runs.
        """
        return 10 * self.lateness_s

    @property
    def lateness_s(self) -> float:
        """How far the phones' clock fell behind at its worst."""
        return self.carrier.exchange.metronome.worst_lateness_s

    async def told(self, name: str, count: int = 1) -> list[Json]:
        """The events of that name that the customer's webhook was told, as soon as there are `count` of them.

        A call that is over is told of a moment later, so this comes before any look at `webhook.received`.
        """
        return await self.webhook.wait_for(name, count, PATIENCE_S)

    async def delivered(self, count: int) -> list[Json]:
        """The newest webhook deliveries, as soon as there are `count` and each has succeeded or failed."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                listed: list[Json] = (await self.get("/v1/webhooks/deliveries"))["items"]
                if len(listed) >= count and all(one["status"] in {"success", "failed"} for one in listed):
                    return listed
                await asyncio.sleep(0.05)

    async def until(self, holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Return as soon as something is true of the outside world."""
        async with asyncio.timeout(timeout_s):
            while not holds():
                await asyncio.sleep(0.01)

    async def until_answer(self, path: str, status: int, timeout_s: float = PATIENCE_S) -> None:
        """Return as soon as the server answers so."""
        async with asyncio.timeout(timeout_s):
            while (await self.api.get(path)).status_code != status:
                await asyncio.sleep(0.05)

    def journal(self, call_id: str) -> list[bytes]:
        return (self.journals / f"{call_id}.jsonl").read_bytes().splitlines(keepends=True)

    def _read(self, response: httpx.Response) -> Json:
        assert response.status_code < 300, (response.status_code, response.text)
        body: Json = response.json()
        return body


def rows(call: Json) -> list[tuple[str, str | None]]:
    """(transcript, response) of each row."""
    return [(row["transcript"], row["response"]) for row in call["transcripts"]]


def words(text: str) -> list[str]:
    """The words as a phone hears them one by one."""
    return text.split()


def api_client(url: str) -> httpx.AsyncClient:
    """A client of the API that holds the operator's key.

    It gives up an idle connection before the server does: a request sent while the server closes is lost.
    """
    headers = {"authorization": f"Bearer {API_KEY}"}
    return httpx.AsyncClient(
        base_url=url,
        headers=headers,
        trust_env=False,
        timeout=PATIENCE_S,
        verify=http_trust(),
        limits=httpx.Limits(keepalive_expiry=2.0),
    )


def operator_environment(world: World, database_url: str, folder: Path) -> dict[str, str]:
    """What an operator sets for a process that should talk to this world."""
    return {
        "PARLEY_DATABASE_URL": database_url,
        "PARLEY_DATA_DIR": str(folder),
        "PARLEY_API_KEY": API_KEY,
        "PARLEY_SECRET_KEY": SECRET_KEY,
        "PARLEY_ALLOW_PRIVATE_TARGETS": "true",
        "TWILIO_ACCOUNT_SID": world.carrier.account_sid,
        "TWILIO_AUTH_TOKEN": world.carrier.auth_token,
        "TWILIO_BASE_URL": world.carrier.url,
        "DEEPGRAM_API_KEY": "deepgram-test-key",
        "DEEPGRAM_BASE_URL": world.deepgram.url,
        "ELEVENLABS_API_KEY": "elevenlabs-test-key",
        "ELEVENLABS_BASE_URL": world.elevenlabs.url,
        "OPENAI_API_KEY": "openai-test-key",
        "OPENAI_BASE_URL": world.openai.url,
    }


@asynccontextmanager
async def whole_world(database_url: str, folder: Path, **overrides: Any) -> AsyncIterator[World]:
    """Start everybody, and take everything down again; a call left running is hung up. `overrides` are settings."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(TwilioEmulator())
        deepgram = await stack.enter_async_context(DeepgramEmulator())
        elevenlabs = await stack.enter_async_context(ElevenLabsEmulator())
        openai = await stack.enter_async_context(OpenAIEmulator(lambda messages: "Very well."))
        webhook = await stack.enter_async_context(WebhookEmulator(lambda event: {"text": "Thank you."}))
        settings = Settings(
            database_url=database_url,
            data_dir=folder,
            journal_dir=folder / "journals",
            port=0,
            api_key=API_KEY,
            secret_key=SECRET_KEY,
            allow_private_targets=True,
            twilio_account_sid=carrier.account_sid,
            twilio_auth_token=carrier.auth_token,
            twilio_base_url=carrier.url,
            deepgram_api_key="deepgram-test-key",
            deepgram_base_url=deepgram.url,
            elevenlabs_api_key="elevenlabs-test-key",
            elevenlabs_base_url=elevenlabs.url,
            openai_api_key="openai-test-key",
            openai_base_url=openai.url,
            **overrides,
        )
        server = await stack.enter_async_context(running(settings))
        api = await stack.enter_async_context(api_client(server.url))
        yield World(server, carrier, deepgram, elevenlabs, openai, webhook, api, folder / "journals", settings)
