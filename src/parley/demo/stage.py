"""Everything the demo's call needs, set up as a user would: over the API, with a key."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from fastapi import FastAPI

from parley.domain.errors import ConfigurationError, Unauthorized
from parley.services.projects import Projects

PROJECT = "demo"
AGENT_NAME = "Front desk (demo)"
OWN_NUMBER = "+14155550100"
CALLERS_NUMBER = "+14155550142"
_OWN_RULE = "The demo's own call"

Json = dict[str, Any]


def load_front_desk() -> ModuleType:
    """The example webhook that users copy: `examples/front_desk/app.py` in a clone, a part of the wheel elsewhere."""
    here = Path(__file__).parent
    for path in (here / "front_desk" / "app.py", here.parents[2] / "examples" / "front_desk" / "app.py"):
        if path.exists():
            spec = importlib.util.spec_from_file_location("front_desk", path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ConfigurationError("The example in examples/front_desk is missing from this installation; install it again.")


def best_voice() -> str:
    """`espeak` where the `speech` extra is installed, else `tone`."""
    return "espeak" if importlib.util.find_spec("espeakng_loader") is not None else "tone"


async def demo_key(projects: Projects, file: Path) -> str:
    """The key of the demo's project, kept in `file` (readable by its owner only) so that it stays the same."""
    if file.exists():
        key = file.read_text(encoding="utf-8").strip()
        try:
            await projects.authenticate(key)
        except Unauthorized:
            pass  # revoked, or another database: make a new one
        else:
            return key
    _, fresh = await projects.create_key(PROJECT)
    file.touch(mode=0o600)
    file.write_text(fresh.reveal() + "\n", encoding="utf-8")
    return fresh.reveal()


class Stage:
    """The agent, its number and its webhook, through `api`: a client of parley's own API."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api
        self.agent_id = ""
        self.number_id = ""

    async def build(self, greeting: str, voice: str, webhook_url: str) -> str:
        """Make what is not there yet and bring the rest up to date; returns the webhook's signing secret."""
        agent = {
            "name": AGENT_NAME,
            "voiceMode": "webhook",
            "beginMessage": greeting,
            "transferNumber": CALLERS_NUMBER,
            "speechToText": {"provider": "simulated"},
            "textToSpeech": {"provider": voice},
        }
        known = await self._get("/v1/agents", limit=100)
        same = [each["id"] for each in known["data"] if each["name"] == AGENT_NAME]
        made = (
            await self._send("PATCH", f"/v1/agents/{same[0]}", agent) if same else await self._post("/v1/agents", agent)
        )
        self.agent_id = made["id"]
        number = {"phoneNumber": OWN_NUMBER, "agentId": self.agent_id, "friendlyName": "Demo"}
        self.number_id = (await self._post("/v1/numbers/import", number))["id"]
        webhook = await self._post(f"/v1/agents/{self.agent_id}/webhook", {"url": webhook_url})
        secret: str = webhook["secret"]
        return secret

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[None]:
        """Meanwhile the demo's caller comes to its agent, whatever hours and rules were set since an earlier demo."""
        path = f"/v1/numbers/{self.number_id}/routing"
        rules = (await self._get(path))["routingRules"] or []
        kept = [rule for rule in rules if rule["name"] != _OWN_RULE]  # one that was killed left its rule
        if len(kept) < len(rules):
            await self._send("PUT", path, {"routingRules": kept})
        found = await self._post("/v1/routing/explain", {"from": CALLERS_NUMBER, "to": OWN_NUMBER})
        if (found["action"], found["agentId"]) == ("agent", self.agent_id):
            yield
            return
        way = {"condition": "caller_id_matches", "pattern": CALLERS_NUMBER}
        rule = {"name": _OWN_RULE, **way, "action": "route_to_agent", "agentId": self.agent_id}
        await self._send("PUT", path, {"routingRules": [rule, *kept]})
        try:
            yield
        finally:
            await self._send("PUT", path, {"routingRules": kept})

    async def newest_call(self) -> Json | None:
        """The number's latest call with its transcript; None before the first."""
        calls = await self._get(f"/v1/numbers/{self.number_id}/calls", limit=1)
        return await self._get(f"/v1/calls/{calls['data'][0]['id']}") if calls["data"] else None

    async def _get(self, path: str, **query: int) -> Json:
        return self._answer(await self._api.get(path, params=query))

    async def _post(self, path: str, body: Json) -> Json:
        return await self._send("POST", path, body)

    async def _send(self, method: str, path: str, body: Json) -> Json:
        return self._answer(await self._api.request(method, path, json=body))

    def _answer(self, response: httpx.Response) -> Json:
        if response.is_error:
            raise ConfigurationError(f"{response.request.url.path} answered {response.status_code}: {response.text}")
        answer: Json = response.json()
        return answer


class Desk:
    """The front desk beside parley: the example's app, with every event it accepted as truly signed."""

    def __init__(self) -> None:
        self.example = load_front_desk()
        self.rules = self.example.FrontDesk()
        self.events: list[Json] = []
        self.app = FastAPI(docs_url=None, openapi_url=None)

    def open(self, secret: str) -> None:
        """Begin to answer, now that parley has told the secret that its requests are signed with."""
        self.app.mount("/", self.example.create_app(secret, self.rules, self.events.append))

    def events_of(self, call_id: str) -> list[Json]:
        """What was told of one call, in the order it came."""
        return [event for event in self.events if event["data"].get("callId") == call_id]
