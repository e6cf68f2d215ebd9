"""parley as an operator runs it: a process of its own, told everything through the environment."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from socket import create_server

import httpx


@dataclass
class ParleyProcess:
    """A running `parley serve` at `url`."""

    url: str
    process: Process

    def stop(self) -> None:
        """What a container runtime does to stop it."""
        self.process.send_signal(signal.SIGTERM)

    async def exit_code(self, timeout_s: float = 60.0) -> int:
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()


@asynccontextmanager
async def parley_process(environment: Mapping[str, str]) -> AsyncIterator[ParleyProcess]:
    """Start `parley serve` on a free port and wait until it can take calls; killed at the end if it still runs."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "parley", "serve", "--port", str(port),
        env=inherited | dict(environment), stdout=PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    # Nobody reads a log that is not asked for; a full pipe would stop the process.
    draining = asyncio.ensure_future(process.stdout.read())
    running = ParleyProcess(f"http://127.0.0.1:{port}", process)
    try:
        await _until_ready(running)
        yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await draining


async def _until_ready(running: ParleyProcess) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
        while running.process.returncode is None:
            try:
                if (await client.get(f"{running.url}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
    raise AssertionError("parley serve ended before it was ready")
