"""Deepgram on loopback: `/v1/listen`, `/v2/listen` and `/v1/projects`, as the real ones behave, with switches.

It hears the words marked in the audio (`parley.audio.watermark`), so what it transcribes is exactly what arrived; audio
without marks is taken for the next of `lines`. It refuses unknown keys, closes a stream that gets neither audio nor a
keep-alive for ten seconds, and honours the options of the query.
"""

from __future__ import annotations

import asyncio
import heapq
import http
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.emulators.deepgram_speech import BadQuery, FluxSpeech, Json, NovaSpeech, Speech

KEY = "deepgram-test-key"


@dataclass
class Behaviour:
    """Switches; may be changed while the emulator runs. `..._times` say for how many connections a switch holds."""

    latency_s: float = 0.0  # of every message
    final_latency_s: float = 0.0  # of messages that settle words, on top
    connect_delay_s: float = 0.0
    refuse_status: int | None = None
    reject_after_s: float | None = None  # accept, then close with 1011
    hang_after_bytes: int | None = None  # of audio; from then on nothing is answered
    cut_after_bytes: Sequence[int] = ()  # of audio, one for each connection from the first; the socket breaks
    garbage: bool = False  # before every message
    late_twin_s: float | None = None  # the end of speech is told again, so much later
    silent: bool = False
    silent_path: str = ""  # what begins so is answered no more, open streams included: one of the two services hangs
    turn_pause_ms: float = 300.0  # Flux only: quiet that ends a turn
    idle_s: float = 10.0
    times: int = 1_000_000
    """For how many connections refuse_status, connect_delay_s, reject_after_s, hang_after_bytes and silent hold."""

    def hangs(self, path: str) -> bool:
        return bool(self.silent_path) and path.startswith(self.silent_path)


@dataclass
class Stream:
    """What one connection asked for and brought."""

    path: str
    query: dict[str, str]
    authorization: str
    audio: bytearray = field(default_factory=bytearray)
    frames: int = 0
    controls: list[Json] = field(default_factory=list)
    close_code: int | None = None

    @property
    def keep_alives(self) -> int:
        return sum(message.get("type") == "KeepAlive" for message in self.controls)


