"""Voice ids that public clients use, and which provider's voice each of them means.

An id that is not listed here is the provider's own and is passed on as it is.
"""

from __future__ import annotations

import msgspec


class KnownVoice(msgspec.Struct, frozen=True):
    """`id` is what clients write, `provider_voice` what the provider is asked for."""

    id: str
    name: str
    provider: str
    provider_voice: str
    gender: str


DEFAULT_VOICE_ID = "11labs-Brian"

KNOWN_VOICES: tuple[KnownVoice, ...] = (
    KnownVoice("11labs-Brian", "Brian", "elevenlabs", "nPczCjzI2devNBz1zQrb", "male"),
    KnownVoice("11labs-Sarah", "Sarah", "elevenlabs", "EXAVITQu4vr4xnSDxMaL", "female"),
    KnownVoice("11labs-Alice", "Alice", "elevenlabs", "Xb7hH8MSUJpSbSDYk0k2", "female"),
    KnownVoice("11labs-George", "George", "elevenlabs", "JBFqnCBsd6RMkjVDRZzb", "male"),
    KnownVoice("alloy", "Alloy", "openai", "alloy", "neutral"),
    KnownVoice("nova", "Nova", "openai", "nova", "female"),
    KnownVoice("Polly.Amy", "Amy", "polly", "Amy", "female"),
)

_BY_ID = {voice.id: voice for voice in KNOWN_VOICES}


def find(voice_id: str) -> KnownVoice | None:
    return _BY_ID.get(voice_id)
