"""A supervisor watches a call, hears it, whispers to its agent, takes it over and hands it back."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import wave
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.emulators.redis_server import RedisServer
from tests.journeys.supervising import Supervisor, supervising
from tests.journeys.test_replicas import two_replicas
from tests.journeys.world import API_KEY, Json, World

ANN = "This is Ann speaking."
LONG = "It is a long story of cakes and creams and of all the people who made them by hand on every day of the year."


def receptionist(messages: list[dict[str, Any]]) -> str:
    """Offers what its supervisor whispered, and goes on for long where it is asked to."""
    if "about it" in messages[-1]["content"]:
        return LONG
    return "Dessert is free today." if "free dessert" in messages[0]["content"] else "Until nine."


def hears(heard: list[str], text: str) -> bool:
    """Most of it: on a machine that is too busy to send a voice evenly, a gap may damage a word."""
    return len(set(text.split()) & set(heard)) > len(set(text.split())) / 2


async def live_call(world: World) -> str:
    call_id: str = (await world.get("/v1/calls?status=in-progress"))["data"][0]["id"]
    return call_id


async def follow_events(api: httpx.AsyncClient, path: str, told: list[Json]) -> None:
    """What an EventSource would make of the same address, until the stream ends."""
    async with api.stream("GET", path, timeout=60) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        async for line in answer.aiter_lines():
            told += [json.loads(line.removeprefix("data: "))] if line.startswith("data: ") else []


async def test_a_supervisor_watches_hears_whispers_takes_over_and_hands_back(world: World) -> None:
    world.openai.decide = receptionist
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    call_id = await live_call(world)
    path, streamed = f"/v1/calls/{call_id}/live", list[Json]()
    async with (
        asyncio.TaskGroup() as tasks,
        supervising(world.server.url, f"{path}?listen=true") as ann,
    ):
        tasks.create_task(follow_events(world.api, path, streamed))
        await world.until(lambda: bool(streamed))
        [shown] = ann.named("snapshot")[0]["calls"]
        assert (shown["callId"], shown["status"], shown["state"]) == (call_id, "in-progress", "listening")

        await phone.say("How long are you open?")
        await world.until(lambda: "nine." in phone.timeline.words_heard)
        await world.until(lambda: ann.words() == "How long are you open?")  # told before the call is over
        await phone.wait_until_agent_silent()

        assert (await ann.ask("whisper", text="Offer a free dessert."))["ok"]
        await phone.say("And what is there to eat?")
        await world.until(lambda: "today." in phone.timeline.words_heard)
        await phone.wait_until_agent_silent()  # who speaks into the last word interrupts it
        assert world.openai.requests[-1].body["messages"][0]["content"].endswith("- Offer a free dessert.")

        await take_over(world, phone, ann)
        assert (await ann.ask("hand_back", note="They are a regular guest."))["ok"]
        await phone.say("Thank you very much.")
        await world.until(lambda: "much." in str(world.openai.requests[-1].body["messages"][-1]))
        known = str(world.openai.requests[-1].body["messages"])
        assert "Ann" in known
        assert "human?" in known
        assert "They are a regular guest." in known
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()

        assert (await ann.ask("end"))["ok"]
        await world.until(lambda: ann.close_code is not None)
    await phone.wait_until_over()
    assert_told_alike(ann, streamed)
    assert hears(ann.heard(0), " ".join(said.text for said in phone.timeline.said))
    assert {"Until", "nine.", "today."} <= set(ann.heard(1)), "the agent is heard from when somebody listened"
    assert "Hello." not in ann.heard(1)
    assert hears(ann.heard(1), ANN)
    call = await world.ended_call()
    assert " ".join(row["transcript"] for row in call["transcripts"] if row["speaker"] == "human") == ANN


async def take_over(world: World, phone: Any, ann: Supervisor) -> None:
    """In the middle of an answer: the agent falls silent, the caller hears Ann, and what is said is on record."""
    await phone.say("Tell me about it.")
    await phone.wait_until_agent_speaks()
    asked = len(world.openai.requests)
    assert (await ann.ask("take_over", name="Ann"))["ok"]
    await world.until(lambda: ann.named("state")[-1] == {"state": "taken_over", "takenOverBy": "Ann"})
    assert {"by": "supervisor"} in ann.named("interrupted")
    refused = await world.api.post(f"/v1/calls/{await live_call(world)}/take-over", json={"name": "Bob"})
    assert refused.status_code == 409
    await ann.speak(ANN)
    await world.until(lambda: hears(phone.timeline.words_heard, ANN))
    await phone.say("Is that a human?")
    await world.until(lambda: ann.said("caller").endswith("Is that a human?") and ann.said("human") == ANN)
    assert len(world.openai.requests) == asked, "nobody else answers meanwhile"


def assert_told_alike(ann: Supervisor, streamed: list[Json]) -> None:
    """Both streams tell the same events in the same order, to the end of the call."""
    by_socket = [event for event in ann.events if event["seq"] is not None]
    by_stream = [event for event in streamed if event["seq"] is not None]
    assert by_stream == by_socket[-len(by_stream) :]
    numbers = [event["seq"] for event in by_socket]
    assert numbers == sorted(set(numbers))
    assert (by_stream[-1]["event"], by_stream[-1]["data"]) == ("call.ended", {"endReason": "api_request"})
    assert ann.close_code == 1000
    answered = next(turn for turn in ann.named("turn") if turn["response"] == "Until nine.")
    assert answered["latencies"]["heardMs"] > 0
    assert {"listening", "thinking", "speaking", "taken_over"} <= set(ann.states())
    spoken = [told["text"] for told in ann.named("agent.words") if told["isFinal"]]
    assert {"Until nine.", "Dessert is free today."} <= set(spoken)


async def test_nobody_is_let_in_without_a_key_and_a_token_works_once(world: World) -> None:
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    call_id = await live_call(world)
    with pytest.raises(InvalidStatus) as refused:
        async with supervising(world.server.url, "/v1/calls/live", headers={}):
            raise AssertionError("let in")
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"")["code"] == "unauthorized"
    with pytest.raises(InvalidStatus) as unknown:
        async with supervising(world.server.url, f"/v1/calls/{call_id[:-4]}ffff/live"):
            raise AssertionError("let in")
    assert unknown.value.response.status_code == 404

    token = (await world.post("/v1/live/token", {"callId": call_id}))["token"]
    async with supervising(world.server.url, f"/v1/calls/{call_id}/live?token={token}", headers={}) as ann:
        assert (await ann.ask("sing"))["code"] == "invalid_request"
        assert (await ann.ask("hand_back"))["code"] == "conflict"
        assert (await ann.ask("whisper"))["detail"] == "`text` is required."
    again = await httpx.AsyncClient(trust_env=False).get(f"{world.server.url}/v1/calls/{call_id}/live?token={token}")
    assert again.status_code == 401
    await phone.hang_up()


async def test_the_client_in_the_documentation_watches_a_call_to_its_end(world: World, tmp_path: Path) -> None:
    world.openai.decide = receptionist
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    call_id = await live_call(world)
    page = (Path(__file__).parents[2] / "docs" / "live.md").read_text("utf-8")
    client = page.split("```python\n")[1].split("```")[0]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", client, world.server.url, API_KEY, call_id),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
    )
    assert process.stdout is not None
    while not json.loads(await process.stdout.readline()).get("ok"):
        pass  # until the whisper is acknowledged
    await phone.say("What do you have?")
    await world.until(lambda: "today." in phone.timeline.words_heard)
    await phone.hang_up()
    printed = (await process.stdout.read()).decode()
    assert await process.wait() == 0
    heard = [line.removeprefix("words ") for line in printed.splitlines() if line.startswith("words ")]
    assert " ".join(heard) == "What do you have?"
    assert '"endReason": "caller_hangup"' in printed
    with wave.open(str(tmp_path / f"{call_id}.wav"), "rb") as tape:
        assert (tape.getnchannels(), tape.getframerate()) == (2, 8000)
        assert tape.getnframes() > 8000


async def test_a_supervisor_at_another_replica_sees_all_hears_all_and_may_vanish(
    database_url: str, tmp_path: Path
) -> None:
    async with RedisServer() as redis, two_replicas(database_url, tmp_path, redis_url=redis.url) as replicas:
        world = replicas.world
        phone = await world.call(await world.hosted(beginMessage="Hello."))
        await phone.wait_until_agent_silent()
        call_id, there = await live_call(world), replicas.second.url
        async with supervising(there, "/v1/voiceai/conversations/stream", {"x-api-key": API_KEY}) as everything:
            [shown] = everything.named("snapshot")[0]["calls"]
            assert (shown["call_id"], shown["state"], shown["taken_over_by"]) == (call_id, "listening", None)
            async with supervising(there, f"/v1/calls/{call_id}/listen") as ann:
                await phone.say("Is anybody there?")
                await world.until(lambda: "well." in phone.timeline.words_heard)
                await world.until(lambda: ann.words() == everything.words() == "Is anybody there?")
                await world.until(lambda: hears(ann.heard(0), "Is anybody there?"))
                await world.until(lambda: "well." in ann.heard(1))
                assert (await ann.ask("take_over", name="Ann"))["ok"]
                await ann.speak(ANN)
                await world.until(lambda: hears(phone.timeline.words_heard, ANN))
            await world.until(lambda: "help?" in phone.timeline.words_heard, timeout_s=20)
            assert {"code": "take_over_expired"} in everything.named("problem")
            await world.until(lambda: everything.named("turn")[-1]["transcript"].startswith("I'm back with you."))
            await phone.hang_up()
            await world.until(lambda: everything.named("call.ended") == [{"end_reason": "caller_hangup"}])
