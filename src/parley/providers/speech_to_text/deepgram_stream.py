"""One live socket to Deepgram: sends the tape, reads messages, notices when nobody answers any more.

Built on `websockets` itself rather than the SDK's `connect`, which gives no hold on deadlines, pings or the TLS
context, and whose errors carry the request's headers, key included. The messages we send are the SDK's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.protocol import State

from parley.audio.formats import AudioFormat
from parley.audio.voice_activity import VoiceActivity
from parley.domain.secrets import Secret
from parley.providers.speech_to_text.audio_tape import AudioTape

_SEND_PIECE_BYTES = 4000
_SEND_BUFFER_BYTES = 65_536  # beyond it audio waits on the tape; a link that never drains is stalled
_PING_EVERY_S = 5.0
_CLOSE_WITHIN_S = 0.5

# At its debug level the library logs every header it sends, the key among them.
_quiet = logging.getLogger("parley.speech_to_text.wire")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
_quiet.disabled = True


class Lost(Exception):
    """The stream is gone. `reason` is a short code; `is_final` means that trying again cannot help."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class Endpoint(msgspec.Struct, frozen=True):
    """Where and how to open a stream. `keep_alive` and `farewell` are the protocol's own messages.

    An empty `keep_alive` means that the protocol has none and silence must be sent instead.
    """

    url: str
    key: Secret
    tls: SSLContext | None
    audio: AudioFormat
    keep_alive: str
    farewell: str


@asynccontextmanager
async def open_stream(endpoint: Endpoint, tape: AudioTape, position: int) -> AsyncIterator[DeepgramStream]:
    """Connect and start sending `tape` from `position`. Raises Lost; cancel it to impose a deadline."""
    try:
        socket = await connect(
            endpoint.url,
            additional_headers={"Authorization": f"Token {endpoint.key.reveal()}"},
            ssl=endpoint.tls,
            compression=None,
            open_timeout=None,
            close_timeout=_CLOSE_WITHIN_S,
            ping_interval=_PING_EVERY_S,
            ping_timeout=_PING_EVERY_S,
            logger=_quiet,
        )
    except InvalidStatus as refusal:
        raise _refused(refusal.response.status_code) from None
    except InvalidURI:
        raise Lost("bad_address", is_final=True) from None
    except (InvalidHandshake, ConnectionClosed, OSError, EOFError):
        raise Lost("unreachable") from None
    try:
        yield DeepgramStream(endpoint, socket, tape, position)
    except BaseException:  # nobody is left to say goodbye to, or no time
        socket.transport.abort()
        raise
    await socket.close()


def _refused(status: int) -> Lost:
    if status in (401, 403):
        return Lost("bad_credentials", is_final=True)
    if status == 402:
        return Lost("out_of_credit", is_final=True)
    if status == 429:
        return Lost("rate_limited")
    return Lost("refused", is_final=True) if 400 <= status < 500 else Lost("provider_error")


class DeepgramStream:
    """An open stream. It queues nothing: `send` hands the socket what is new on the tape, at once."""

    def __init__(self, endpoint: Endpoint, socket: ClientConnection, tape: AudioTape, position: int) -> None:
        self._endpoint = endpoint
        self._socket = socket
        self._tape = tape
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._opened_at = self._sent_at = self._now()
        self._unanswered = _Unanswered(endpoint.audio, position, self._sent_at)
        self.sent = position
        """Position up to which the tape was sent."""

    async def receive(self) -> str | bytes:
        """The next message. Raises Lost when the socket ends; may be cancelled without losing anything."""
        try:
            return await self._socket.recv()
        except ConnectionClosed:
            raise Lost("connection_lost") from None

    def answered(self) -> None:
        """A message came that makes sense: the other side hears."""
        self._unanswered.answered(self.sent, self._now())

    def send(self) -> None:
        """Send what is new on the tape, as far as the socket takes it; the rest waits there."""
        if self._socket.state is not State.OPEN:
            return
        while self.sent < self._tape.end and self._socket.transport.get_write_buffer_size() < _SEND_BUFFER_BYTES:
            self.sent = max(self.sent, self._tape.start)
            piece = self._tape.read(self.sent, _SEND_PIECE_BYTES)
            self._socket.protocol.send_binary(piece)
            self._socket.send_data()
            self.sent += len(piece)
            self._sent_at = self._now()

    def keep_alive(self, quiet_s: float) -> int:
        """If nothing was sent for `quiet_s`, send what keeps the stream open; how many bytes of silence that was."""
        if self._now() - self._sent_at < quiet_s or self._socket.state is not State.OPEN:
            return 0
        self._sent_at = self._now()
        if self._endpoint.keep_alive:
            self._write_text(self._endpoint.keep_alive)
            return 0
        silence = self._endpoint.audio.silence_byte * self._endpoint.audio.bytes_in(20)
        self._socket.protocol.send_binary(silence)
        self._socket.send_data()
        return len(silence)

    def unanswered_voice_ms(self, overdue_s: float) -> float:
        """How much voice was sent since the last message came; 0 until that is `overdue_s` ago."""
        return self._unanswered.voice_ms(self._tape, self.sent) if self.silent_s >= overdue_s else 0.0

    @property
    def open_s(self) -> float:
        """For how long the stream has been open."""
        return self._now() - self._opened_at

    @property
    def silent_s(self) -> float:
        """For how long no message has come."""
        return self._now() - self._unanswered.since

    def farewell(self) -> None:
        """Tell the other side that no more audio will come."""
        if self._socket.state is State.OPEN:
            self._write_text(self._endpoint.farewell)

    def _write_text(self, text: str) -> None:
        self._socket.protocol.send_text(text.encode())
        self._socket.send_data()


class _Unanswered:
    """Measures the voice that was sent and not reacted to. Looks at the audio only when an answer is overdue."""

    def __init__(self, audio: AudioFormat, position: int, now: float) -> None:
        self._audio = audio
        self._looked_to = position
        self._voice_ms = 0.0
        self._activity: VoiceActivity | None = None
        self.since = now

    def answered(self, sent: int, now: float) -> None:
        self.since = now
        self._looked_to = sent
        self._voice_ms = 0.0
        self._activity = None

    def voice_ms(self, tape: AudioTape, sent: int) -> float:
        activity = self._activity = self._activity or VoiceActivity(self._audio)
        frame = self._audio.bytes_in(20)
        audio = tape.read(self._looked_to, sent - self._looked_to)
        for at in range(0, len(audio), frame):
            activity.feed(audio[at : at + frame])
            if activity.is_voice:
                self._voice_ms += 20.0
        self._looked_to = sent
        return self._voice_ms
