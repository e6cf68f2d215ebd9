"""Who speaks on a server, by how it is set up."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from parley.audio.formats import MULAW_8K
from parley.domain.agents import VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.secrets import Secret
from parley.live.providers import Providers
from parley.providers.protocols import ReplyPart, TextToSpeech, TurnRequest
from parley.providers.text_to_speech.openai import OpenAISpeech
from parley.services.defaults import Defaults
from parley.settings import load_settings
from parley.wiring import adapters
from tests.emulators.openai import OpenAIEmulator
from tests.providers.text_to_speech.listening import Ear, running

BRIAN = "nPczCjzI2devNBz1zQrb"


class Nobody:
    """Answers nothing; no turn is asked for here."""

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        return
        yield

    async def warm(self, plan: CallPlan) -> None:
        """There is nothing to open."""

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        """There is nobody to tell."""


def defaults(environment: dict[str, str], voices: dict[str, TextToSpeech] | None = None) -> Defaults:
    doors = Providers({}, voices or {}, {}, Nobody(), {})
    return adapters.defaults(load_settings(None, **environment), doors)


@pytest.mark.parametrize(
    ("environment", "voice", "speaking"),
    [
        ({}, VoiceChoice("espeak", voice="+m3"), set()),
        ({"ELEVENLABS_API_KEY": "k"}, VoiceChoice("elevenlabs", voice=BRIAN), {"elevenlabs"}),
        ({"ELEVENLABS_BASE_URL": "http://127.0.0.1:9"}, VoiceChoice("elevenlabs", voice=BRIAN), {"elevenlabs"}),
        ({"OPENAI_API_KEY": "k"}, VoiceChoice("espeak", voice="+m3"), {"openai"}),
        ({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9"}, VoiceChoice("espeak", voice="+m3"), set()),
        ({"PARLEY_TEXT_TO_SPEECH": "openai"}, VoiceChoice("openai", voice="ash"), {"openai"}),
        (
            {"PARLEY_TEXT_TO_SPEECH": "tone", "ELEVENLABS_API_KEY": "k", "OPENAI_API_KEY": "k"},
            VoiceChoice("tone"),
            {"elevenlabs", "openai"},
        ),
    ],
)
def test_the_default_voice_and_who_else_speaks(
    environment: dict[str, str], voice: VoiceChoice, speaking: set[str]
) -> None:
    found = defaults(environment)
    assert found.voice == voice
    assert found.voice_providers == speaking | {"espeak", "tone"}


def test_a_projects_own_key_is_for_the_vendor_itself() -> None:
    assert defaults({}).keyed_voice_providers == {"elevenlabs", "openai"}
    assert defaults({"OPENAI_BASE_URL": "http://127.0.0.1:9"}).keyed_voice_providers == {"elevenlabs"}


async def test_a_server_that_turned_out_not_to_speak_is_lost() -> None:
    async with OpenAIEmulator(lambda messages: "") as vendor:
        vendor.speech.behaviour.status = 404
        speech, ear = OpenAISpeech(vendor.url), Ear()
        doors: dict[str, TextToSpeech] = {"openai": speech}
        found = defaults({}, doors)
        assert found.lost_voice_providers() == frozenset()
        async with running(speech.speak(VoiceChoice("openai"), MULAW_8K, Secret(""), ear.emit)) as voice:
            voice.say(1, "Hello.")
            await ear.until(lambda: bool(ear.failures))
        await speech.aclose()
        assert found.lost_voice_providers() == {"openai"}
