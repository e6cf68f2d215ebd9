"""The carrier's side misbehaves, or is not the carrier at all."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlencode

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.emulators.twilio import cut, send_garbage
from tests.journeys.world import PATIENCE_S, World, rows


async def test_a_forged_webhook_is_refused_and_has_no_effect(world: World) -> None:
    agent = await world.hosted()
    hooks = world.carrier.stock.find(agent["number"])
    assert hooks is not None
    body = urlencode({"CallSid": "CA" + "1" * 32, "From": "+15550100001", "To": agent["number"]})
    form = {"content-type": "application/x-www-form-urlencoded"}
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as stranger:
        for headers in ({}, {"x-twilio-signature": "AAAA"}, {"x-twilio-signature": "é".encode()}):
            for url in (hooks.hooks["VoiceUrl"], hooks.hooks["StatusCallback"]):
                answer = await stranger.post(url, content=body, headers=form | headers)  # type: ignore[arg-type]
                assert answer.status_code == 403
        malformed = await stranger.post(hooks.hooks["VoiceUrl"], content=b"\xff\x00{", headers=form)
        assert malformed.status_code == 403
    assert (await world.get("/v1/calls"))["total"] == 0
    assert world.deepgram.handshakes == 0
    assert world.server.house.directory.live_count == 0


async def test_a_stream_token_works_once(world: World) -> None:
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    [stream] = phone.current.connected
    streams_before = len(world.deepgram.streams)
    stolen = {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ" + "0" * 32,
        "start": {
            "accountSid": world.carrier.account_sid,
            "streamSid": "MZ" + "0" * 32,
            "callSid": phone.current.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(stream.parameters),
        },
    }
    await _is_closed(stream.stream_url, [json.dumps({"event": "connected"}), json.dumps(stolen)])
    assert len(world.deepgram.streams) == streams_before
    assert not phone.current.is_over
    await phone.hang_up()


@pytest.mark.parametrize("messages", [[], ["garbage"] * 20, [json.dumps({"event": "connected", "protocol": "Call"})]])
async def test_a_socket_without_a_token_is_closed_and_reaches_no_provider(world: World, messages: list[str]) -> None:
    await _is_closed(world.server.url.replace("http", "ws") + "/carriers/twilio/media", messages)
    assert world.deepgram.handshakes == 0


async def _is_closed(url: str, messages: list[str]) -> None:
    async with asyncio.timeout(PATIENCE_S), connect(url, proxy=None) as socket:
        with pytest.raises(ConnectionClosed):
            await _send_and_listen(socket, messages)


async def _send_and_listen(socket: ClientConnection, messages: list[str]) -> None:
    for message in messages:
        await socket.send(message)
    while True:
        await socket.recv()


@pytest.mark.parametrize("mode", ["twice", "reversed"])
async def test_status_callbacks_twice_and_in_disorder_change_nothing(world: World, mode: str) -> None:
    world.carrier.callbacks.mode = mode  # type: ignore[assignment]
    await world.set_webhook()
    agent = await world.hosted(beginMessage="Hello.")
    phone = world.phone()
    await world.post("/v1/calls", {"agentId": agent["id"], "toNumber": phone.number})
    await phone.wait_until_connected()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
    await world.told("call.ended")
    names = [event["event"] for event in world.webhook.events]
    assert sorted(names) == ["call.ended", "call.started"]


async def test_a_broken_stream_is_not_the_end(world: World) -> None:
    world.openai.decide = lambda messages: "I can still hear you."
    phone = await world.call(await world.hosted(beginMessage="Good morning, how can I help you today?"))
    await phone.wait_until_agent_speaks()
    cut(phone)
    await world.until(lambda: len(phone.current.connected) >= 2)
    await world.until(lambda: "today?" in phone.timeline.words_heard)  # silence alone may be the gap
    await phone.wait_until_agent_silent()
    await phone.say("Hello, can you hear me?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [
        ("Good morning, how can I help you today?", None),
        ("Hello, can you hear me?", "I can still hear you."),
    ]


async def test_garbage_on_the_stream_does_not_end_the_call(world: World) -> None:
    world.openai.decide = lambda messages: "All is well."
    phone = await world.call(await world.hosted())
    send_garbage(phone, ["", "not json", "[]", '{"event":"media"}', '{"event":"from-the-future"}'])
    await phone.say("Is everything all right?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    assert rows(await world.ended_call()) == [("Is everything all right?", "All is well.")]


async def test_a_carrier_that_refuses_says_so_in_its_own_words(world: World) -> None:
    agent = await world.hosted()
    world.carrier.rest.refuse(400, 21215, "Account not authorized to call that country.")
    answer = await world.api.post("/v1/calls", json={"agentId": agent["id"], "toNumber": "+15550109999"})
    assert (answer.status_code, answer.json()["code"]) == (502, "carrier_refused")
    assert "Account not authorized to call that country." in answer.json()["detail"]
    assert (await world.ended_call())["status"] == "failed"
    await world.until(lambda: world.server.house.directory.live_count == 0)
