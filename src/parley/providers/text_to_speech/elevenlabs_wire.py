"""ElevenLabs' wire: addresses, messages, and what its refusals mean. No I/O.

Sources: the AsyncAPI document of `/v1/text-to-speech/{voice_id}/multi-stream-input` (elevenlabs.io, "Multi-Context
WebSocket") and the message types of its SDK, which spell some fields differently: both spellings are read. What the
documents leave out is known from the field: at most five contexts may be open on a socket, a context counts until its
`isFinal`, and `isFinal` comes only after `close_context`.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec

from parley.audio.formats import AudioFormat
from parley.domain.agents import VoiceChoice
from parley.domain.errors import BadInput
from parley.domain.secrets import Secret

DEFAULT_BASE_URL = "https://api.elevenlabs.io"
DEFAULT_MODEL = "eleven_flash_v2_5"
DEFAULT_VOICE = "EXAVITQu4vr4xnSDxMaL"  # "Sarah", a voice every account has
MOST_CONTEXTS = 5

_MODELS_TOLD_THE_LANGUAGE = frozenset({"eleven_flash_v2_5", "eleven_turbo_v2_5"})  # others refuse `language_code`
_PCM_RATES_HZ = frozenset({8000, 16000, 22050, 24000, 44100, 48000})
_SLOWEST, _FASTEST = 0.7, 1.2


class Alignment(msgspec.Struct):
    """Times of characters, in milliseconds from the first sample of the message's own audio."""

    chars: list[str] = []
    char_start_times_ms: list[float] = []
    char_durations_ms: list[float] = []
    charStartTimesMs: list[float] = []  # noqa: N815 - as the documents spell it
    charDurationsMs: list[float] = []  # noqa: N815

    @property
    def end_ms(self) -> list[float]:
        starts = self.charStartTimesMs or self.char_start_times_ms
        durations = self.charDurationsMs or self.char_durations_ms
        return [start + duration for start, duration in zip(starts, durations, strict=False)]


class ServerMessage(msgspec.Struct):
    """Any message of the server, in either spelling."""

    audio: bytes | None = None
    alignment: Alignment | None = None
    normalizedAlignment: Alignment | None = None  # noqa: N815
    normalized_alignment: Alignment | None = None
    isFinal: bool | str | None = None  # noqa: N815 - null, true, or in the document "true"
    is_final: bool | str | None = None
    contextId: str | None = None  # noqa: N815
    context_id: str | None = None
    error: str | None = None
    message: str | None = None

    @property
    def context(self) -> str | None:
        return self.contextId if self.contextId is not None else self.context_id

    @property
    def final(self) -> bool:
        return (self.isFinal or self.is_final) in (True, "true")

    @property
    def best_alignment(self) -> Alignment | None:
        """That of the text as it was sent, if there is one; else that of the text as it was spelled out."""
        return self.alignment or self.normalizedAlignment or self.normalized_alignment


read_message = msgspec.json.Decoder(ServerMessage).decode


def open_context(context: str, voice_settings: dict[str, float]) -> str:
    """A context begins with a single space; its voice settings can be given here and nowhere else."""
    message: dict[str, Any] = {"text": " ", "context_id": context}
    if voice_settings:
        message["voice_settings"] = voice_settings
    return json.dumps(message)


def send_text(context: str, text: str) -> str:
    return json.dumps({"text": f"{text} ", "context_id": context})


def flush_context(context: str) -> str:
    return json.dumps({"context_id": context, "flush": True})


def close_context(context: str) -> str:
    return json.dumps({"context_id": context, "close_context": True})


def keep_context_alive(context: str) -> str:
    return json.dumps({"text": " ", "context_id": context})


CLOSE_SOCKET = json.dumps({"close_socket": True})


