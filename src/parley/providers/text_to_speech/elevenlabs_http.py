"""ElevenLabs over plain HTTP: the way that is left when its websocket is silent.

Slower to start than the warm socket, but a request of its own through another front door: `stream/with-timestamps`,
by the vendor's SDK. One client a process, because building one costs tens of milliseconds of the event loop; the
tenant's key travels with each request.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import httpx

from parley.providers.text_to_speech import elevenlabs_wire as wire
from parley.providers.tls import http_trust

_TIMEOUT_S = 3.0  # to connect, and between two pieces
_NO_RETRY = 0


class SpokenPiece(NamedTuple):
    audio: bytes
    alignment: wire.Alignment | None


class HttpSpeech:
    """Speaks whole texts over HTTP. Building it imports the SDK (0.4 s), so it is built at start-up."""

    def __init__(self, base_url: str) -> None:
        from elevenlabs.client import AsyncElevenLabs

        self._http = httpx.AsyncClient(timeout=_TIMEOUT_S, verify=http_trust())
        self._client = AsyncElevenLabs(api_key="", base_url=base_url, httpx_client=self._http, timeout=_TIMEOUT_S)

    async def speak(self, request: wire.SpeechRequest, text: str) -> AsyncGenerator[SpokenPiece | wire.Refusal, None]:
        """Audio of `text` as it is made; a Refusal is the last thing to come and says that it ends too early."""
        from elevenlabs.core.api_error import ApiError
        from elevenlabs.types import VoiceSettings

        optional: dict[str, Any] = {"language_code": request.language_code} if request.language_code else {}
        if request.voice_settings:
            optional["voice_settings"] = VoiceSettings(speed=request.voice_settings.get("speed"))
        try:
            chunks = self._client.text_to_speech.stream_with_timestamps(
                request.voice,
                text=text,
                model_id=request.model,
                output_format=request.output_format,
                request_options={
                    "additional_headers": {"xi-api-key": request.key.reveal()},
                    "max_retries": _NO_RETRY,
                },
                **optional,
            )
            async for chunk in chunks:
                alignment = _milliseconds(chunk.alignment or chunk.normalized_alignment)
                yield SpokenPiece(_decoded(chunk.audio_base_64), alignment)
        except ApiError as error:
            yield wire.refusal_of_status(error.status_code or 0, json.dumps(error.body, default=str).encode())
        except httpx.TimeoutException:
            yield wire.Refusal("timeout", retryable=True)
        except httpx.HTTPError:
            yield wire.Refusal("unreachable", retryable=True)

    async def aclose(self) -> None:
        await self._http.aclose()


def _decoded(audio: Any) -> bytes:
    """The SDK does not check what it was sent, so this does: anything but base64 is no audio."""
    try:
        return base64.b64decode(audio or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        return b""


def _milliseconds(alignment: Any) -> wire.Alignment | None:
    try:
        ends = [float(end) * 1000.0 for end in alignment.character_end_times_seconds]
        chars = [str(char) for char in alignment.characters]
    except (AttributeError, TypeError, ValueError):
        return None
    return wire.Alignment(chars=chars, char_start_times_ms=ends, char_durations_ms=[0.0] * len(ends))
