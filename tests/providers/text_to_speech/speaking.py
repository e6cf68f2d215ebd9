"""An ElevenLabs voice that speaks in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parley.audio.formats import MULAW_8K, AudioFormat
from parley.domain.agents import VoiceChoice
from parley.domain.secrets import Secret
from parley.providers.text_to_speech.elevenlabs import ElevenLabs, ElevenLabsVoice
from tests.emulators.elevenlabs import ElevenLabsEmulator
from tests.providers.text_to_speech.listening import Ear, running

KEY = Secret("xi-secret-key-0123456789")
TEXT = "Hello there. We are open from nine to five, every day."
WORDS = TEXT.split()


@asynccontextmanager
async def a_voice(
    vendor: ElevenLabsEmulator, choice: VoiceChoice | None = None, audio: AudioFormat = MULAW_8K, base_url: str = ""
) -> AsyncIterator[tuple[ElevenLabsVoice, Ear]]:
    provider, ear = ElevenLabs(base_url or vendor.url), Ear()
    voice = provider.speak(choice or VoiceChoice(), audio, KEY, ear.emit)
    try:
        async with running(voice):
            yield voice, ear
    finally:
        await provider.aclose()


def say(voice: ElevenLabsVoice, utterance: int, text: str) -> None:
    voice.say(utterance, text)
    voice.finish(utterance)
