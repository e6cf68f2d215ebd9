"""ElevenLabs as the voice of a call: one warm websocket a call, one context an utterance.

The socket opens while the phone is still ringing and is kept alive between replies, so that a sentence costs one
message. Cancelling an utterance closes its context; whatever still arrives of it is dropped. When the socket dies, what
it owed is said again on the next one from the first word whose audio had not come; when it stays silent, the rest is
asked for over HTTP. Protocol state lives in `elevenlabs_contexts`; this module owns the socket and the clock.

The vendor's SDK has no asynchronous client for this websocket, hence our own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from parley.audio.formats import AudioFormat
from parley.conversation.facts import PartFailed
from parley.domain.agents import VoiceChoice
from parley.domain.secrets import Secret
from parley.providers.protocols import UtteranceFailed, VoiceFact
from parley.providers.text_to_speech import elevenlabs_wire as wire
from parley.providers.text_to_speech.elevenlabs_contexts import Contexts, Utterance
from parley.providers.text_to_speech.elevenlabs_http import HttpSpeech
from parley.providers.text_to_speech.lifeline import Lifeline
from parley.providers.tls import socket_trust

log = structlog.get_logger()

_CONNECT_DEADLINE_S = 2.0
_KEEP_ALIVE_EVERY_S = 8.0  # it closes what was idle for 20 s
_LOOK_AGAIN_S = 0.25
_ALIVE_S = 1.0  # a socket that said something this recently, or has stayed open this long, works
_SILENT_AFTER_RETRY_S = 0.7  # then HTTP takes over: a retry has to be heard within three seconds of the failure
_LARGEST_MESSAGE = 4 * 1024 * 1024

_quiet = logging.getLogger("parley.elevenlabs.socket")
_quiet.setLevel(logging.WARNING)  # At DEBUG the websocket library would log every message, words and key included.


class ElevenLabs:
    """Makes voices. One a process, made at start-up: it holds the TLS settings and the HTTP client they share."""

    def __init__(self, base_url: str = wire.DEFAULT_BASE_URL) -> None:
        """`base_url` may be http(s) or ws(s), with or without `/v1`. Raises BadInput if it is neither."""
        self._base_url = wire.plain_base_url(base_url)
        self._http = HttpSpeech(self._base_url)
        self._tls = socket_trust() if self._base_url.startswith("https") else None

    def speak(
        self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]
    ) -> ElevenLabsVoice:
        """A voice for one call. Raises BadInput if ElevenLabs cannot make `audio`."""
        request = wire.speech_request(self._base_url, key, choice, audio)
        return ElevenLabsVoice(request, Contexts(request.voice_settings, audio.bytes_per_second), self, emit)

    async def open_socket(self, request: wire.SpeechRequest) -> ClientConnection:
        """Raises what websockets.connect raises. The caller sets the deadline."""
        return await connect(
            request.socket_url,
            additional_headers={"xi-api-key": request.key.reveal()} if request.key else None,
            ssl=self._tls,
            compression=None,  # base64 of speech does not shrink enough to be worth the time
            max_size=_LARGEST_MESSAGE,
            open_timeout=None,
            close_timeout=0.5,
            logger=_quiet,
        )

    @property
    def http(self) -> HttpSpeech:
        return self._http

    async def aclose(self) -> None:
        await self._http.aclose()


class ElevenLabsVoice:
    """One call's voice; see `parley.providers.protocols.Voice`.

    After `retry`, what was already emitted with alignment is not said again: the rest is, so that the characters told
    still add up to the text.
    """

    def __init__(
        self,
        request: wire.SpeechRequest,
        contexts: Contexts,
        provider: ElevenLabs,
        emit: Callable[[VoiceFact], None],
    ) -> None:
        self._request = request
        self._contexts = contexts
        self._provider = provider
        self._emit = emit
        self._lifeline = Lifeline("text_to_speech", emit)
        self._wake = asyncio.Event()  # something is due, or the end was asked for
        self._closed = asyncio.Event()
        self._connecting: asyncio.Timeout | None = None
        self._socket: ClientConnection | None = None
        self._fallbacks: asyncio.TaskGroup | None = None

    # ------------------------------------------------------------ what the call asks for

    def say(self, utterance: int, text: str) -> None:
        self._tell_later(self._contexts.say(utterance, text))

    def finish(self, utterance: int) -> None:
        self._tell_later(self._contexts.finish(utterance))

    def cancel(self, utterance: int) -> None:
        self._contexts.cancel(utterance)
        self._wake.set()

    def retry(self, utterance: int) -> None:
        """Drop a socket that was silent of late; if the next is silent too, and at a second retry, HTTP speaks."""
        state = self._contexts.get(utterance)
        if state is None or state.socketless or self._fallbacks is None or self._closed.is_set():
            return
        first = state.retries == 0
        state.retries += 1
        self._contexts.repeat(utterance)
        if self._socket is not None and self._lifeline.silent_s(_now()) > _ALIVE_S:
            self._socket.transport.abort()
        self._wake.set()
        self._fallbacks.create_task(self._speak_over_http(utterance, _SILENT_AFTER_RETRY_S if first else 0.0))

    def close(self) -> None:
        self._closed.set()
        self._wake.set()
        # A wait whose time has just come ends by itself, and must not be changed any more.
        if self._connecting is not None and not self._connecting.expired():
            self._connecting.reschedule(_now())

    # ------------------------------------------------------------ the socket

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._fallbacks:
            while not self._closed.is_set():
                refusal = await self._connect_and_serve()
                self._tell(self._contexts.disconnected())
                if self._closed.is_set():
                    return
                if not refusal.retryable:
                    log.warning("voice_refused", provider="elevenlabs", reason=refusal.reason)
                    self._tell(self._contexts.refuse(refusal))
                    self._emit(PartFailed("text_to_speech", refusal.reason))
                    return
                pause_s = self._lifeline.lost(refusal.reason)
                if pause_s:
                    self._hand_over_to_http()
                    await _until(self._closed, pause_s)

    async def _connect_and_serve(self) -> wire.Refusal:
        """One socket's whole life; returns why it ended."""
        try:
            async with asyncio.timeout(_CONNECT_DEADLINE_S) as self._connecting:
                self._socket = await self._provider.open_socket(self._request)
        except InvalidStatus as error:
            return wire.refusal_of_status(error.response.status_code, bytes(error.response.body or b""))
        except TimeoutError:
            return wire.Refusal("timeout", retryable=True)
        except (OSError, InvalidHandshake, EOFError):
            return wire.Refusal("unreachable", retryable=True)
        finally:
            self._connecting = None
        self._contexts.refusal = None
        try:
            return await self._serve(self._socket)
        finally:
            self._socket = None

    async def _serve(self, socket: ClientConnection) -> wire.Refusal:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write(socket))
            try:
                async for raw in socket:
                    now = _now()
                    self._tell(self._contexts.received(raw, now))
                    self._lifeline.proven(now)
                    if self._contexts.has_news:
                        self._wake.set()
                    refusal = self._contexts.refusal
                    if refusal is not None and not refusal.retryable:
                        return refusal
            except ConnectionClosed:
                pass  # why is asked of the socket below
            finally:
                writer.cancel()
                socket.transport.abort()
        told = wire.refusal_in(socket.close_reason or "")
        return self._contexts.refusal or told or wire.Refusal(f"closed_{socket.close_code}", retryable=True)

    async def _write(self, socket: ClientConnection) -> None:
        opened_at = sent_at = _now()
        try:
            while not self._closed.is_set():
                self._wake.clear()
                for message in self._contexts.due(_now()):
                    sent_at = _now()
                    await socket.send(message)
                if _now() - sent_at >= _KEEP_ALIVE_EVERY_S:
                    sent_at = _now()
                    for message in self._contexts.keep_alive():
                        await socket.send(message)
                await _until(self._wake, self._look_again_s(sent_at))
                self._tell(self._contexts.overdue(_now()))
                if self._lifeline.is_down and _now() - opened_at >= _ALIVE_S:
                    self._lifeline.proven(_now())
            await socket.send(wire.CLOSE_SOCKET)
            await socket.close()
        except ConnectionClosed:
            pass  # the reader learns of it too, and says why

    def _look_again_s(self, sent_at: float) -> float:
        """How long nothing can become due without somebody waking the writer."""
        if self._contexts.is_impatient or self._lifeline.is_down:
            return _LOOK_AGAIN_S
        return max(0.0, sent_at + _KEEP_ALIVE_EVERY_S - _now())

    # ------------------------------------------------------------ the other way

    def _hand_over_to_http(self) -> None:
        assert self._fallbacks is not None
        for utterance in self._contexts.waiting:
            if not utterance.text.is_wholly_sent:
                self._fallbacks.create_task(self._speak_over_http(utterance.number, 0.0))

    async def _speak_over_http(self, number: int, patience_s: float) -> None:
        """Unless audio comes over the socket within `patience_s`, speak the rest of the utterance this way."""
        await _until(self._closed, patience_s)
        utterance = self._contexts.get(number)
        if utterance is None or utterance.has_audio or utterance.socketless:
            return
        self._contexts.take_over(number)
        while self._contexts.get(number) is utterance and not self._closed.is_set():
            text = utterance.text.take(everything=utterance.finished)
            if text:
                refusal = await self._request_over_http(utterance, text)
                if refusal is not None:
                    self._contexts.cancel(number)
                    self._emit(UtteranceFailed(number, refusal.reason))
            elif utterance.finished:
                self._tell(self._contexts.done(number))
            else:  # More text is on its way. This is rare enough for a poll.
                await _until(self._closed, _LOOK_AGAIN_S / 5)

    async def _request_over_http(self, utterance: Utterance, text: str) -> wire.Refusal | None:
        """Speak `text`; returns why it could not be spoken to its end."""
        pieces = self._provider.http.speak(self._request, text)
        async with aclosing(pieces):
            async for piece in pieces:
                if self._contexts.get(utterance.number) is not utterance or self._closed.is_set():
                    return None
                if isinstance(piece, wire.Refusal):
                    return piece
                self._emit(self._contexts.spoken(utterance, piece.audio, piece.alignment))
        return None if utterance.has_audio else wire.Refusal("no_audio", retryable=True)

    # ------------------------------------------------------------ telling

    def _tell(self, facts: Iterable[VoiceFact]) -> None:
        for fact in facts:
            self._emit(fact)

    def _tell_later(self, facts: Iterable[VoiceFact]) -> None:
        """Not from inside the caller's own call: it is in the middle of something."""
        for fact in facts:
            asyncio.get_running_loop().call_soon(self._emit, fact)
        self._wake.set()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _until(event: asyncio.Event, longest_s: float) -> None:
    """Wait for `event`, at most `longest_s`."""
    try:
        async with asyncio.timeout(longest_s):
            await event.wait()
    except TimeoutError:
        pass
