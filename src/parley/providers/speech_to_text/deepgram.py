"""Deepgram as a recogniser: the Nova models over `/v1/listen`, the Flux models over `/v2/listen`.

The carrier's audio goes out as it came, each frame in the turn of the event loop that brought it: no task, no queue, no
transcoding. What is kept is a tape of what the recogniser has not settled yet; when a stream breaks or falls dumb, the
next one starts from there, so that no word is lost and none comes twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import TypeVar

import msgspec
import structlog

from parley.audio.formats import AudioFormat
from parley.conversation.facts import Part, PartFailed, PartLost, PartRestored
from parley.domain.agents import ListenChoice
from parley.domain.secrets import Secret
from parley.providers.protocols import HearingFact
from parley.providers.speech_to_text.audio_tape import AudioTape
from parley.providers.speech_to_text.deepgram_stream import DeepgramStream, Endpoint, Lost, open_stream
from parley.providers.speech_to_text.deepgram_transcript import FluxTranscript, NovaTranscript, Transcript
from parley.providers.speech_to_text.deepgram_wire import (
    Connected,
    Fault,
    is_flux,
    listen_url,
    read_message,
    socket_base,
)
from parley.providers.speech_to_text.mending import Mending
from parley.providers.tls import socket_trust

_log = structlog.get_logger()
_PART: Part = "speech_to_text"
_NOVA_TAPE_S = 15  # Nova settles its words every few seconds
_FLUX_TAPE_S = 30  # Flux settles a turn at its end
_T = TypeVar("_T")


class Patience(msgspec.Struct, frozen=True):
    """How long to wait for what.

    A stream is dumb when `dumb_voice_ms` of voice were sent and no message came for `dumb_after_s`. It counts as
    working again with its first message, or after `proven_after_s` if there was no voice to answer. `farewell_s` is for
    a clean close at the end of a call.
    """

    look_every_s: float = 0.25
    connect_s: float = 2.0
    keep_alive_s: float = 4.0
    dumb_after_s: float = 2.5
    dumb_voice_ms: float = 600.0
    proven_after_s: float = 1.0
    give_up_s: float = 12.0
    farewell_s: float = 0.5


class DeepgramSpeechToText:
    """Makes hearings at one Deepgram host; each brings its own key.

    Make one a process, at its start: it loads the SDK's messages and a TLS context, some 100 ms. Raises
    ConfigurationError for an unusable `base_url`.
    """

    def __init__(self, base_url: str = "https://api.deepgram.com", patience: Patience | None = None) -> None:
        from deepgram.listen.v1.types import ListenV1CloseStream, ListenV1KeepAlive
        from deepgram.listen.v2.types import ListenV2CloseStream

        self._base_url = base_url
        self._patience = patience or Patience()
        self._tls = socket_trust() if socket_base(base_url).startswith("wss:") else None
        self._keep_alive = ListenV1KeepAlive(type="KeepAlive").json()
        self._nova_farewell = ListenV1CloseStream(type="CloseStream").json()
        self._flux_farewell = ListenV2CloseStream(type="CloseStream").json()

    def listen(
        self, choice: ListenChoice, audio: AudioFormat, key: Secret, emit: Callable[[HearingFact], None]
    ) -> DeepgramHearing:
        """A hearing for one call; nothing is sent before its `run`."""
        url = listen_url(self._base_url, choice, audio)
        if is_flux(choice):
            endpoint = Endpoint(url, key, self._tls, audio, keep_alive="", farewell=self._flux_farewell)
            return DeepgramHearing(endpoint, FluxTranscript(audio), _FLUX_TAPE_S, self._patience, emit)
        endpoint = Endpoint(url, key, self._tls, audio, keep_alive=self._keep_alive, farewell=self._nova_farewell)
        return DeepgramHearing(endpoint, NovaTranscript(audio), _NOVA_TAPE_S, self._patience, emit)


class DeepgramHearing:
    """One call's recogniser, over as many streams as it takes."""

    def __init__(
        self,
        endpoint: Endpoint,
        transcript: Transcript,
        tape_s: int,
        patience: Patience,
        emit: Callable[[HearingFact], None],
    ) -> None:
        self._endpoint = endpoint
        self._transcript = transcript
        self._patience = patience
        self._emit = emit
        self._tape = AudioTape(tape_s * endpoint.audio.bytes_per_second)
        self._mending = Mending(patience.give_up_s)
        self._stream: DeepgramStream | None = None
        self._waiting: asyncio.Timeout | None = None
        self._closed = asyncio.Event()
        self._answered_at = float("-inf")

    @property
    def settled(self) -> int:
        return self._transcript.settled

    @property
    def answered_at(self) -> float:
        return self._answered_at

    def hear(self, audio: bytes) -> None:
        self._tape.append(audio)
        if self._stream is not None:
            self._stream.send()

    def close(self) -> None:
        self._closed.set()
        # A wait whose time has just come ends by itself, and must not be changed any more.
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(0.0)

    async def run(self) -> None:
        while not self._closed.is_set():
            try:
                await self._listen()
            except Lost as lost:
                delay_s = None if self._closed.is_set() else self._lost(lost)
                if delay_s is None:
                    return
                await self._within(delay_s, self._closed.wait())

    async def _listen(self) -> None:
        """One stream, from its opening until `close`. Raises Lost."""
        position = max(self._transcript.settled, self._tape.start)
        async with AsyncExitStack() as opened:
            opening = opened.enter_async_context(open_stream(self._endpoint, self._tape, position))
            stream = await self._within(self._patience.connect_s, opening)
            if stream is None:
                if self._closed.is_set():
                    return
                raise Lost("connect_timeout")
            self._transcript.begin(position)
            self._stream = stream
            try:
                stream.send()
                await self._follow(stream)
            finally:
                self._stream = None

    async def _follow(self, stream: DeepgramStream) -> None:
        while not self._closed.is_set():
            data = await self._within(self._patience.look_every_s, stream.receive())
            if data is not None and not self._closed.is_set():
                self._read(data, stream)
            self._look_after(stream)
        await self._part(stream)

    async def _part(self, stream: DeepgramStream) -> None:
        """Let the other side finish and close; what it still says is for nobody."""
        stream.farewell()
        with suppress(Lost, TimeoutError):
            async with asyncio.timeout(self._patience.farewell_s):
                while True:
                    await stream.receive()

    def _read(self, data: str | bytes, stream: DeepgramStream) -> None:
        message = read_message(data)
        if isinstance(message, Fault):
            _log.warning("recogniser_fault", code=message.code or message.variant)
            return
        if message is None:
            return
        stream.answered()
        if not isinstance(message, Connected):  # a greeting says nothing about the audio
            self._answered_at = _now()
        self._works()
        self._tell(self._transcript.read(message, stream.sent))
        self._tape.forget(self._transcript.settled)

    def _look_after(self, stream: DeepgramStream) -> None:
        self._transcript.insert(stream.keep_alive(self._patience.keep_alive_s))
        stream.send()
        voice_ms = stream.unanswered_voice_ms(self._patience.proven_after_s)
        if voice_ms >= self._patience.dumb_voice_ms:
            if stream.silent_s >= self._patience.dumb_after_s:
                raise Lost("stalled")
        elif stream.open_s >= self._patience.proven_after_s:
            self._works()
            if voice_ms == 0:
                self._tell(self._transcript.nobody_spoke())

    def _tell(self, facts: list[HearingFact]) -> None:
        for fact in facts:
            self._emit(fact)

    def _works(self) -> None:
        if self._mending.is_lost:
            _log.info("recogniser_restored", after_s=round(self._mending.mended(_now()), 2))
            self._emit(PartRestored(_PART))

    def _lost(self, lost: Lost) -> float | None:
        """Tell of it; how long to wait before trying again, or None to give up."""
        if not self._mending.is_lost and not lost.is_final:
            _log.warning("recogniser_lost", reason=lost.reason)
            self._emit(PartLost(_PART, lost.reason))
        delay_s = None if lost.is_final else self._mending.failed(_now())
        if delay_s is None:
            _log.error("recogniser_failed", reason=lost.reason)
            self._emit(PartFailed(_PART, lost.reason))
        return delay_s

    async def _within(self, limit_s: float, waited_for: Awaitable[_T]) -> _T | None:
        """The result, or None when it took too long or `close` was called."""
        try:
            async with asyncio.timeout(limit_s) as self._waiting:
                return await waited_for
        except TimeoutError:
            return None
        finally:
            self._waiting = None


def _now() -> float:
    return asyncio.get_running_loop().time()
