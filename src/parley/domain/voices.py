"""Voice ids that public clients use, and which provider's voice each of them means on a given server.

An id that is not known here is the provider's own and is passed on as it is. A known one must speak on every server:
where its own provider is not set up, the closest voice by gender and accent of the provider that is stands in for it.
"""

from __future__ import annotations

import msgspec


class KnownVoice(msgspec.Struct, frozen=True):
    """`id` is what clients write, `provider_voice` what the provider is asked for.

    `gender` is male, female, neutral or unknown; `accent` one word for a region, or empty.
    """

    id: str
    name: str
    provider: str
    provider_voice: str
    gender: str = "unknown"
    accent: str = ""
    preview_audio_url: str | None = None


DEFAULT_VOICE_ID = "11labs-Brian"

KNOWN_VOICES: tuple[KnownVoice, ...] = (
    KnownVoice("11labs-Brian", "Brian", "elevenlabs", "nPczCjzI2devNBz1zQrb", "male", "american"),
    KnownVoice("11labs-Sarah", "Sarah", "elevenlabs", "EXAVITQu4vr4xnSDxMaL", "female", "american"),
    KnownVoice("11labs-River", "River", "elevenlabs", "SAz9YHcvj6GT2YYXdXww", "neutral", "american"),
    KnownVoice("11labs-Alice", "Alice", "elevenlabs", "Xb7hH8MSUJpSbSDYk0k2", "female", "british"),
    KnownVoice("11labs-George", "George", "elevenlabs", "JBFqnCBsd6RMkjVDRZzb", "male", "british"),
    KnownVoice("alloy", "Alloy", "openai", "alloy", "neutral", "american"),
    KnownVoice("nova", "Nova", "openai", "nova", "female", "american"),
    KnownVoice("ash", "Ash", "openai", "ash", "male", "american"),
    KnownVoice("ballad", "Ballad", "openai", "ballad", "male", "british"),
    KnownVoice("cedar", "Cedar", "openai", "cedar", "male", "american"),
    KnownVoice("coral", "Coral", "openai", "coral", "female", "american"),
    KnownVoice("echo", "Echo", "openai", "echo", "male", "american"),
    KnownVoice("fable", "Fable", "openai", "fable", "neutral", "british"),
    KnownVoice("marin", "Marin", "openai", "marin", "female", "american"),
    KnownVoice("onyx", "Onyx", "openai", "onyx", "male", "american"),
    KnownVoice("sage", "Sage", "openai", "sage", "female", "american"),
    KnownVoice("shimmer", "Shimmer", "openai", "shimmer", "female", "american"),
    KnownVoice("verse", "Verse", "openai", "verse", "male", "american"),
    KnownVoice("Polly.Amy", "Amy", "polly", "Amy", "female", "british"),
    KnownVoice("Polly.Brian", "Brian", "polly", "Brian", "male", "british"),
    KnownVoice("Polly.Joanna", "Joanna", "polly", "Joanna", "female", "american"),
    KnownVoice("Polly.Matthew", "Matthew", "polly", "Matthew", "male", "american"),
)
"""Sources: the printed ids, ElevenLabs' ready-made voices, OpenAI's guide to text to speech, Amazon Polly's list."""

ESPEAK_VOICES: tuple[KnownVoice, ...] = (
    KnownVoice("espeak:en-us+m3", "espeak, American man", "espeak", "en-us+m3", "male", "american"),
    KnownVoice("espeak:en-us+f3", "espeak, American woman", "espeak", "en-us+f3", "female", "american"),
    KnownVoice("espeak:en-gb+m3", "espeak, British man", "espeak", "en-gb+m3", "male", "british"),
    KnownVoice("espeak:en-gb+f3", "espeak, British woman", "espeak", "en-gb+f3", "female", "british"),
)
TONE_VOICES: tuple[KnownVoice, ...] = (KnownVoice("tone:tone", "Tone", "tone", "tone", "neutral"),)

_BY_ID = {voice.id: voice for voice in KNOWN_VOICES}
_PROVIDERS = frozenset({"elevenlabs", "openai", "espeak", "tone"})
_POLLY = "Polly."
_ESPEAK_VARIANTS = {"male": "+m3", "female": "+f3"}


def find(voice_id: str) -> KnownVoice | None:
    """The voice of an alias, of any `Polly.` voice, or of `provider:voice` as the catalogue spells an account's own."""
    known = _BY_ID.get(voice_id)
    if known is not None:
        return known
    if voice_id.startswith(_POLLY):
        name = voice_id.removeprefix(_POLLY)
        return KnownVoice(voice_id, name, "polly", name)
    provider, _, own = voice_id.partition(":")
    return KnownVoice(voice_id, own, provider, own) if provider in _PROVIDERS and own else None


def spoken_by(provider: str, provider_voice: str) -> KnownVoice | None:
    """What is known of a provider's voice by its own id."""
    mine = (voice for voice in KNOWN_VOICES if (voice.provider, voice.provider_voice) == (provider, provider_voice))
    return next(mine, None)


def catalogue_id(provider: str, provider_voice: str) -> str:
    """The id by which clients choose an account's own voice, whatever the server's default provider is."""
    return f"{provider}:{provider_voice}"


def closest(voice: KnownVoice, provider: str, language: str = "en-US") -> str:
    """What to ask `provider` for: the voice itself, else one of the same gender, and of the same accent if there is.

    `language` is the BCP-47 tag the voice will speak. Empty where nothing is known that comes near: then the
    provider's or the server's default voice is meant.
    """
    if voice.provider == provider:
        return voice.provider_voice
    if voice.gender == "unknown":
        return ""
    if provider == "espeak":  # its voices are a language with a variant
        region = "en-gb" if voice.accent == "british" and language.lower().startswith("en") else ""
        return region + _ESPEAK_VARIANTS.get(voice.gender, "")
    offered = [each for each in KNOWN_VOICES if each.provider == provider]
    nearest = min(offered, key=lambda each: (each.gender != voice.gender, each.accent != voice.accent), default=None)
    return nearest.provider_voice if nearest is not None else ""
