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
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar, cast

from parley.audio.conversion import Converter
from parley.audio.formats import AudioFormat
from parley.domain.agents import VoiceChoice
from parley.domain.errors import ProviderError, ProviderUnavailable
from parley.domain.secrets import Secret
from parley.providers.protocols import VoiceFact
from parley.providers.text_to_speech.pipelined import PipelinedVoice

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-4o-mini-tts"
DEFAULT_VOICE = "alloy"

_CONNECT_TIMEOUT_S = 1.0
_FIRST_AUDIO_S = 4.0  # the conversation gives up sooner; this only keeps a dead server from holding a connection
_GAP_S = 2.0
_KEEP_ALIVE_S = 120.0
_WARM_FOR_S = 20.0
_AWAY_S = 600.0
_RATE_HZ = 24_000
_RATES_HZ = range(8_000, 96_001)
_SLOWEST, _FASTEST = 0.25, 4.0

_T = TypeVar("_T")


class OpenAISpeech:
    """Makes voices. One a process, made at start-up: the SDK takes a second to import and 16 ms to build."""

    def __init__(self, base_url: str = DEFAULT_BASE_URL, *, default_model: str = DEFAULT_MODEL) -> None:
        import httpx2
        import openai

        timeout = httpx2.Timeout(None, connect=_CONNECT_TIMEOUT_S, write=5.0, pool=_CONNECT_TIMEOUT_S)
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=200, keepalive_expiry=_KEEP_ALIVE_S)
        self._http = openai.DefaultAsyncHttpxClient(timeout=timeout, limits=limits)
        self._sdk = openai.AsyncOpenAI(
            api_key="given-with-each-request", base_url=base_url, timeout=timeout, max_retries=0, http_client=self._http
        )
        # The SDK reads these from the environment; they belong to one key, and every project brings its own.
        self._sdk.organization = self._sdk.project = None
        self._base_url = base_url
        self._default_model = default_model
        self._used_at = self._missing_at = float("-inf")

    def speak(
        self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]
    ) -> PipelinedVoice:
        """A voice for one call. `choice.voice` is one of the vendor's names; the language shows in the text itself."""
        speed = min(max(choice.speed, _SLOWEST), _FASTEST)

        def synthesise(text: str) -> AsyncGenerator[bytes, None]:
            return self._stream(choice, speed, audio, key, text)

        return PipelinedVoice(synthesise, audio, emit, self._warm, speed)

    @property
    def is_away(self) -> bool:
        """Whether the server said of late that it has no speech endpoint, or not the default model."""
        return asyncio.get_running_loop().time() - self._missing_at < _AWAY_S

    async def aclose(self) -> None:
        """Close all connections."""
        await self._sdk.close()

    async def _warm(self) -> None:
        """Open a connection unless one was used just now; plain http is not worth it."""
        import httpx2

        now = asyncio.get_running_loop().time()
        if not self._base_url.startswith("https") or now - self._used_at < _WARM_FOR_S:
            return
        self._used_at = now
        try:
            await self._http.head(self._base_url, timeout=2.0)
        except httpx2.HTTPError:
            return

    async def _stream(
        self, choice: VoiceChoice, speed: float, audio: AudioFormat, key: Secret, text: str
    ) -> AsyncGenerator[bytes, None]:
        """The audio of `text` as it is made. Raises ProviderError."""
        async with AsyncExitStack() as stack:
            response = await self._opened(choice, speed, key, text, stack)
            source = _format_of(response.headers.get("content-type", ""))
            converter, odd, waits_s = Converter(source, audio), b"", _FIRST_AUDIO_S
            data = response.iter_bytes()
            while (piece := await _in_time(anext(data, None), waits_s)) is not None:
                piece = odd + piece
                odd = piece[len(piece) & ~1 :]  # half a sample waits for its other half
                if made := converter.feed(piece[: len(piece) & ~1]):
                    waits_s = _GAP_S
                    yield made
            if rest := converter.flush():
                yield rest
        self._used_at = asyncio.get_running_loop().time()

    async def _opened(self, choice: VoiceChoice, speed: float, key: Secret, text: str, stack: AsyncExitStack) -> Any:
        import openai

        request = self._sdk.audio.speech.with_streaming_response.create(
            model=choice.model or self._default_model,
            voice=choice.voice or DEFAULT_VOICE,
            input=text,
            response_format="pcm",
            speed=openai.omit if speed == 1.0 else speed,
            extra_headers=cast(Any, {"Authorization": f"Bearer {key.reveal()}" if key else openai.Omit()}),
        )
        try:
            return await _in_time(stack.enter_async_context(request), _FIRST_AUDIO_S)
        except ProviderError as error:
            if error.reason == "not_found" and not choice.model:
                self._missing_at = asyncio.get_running_loop().time()
            raise


def _format_of(content_type: str) -> AudioFormat:
    """What the server says it sends. Raises ProviderError for anything that is no raw audio."""
    kind, _, parameters = content_type.lower().partition(";")
    if kind.strip() and not kind.strip().startswith(("audio/", "application/octet-stream")):
        raise _failed("garbled", retryable=True)
    rate = re.search(r"\brate=(\d{4,6})\b", parameters)
    rate_hz = int(rate.group(1)) if rate is not None else _RATE_HZ
    return AudioFormat("pcm_s16le", rate_hz if rate_hz in _RATES_HZ else _RATE_HZ)


async def _in_time(step: Awaitable[_T], limit_s: float) -> _T:
    import httpx2
    import openai

    try:
        async with asyncio.timeout(limit_s):
            return await step
    except (TimeoutError, openai.APITimeoutError) as error:
        raise _failed("timeout", retryable=True) from error
    except openai.APIConnectionError as error:
        raise _failed("connect_failed", retryable=True) from error
    except openai.APIStatusError as error:
        raise _status_failure(error.status_code, error.code) from error
    except httpx2.HTTPError as error:
        raise _failed("broke_off", retryable=True) from error


def _status_failure(status: int, code: str | None) -> ProviderError:
    if status in (401, 403):
        return _failed("unauthorized", retryable=False)
    if status in (404, 405, 410, 501):
        return _failed("not_found", retryable=False)
    if status == 429:
        return _failed("rate_limited", retryable=code != "insufficient_quota")
    return _failed("http_status", retryable=status >= 500 or status in (408, 409))


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


def _failed(reason: str, *, retryable: bool) -> ProviderError:
    kind = ProviderUnavailable if retryable else ProviderError
    return kind("openai", _SENTENCES[reason], retryable=retryable, reason=reason)
