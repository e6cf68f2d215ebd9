"""The demo as a newcomer runs it: another process, an empty data folder, nothing configured."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from parley.demo.stage import Stage, demo_key
from parley.server import running
from parley.settings import load_settings
from parley.simulation.carrier import SimulatedCarrier

_LIMIT_S = 300


@pytest.fixture
def folder() -> Iterator[Path]:
    """Outside pytest's own folder: started by root, Postgres runs as another user, who must be able to get there."""
    home = Path(tempfile.mkdtemp(prefix="parley-demo-"))
    yield home
    shutil.rmtree(home)


async def start_demo(folder: Path) -> asyncio.subprocess.Process:
    settings = {"PARLEY_DATA_DIR": str(folder / "data"), "PARLEY_PORT": "0", "NO_COLOR": "1"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "parley", "demo", "--once"),
        env=os.environ | settings,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def test_a_whole_call_happens_and_is_shown(folder: Path) -> None:
    process = await start_demo(folder)
    async with asyncio.timeout(_LIMIT_S):
        output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    assert "FAILED" not in output
    for line in ("Simulated: the telephone network", "interrupted: only this was heard", "parley replay", "$PARLEY/v1"):
        assert line in output
    assert list((folder / "data" / "journals").glob("call_*.jsonl"))


async def test_stopping_it_in_mid_call_leaves_nothing_behind(folder: Path) -> None:
    process = await start_demo(folder)
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(_LIMIT_S):
        while " s  agent" not in seen:
            seen += (await process.stdout.readline()).decode()
        process.send_signal(signal.SIGINT)
        rest = (await process.communicate())[0].decode()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert not (folder / "data" / "postgres" / "postmaster.pid").exists()


async def test_a_second_run_finds_what_the_first_one_made_and_reaches_its_agent(folder: Path) -> None:
    made, where = [], []
    async with SimulatedCarrier() as carrier:
        settings = load_settings(
            None,
            port=0,
            data_dir=folder,
            allow_private_targets=True,
            twilio_account_sid=carrier.account_sid,
            twilio_auth_token=carrier.auth_token,
            twilio_base_url=carrier.url,
        )
        carrier.stock.take("+14155550100")
        for _ in range(2):
            async with running(settings) as parley:
                key = await demo_key(parley.house.services.projects, folder / "demo.key")
                headers = {"Authorization": f"Bearer {key}"}
                async with httpx.AsyncClient(base_url=parley.url, headers=headers, trust_env=False, timeout=60) as api:
                    stage = Stage(api)
                    await stage.build("Hello.", "tone", "http://127.0.0.1:9/")
                    async with stage.reached():
                        where.append(await _where(api))
                    where.append(await _where(api))
                    await api.put("/v1/routing", json={"callRouting": {"businessHours": {"schedule": {}}}})
                    own = {"condition": "always", "action": "announcement", "text": "We moved."}
                    await api.put(f"/v1/numbers/{stage.number_id}/routing", json={"routingRules": [own]})
                made.append((key, stage.agent_id, stage.number_id))
    assert made[0] == made[1]
    assert where == ["agent", "agent", "agent", "announcement"]
    assert (folder / "demo.key").stat().st_mode & 0o777 == 0o600


async def _where(api: httpx.AsyncClient) -> str:
    """Where a call of the demo's would go."""
    call = {"from": "+14155550142", "to": "+14155550100"}
    action: str = (await api.post("/v1/routing/explain", json=call)).json()["action"]
    return action
