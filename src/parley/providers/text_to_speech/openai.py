"""Speech by OpenAI's API, or by any server that speaks it: `POST /audio/speech`, one request a sentence.

Wire: https://developers.openai.com/api/reference/resources/audio; with `response_format: pcm` the answer is 16-bit
little-endian mono at 24 kHz, streamed. A server that makes another rate may say so in its content type, as
`audio/pcm;rate=16000`. OpenAI itself has announced the end of its speech models for 2027-01-06
(https://developers.openai.com/api/docs/deprecations); compatible servers go on. A server that turns out to have no such
endpoint is therefore remembered, so that known voices are stood in for (`is_away`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from typing import Any

from parley.audio.conversion import Converter
from parley.audio.formats import AudioFormat
from parley.domain.agents import VoiceChoice
from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.domain.voices import KNOWN_VOICES
from parley.providers.openai_server import DEFAULT_BASE_URL, OpenAIServer, authorization
from parley.providers.protocols import VoiceFact
from parley.providers.text_to_speech.pipelined import PipelinedVoice

DEFAULT_MODEL = "gpt-4o-mini-tts"
DEFAULT_VOICE = "alloy"

_FIRST_AUDIO_S = 4.0  # the conversation gives up sooner; this only keeps a dead server from holding a connection
_GAP_S = 2.0
_AWAY_S = 600.0
_RATE_HZ = 24_000
_RATES_HZ = range(8_000, 96_001)
_SLOWEST, _FASTEST = 0.25, 4.0
_OWN_VOICES = frozenset({"", *(voice.provider_voice for voice in KNOWN_VOICES if voice.provider == "openai")})


class OpenAISpeech:
    """Makes voices. One a process, made at start-up."""

    def __init__(self, base_url: str = DEFAULT_BASE_URL, *, default_model: str = DEFAULT_MODEL) -> None:
        self._server = OpenAIServer(base_url, _SENTENCES)
        self._default_model = default_model
        self._missing_at = self._spoke_at = float("-inf")

    def speak(
        self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]
    ) -> PipelinedVoice:
        """A voice for one call. `choice.voice` is one of the vendor's names; the language shows in the text itself."""
        speed = min(max(choice.speed, _SLOWEST), _FASTEST)

        def synthesise(text: str) -> AsyncGenerator[bytes, None]:
            return self._stream(choice, speed, audio, key, text)

        return PipelinedVoice(synthesise, audio, emit, self._server.warm, speed)

    @property
    def is_away(self) -> bool:
        """Whether the server said of late that it has no speech endpoint, or not the default model."""
        return asyncio.get_running_loop().time() - self._missing_at < _AWAY_S

    async def aclose(self) -> None:
        """Close all connections."""
        await self._server.aclose()

    async def _stream(
        self, choice: VoiceChoice, speed: float, audio: AudioFormat, key: Secret, text: str
    ) -> AsyncGenerator[bytes, None]:
        """The audio of `text` as it is made. Raises ProviderError."""
        async with AsyncExitStack() as stack:
            response = await self._opened(choice, speed, key, text, stack)
            source = _format_of(response.headers.get("content-type", ""))
            if source is None:
                raise self._server.failure("garbled", retryable=True)
            converter, odd, waits_s = Converter(source, audio), b"", _FIRST_AUDIO_S
            data = response.iter_bytes()
            while (piece := await self._server.in_time(anext(data, None), waits_s)) is not None:
                piece = odd + piece
                odd = piece[len(piece) & ~1 :]  # half a sample waits for its other half
                if made := converter.feed(piece[: len(piece) & ~1]):
                    waits_s = _GAP_S
                    yield made
            if rest := converter.flush():
                yield rest
        self._server.note_use()
        if not choice.model:
            self._spoke_at, self._missing_at = asyncio.get_running_loop().time(), float("-inf")

    async def _opened(self, choice: VoiceChoice, speed: float, key: Secret, text: str, stack: AsyncExitStack) -> Any:
        import openai

        request = self._server.sdk.audio.speech.with_streaming_response.create(
            model=choice.model or self._default_model,
            voice=choice.voice or DEFAULT_VOICE,
            input=text,
            response_format="pcm",
            speed=openai.omit if speed == 1.0 else speed,
            extra_headers=authorization(key),
        )
        try:
            return await self._server.in_time(stack.enter_async_context(request), _FIRST_AUDIO_S)
        except ProviderError as error:
            if error.reason == "not_found" and not choice.model and choice.voice in _OWN_VOICES:
                self._miss()
            raise

    def _miss(self) -> None:
        """A server that has just spoken for somebody is there: then it is this key that may not have the model."""
        now = asyncio.get_running_loop().time()
        if now - self._spoke_at >= _AWAY_S:
            self._missing_at = now


def _format_of(content_type: str) -> AudioFormat | None:
    """What the server says it sends; None for anything that is no raw audio."""
    kind, _, parameters = content_type.lower().partition(";")
    if kind.strip() and not kind.strip().startswith(("audio/", "application/octet-stream")):
        return None
    rate = re.search(r"\brate=(\d{4,6})\b", parameters)
    rate_hz = int(rate.group(1)) if rate is not None else _RATE_HZ
    return AudioFormat("pcm_s16le", rate_hz if rate_hz in _RATES_HZ else _RATE_HZ)


_SENTENCES = {
    "timeout": "The speech server did not answer in time.",
    "connect_failed": "The speech server cannot be reached; check OPENAI_BASE_URL.",
    "broke_off": "The speech server closed the connection in the middle of a sentence.",
    "garbled": "The speech server sent something that is no audio.",
    "unauthorized": "The speech server refused the key; check the project's credential or OPENAI_API_KEY.",
    "not_found": "The server at OPENAI_BASE_URL has no such speech model or voice; check PARLEY_SPEECH_MODEL.",
    "rate_limited": "The speech server is out of capacity or quota for this key.",
    "http_status": "The speech server answered with an error status.",
}
