"""Every voice id that clients know speaks on every server, as itself or as somebody like it."""

from __future__ import annotations

import pytest

from parley.domain import voices
from parley.domain.voices import KNOWN_VOICES, KnownVoice

PRINTED = ("11labs-Brian", "alloy", "nova", "Polly.Amy")


@pytest.mark.parametrize("voice_id", PRINTED)
def test_the_printed_ids_are_known(voice_id: str) -> None:
    known = voices.find(voice_id)
    assert known is not None
    assert known.id == voice_id


@pytest.mark.parametrize("voice", KNOWN_VOICES, ids=lambda voice: voice.id)
@pytest.mark.parametrize("provider", ["elevenlabs", "openai"])
def test_a_known_voice_becomes_one_of_its_gender_at_every_vendor(voice: KnownVoice, provider: str) -> None:
    chosen = voices.closest(voice, provider)
    standing_in = next(each for each in KNOWN_VOICES if (each.provider, each.provider_voice) == (provider, chosen))
    assert standing_in.gender == voice.gender
    if voice.provider == provider:
        assert standing_in == voice


@pytest.mark.parametrize(
    ("voice_id", "provider", "language", "chosen"),
    [
        ("alloy", "elevenlabs", "en-US", "SAz9YHcvj6GT2YYXdXww"),
        ("Polly.Amy", "elevenlabs", "en-US", "Xb7hH8MSUJpSbSDYk0k2"),
        ("11labs-Brian", "openai", "en-US", "ash"),
        ("nova", "espeak", "de-DE", "+f3"),
        ("Polly.Amy", "espeak", "en-US", "en-gb+f3"),
        ("Polly.Amy", "espeak", "fr-FR", "+f3"),
        ("alloy", "espeak", "en-US", ""),
        ("nova", "tone", "en-US", ""),
        ("Polly.Zeina", "elevenlabs", "ar", ""),
        ("elevenlabs:abc", "openai", "en-US", ""),
        ("elevenlabs:abc", "elevenlabs", "en-US", "abc"),
    ],
)
def test_the_closest_voice(voice_id: str, provider: str, language: str, chosen: str) -> None:
    known = voices.find(voice_id)
    assert known is not None
    assert voices.closest(known, provider, language) == chosen


@pytest.mark.parametrize("voice_id", ["", "my-own", "nPczCjzI2devNBz1zQrb", "acme:voice", "openai:", "urn:voice:7"])
def test_any_other_id_is_the_providers_own(voice_id: str) -> None:
    assert voices.find(voice_id) is None


def test_ids_are_unique() -> None:
    listed = [*KNOWN_VOICES, *voices.ESPEAK_VOICES, *voices.TONE_VOICES]
    assert len({voice.id for voice in listed}) == len(listed)
    for voice in (*voices.ESPEAK_VOICES, *voices.TONE_VOICES):
        assert voices.find(voice.id) is not None
