"""Speech by an OpenAI-compatible server: what is asked, what is heard, and what becomes of failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from parley.conversation.facts import PartFailed
from parley.domain.agents import VoiceChoice
from parley.domain.secrets import Secret
from parley.providers.protocols import UtteranceDone, UtteranceFailed, Voice
from parley.providers.text_to_speech.openai import OpenAISpeech
from tests.emulators.elevenlabs_speech import speech
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai_speech import SpeechBehaviour
from tests.providers.text_to_speech.listening import Ear, eventually, running

KEY = Secret("sk-secret-key-0123456789")
TEXT = "Hello there. We are open from nine to five, every day."
WORDS = TEXT.split()


@pytest.fixture
async def vendor() -> AsyncIterator[OpenAIEmulator]:
    async with OpenAIEmulator(lambda messages: "") as emulator:
        yield emulator


@asynccontextmanager
async def a_voice(
    vendor: OpenAIEmulator, choice: VoiceChoice | None = None, audio: AudioFormat = MULAW_8K
) -> AsyncIterator[tuple[Voice, Ear]]:
    provider, ear = OpenAISpeech(vendor.url), Ear()
    try:
        async with running(provider.speak(choice or VoiceChoice("openai"), audio, KEY, ear.emit)) as voice:
            yield voice, ear
    finally:
        await provider.aclose()


def say(voice: Voice, utterance: int, text: str) -> None:
    voice.say(utterance, text)
    voice.finish(utterance)


async def test_a_text_is_spoken_wholly_and_asked_for_as_documented(vendor: OpenAIEmulator) -> None:
    async with a_voice(vendor, VoiceChoice("openai", voice="nova", speed=1.5)) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
    assert ear.words(1) == WORDS
    assert ear.text(1) == TEXT
    (request,) = vendor.speech.requests
    assert request.body == {
        "model": "gpt-4o-mini-tts",
        "voice": "nova",
        "input": TEXT,
        "response_format": "pcm",
        "speed": 1.5,
    }
    assert request.headers["authorization"] == f"Bearer {KEY.reveal()}"


async def test_the_first_audio_does_not_wait_for_the_rest(vendor: OpenAIEmulator) -> None:
    vendor.speech.behaviour.gap_s = 0.05
    async with a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.until(lambda: bool(ear.pieces(1)))
        assert UtteranceDone(1) not in ear.facts
        assert len(ear.audio(1)) < MULAW_8K.bytes_in(1000)
        await ear.done(1)
    assert ear.words(1) == WORDS


@pytest.mark.parametrize("rate_hz", [24_000, 22_050, 16_000])
@pytest.mark.parametrize("audio", [MULAW_8K, PCM_16K])
async def test_any_rate_becomes_the_carriers_with_the_same_sound(
    vendor: OpenAIEmulator, rate_hz: int, audio: AudioFormat
) -> None:
    vendor.speech.behaviour.rate_hz = rate_hz
    vendor.speech.behaviour.odd_pieces = True
    async with a_voice(vendor, audio=audio) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
    heard = np.frombuffer(convert(ear.audio(1), audio, PCM_8K), "<i2").astype(float)
    meant = np.frombuffer(convert(speech(TEXT).audio, MULAW_8K, PCM_8K), "<i2").astype(float)
    assert len(heard) == pytest.approx(len(meant), rel=0.01)
    size = min(len(heard), len(meant))
    assert float(np.corrcoef(heard[:size], meant[:size])[0, 1]) > 0.95


async def test_audio_whose_rate_is_not_declared_is_24_khz(vendor: OpenAIEmulator) -> None:
    vendor.speech.behaviour = SpeechBehaviour(rate_hz=24_000, declares_rate=False)
    async with a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
    assert len(ear.audio(1)) == pytest.approx(len(speech(TEXT).audio), rel=0.01)


async def test_the_next_sentence_is_asked_for_while_the_first_still_streams(vendor: OpenAIEmulator) -> None:
    vendor.speech.behaviour.gap_s = 0.1
    async with a_voice(vendor) as (voice, ear):
        voice.say(1, "We are open from nine to five. ")
        await ear.until(lambda: bool(ear.pieces(1)))
        voice.say(1, "And on Sundays too. ")
        await eventually(lambda: len(vendor.speech.texts) == 2)
        assert len(ear.words(1)) < 7
        voice.say(1, "Come any time.")
        voice.finish(1)
        await ear.done(1)
    assert " ".join(ear.words(1)) == "We are open from nine to five. And on Sundays too. Come any time."
    assert ear.text(1) == "We are open from nine to five. And on Sundays too. Come any time."
    assert len({request.connection for request in vendor.speech.requests}) <= 2


async def test_characters_are_told_with_their_words_and_never_ahead_of_all_sound(vendor: OpenAIEmulator) -> None:
    async with a_voice(vendor) as (voice, ear):
        for number in (1, 2):
            say(voice, number, TEXT)
            await ear.done(number)
    ends, said = ear.char_ends_ms(2), speech(TEXT)
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(MULAW_8K.duration_ms(len(ear.audio(2))), abs=30)
    true_ends = [start + length for start, length in zip(said.start_ms, said.duration_ms, strict=True)]
    behind_ms = [mine - true for mine, true in zip(ends, true_ends, strict=False)]
    assert max(abs(each) for each in behind_ms) < 700


async def test_a_cancelled_utterance_is_silent_at_once_and_its_request_is_given_up(vendor: OpenAIEmulator) -> None:
    vendor.speech.behaviour.gap_s = 0.05
    async with a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.until(lambda: bool(ear.pieces(1)))
        voice.cancel(1)
        heard = len(ear.facts)
        await eventually(lambda: vendor.server.abandoned == 1)
        say(voice, 2, "Yes?")
        await ear.done(2)
        assert ear.facts[heard:] == [*ear.pieces(2), UtteranceDone(2)]
    assert ear.words(2) == ["Yes?"]


async def test_a_sentence_that_breaks_off_goes_on_where_it_stopped(vendor: OpenAIEmulator) -> None:
    vendor.speech.behaviour.trouble_times = 1
    vendor.speech.behaviour.trouble_after = 8
    async with a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
    assert ear.text(1) == TEXT
    first, rest = vendor.speech.texts
    assert (first, TEXT.endswith(rest)) == (TEXT, True)
    assert 0 < len(rest) < len(TEXT)
    assert ear.words(1)[-4:] == WORDS[-4:]


@pytest.mark.parametrize("trouble_after", [0, 1])
async def test_a_silent_server_is_asked_again_when_the_call_says_so(vendor: OpenAIEmulator, trouble_after: int) -> None:
    vendor.speech.behaviour.trouble_times, vendor.speech.behaviour.trouble = 1, "hang"
    vendor.speech.behaviour.trouble_after = trouble_after
    async with a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await eventually(lambda: len(vendor.speech.requests) == 1)
        if trouble_after:
            await ear.until(lambda: bool(ear.pieces(1)))
        voice.retry(1)
        await ear.done(1)
        await eventually(lambda: vendor.server.abandoned == 1)
    assert ear.text(1) == TEXT
    assert ear.words(1) == WORDS
    assert len(vendor.speech.requests) == 2


async def test_a_retry_does_not_throw_away_an_answer_that_is_about_to_come(vendor: OpenAIEmulator) -> None:
    vendor.speech.behaviour.first_audio_s = 0.3
    async with a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await eventually(lambda: len(vendor.speech.requests) == 1)
        vendor.speech.behaviour.first_audio_s = 30.0
        voice.retry(1)
        await ear.done(1)
    assert ear.words(1) == WORDS


@pytest.mark.parametrize(
    ("status", "code", "reason", "requests", "is_final"),
    [
        (401, None, "unauthorized", 1, True),
        (404, None, "not_found", 1, True),
        (400, None, "http_status", 1, True),
        (429, "insufficient_quota", "rate_limited", 1, True),
        (429, None, "rate_limited", 3, False),
        (500, None, "http_status", 3, False),
    ],
)
async def test_an_error_fails_the_utterance_with_its_reason(
    vendor: OpenAIEmulator, status: int, code: str | None, reason: str, requests: int, is_final: bool
) -> None:
    vendor.speech.behaviour.status, vendor.speech.behaviour.code = status, code
    async with a_voice(vendor) as (voice, ear):
        for number in (1, 2):
            say(voice, number, TEXT)
            await ear.until(lambda count=number: len(ear.failures) == count)  # type: ignore[misc]
    assert ear.failures == [UtteranceFailed(1, reason), UtteranceFailed(2, reason)]
    assert len(vendor.speech.requests) == 2 * requests
    assert ear.parts == ([PartFailed("text_to_speech", reason)] if is_final else [])


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (SpeechBehaviour(content_type="application/json"), "garbled"),
        (SpeechBehaviour(trouble_times=9, trouble="complete"), "no_audio"),
        (SpeechBehaviour(trouble_times=9, trouble="cut"), "broke_off"),
    ],
)
async def test_what_is_no_speech_is_no_success(vendor: OpenAIEmulator, behaviour: SpeechBehaviour, reason: str) -> None:
    vendor.speech.behaviour = behaviour
    async with a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.until(lambda: bool(ear.failures))
    assert ear.failures == [UtteranceFailed(1, reason)]


async def test_a_server_without_the_endpoint_is_remembered_but_not_for_an_agents_own_model(
    vendor: OpenAIEmulator,
) -> None:
    vendor.speech.behaviour.status = 404
    provider = OpenAISpeech(vendor.url)
    try:
        for model, is_away in (("my-model", False), ("", True)):
            ear = Ear()
            async with running(provider.speak(VoiceChoice("openai", model), MULAW_8K, KEY, ear.emit)) as voice:
                say(voice, 1, TEXT)
                await ear.until(lambda heard=ear: bool(heard.failures))  # type: ignore[misc]
            assert provider.is_away == is_away
    finally:
        await provider.aclose()


async def test_what_one_project_cannot_have_is_not_taken_from_the_others(vendor: OpenAIEmulator) -> None:
    """Its key may not be allowed the model, and its agent's voice may not exist."""
    provider = OpenAISpeech(vendor.url)

    async def speak(voice: str, status: int) -> bool:
        vendor.speech.behaviour.status, ear = status, Ear()
        async with running(provider.speak(VoiceChoice("openai", voice=voice), MULAW_8K, KEY, ear.emit)) as speaking:
            say(speaking, 1, "Hello.")
            await ear.until(lambda: bool(ear.failures) or UtteranceDone(1) in ear.facts)
        return provider.is_away

    try:
        assert not await speak("no-such-voice", 404)
        assert not await speak("nova", 200)
        assert not await speak("nova", 404)
    finally:
        await provider.aclose()


async def test_too_much_text_fails_instead_of_growing_and_long_text_is_cut_after_sentences(
    vendor: OpenAIEmulator,
) -> None:
    async with a_voice(vendor) as (voice, ear):
        text = "This is one sentence of many, and it is said again. " * 20
        say(voice, 1, text.strip())
        await ear.done(1)
        voice.say(2, "word " * 5000)
        await ear.until(lambda: bool(ear.failures))
    assert ear.text(1) == text.strip()
    assert all(piece.endswith(".") and len(piece) <= 600 for piece in vendor.speech.texts[:2])
    assert ear.failures == [UtteranceFailed(2, "text_too_long")]
