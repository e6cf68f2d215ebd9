"""Every request that the documents of the three APIs print, sent as printed to a whole parley.

`printed_requests.json` holds the requests in the documents' order, but for what is deleted before it was tested: what
is sent, with `{names}` where a client puts its own ids, the statuses that may come back and the keys that must.
`save` keeps a value of the answer under a name, `until` asks again until the answer says so.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.world import API_KEY, PATIENCE_S, Json, World, whole_world

PRINTED: list[Json] = json.loads((Path(__file__).parent / "printed_requests.json").read_text())
CALLEE = "+919876543210"
# Caller IDs and numbers that the printed requests take for granted.
OWNED = ("+15739693824", "+14155551234", "+1234567890")


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with whole_world(database_url, tmp_path) as world:
        for number in OWNED:
            assert world.carrier.stock.take(number) is not None
        yield world


async def test_every_printed_request_is_answered_as_printed(world: World) -> None:
    assert len(PRINTED) == 57
    ids = await set_the_stage(world)
    problems = []
    async with (
        httpx.AsyncClient(base_url=world.server.url, trust_env=False, timeout=PATIENCE_S) as client,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(pick_up_and_hang_up(world))
        for printed in PRINTED:
            answer = await send(client, filled(printed, ids))
            if answer.status_code not in printed["statuses"]:
                problems.append(f"{label(printed)}: {answer.status_code} {answer.text[:200]}")
                continue
            if is_json(answer):
                problems += [f"{label(printed)}: {problem}" for problem in misfits(answer.json(), printed.get("keys"))]
                ids |= {name: answer.json()[key] for name, key in printed.get("save", {}).items()}
            elif "audio" in printed["path"]:
                assert answer.headers["content-type"] == "audio/wav"
                assert answer.content.startswith(b"RIFF")
            else:
                problems.append(f"{label(printed)}: {answer.headers['content-type']} is no JSON")
    assert problems == []


async def set_the_stage(world: World) -> dict[str, str]:
    """What the documents' reader has at that point: an agent with a number, a call that was held, a text received."""
    agent = await world.hosted(beginMessage="Hello, this is the support desk.", recordingEnabled=True)
    number_id = (await world.get(f"/v1/agents/{agent['id']}"))["phoneNumbers"][0]["id"]
    phone = await world.call(agent)
    await phone.wait_until_agent_silent()
    await phone.say("What are your opening hours?")
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    call = await world.ended_call()
    async with asyncio.timeout(PATIENCE_S):
        while not call["recordingAvailable"]:
            await asyncio.sleep(0.05)
            call = await world.get(f"/v1/calls/{call['id']}")
    await world.phone().text(agent["number"], "Are you open on Sunday?")
    conversation = (await world.get("/v1/conversations"))["data"][0]
    free = await world.post("/v1/numbers", {})
    doomed = await world.post("/v1/agents", {"name": "Doomed"})
    return {
        "api_key": API_KEY,
        "carrier_account": world.carrier.account_sid,
        "carrier_token": world.carrier.auth_token,
        "agent_id": agent["id"],
        "number_id": number_id,
        "call_id": call["id"],
        "text_conversation_id": conversation["id"],
        "free_number_id": free["id"],
        "doomed_agent_id": doomed["id"],
    }


async def pick_up_and_hang_up(world: World) -> None:
    """The callee of the call that is polled."""
    phone = world.carrier.phone(CALLEE)
    await phone.wait_until_connected(60)
    await phone.say("I am busy now.")
    await phone.hang_up()


def label(printed: Json) -> str:
    return f"{printed['id']} {printed['method']} {printed['path']}"


def filled(value: Any, ids: dict[str, str]) -> Any:
    """With every `{name}` replaced that is known."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: filled(each, ids) for key, each in value.items()}
    return [filled(each, ids) for each in value] if isinstance(value, list) else value


async def send(client: httpx.AsyncClient, printed: Json) -> httpx.Response:
    content = json.dumps(printed["body"]) if "body" in printed else None
    async with asyncio.timeout(PATIENCE_S):
        while True:
            answer = await client.request(
                printed["method"],
                printed["path"],
                params=printed.get("query"),
                content=content,
                headers=printed["headers"],
            )
            awaited = printed.get("until", {})
            if all(answer.json().get(key) == value for key, value in awaited.items()):
                return answer
            await asyncio.sleep(0.1)


def is_json(answer: httpx.Response) -> bool:
    return answer.headers["content-type"].startswith("application/json")


def misfits(value: Any, shape: Any, where: str = "answer") -> Iterator[str]:
    """Where a value differs from its printed shape; more than was printed is allowed."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{where} is no object"
            return
        for key, inner in shape.items():
            if key not in value:
                yield f"{where}.{key} is missing"
            else:
                yield from misfits(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where} is no list"
        elif shape:
            for place, row in enumerate(value):
                yield from misfits(row, shape[0], f"{where}[{place}]")
    elif isinstance(shape, str) and not any(is_a(kind, value) for kind in shape.split("|")):
        yield f"{where} is {value!r}, not {shape}"


def is_a(kind: str, value: Any) -> bool:
    if kind == "any":
        return True
    if kind == "null":
        return value is None
    if kind in {"integer", "number"}:
        return isinstance(value, int if kind == "integer" else (int, float)) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == "iso8601":
        return datetime.fromisoformat(value).tzinfo is not None
    if kind == "e164":
        return re.fullmatch(r"\+[1-9]\d{1,14}", value) is not None
    return kind == "string" or (value.startswith(kind[:-1]) if kind.endswith("*") else value == kind)


def test_the_check_itself_finds_misfits() -> None:
    shape = {"id": "string", "at": "iso8601|null", "rows": [{"n": "integer"}], "mode": "a|b", "secret": "whsec_*"}
    good = {"id": "x", "at": None, "rows": [{"n": 1}], "mode": "b", "secret": "whsec_1"}
    assert list(misfits(good, shape)) == []
    bad = {"at": "noon", "rows": [{"n": "1"}, {}], "mode": "c", "secret": "x"}
    with pytest.raises(ValueError, match="noon"):
        list(misfits(bad, shape))
    found = list(misfits(bad | {"at": 3}, shape))
    assert len(found) == 6
