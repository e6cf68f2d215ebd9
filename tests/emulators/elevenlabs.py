"""ElevenLabs on loopback: `multi-stream-input` and `stream/with-timestamps`, as the real ones behave, with switches.

It speaks marked audio (`parley.audio.watermark`), so that whoever hears it knows exactly which words arrived. Behaviour
that users of the real service found out the hard way is on by default: at most five contexts a socket, `isFinal` only
after `close_context`, a context closed before it began to speak is dropped without a sound, one that was flushed
speaks on after being closed, and what is idle for 20 seconds is closed.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.emulators.elevenlabs_speech import chunks

MOST_CONTEXTS = 5


@dataclass
class Behaviour:
    """Switches; may be changed while the emulator runs. Counters named `..._times` count down to normal behaviour."""

    first_audio_s: float = 0.15
    speed: float = 0.0  # 1.0 sends chunks in real time, 4.0 four times as fast, 0.0 all at once
    chunk_ms: int = 200
    snake_case: bool = False
    aligned: bool = True
    sends_final: bool = True
    garbage: bool = False  # before every message
    silent_times: int = 0  # so many contexts get no audio
    stall_after: int | None = None  # chunks of a context, then nothing more
    cut_after: int | None = None  # chunks on a socket, then the connection breaks
    cut_times: int = 1_000_000
    late_chunks: int = 0  # sent for a context after it was closed
    drops_if_closed_early: bool = True
    refuse_status: int | None = None  # of the websocket handshake
    refuse_times: int = 1_000_000
    refuse_body: str = '{"detail": {"status": "refused", "message": "No."}}'
    accept_delay_s: float = 0.0
    error: dict[str, Any] | None = None  # told at the first text, then the socket is closed with 1008
    http_status: int = 200
    http_silent: bool = False
    idle_s: float = 20.0


@dataclass
class HttpRequest:
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Context:
    name: str
    pending: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    buffer: str = ""
    flushed: bool = False
    closed: bool = False
    has_spoken: bool = False
    task: asyncio.Task[None] | None = None


class ElevenLabsEmulator:
    """`async with ElevenLabsEmulator() as vendor: vendor.url`."""

    def __init__(self, behaviour: Behaviour | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.behaviour = behaviour or Behaviour()
        self.sockets: list[EmulatedSocket] = []
        self.http_requests: list[HttpRequest] = []
        self.handshakes = 0
        self._address = (host, port)
        self._server: asyncio.Server | None = None
        self._live: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ElevenLabsEmulator:
        self._server = await asyncio.start_server(self._connected, *self._address)
        self._address = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._live):
            task.cancel()
        await asyncio.gather(*self._live, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self._address[1]}"

    @property
    def texts(self) -> list[str]:
        """Every text it was asked to speak over websockets, in order."""
        return [m["text"] for socket in self.sockets for m in socket.messages if m.get("text", "").strip()]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._live.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the peer left
        finally:
            self._live.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            await self._upgrade(head, reader, writer)
        else:
            await self._speak_over_http(head, reader, writer)

    async def _upgrade(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behaviour = self.behaviour
        self.handshakes += 1
        protocol = ServerProtocol()
        protocol.receive_data(head)
        request = protocol.events_received()[0]
        assert isinstance(request, Request)
        await asyncio.sleep(behaviour.accept_delay_s)
        if behaviour.refuse_status is not None and behaviour.refuse_times > 0:
            behaviour.refuse_times -= 1
            answer = protocol.reject(behaviour.refuse_status, behaviour.refuse_body)
        elif request.path == "/v1/voices":
            answer = protocol.reject(
                behaviour.http_status, behaviour.refuse_body if behaviour.http_status != 200 else "{}"
            )
        elif "/multi-stream-input" not in request.path:
            answer = protocol.reject(404, "not found")
        else:
            answer = protocol.accept(request)
        protocol.send_response(answer)
        writer.writelines(protocol.data_to_send())
        if answer.status_code == 101:
            socket = EmulatedSocket(self, protocol, writer, request)
            self.sockets.append(socket)
            await socket.serve(reader)

    async def _speak_over_http(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = head.decode("latin-1").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        url = urlsplit(lines[0].split()[1])
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.http_requests.append(HttpRequest(url.path, query, headers, body))
        if self.behaviour.http_status != 200:
            text = self.behaviour.refuse_body
            writer.write(f"HTTP/1.1 {self.behaviour.http_status} No\r\ncontent-type: application/json\r\n".encode())
            writer.write(f"content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}".encode())
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n")
        await asyncio.sleep(60.0 if self.behaviour.http_silent else self.behaviour.first_audio_s)
        for chunk in chunks(body["text"], self.behaviour.chunk_ms, query["output_format"]):
            writer.write(chunk.as_line().encode() + b"\n\n")
            await writer.drain()


class EmulatedSocket:
    """One websocket and its contexts."""

    def __init__(
        self, vendor: ElevenLabsEmulator, protocol: ServerProtocol, writer: asyncio.StreamWriter, request: Request
    ) -> None:
        url = urlsplit(request.path)
        self.path = url.path
        self.query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.headers = {key.lower(): value for key, value in request.headers.raw_items()}
        self.messages: list[dict[str, Any]] = []
        self.contexts: dict[str, Context] = {}
        self.most_contexts = 0
        self._vendor = vendor
        self._protocol = protocol
        self._writer = writer
        self._chunks_sent = 0

    @property
    def _behaviour(self) -> Behaviour:
        return self._vendor.behaviour  # may be replaced while the socket lives

    async def serve(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(self._behaviour.idle_s):
                        data = await reader.read(65536)
                except TimeoutError:
                    self.close(1008, "Have not received a new text input within the timeout of 20 seconds.")
                    continue
                if not data:
                    return
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                        self._read(json.loads(bytes(event.data)))
                self._write_out()
                if self._protocol.close_expected():
                    return
        finally:
            for context in self.contexts.values():
                if context.task is not None:
                    context.task.cancel()

    def close(self, code: int, reason: str = "") -> None:
        if self._protocol.state.name == "OPEN":
            self._protocol.send_close(code, reason[:120])
            self._write_out()

    def cut(self) -> None:
        """Break the connection without a word."""
        self._writer.transport.abort()

    # ------------------------------------------------------------ what the client says

    def _read(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        if message.get("close_socket"):
            self.close(1000)
            return
        name = message.get("context_id") or message.get("contextId") or "default"
        context = self.contexts.get(name)
        if message.get("close_context"):
            if context is not None:
                self._close_context(context)
            return
        if context is None:
            context = self._open_context(name)
            if context is None:
                return
        elif message.get("voice_settings"):
            self.close(1008, "voice settings can only be set in the first message of a context")
            return
        self._take_text(context, message)

    def _open_context(self, name: str) -> Context | None:
        if len(self.contexts) >= MOST_CONTEXTS:
            text = "Maximum simultaneous contexts per WebSocket connection exceeded (5)."
            self._send(json.dumps({"message": text, "error": "max_active_conversations", "code": 1008}))
            self.close(1008, text)
            return None
        context = self.contexts[name] = Context(name)
        self.most_contexts = max(self.most_contexts, len(self.contexts))
        return context

    def _take_text(self, context: Context, message: dict[str, Any]) -> None:
        text = message.get("text") or ""
        if text.strip() and self._behaviour.error is not None:
            self._send(json.dumps(self._behaviour.error))
            self.close(1008, str(self._behaviour.error.get("message", "")))
            return
        context.buffer += text
        flush = bool(message.get("flush"))
        context.flushed = context.flushed or flush
        due = flush or self.query.get("auto_mode") == "true" or len(context.buffer) >= 120
        if due and context.buffer.strip():
            context.pending.put_nowait(context.buffer.strip())
            context.buffer = ""
            if context.task is None:
                context.task = asyncio.get_running_loop().create_task(self._speak(context))

    def _close_context(self, context: Context) -> None:
        context.closed = True
        speaks_on = context.flushed and (context.has_spoken or not self._behaviour.drops_if_closed_early)
        context.pending.put_nowait(None)
        if context.task is None or not (speaks_on or self._behaviour.late_chunks):
            self._end(context)

    # ------------------------------------------------------------ what it says

    async def _speak(self, context: Context) -> None:
        behaviour = self._behaviour
        await asyncio.sleep(behaviour.first_audio_s)
        if behaviour.silent_times > 0:
            behaviour.silent_times -= 1
            return
        spoken = late = 0
        while (text := await context.pending.get()) is not None:
            for chunk in chunks(text, behaviour.chunk_ms, self.query.get("output_format", "ulaw_8000")):
                if context.closed and not context.flushed:
                    late += 1
                    if late > behaviour.late_chunks:
                        self._end(context)
                        return
                if behaviour.stall_after is not None and spoken >= behaviour.stall_after:
                    return
                context.has_spoken = True
                self._send(
                    chunk.as_message(context.name, snake_case=behaviour.snake_case, aligned=self._sends_alignment)
                )
                spoken += 1
                self._chunks_sent += 1
                if self._chunks_sent == behaviour.cut_after and behaviour.cut_times > 0:
                    behaviour.cut_times -= 1
                    self.cut()
                    return
                await asyncio.sleep(chunk.duration_s / behaviour.speed if behaviour.speed else 0)
        self._end(context)

    @property
    def _sends_alignment(self) -> bool:
        return self._behaviour.aligned and self.query.get("sync_alignment") == "true"

    def _end(self, context: Context) -> None:
        if self.contexts.pop(context.name, None) is None:
            return
        if context.task is not None and context.task is not asyncio.current_task():
            context.task.cancel()
        if self._behaviour.sends_final:
            names = ("is_final", "context_id") if self._behaviour.snake_case else ("isFinal", "contextId")
            self._send(json.dumps({names[0]: True, names[1]: context.name}))

    def _send(self, text: str) -> None:
        if self._protocol.state.name != "OPEN" or self._writer.is_closing():
            return
        if self._behaviour.garbage:
            for garbage in (b"{", b"[]", b"\xff\xfe", b'{"audio": "%%%", "contextId": 7}'):
                self._protocol.send_text(garbage) if garbage[0] != 0xFF else self._protocol.send_binary(garbage)
        self._protocol.send_text(text.encode())
        self._write_out()

    def _write_out(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._writer.write(data)
            elif self._writer.can_write_eof() and not self._writer.is_closing():
                self._writer.write_eof()
