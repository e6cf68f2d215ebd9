"""Limits over the whole application: parallel requests at once, and callers who hear busy."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from parley.simulation import Ringing
from tests.api.conftest import Api
from tests.api.test_carriers import RINGING, answered_number, post, voice_path

PARALLEL = 30


async def set_limits(api: Api, **columns: int | None) -> None:
    await api.house.services.projects.set_named("default", columns)


async def desk(api: Api) -> dict[str, Any]:
    """The agent and the number it calls from."""
    hosted = {"name": "Desk", "voiceMode": "hosted", "systemPrompt": "Be kind."}
    agent = (await api.client.post("/v1/agents", json=hosted)).json()
    number = await api.client.post("/v1/numbers", json={"agentId": agent["id"]})
    assert number.status_code == 201, number.text
    return {"agentId": agent["id"], "phoneNumber": number.json()["phoneNumber"]}


async def at_once(api: Api, path: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    return await asyncio.gather(*(api.client.post(path, json=body) for body in bodies))


def assert_so_many_fit(answers: list[httpx.Response], fit: int) -> None:
    refused = [answer for answer in answers if answer.status_code == 402]
    assert [answer.status_code for answer in answers if answer not in refused] == [201] * fit
    assert {answer.json()["code"] for answer in refused} == {"quota_exceeded"}
    assert all(f" {fit} " in answer.json()["detail"] for answer in refused)


def requests(api: Api, method: str, ending: str) -> int:
    return sum(each == method and path.endswith(ending) for each, path, _ in api.carrier.requests)


@pytest.mark.parametrize(("column", "fit"), [("concurrent_call_limit", 4), ("daily_call_limit", 6)])
async def test_of_many_calls_at_once_as_many_are_placed_as_fit(api: Api, column: str, fit: int) -> None:
    agents = [await desk(api) for _ in range(2)]
    await set_limits(api, **{column: fit})
    for turn in range(PARALLEL):
        api.carrier.phone(f"+1415555{turn:04d}", Ringing("no-answer", 60.0))
    bodies = [{"agentId": agents[turn % 2]["agentId"], "toNumber": f"+1415555{turn:04d}"} for turn in range(PARALLEL)]
    assert_so_many_fit(await at_once(api, "/v1/calls", bodies), fit)
    assert requests(api, "POST", "/Calls.json") == fit
    assert (await api.client.get("/v1/calls")).json()["total"] == fit


async def test_of_many_numbers_at_once_as_many_are_bought_as_fit(api: Api) -> None:
    await set_limits(api, number_limit=3)
    assert_so_many_fit(await at_once(api, "/v1/numbers", [{"country": "US"}] * PARALLEL), 3)
    assert (await api.client.get("/v1/numbers")).json()["total"] == 3
    kept = requests(api, "POST", "/IncomingPhoneNumbers.json")
    assert kept >= 3


async def test_of_many_texts_at_once_as_many_are_sent_as_fit(api: Api) -> None:
    agent = await desk(api)
    await set_limits(api, daily_message_limit=5)
    bodies = [
        {"agentId": agent["agentId"], "toNumber": f"+1415555{turn:04d}", "body": "Hello"} for turn in range(PARALLEL)
    ]
    assert_so_many_fit(await at_once(api, "/v1/messages", bodies), 5)
    assert requests(api, "POST", "/Messages.json") == 5


async def test_of_many_callers_at_once_as_many_come_in_as_fit_and_the_others_wait(api: Api) -> None:
    number = await answered_number(api)
    await set_limits(api, concurrent_call_limit=4)
    rings = [RINGING | {"CallSid": f"CA{turn:032d}"} for turn in range(PARALLEL)]
    answers = await asyncio.gather(*(post(api, voice_path(number), ring) for ring in rings))
    assert {answer.status_code for answer in answers} == {200}
    assert all("<Connect" in answer.text for answer in answers)
    calls = (await api.client.get("/v1/calls", params={"limit": PARALLEL})).json()["data"]
    assert [call["stage"] for call in calls].count("waiting") == PARALLEL - 4
    assert len(calls) == PARALLEL


async def test_the_project_shows_its_limits_and_cannot_raise_them(api: Api) -> None:
    agent = await desk(api)
    await api.client.post("/v1/calls", json={"agentId": agent["agentId"], "toNumber": "+14155550199"})
    await set_limits(api, number_limit=3, daily_call_limit=9)
    raised = {"numberLimit": 50, "limits": {"numbers": 50}, "recordingEnabled": True}
    await api.client.patch("/v1/project", json=raised)
    shown = (await api.client.get("/v1/project")).json()
    unlimited = 1_000_000
    assert shown["limits"] == {
        "numbers": 3,
        "concurrentCalls": unlimited,
        "dailyCalls": 9,
        "dailyMessages": unlimited,
    }
    assert (shown["used"]["numbers"], shown["used"]["dailyCalls"], shown["used"]["dailyMessages"]) == (1, 1, 0)
    usage = (await api.client.get("/v1/usage")).json()
    assert usage["plan"]["numberLimit"] == usage["numbers"]["limit"] == 3
    assert usage["numbers"]["remaining"] == 2
