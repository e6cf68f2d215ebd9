"""Callers whom nobody answers leave a message: after hours, where the agent broke down, and where a human is busy."""

from __future__ import annotations

import io
import wave

from parley.audio.formats import MULAW_8K
from parley.audio.g711 import pcm16_to_mulaw
from parley.audio.tones import beep
from parley.audio.watermark import WatermarkReader
from parley.simulation import Ringing, SimulatedPhone
from tests.journeys.world import Json, World

GREETING = "We are closed. Please leave a message after the tone."
MESSAGE = "please call me back about the broken heater"
HUMAN = "+15105550177"
CLOSED = {"business_hours": {"enabled": True, "timezone": "UTC", "schedule": {}, "greeting": GREETING}}
TONE = beep(MULAW_8K, duration_ms=200)[400:-400]


async def leave_message(world: World, phone: SimulatedPhone, words: str) -> None:
    """Wait for the tone, speak after it, and hang up."""
    await world.until(lambda: bool(phone.heard) and has_tone(phone))
    await phone.wait_until_agent_silent()
    await phone.say(words)
    await phone.hang_up()


def has_tone(phone: SimulatedPhone) -> bool:
    """Whether the tone was heard, by its own sound."""
    return any(TONE in bytes(stretch.audio) for stretch in phone.heard)


async def words_in(world: World, link: str) -> str:
    """What is said in the message that a link without a key leads to."""
    answer = await world.api.get(link, headers={"authorization": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        return " ".join(WatermarkReader().feed(pcm16_to_mulaw(file.readframes(file.getnframes()))))


async def route(world: World, agent: Json, **routing: object) -> None:
    number = (await world.get("/v1/numbers?limit=1"))["data"][0]
    assert number["phoneNumber"] == agent["number"]
    answer = await world.api.put(f"/v1/voiceai/phone-numbers/{number['id']}", json=routing)
    assert answer.status_code == 200, answer.text


async def test_a_call_after_hours_reaches_voicemail_and_what_was_said_is_told(world: World) -> None:
    agent = await world.hosted()
    await route(world, agent, call_routing=CLOSED)
    await world.set_webhook()
    phone = await world.call(agent)
    await leave_message(world, phone, MESSAGE)
    assert " ".join(phone.timeline.words_heard) == GREETING

    [left] = await world.told("voicemail.received")
    data = left["data"]
    assert (data["transcript"], data["from"], data["to"]) == (MESSAGE, phone.number, agent["number"])
    assert await words_in(world, data["audioUrl"]) == MESSAGE

    call = await world.ended_call()
    assert call["status"] == "completed"
    [listed] = (await world.get("/v1/voicemails?unheard=true"))["data"]
    assert (listed["id"], listed["callId"], listed["transcript"]) == (data["voicemailId"], call["id"], MESSAGE)
    path = f"/v1/voiceai/voicemails/{listed['id']}"
    assert (await world.api.patch(path, json={"heard": True})).json()["heard"] is True
    assert (await world.get("/v1/voicemails?unheard=true"))["total"] == 0
    assert (await world.api.delete(path)).status_code == 200
    assert (await world.api.get(data["audioUrl"])).status_code == 404


async def test_an_agent_that_broke_down_and_a_human_who_is_busy_end_in_voicemail(world: World) -> None:
    agent = await world.hosted()
    await world.set_webhook()
    await route(world, agent, routing_config={"voicemail_greeting": "Leave a message."})
    world.deepgram.behaviour.refuse_status = 401
    phone = await world.call(agent)
    await leave_message(world, phone, MESSAGE)
    [first] = await world.told("voicemail.received")
    assert (first["data"]["reason"], first["data"]["transcript"]) == ("agent_failed", None)
    assert await words_in(world, first["data"]["audioUrl"]) == MESSAGE, "nobody understood it, but it can be heard"

    world.deepgram.behaviour.refuse_status = None
    world.carrier.phone(HUMAN, Ringing("busy", 0.1))
    rule = {"condition": "always", "action": "route_to_number", "phone_number": HUMAN}
    await route(world, agent, routing_rules=[rule])
    phone = await world.call(agent)
    assert [dial.number for dial in phone.current.dialled] == [HUMAN]
    assert [dial.caller_id for dial in phone.current.dialled] == [phone.number]
    await leave_message(world, phone, "the human was busy")
    second = (await world.told("voicemail.received", 2))[1]
    assert (second["data"]["reason"], second["data"]["transcript"]) == ("unanswered", "the human was busy")

    world.carrier.phone(HUMAN, Ringing("answered", 0.1, talks_s=1.2))
    phone = await world.call(agent)
    assert phone.current.status == "completed"
    call = await world.ended_call()
    assert (call["status"], call["endReason"]) == ("completed", "transferred")
    assert call["durationSeconds"] >= 1