class SpeechRequest(NamedTuple):
    """How one call's voice is asked for."""

    base_url: str
    key: Secret
    voice: str
    model: str
    output_format: str
    language_code: str
    voice_settings: dict[str, float]

    @property
    def socket_url(self) -> str:
        query = {
            "model_id": self.model,
            "output_format": self.output_format,
            "auto_mode": "true",
            "sync_alignment": "true",
        }
        if self.language_code:
            query["language_code"] = self.language_code
        base = urlsplit(self.base_url)
        scheme = {"http": "ws", "https": "wss"}[base.scheme]
        path = f"{base.path}/v1/text-to-speech/{quote(self.voice, safe='')}/multi-stream-input"
        return urlunsplit((scheme, base.netloc, path, urlencode(query), ""))


def speech_request(base_url: str, key: Secret, choice: VoiceChoice, audio: AudioFormat) -> SpeechRequest:
    """Raises BadInput for audio ElevenLabs cannot make."""
    model = choice.model or DEFAULT_MODEL
    language = choice.language.split("-")[0].lower() if model in _MODELS_TOLD_THE_LANGUAGE else ""
    settings = {} if choice.speed == 1.0 else {"speed": min(max(choice.speed, _SLOWEST), _FASTEST)}
    return SpeechRequest(base_url, key, choice.voice or DEFAULT_VOICE, model, output_format(audio), language, settings)


def output_format(audio: AudioFormat) -> str:
    """ElevenLabs' name of a format. Raises BadInput if it has none."""
    match audio.encoding, audio.sample_rate_hz:
        case "mulaw", 8000:
            return "ulaw_8000"
        case "alaw", 8000:
            return "alaw_8000"
        case "pcm_s16le", rate if rate in _PCM_RATES_HZ:
            return f"pcm_{rate}"
    raise BadInput(
        f"ElevenLabs cannot speak {audio.encoding} at {audio.sample_rate_hz} Hz; choose another voice provider."
    )


def plain_base_url(url: str) -> str:
    """An http(s) base without a trailing slash or `/v1`; ws(s) URLs mean the same host. Raises BadInput otherwise."""
    parts = urlsplit(url or DEFAULT_BASE_URL)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https") or not parts.netloc:
        raise BadInput("The base URL of ElevenLabs must begin with http://, https://, ws:// or wss:// and name a host.")
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/").removesuffix("/v1"), "", ""))


class Refusal(NamedTuple):
    """Why the provider said no, as a short code, and whether the same request may succeed soon."""

    reason: str
    retryable: bool


_KNOWN_WORDS = (
    ("quota", Refusal("quota_exceeded", retryable=False)),
    ("credit", Refusal("quota_exceeded", retryable=False)),
    ("api_key", Refusal("unauthorized", retryable=False)),
    ("api key", Refusal("unauthorized", retryable=False)),
    ("permission", Refusal("unauthorized", retryable=False)),
    ("unusual_activity", Refusal("unauthorized", retryable=False)),
    ("voice_id", Refusal("voice_not_found", retryable=False)),
    ("voice_not_found", Refusal("voice_not_found", retryable=False)),
    ("model_", Refusal("bad_request", retryable=False)),
    ("max_active_conversations", Refusal("too_many_contexts", retryable=True)),
    ("concurrent", Refusal("rate_limited", retryable=True)),
    ("timeout", Refusal("idle_closed", retryable=True)),
)


def refusal_in(words: str) -> Refusal | None:
    """What an error message or a close reason means, if it is one that is known."""
    low = words.lower()
    return next((refusal for known, refusal in _KNOWN_WORDS if known in low), None)


def refusal_of_status(status: int, body: bytes) -> Refusal:
    """What an HTTP answer other than success means; the body's words are more exact than the number."""
    told = refusal_in(body[:2000].decode(errors="replace")) if status in (400, 401, 402, 403, 404, 422) else None
    if told is not None and not told.retryable:
        return told
    match status:
        case 401 | 403:
            return Refusal("unauthorized", retryable=False)
        case 402:
            return Refusal("quota_exceeded", retryable=False)
        case 404:
            return Refusal("voice_not_found", retryable=False)
        case 400 | 422:
            return Refusal("bad_request", retryable=False)
        case 429:
            return Refusal("rate_limited", retryable=True)
    return Refusal("unavailable", retryable=True)
