"""The carrier doctor's test call: what it reports of a number that works, and of one that does not."""

from __future__ import annotations

import asyncio

import httpx

from tests.journeys.world import Json, World

GREETING = "Hello, front desk."
STEPS = (
    "connection",
    "account",
    "public_url",
    "webhook",
    "routing",
    "media_stream",
    "greeting",
    "recognition",
    "reply",
    "agent_words",
    "hang_up",
    "records",
)


async def report_of(world: World, agent: Json, **wanted: object) -> Json:
    """A test of the agent's number, waited for to its end."""
    body = {"phoneNumber": agent["number"], "waitSeconds": 60, **wanted}
    answer = await world.api.post("/v1/test-calls", json=body, timeout=httpx.Timeout(90))
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def failed(report: Json) -> dict[str, str]:
    return {
        check["name"]: check.get("whatToDo") or check["what_to_do"]
        for check in report["checks"]
        if check["status"] == "failed"
    }


def steps(report: Json) -> dict[str, str]:
    return {check["name"]: check["status"] for check in report["checks"]}


async def done(world: World, test_id: str) -> Json:
    """The report of a test that was not waited for."""
    async with asyncio.timeout(60):
        while (found := await world.get(f"/v1/test-calls/{test_id}"))["status"] == "running":
            await asyncio.sleep(0.05)
    return found


async def test_a_test_call_goes_the_whole_way_and_names_what_breaks(world: World) -> None:
    agent = await world.hosted(beginMessage=GREETING)
    asked = len(world.carrier.requests)

    good = await report_of(world, agent, script=["when do you open"])

    assert (good["status"], failed(good)) == ("passed", {})
    assert steps(good) == {**dict.fromkeys(STEPS, "passed"), "public_url": "not_tested"}
    assert " ".join(good["recognised"]) == "when do you open"
    heard = " ".join(good["heard"]).split()  # a slow machine may break a word of the agent's in two
    assert heard and {*heard} <= {*f"{GREETING} Very well.".split()}
    call = await world.get(f"/v1/calls/{good['callId']}")
    assert (call["status"], call["metadata"]) == ("completed", {"is_test": True, "test_id": good["id"]})

    # The recogniser's key does not open anything any more, and whoever asks does not wait for the test.
    await world.post("/v1/credentials", {"name": "Ears", "provider": "deepgram", "apiKey": "a-wrong-key"})
    begun = await report_of(world, agent, waitSeconds=0, durationSeconds=5)
    again = await world.api.post("/v1/test-calls", json={"phoneNumber": agent["number"]})
    deaf = await done(world, begun["id"])

    assert (begun["status"], again.status_code) == ("running", 429)
    assert deaf["status"] == "failed"
    assert "Check the key of `deepgram`" in failed(deaf)["recognition"]
    assert deaf["recognised"] == []

    # Nobody is left to answer, and the caller would go away.
    await world.api.delete(f"/v1/agents/{agent['id']}")
    number = {"phone_number": agent["number"], "duration_seconds": 1}
    alone = (await world.api.post("/v1/voiceai/test-call", json=number, timeout=httpx.Timeout(90))).json()
    assert alone["routing"]["matched"] == "fallback"
    assert list(failed(alone)) == ["routing"]
    assert "Assign an agent" in failed(alone)["routing"]

    assert len(world.carrier.requests) == asked  # the carrier heard nothing of any of it
