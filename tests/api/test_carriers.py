"""Carriers come in by signed webhooks and one-time tokens, and whoever is not a carrier changes nothing."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import update
from starlette.types import Message

from parley.api.carriers import MAX_STRANGERS, CarrierEdge
from parley.api.sockets import POLICY_VIOLATION, TRY_AGAIN_LATER
from parley.simulation.signing import signature
from parley.storage.tables import WebhookRow
from tests.api.conftest import OWN_URL, Api

RINGING = {"CallSid": "CA" + "1" * 32, "From": "+15550100001", "To": "+14155550100", "CallStatus": "ringing"}


@pytest.fixture
async def number(api: Api) -> dict[str, Any]:
    return await answered_number(api)


@pytest.fixture(scope="session")
async def shared_number(shared_api: Api) -> dict[str, Any]:
    return await answered_number(shared_api)


async def answered_number(api: Api) -> dict[str, Any]:
    """A number that a hosted agent answers."""
    agent = {"name": "Desk", "voiceMode": "hosted", "systemPrompt": "Be brief.", "beginMessage": "Hello."}
    made = (await api.client.post("/v1/agents", json=agent)).json()
    bought: dict[str, Any] = (await api.client.post("/v1/numbers", json={"agentId": made["id"]})).json()
    return bought


async def post(
    api: Api, path: str, form: dict[str, str], *, token: str | None = None, body: str | None = None, **headers: str
) -> httpx.Response:
    """A webhook as the carrier signs it, unless the arguments spoil it."""
    signed = signature(api.carrier.auth_token if token is None else token, OWN_URL + path, form)
    sent = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signed} | headers
    return await api.client.post(path, content=urlencode(form) if body is None else body, headers=sent)


async def calls_of(api: Api) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await api.client.get("/v1/calls")).json()["data"]
    return listed


async def inbound_calls_of(api: Api) -> list[dict[str, Any]]:
    return [call for call in await calls_of(api) if call["direction"] == "inbound"]


def voice_path(number: dict[str, Any]) -> str:
    return f"/carriers/twilio/numbers/{number['id']}/voice"


def ticket(document: str) -> str:
    """The token in a connect document."""
    found = re.search(r'name="token" value="([^"]+)"', document)
    assert found is not None, document
    return found.group(1)


async def test_a_ringing_number_is_told_to_stream_here(api: Api, number: dict[str, Any]) -> None:
    answer = await post(api, voice_path(number), RINGING)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/xml")
    [call] = await calls_of(api)
    assert 'url="ws://parley.test/carriers/twilio/media"' in answer.text
    assert f"{OWN_URL}/carriers/twilio/calls/{call['id']}/after" in answer.text
    assert (call["direction"], call["fromNumber"], call["agentId"]) == ("inbound", RINGING["From"], number["agentId"])


async def test_a_repeated_webhook_is_the_same_call_with_another_token(api: Api, number: dict[str, Any]) -> None:
    first, second = [await post(api, voice_path(number), RINGING) for _ in range(2)]
    assert ticket(first.text) != ticket(second.text)
    assert len(await calls_of(api)) == 1


async def test_what_the_host_header_says_changes_nothing(api: Api, number: dict[str, Any]) -> None:
    answer = await post(api, voice_path(number), RINGING, host="elsewhere.example")
    assert "ws://parley.test/" in answer.text


async def test_a_query_is_part_of_what_is_signed(api: Api, number: dict[str, Any]) -> None:
    assert (await post(api, voice_path(number) + "?a=b%20c", RINGING)).status_code == 200
    signed = signature(api.carrier.auth_token, OWN_URL + voice_path(number), RINGING)
    forged = await post(api, voice_path(number) + "?a=b", RINGING, **{"x-twilio-signature": signed})
    assert forged.status_code == 403


@pytest.mark.parametrize(
    "spoiled",
    [
        {"x-twilio-signature": ""},
        {"x-twilio-signature": "bm90IGEgc2lnbmF0dXJl"},
        {"x-twilio-signature": "====="},
        {"token": "another account's token"},
        {"token": ""},
        {"body": urlencode(RINGING | {"From": "+15550100002"})},
        {"body": json.dumps(RINGING)},
        {"body": json.dumps(RINGING), "content-type": "application/json"},
        {"body": "%ff=%00&&&;;"},
        {"body": ""},
        {"body": "A=" + "x" * 70_000},
    ],
)
async def test_a_forged_webhook_is_refused_and_changes_nothing(
    shared_api: Api, shared_number: dict[str, Any], spoiled: dict[str, str]
) -> None:
    live_before = shared_api.house.directory.live_count
    answer = await post(shared_api, voice_path(shared_number), RINGING, **spoiled)
    assert answer.status_code == 403
    assert await inbound_calls_of(shared_api) == []
    assert shared_api.house.directory.live_count == live_before


async def test_an_unsigned_webhook_is_refused(shared_api: Api, shared_number: dict[str, Any]) -> None:
    answer = await shared_api.client.post(voice_path(shared_number), data=RINGING)
    assert (answer.status_code, await inbound_calls_of(shared_api)) == (403, [])


@pytest.mark.parametrize("missing", ["CallSid", "To"])
async def test_a_signed_webhook_that_tells_nothing_is_refused(
    shared_api: Api, shared_number: dict[str, Any], missing: str
) -> None:
    form = {name: value for name, value in RINGING.items() if name != missing}
    assert (await post(shared_api, voice_path(shared_number), form)).status_code == 403
    assert await inbound_calls_of(shared_api) == []


@pytest.mark.parametrize(
    "path",
    [
        "/carriers/twilio/numbers/num_of_nobody/voice",
        "/carriers/twilio/numbers/%00/voice",
        "/carriers/twilio/numbers/%C3%A9/status",
        "/carriers/twilio/numbers/num_of_nobody/status",
        "/carriers/nobody/numbers/{number_id}/voice",
        "/carriers/twilio/calls/call_of_nobody/answer",
        "/carriers/twilio/calls/call_of_nobody/status",
        "/carriers/twilio/calls/call_of_nobody/after",
        "/carriers/twilio/calls/{number_id}/answer",
    ],
)
async def test_what_nobody_owns_is_refused_like_a_forgery(
    shared_api: Api, shared_number: dict[str, Any], path: str
) -> None:
    assert (await post(shared_api, path.format(number_id=shared_number["id"]), RINGING)).status_code == 403


async def test_a_report_on_a_call_that_never_was_is_taken_note_of(api: Api, number: dict[str, Any]) -> None:
    path = f"/carriers/twilio/numbers/{number['id']}/status"
    assert (await post(api, path, RINGING | {"CallStatus": "completed"})).status_code == 204
    assert (await post(api, path, RINGING | {"CallStatus": "gone fishing"})).status_code == 403


async def test_while_draining_a_caller_is_declined(api: Api, number: dict[str, Any]) -> None:
    api.drain.begin()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answer = await post(api, voice_path(number), RINGING)
    assert (answer.status_code, "<Reject" in answer.text) == (200, True)
    refused = await api.client.post("/v1/calls", json={"agentId": number["agentId"], "toNumber": "+14155550199"})
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "draining", "5")
    ready = await api.client.get("/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "draining")


async def test_a_number_without_an_agent_declines(api: Api, number: dict[str, Any]) -> None:
    await api.client.delete(f"/v1/agents/{number['agentId']}/numbers/{number['id']}")
    assert "<Reject" in (await post(api, voice_path(number), RINGING)).text


async def test_a_broken_stream_is_taken_up_again_only_while_the_call_lives(api: Api, number: dict[str, Any]) -> None:
    first = ticket((await post(api, voice_path(number), RINGING)).text)
    [call] = await calls_of(api)
    after = f"/carriers/twilio/calls/{call['id']}/after"
    again = await post(api, after, RINGING)
    assert ticket(again.text) != first
    await post(api, f"/carriers/twilio/numbers/{number['id']}/status", RINGING | {"CallStatus": "completed"})
    assert "<Hangup" in (await post(api, after, RINGING)).text


# ---------------------------------------------------------------- the media socket


class Caller:
    """A websocket client of the application itself, by ASGI."""

    def __init__(self, edge: CarrierEdge, carrier: str = "twilio") -> None:
        self._incoming: asyncio.Queue[Message] = asyncio.Queue(100)
        self._incoming.put_nowait({"type": "websocket.connect"})
        self.outgoing: asyncio.Queue[Message] = asyncio.Queue(1000)
        self._scope: dict[str, Any] = {"type": "websocket", "path_params": {"carrier": carrier}}
        self._edge = edge

    async def connect(self) -> None:
        """Runs the endpoint until it ends."""
        await self._edge._media(self._scope, self._incoming.get, self.outgoing.put)

    async def say(self, message: dict[str, Any] | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self._incoming.put({"type": "websocket.receive", "text": text})

    async def start(self, token: str) -> None:
        media = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        start = {"streamSid": "MZ1", "callSid": RINGING["CallSid"], "customParameters": {"token": token}}
        await self.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        await self.say(
            {"event": "start", "streamSid": "MZ1", "start": {**start, "mediaFormat": media, "tracks": ["inbound"]}}
        )

    async def closed_with(self) -> int:
        while (message := await self.outgoing.get())["type"] != "websocket.close":
            pass
        code: int = message["code"]
        return code


@pytest.fixture
async def tasks() -> AsyncIterator[set[asyncio.Task[None]]]:
    running: set[asyncio.Task[None]] = set()
    yield running
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def quick_edge(api: Api) -> CarrierEdge:
    """The edge with a handshake deadline that a test can wait for."""
    edge = api.house.edge
    return CarrierEdge(
        edge._carriers,
        edge._accounts,
        edge._calls,
        edge._messages,
        api.house.directory,
        OWN_URL,
        handshake_timeout_s=0.05,
    )


@pytest.mark.parametrize(
    "words",
    [
        [],
        [{"event": "connected"}],
        ["not json"],
        [{"event": "start"}],
        [{"event": "start", "start": {"customParameters": {}}}],
        [{"event": "start", "streamSid": "MZ1", "start": {"streamSid": "MZ1", "customParameters": {"token": 7}}}],
        [{"event": "media", "media": {"payload": "AAAA"}}] * 40,
    ],
)
async def test_a_socket_without_a_token_is_closed(shared_api: Api, words: list[dict[str, Any] | str]) -> None:
    caller = Caller(quick_edge(shared_api))
    for word in words:
        await caller.say(word)
    live_before = shared_api.house.directory.live_count
    async with asyncio.timeout(60):
        await caller.connect()
    assert await caller.closed_with() == POLICY_VIOLATION
    assert shared_api.house.directory.live_count == live_before


@pytest.mark.parametrize("token", ["", "guessed", "é", "\ud800", "x" * 5000])
async def test_a_guessed_token_opens_nothing(shared_api: Api, token: str) -> None:
    caller = Caller(quick_edge(shared_api))
    await caller.start(token)
    async with asyncio.timeout(60):
        await caller.connect()
    assert await caller.closed_with() == POLICY_VIOLATION


async def test_a_token_lets_one_socket_into_its_call(
    api: Api, number: dict[str, Any], tasks: set[asyncio.Task[None]]
) -> None:
    token = ticket((await post(api, voice_path(number), RINGING)).text)
    first, second = Caller(api.house.edge), Caller(api.house.edge)
    for caller in (first, second):
        await caller.start(token)
    tasks.add(asyncio.create_task(first.connect()))
    async with asyncio.timeout(60):
        await first.outgoing.get()
        first_audio = await first.outgoing.get()
        await second.connect()
    assert json.loads(first_audio["text"])["event"] == "media"
    assert await second.closed_with() == POLICY_VIOLATION
    assert api.house.directory.live_count == 1


async def test_an_unknown_carriers_socket_is_closed(shared_api: Api) -> None:
    caller = Caller(shared_api.house.edge, carrier="nobody")
    await caller.connect()
    assert await caller.closed_with() == POLICY_VIOLATION


async def test_a_crowd_of_strangers_is_turned_away(shared_api: Api, tasks: set[asyncio.Task[None]]) -> None:
    for _ in range(MAX_STRANGERS):
        tasks.add(asyncio.create_task(Caller(shared_api.house.edge).connect()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    late = Caller(shared_api.house.edge)
    await late.connect()
    assert await late.closed_with() == TRY_AGAIN_LATER


async def test_the_caller_of_an_agent_with_a_part_this_server_lacks_may_leave_a_message(
    api: Api, number: dict[str, Any]
) -> None:
    change = {"speechToText": {"provider": "unheard-of"}}
    await api.client.patch(f"/v1/agents/{number['agentId']}", json=change)
    assert "<Connect" in (await post(api, voice_path(number), RINGING)).text
    [call] = await calls_of(api)
    assert (call["status"], call["endReason"]) == ("in-progress", None)


async def test_a_secret_that_nobody_can_open_declines_callers(api: Api, number: dict[str, Any]) -> None:
    """Answered as every call that cannot be taken, instead of with an error that the carrier reads to the caller."""
    await api.client.patch(f"/v1/agents/{number['agentId']}", json={"voiceMode": "webhook"})
    await api.client.post("/v1/webhooks", json={"url": "https://example.com/hook"})
    placed = (
        await api.client.post("/v1/calls", json={"agentId": number["agentId"], "toNumber": "+14155550199"})
    ).json()
    async with api.house.database.transaction() as session:
        await session.execute(update(WebhookRow).values(sealed_secret=b"\x01from an earlier key"))

    assert "<Reject" in (await post(api, voice_path(number), RINGING)).text
    answered = RINGING | {"CallSid": "CA" + "2" * 32, "CallStatus": "in-progress"}
    assert "<Hangup" in (await post(api, f"/carriers/twilio/calls/{placed['id']}/answer", answered)).text
    assert {call["status"] for call in await calls_of(api)} == {"failed"}
