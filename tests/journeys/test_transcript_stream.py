"""A client follows what is said in a call while it is being said."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.journeys.process import parley_process
from tests.journeys.world import API_KEY, PATIENCE_S, Json, World, api_client, operator_environment, whole_world


@dataclass
class Event:
    name: str
    data: Json
    id: str


async def events_of(answer: httpx.Response) -> AsyncIterator[Event]:
    """What a browser's EventSource would make of the answer."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield Event(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}


@asynccontextmanager
async def followed(api: httpx.AsyncClient, call_id: str, last: str = "") -> AsyncIterator[AsyncIterator[Event]]:
    headers = {"last-event-id": last} if last else {}
    async with api.stream("GET", f"/v1/calls/{call_id}/transcript/stream", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield events_of(answer)


async def live_call(world: World) -> str:
    call_id: str = (await world.get("/v1/calls?status=in-progress"))["data"][0]["id"]
    return call_id


async def test_turns_are_told_while_the_call_goes_on_and_the_stream_ends_with_it(world: World) -> None:
    world.openai.decide = lambda messages: "Yes, we are."
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    call_id = await live_call(world)
    told: list[Event] = []

    async def follow() -> None:
        async with followed(world.api, call_id) as events:
            async for event in events:
                told.append(event)  # noqa: PERF401 - the list is looked at while it grows

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        await world.until(lambda: "turn" in [event.name for event in told])
        await phone.say("Are you still open?")
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.hang_up()

    assert (told[0].name, told[0].data["callId"], told[0].data["status"]) == ("connected", call_id, "in-progress")
    assert (told[-1].name, told[-1].data["status"], told[-1].data["endReason"]) == (
        "ended",
        "completed",
        "caller_hangup",
    )
    turns = [event.data for event in told[1:-1]]
    rows = (await world.get(f"/v1/calls/{call_id}/transcript"))["data"]
    assert {turn["id"]: turn for turn in turns} == {row["id"]: row for row in rows}, "the last word on each row"
    assert [row["transcript"] for row in rows] == ["Hello.", "Are you still open?"]

    async with followed(world.api, call_id) as events:
        replayed = [event async for event in events]
    assert [event.name for event in replayed] == ["connected", "turn", "turn", "ended"]
    async with followed(world.api, call_id, last=replayed[1].id) as events:
        rest = [event.data.get("transcript") async for event in events]
    assert rest == [None, "Are you still open?", None]


async def test_nobody_else_may_follow_and_a_head_request_does_not_wait_for_the_end(world: World) -> None:
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    path = f"/v1/calls/{await live_call(world)}/transcript/stream"
    assert (await world.api.get("/v1/calls/call_0190/transcript/stream")).status_code == 404
    assert (await world.api.get(path, headers={"authorization": "Bearer sk_live_wrong"})).status_code == 401
    head = await world.api.head(path)
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    await phone.hang_up()


async def test_a_client_that_goes_away_makes_room_for_another(world: World) -> None:
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    path = f"/v1/calls/{await live_call(world)}/transcript/stream"
    async with httpx.AsyncClient(
        base_url=world.server.url,
        headers={"authorization": f"Bearer {API_KEY}"},
        trust_env=False,
        timeout=PATIENCE_S,
        limits=httpx.Limits(max_connections=200),
    ) as client:
        requests = [client.build_request("GET", path) for _ in range(101)]
        answers = [await client.send(request, stream=True) for request in requests]
        assert [answer.status_code for answer in answers] == [200] * 100 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
        for answer in answers:
            await answer.aclose()
        await world.until_answer("/healthz", 200)
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await client.send(client.build_request("GET", path), stream=True)).status_code == 429:
                await answer.aclose()
        await answer.aclose()
    await phone.hang_up()


async def test_an_open_stream_does_not_keep_a_server_from_stopping(
    world: World, database_url: str, tmp_path: Path
) -> None:
    phone = await world.call(await world.hosted(beginMessage="Hello."))
    await phone.wait_until_agent_silent()
    call_id = await live_call(world)
    async with (
        parley_process(operator_environment(world, database_url, tmp_path / "process")) as parley,
        api_client(parley.url) as api,
        followed(api, call_id) as events,
    ):
        assert (await anext(events)).name == "connected"
        began_s = time.monotonic()
        parley.stop()
        assert {event.name async for event in events} <= {"turn"}, "the call is not over, so it has not ended"
        assert await parley.exit_code() == 0
        assert time.monotonic() - began_s < 2.5 + world.slack_s
    await phone.hang_up()


async def test_an_open_stream_does_not_keep_an_embedded_server_from_ending(database_url: str, tmp_path: Path) -> None:
    async with whole_world(database_url, tmp_path) as world:
        phone = await world.call(await world.hosted(beginMessage="Hello."))
        await phone.wait_until_agent_silent()
        async with api_client(world.server.url) as api:
            request = api.build_request("GET", f"/v1/calls/{await live_call(world)}/transcript/stream")
            answer = await api.send(request, stream=True)
            assert answer.status_code == 200
            began_s = time.monotonic()
            world.server.drain.end_streams()
            await answer.aread()
            assert time.monotonic() - began_s < 1.5 + world.slack_s
        await phone.hang_up()
