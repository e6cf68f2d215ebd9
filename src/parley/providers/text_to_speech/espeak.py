"""espeak-ng as the voice of a call: robotic, in a hundred languages, without key or network.

Speaks through one child process for all calls (`espeak_worker`), started with the first call and again whenever it
dies. A sentence takes it a few milliseconds.
"""

from __future__ import annotations

import asyncio
import ctypes.util
import importlib.util
import os
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import cast

import msgspec
import structlog

import parley
from parley.audio.formats import AudioFormat
from parley.domain.agents import VoiceChoice
from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.providers.protocols import VoiceFact
from parley.providers.text_to_speech.espeak_worker import NO_ESPEAK, Answer, Job, framed
from parley.providers.text_to_speech.piecewise import PiecewiseVoice, Speech

log = structlog.get_logger()

_DEADLINE_S = 3.0  # for one piece of text, the process's start included
_MOST_WAITING = 512  # pieces in work for all calls together; a call has one at a time


def is_installed() -> bool:
    """Whether an espeak-ng can be loaded: the wheel of the extra `speech`, or the system's."""
    return bool(importlib.util.find_spec("espeakng_loader") or ctypes.util.find_library("espeak-ng"))


class Espeak:
    """Makes espeak voices; one a process.

    `choice.voice` is an espeak-ng voice name, or `+` and one of its variants for a voice of the language; without one
    the language decides.
    """

    def __init__(self) -> None:
        self._process = _Process()

    def speak(
        self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]
    ) -> EspeakVoice:
        return EspeakVoice(self._process, choice, audio, emit)

    async def aclose(self) -> None:
        """End the child process."""
        self._process.kill()


class EspeakVoice(PiecewiseVoice):
    """A piecewise voice that has the process warm before its first sentence."""

    def __init__(
        self, process: _Process, choice: VoiceChoice, audio: AudioFormat, emit: Callable[[VoiceFact], None]
    ) -> None:
        name = f"{choice.language}{choice.voice}" if choice.voice.startswith("+") else choice.voice or choice.language

        async def synthesise(text: str) -> Speech:
            job = Job(process.next_number(), text, name, choice.speed, audio)
            return await process.speak(job)

        super().__init__(synthesise, emit, mend=process.kill)
        self._process = process

    async def run(self) -> None:
        await self._process.start()
        await super().run()


class _Process:
    """The child process of the moment."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._starting = asyncio.Lock()
        self._child: _Child | None = None

    def next_number(self) -> int:
        return next(self._numbers)

    async def start(self) -> _Child:
        """Start the process unless it runs. Whether it can speak shows with the first job."""
        async with self._starting:
            if self._child is None or self._child.is_gone:
                source = str(Path(parley.__file__).parent.parent)
                path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH", ""))))
                _, self._child = await asyncio.get_running_loop().subprocess_exec(
                    _Child,
                    *(sys.executable, "-m", "parley.providers.text_to_speech.espeak_worker"),
                    stderr=asyncio.subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": path},
                )
            return self._child

    async def speak(self, job: Job) -> Speech:
        """Raises ProviderError with a short reason: `busy`, `timeout`, `voice_process_died` or `espeak_missing`."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                child = await self.start()
                return await child.speak(job)
        except TimeoutError:
            self.kill()
            raise ProviderError("espeak", "timeout", retryable=True) from None

    def kill(self) -> None:
        """End the process; jobs in work fail, and the next one starts another."""
        if self._child is not None:
            self._child.kill()
            self._child = None


class _Child(asyncio.SubprocessProtocol):
    """One child process and the jobs it owes an answer. Driven by callbacks: it needs no task of its own."""

    def __init__(self) -> None:
        self.is_gone = False
        self._jobs: dict[int, asyncio.Future[Speech]] = {}
        self._unread = bytearray()
        self._transport: asyncio.SubprocessTransport | None = None

    async def speak(self, job: Job) -> Speech:
        if len(self._jobs) >= _MOST_WAITING:
            raise ProviderError("espeak", "busy", retryable=False)
        pipe = self._transport.get_pipe_transport(0) if self._transport is not None else None
        if self.is_gone or pipe is None:
            raise ProviderError("espeak", "voice_process_died", retryable=True)
        answer: asyncio.Future[Speech] = asyncio.get_running_loop().create_future()
        self._jobs[job.number] = answer
        try:
            cast(asyncio.WriteTransport, pipe).write(framed(job))
            return await answer
        finally:
            del self._jobs[job.number]

    def kill(self) -> None:
        self._end("voice_process_died", retryable=True)
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._unread += data
        while len(self._unread) >= 4:
            size = int.from_bytes(self._unread[:4], "big")
            if len(self._unread) < 4 + size:
                return
            answer = msgspec.msgpack.decode(self._unread[4 : 4 + size], type=Answer)
            del self._unread[: 4 + size]
            waiting = self._jobs.get(answer.number)
            if waiting is not None and not waiting.done():
                waiting.set_result(Speech(answer.audio, answer.end_ms))

    def process_exited(self) -> None:
        if self.is_gone:
            return  # killed by us
        status = self._transport.get_returncode() if self._transport is not None else None
        log.warning("voice_process_died", provider="espeak", status=status)
        missing = status == NO_ESPEAK
        self._end("espeak_missing" if missing else "voice_process_died", retryable=not missing)

    def _end(self, reason: str, *, retryable: bool) -> None:
        self.is_gone = True
        for waiting in self._jobs.values():
            if not waiting.done():
                waiting.set_exception(ProviderError("espeak", reason, retryable=retryable))