class DeepgramEmulator:
    """`async with DeepgramEmulator() as vendor: vendor.url`."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        keys: Sequence[str] = (KEY,),
        lines: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.streams: list[Stream] = []
        self.handshakes = 0
        self._keys = tuple(keys)
        self._lines = iter(lines)
        self._address = (host, port)
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self._address[1]}"

    async def __aenter__(self) -> DeepgramEmulator:
        self._server = await serve(
            self._serve, *self._address, process_request=self._admit, compression=None, ping_interval=None
        )
        self._address = next(iter(self._server.sockets)).getsockname()[:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        for connection in self._server.connections:
            connection.transport.abort()
        self._server.close()
        await self._server.wait_closed()

    def cut_all(self) -> None:
        """Break every open socket without a word."""
        assert self._server is not None
        for connection in self._server.connections:
            connection.transport.abort()

    @property
    def _switched(self) -> bool:
        return self.handshakes <= self.behaviour.times

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes += 1
        if self._switched and self.behaviour.connect_delay_s:
            await asyncio.sleep(self.behaviour.connect_delay_s)
        if self._switched and self.behaviour.refuse_status is not None:
            return _refusal(connection, self.behaviour.refuse_status, "REFUSED")
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("token", "bearer") or key not in self._keys:
            return _refusal(connection, 401, "INVALID_AUTH")
        if request.path == "/v1/projects":
            return connection.respond(http.HTTPStatus.OK, json.dumps({"projects": [{"project_id": "p", "name": "P"}]}))
        try:
            self._speech(request.path)
        except BadQuery:
            return _refusal(connection, 400, "Bad Request")
        return None

    def _speech(self, target: str) -> Speech:
        path, query = _split(target)
        if path == "/v2/listen":
            return FluxSpeech(query, self._lines, self.behaviour.turn_pause_ms)
        if path == "/v1/listen":
            return NovaSpeech(query, self._lines, self.behaviour.late_twin_s is not None)
        raise BadQuery("no such path")

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        path, query = _split(connection.request.path)
        stream = Stream(path, query, connection.request.headers["Authorization"])
        cuts = self.behaviour.cut_after_bytes
        cut_at = cuts[len(self.streams)] if len(self.streams) < len(cuts) else None
        self.streams.append(stream)
        mouth = _Mouth(connection, self.behaviour, is_deaf=self._switched and self.behaviour.silent)
        session = _Session(connection, stream, self._speech(connection.request.path), mouth, cut_at)
        try:
            async with asyncio.TaskGroup() as tasks:
                speaking = tasks.create_task(mouth.run())
                try:
                    if self._switched and self.behaviour.reject_after_s is not None:
                        await asyncio.sleep(self.behaviour.reject_after_s)
                        await connection.close(1011, "NET-0000")
                    else:
                        await session.run(self.behaviour, can_hang=self._switched)
                finally:
                    speaking.cancel()
        except* ConnectionClosed:
            pass
        stream.close_code = connection.close_code


class _Session:
    """One connection's incoming side."""

    def __init__(
        self, connection: ServerConnection, stream: Stream, speech: Speech, mouth: _Mouth, cut_at: int | None
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._speech = speech
        self._mouth = mouth
        self._cut_at = cut_at

    async def run(self, behaviour: Behaviour, *, can_hang: bool) -> None:
        self._mouth.is_deaf |= behaviour.hangs(self._stream.path)
        self._mouth.say(self._speech.greet())
        while True:
            try:
                async with asyncio.timeout(behaviour.idle_s):
                    message = await self._connection.recv()
            except TimeoutError:
                await self._connection.close(1011, "NET-0001")
                return
            if isinstance(message, bytes):
                self._hear(message)
            elif await self._is_farewell(json.loads(message)):
                return
            self._mouth.is_deaf |= behaviour.hangs(self._stream.path)
            if can_hang and behaviour.hang_after_bytes is not None:
                self._mouth.is_deaf |= len(self._stream.audio) >= behaviour.hang_after_bytes

    def _hear(self, audio: bytes) -> None:
        room = len(audio) if self._cut_at is None else max(self._cut_at - len(self._stream.audio), 0)
        audio = audio[:room]
        self._stream.audio += audio
        self._stream.frames += 1
        self._mouth.say(self._speech.hear(audio))
        if self._cut_at is not None and len(self._stream.audio) >= self._cut_at:
            self._connection.transport.abort()

    async def _is_farewell(self, message: Json) -> bool:
        self._stream.controls.append(message)
        if message.get("type") != "CloseStream":
            self._mouth.say(self._speech.control(message))
            return False
        self._mouth.say(self._speech.farewell())
        await self._mouth.finish()
        await self._connection.close(1000)
        return True


class _Mouth:
    """One connection's outgoing side: sends at once, or in its own time when there is a latency."""

    def __init__(self, connection: ServerConnection, behaviour: Behaviour, *, is_deaf: bool) -> None:
        self.is_deaf = is_deaf
        self._connection = connection
        self._behaviour = behaviour
        self._due: list[tuple[float, int, str]] = []
        self._said = 0
        self._wake = asyncio.Event()
        self._all_said = asyncio.Event()
        self._now = asyncio.get_running_loop().time

    def say(self, messages: list[Json]) -> None:
        if self.is_deaf or not messages:
            return
        for index, message in enumerate(messages):
            delay_s = self._behaviour.latency_s
            if message.get("is_final") or message.get("event") == "EndOfTurn":
                delay_s += self._behaviour.final_latency_s
            if self._behaviour.late_twin_s and index and message.get("speech_final"):
                delay_s += self._behaviour.late_twin_s
            self._said += 1
            heapq.heappush(self._due, (self._now() + delay_s, self._said, json.dumps(message)))
        self._all_said.clear()
        self._wake.set()

    async def run(self) -> None:
        while True:
            wait_s = self._due[0][0] - self._now() if self._due else None
            if wait_s is not None and wait_s <= 0:
                _, _, text = heapq.heappop(self._due)
                if self._behaviour.garbage:
                    await self._connection.send('{"type": "Results", "channel": [unfinished')
                    await self._connection.send(b"\x00\xff not text")
                await self._connection.send(text)
                if not self._due:
                    self._all_said.set()
                continue
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def finish(self) -> None:
        """Wait until everything was said."""
        if self._due:
            await self._all_said.wait()


def _split(target: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(target)
    return parts.path, dict(parse_qsl(parts.query))


def _refusal(connection: ServerConnection, status: int, code: str) -> Response:
    body = json.dumps({"err_code": code, "err_msg": http.HTTPStatus(status).phrase, "request_id": ""})
    return connection.respond(http.HTTPStatus(status), body)
