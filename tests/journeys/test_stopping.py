"""The server is told to stop while people are talking."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.process import parley_process
from tests.journeys.world import World, api_client, operator_environment, rows, whole_world


async def test_a_stop_signal_lets_live_calls_finish_and_takes_no_new_ones(
    world: World, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database_url = request.getfixturevalue("database_url")
    environment = operator_environment(world, database_url, tmp_path / "process")
    async with parley_process(environment) as parley:
        async with api_client(parley.url) as api:
            world.api = api
            world.openai.decide = lambda messages: "Yes, we are."
            agent = await world.hosted(beginMessage="Hello.")
            phone = await world.call(agent)
            await phone.wait_until_agent_silent()

            parley.stop()
            await world.until_answer("/readyz", 503)
            assert (await api.get("/healthz")).status_code == 200
            refused = await api.post("/v1/calls", json={"agentId": agent["id"], "toNumber": "+15550109998"})
            assert (refused.status_code, refused.json()["code"]) == (503, "draining")
            another = await world.call(agent)
            assert another.current.status == "busy"

            await phone.say("Are you still open?")
            await phone.wait_until_agent_speaks()
            await phone.wait_until_agent_silent()
            call_id = (await world.get("/v1/calls?status=in-progress"))["data"][0]["id"]
            await phone.hang_up()
        assert await parley.exit_code() == 0
    async with whole_world(database_url, tmp_path / "after") as after:
        call = await after.get(f"/v1/calls/{call_id}")
        assert (call["status"], call["endReason"]) == ("completed", "caller_hangup")
        assert rows(call) == [("Hello.", None), ("Are you still open?", "Yes, we are.")]
