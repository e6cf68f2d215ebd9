"""The server as a whole: where it listens, how it starts, and how it stops."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from parley.app import Drain, create_app
from parley.domain.errors import ConfigurationError
from parley.server import Server, listen, running, url_of
from parley.services.delivery_worker import DeliveryWorker
from parley.settings import Settings, load_settings
from parley.wiring import assembled


def settings_for(database_url: str, folder: Path) -> Settings:
    return load_settings(
        None, database_url=database_url, data_dir=folder, port=0, drain_timeout_s=5, PARLEY_API_KEY="sk_live_test-key-1"
    )


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")]
)
def test_it_says_where_this_machine_reaches_it(host: str, url: str) -> None:
    with listen(host, 0) as listener:
        assert url_of(listener).startswith(url)


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Cannot listen on 127.0.0.1 port {port}: .*--port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["not a host", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_a_sentence(host: str) -> None:
    with pytest.raises(ConfigurationError, match="Choose another --host"):
        listen(host, 0)


async def test_a_whole_parley_runs_inside_another_program(database_url: str, tmp_path: Path) -> None:
    async with (
        running(settings_for(database_url, tmp_path)) as parley,
        httpx.AsyncClient(base_url=parley.url, trust_env=False, timeout=60) as client,
    ):
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/v1/agents", headers={"x-api-key": "sk_live_test-key-1"})).status_code == 200
        parley.drain.begin()
        async with asyncio.timeout(60):
            while (await client.get("/readyz")).status_code == 200:
                pass
    with pytest.raises(httpx.ConnectError):
        await httpx.AsyncClient(trust_env=False).get(parley.url)


async def test_an_old_schema_stops_the_start_with_the_command_to_run(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="parley migrate"):
        async with running(settings_for(empty_database_url, tmp_path)):
            pass


async def test_a_database_that_is_away_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    with pytest.raises(ConfigurationError, match="PARLEY_DATABASE_URL does not answer"):
        async with running(settings_for(f"postgresql://u:hunter2@127.0.0.1:{port}/d", tmp_path)):
            pass


async def test_draining_waits_for_the_calls_and_is_over_then() -> None:
    finished = asyncio.Event()
    drain = Drain(finished.wait)
    waiting = asyncio.create_task(drain.run())
    drain.begin()
    drain.begin()
    await asyncio.sleep(0)
    assert (drain.is_begun, drain.is_over) == (True, False)
    finished.set()
    await waiting
    assert drain.is_over


async def test_a_second_signal_does_not_wait() -> None:
    drain = Drain(asyncio.Event().wait)
    config = uvicorn.Config(FastAPI(), log_config=None)
    server = Server(config, drain, takes_signals=True, on_ready=lambda: None)
    server.handle_exit(signal.SIGTERM, None)
    assert (drain.is_begun, server.should_exit, await server.on_tick(1)) == (True, False, False)
    server.handle_exit(signal.SIGTERM, None)
    assert (server.should_exit, server.force_exit, await server.on_tick(2)) == (True, True, True)


class BrokenOutbox:
    """A background part with a bug."""

    async def run(self) -> None:
        raise RuntimeError("bug")


async def test_a_background_part_that_crashes_takes_the_server_down(database_url: str, tmp_path: Path) -> None:
    async with assembled(settings_for(database_url, tmp_path), "http://parley.test") as house:
        broken = replace(house, delivery_worker=cast(DeliveryWorker, BrokenOutbox()))
        drain = Drain(asyncio.Event().wait)
        app = create_app(broken, drain)
        with pytest.raises(ExceptionGroup):
            async with app.router.lifespan_context(app):
                await asyncio.Event().wait()
        assert drain.is_over
        assert not drain.is_begun


async def _start(database_url: str, folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """`parley serve` as a process of its own, and its URL."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PARLEY_DATABASE_URL": database_url,
        "PARLEY_DATA_DIR": str(folder),
        "PARLEY_API_KEY": "sk_live_test-key-1",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "parley", "serve", "--port", "0"),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    return process, line.split()[3] if line.startswith("parley listens on ") else line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_signal_ends_an_idle_server_with_success(
    database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    async with asyncio.timeout(60):
        process, url = await _start(database_url, tmp_path)
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            assert (await client.get(f"{url}/readyz")).status_code == 200
        process.send_signal(number)
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert b"Traceback" not in errors
    assert b"drain_ended" in errors


async def test_serving_without_its_database_is_one_sentence(tmp_path: Path) -> None:
    async with asyncio.timeout(60):
        process, said = await _start("postgresql://u@127.0.0.1:1/d", tmp_path)
        _, errors = await process.communicate()
    assert (process.returncode, said) == (1, "")
    assert errors.decode().startswith("parley: The database at PARLEY_DATABASE_URL does not answer")
    assert errors.count(b"\n") == 1
