"""Calls of every kind, found by what they are."""

from __future__ import annotations

import asyncio

from parley.simulation.phone import SimulatedPhone
from tests.journeys.world import PATIENCE_S, Json, World


async def reached(world: World, call_id: str, status: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await world.get(f"/v1/calls/{call_id}"))["status"] != status:
            await asyncio.sleep(0.02)


async def place(world: World, agent: Json, phone: SimulatedPhone) -> str:
    call = await world.post("/v1/calls", {"agentId": agent["id"], "toNumber": phone.number})
    await phone.wait_until_connected()
    return str(call["id"])


async def test_calls_are_found_by_status_direction_and_either_number(world: World) -> None:
    agent = await world.hosted()
    failed = str((await world.post("/v1/calls", {"agentId": agent["id"], "toNumber": "+12125550100"}))["id"])
    await reached(world, failed, "failed")
    over, live = world.carrier.phone("+13105550101"), world.carrier.phone("+13105550102")
    completed = await place(world, agent, over)
    await over.hang_up()
    await reached(world, completed, "completed")
    await world.carrier.call_in(live, agent["number"])
    [inbound] = [row["id"] for row in (await world.get("/v1/calls?direction=inbound"))["data"]]

    async def found(**query: str) -> list[str]:
        answer = await world.api.get("/v1/calls", params=query)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["data"]]

    everything = [inbound, completed, failed]
    assert await found() == everything
    assert await found(status="failed") == [failed]
    assert await found(status="completed") == [completed]
    assert await found(status="in-progress") == [inbound]
    assert await found(direction="outbound") == [completed, failed]
    assert await found(direction="web") == []
    assert await found(search="+12125550100") == [failed]
    assert await found(search="(310) 555-0101") == [completed]
    assert await found(search="(415) 555") == everything
    assert await found(search="5550102", direction="inbound") == [inbound]
    assert await found(search="9999") == []
    await live.hang_up()
    await reached(world, inbound, "completed")
