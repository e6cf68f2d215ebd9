"""The server under test: its own process on its own core, watched from outside."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import psutil

from bench.figures import read_histogram

_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 20.0


def split_cores() -> tuple[list[int], list[int]] | None:
    """(the server's core, everybody else's cores), or None where processes cannot be pinned or there is one core."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    return (cores[:1], cores[1:]) if len(cores) > 1 else None


class ServerProcess:
    """`parley serve` with this environment, as a context manager that returns when it is ready for calls."""

    def __init__(self, environment: Mapping[str, str], cores: list[int] | None) -> None:
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._environment = dict(environment)
        self._cores = cores

    async def __aenter__(self) -> Self:
        port = self.url.rpartition(":")[2]
        command = (sys.executable, "-m", "parley", "serve", "--port", port)
        self._process = await asyncio.create_subprocess_exec(
            *command,
            env=os.environ | self._environment | {"PARLEY_PUBLIC_URL": self.url},
            stdout=asyncio.subprocess.DEVNULL,
        )
        self._seen = psutil.Process(self._process.pid)
        if self._cores is not None:
            self._seen.cpu_affinity(self._cores)
        self._http = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=_START_TIMEOUT_S)
        async with asyncio.timeout(_START_TIMEOUT_S):
            while not await self._is_ready():
                await asyncio.sleep(0.1)
        return self

    async def _is_ready(self) -> bool:
        if self._process.returncode is not None:
            raise RuntimeError(f"parley serve ended with {self._process.returncode} before it was ready")
        try:
            return (await self._http.get("/readyz")).is_success
        except httpx.TransportError:
            return False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        if self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    def cpu_s(self) -> float:
        """CPU seconds the process has used."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    def starved_s(self) -> float | None:
        """Seconds the main thread was ready to run and another process had its core; None where that is not told.

        The second number of /proc/PID/schedstat (Linux, Documentation/scheduler/sched-stats.rst), in nanoseconds.
        """
        try:
            numbers = Path(f"/proc/{self._process.pid}/schedstat").read_text(encoding="ascii").split()
        except OSError:
            return None
        return int(numbers[1]) / 1e9

    def rss_mb(self) -> float:
        """Memory that is in RAM now."""
        return float(self._seen.memory_info().rss) / 1e6

    async def loop_lag(self) -> dict[float, float]:
        """The event loop's lateness so far: cumulative counts by upper bound in seconds."""
        return read_histogram((await self._http.get("/metrics")).text, "parley_event_loop_lag_seconds")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
