"""The voices of an ElevenLabs account: the ready-made ones, and those it cloned or bought.

Wire: `GET /v1/voices` of the vendor's API, which answers with all of them at once.
"""

from __future__ import annotations

import httpx
import msgspec

from parley.domain.errors import ProviderError, ProviderUnavailable
from parley.domain.secrets import Secret
from parley.domain.voices import KnownVoice, catalogue_id
from parley.providers.text_to_speech import elevenlabs_wire as wire

_TIMEOUT_S = 3.0
_GENDERS = frozenset({"male", "female", "neutral"})


class _Labels(msgspec.Struct):
    gender: str | None = None
    accent: str | None = None


class _Voice(msgspec.Struct):
    voice_id: str
    name: str | None = None
    labels: _Labels | None = None
    preview_url: str | None = None


class _Answer(msgspec.Struct):
    voices: list[_Voice]


_read = msgspec.json.Decoder(_Answer).decode


class ElevenLabsCatalogue:
    """Asks over the HTTP client it is given, with the tenant's own key."""

    def __init__(self, http: httpx.AsyncClient, base_url: str = wire.DEFAULT_BASE_URL) -> None:
        self._http = http
        self._url = f"{wire.plain_base_url(base_url)}/v1/voices"

    async def voices(self, key: Secret) -> list[KnownVoice]:
        """See `parley.providers.protocols.VoiceCatalogue`."""
        headers = {"xi-api-key": key.reveal()} if key else {}
        try:
            answer = await self._http.get(self._url, headers=headers, timeout=_TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderUnavailable("elevenlabs", "ElevenLabs cannot be reached.", retryable=True) from error
        if answer.status_code != 200:
            raise ProviderError(
                "elevenlabs",
                f"ElevenLabs answered with status {answer.status_code}.",
                retryable=answer.status_code >= 500,
                reason="unauthorized" if answer.status_code in (401, 403) else "http_status",
            )
        try:
            return [_shown(voice) for voice in _read(answer.content).voices]
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ProviderError(
                "elevenlabs", "ElevenLabs sent no list of voices.", retryable=True, reason="garbled"
            ) from error


def _shown(voice: _Voice) -> KnownVoice:
    labels = voice.labels or _Labels()
    gender = (labels.gender or "").lower()
    return KnownVoice(
        id=catalogue_id("elevenlabs", voice.voice_id),
        name=voice.name or voice.voice_id,
        provider="elevenlabs",
        provider_voice=voice.voice_id,
        gender=gender if gender in _GENDERS else "unknown",
        accent=labels.accent or "",
        preview_audio_url=voice.preview_url,
    )
