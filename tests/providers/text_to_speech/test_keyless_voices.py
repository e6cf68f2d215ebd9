"""The voices that need no key: espeak-ng in its child process, and tones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from parley.audio.conversion import convert
from parley.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from parley.domain.agents import VoiceChoice
from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.providers.protocols import UtteranceDone, UtteranceFailed
from parley.providers.text_to_speech.espeak import Espeak, is_installed
from parley.providers.text_to_speech.espeak_worker import Answer, Job
from parley.providers.text_to_speech.piecewise import PiecewiseVoice, Speech
from parley.providers.text_to_speech.tone import Tone
from tests.providers.text_to_speech.listening import Ear, running

NO_KEY = Secret("")
TEXT = "Hello there. It costs $12.50, or nine to five — every day!"
Provider = Espeak | Tone


@pytest.fixture(scope="module", params=[Espeak, Tone])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    made: Provider = request.param()
    yield made
    await made.aclose()


def test_espeak_is_there_for_these_tests() -> None:
    assert is_installed(), "Install parley with the extra `speech` to run its tests."


async def test_a_text_is_spoken_wholly_and_its_words_can_be_heard(provider: Provider) -> None:
    ear = Ear()
    async with running(provider.speak(VoiceChoice(), MULAW_8K, NO_KEY, ear.emit)) as voice:
        voice.say(1, TEXT)
        voice.finish(1)
        await ear.done(1)
    spoken = [word for word in TEXT.split() if word != "—" or isinstance(provider, Tone)]
    assert ear.words(1) == spoken
    assert ear.text(1) == TEXT
    ends, duration_ms = ear.char_ends_ms(1), MULAW_8K.duration_ms(len(ear.audio(1)))
    assert ends == sorted(ends)
    assert 2000 < ends[-1] <= duration_ms + 0.2 < 9000


async def test_it_can_be_heard_and_does_not_clip(provider: Provider) -> None:
    ear = Ear()
    async with running(provider.speak(VoiceChoice(), MULAW_8K, NO_KEY, ear.emit)) as voice:
        voice.say(1, TEXT)
        voice.finish(1)
        await ear.done(1)
    wave = np.frombuffer(convert(ear.audio(1), MULAW_8K, PCM_8K), "<i2") / 32768
    assert 0.02 < float(np.sqrt(np.mean(wave**2))) < 0.3
    assert float(np.mean(np.abs(wave) > 0.97)) < 0.001


@pytest.mark.parametrize("audio", [PCM_16K, AudioFormat("alaw", 8000)])
async def test_other_formats_last_as_long(provider: Provider, audio: AudioFormat) -> None:
    durations = []
    for audio_format in (MULAW_8K, audio):
        ear = Ear()
        async with running(provider.speak(VoiceChoice(), audio_format, NO_KEY, ear.emit)) as voice:
            voice.say(1, TEXT)
            voice.finish(1)
            await ear.done(1)
        durations.append(audio_format.duration_ms(len(ear.audio(1))))
    assert durations[0] == pytest.approx(durations[1], rel=0.01)


async def test_pieces_are_spoken_as_they_come_and_the_first_one_at_once(provider: Provider) -> None:
    ear = Ear()
    async with running(provider.speak(VoiceChoice(), MULAW_8K, NO_KEY, ear.emit)) as voice:
        voice.say(9, "Warm. ")
        await ear.until(lambda: bool(ear.pieces(9)))
        voice.say(1, "Good morning. ")
        await ear.until(lambda: bool(ear.pieces(1)))  # before more of it is known, or its end
        for piece in ("How may I he", "lp", " you today?"):
            voice.say(1, piece)
            await asyncio.sleep(0.005)
        voice.finish(1)
        await ear.done(1)
    assert ear.text(1) == "Good morning. How may I help you today?"
    assert ear.words(1) == ["Good", "morning.", "How", "may", "I", "help", "you", "today?"]


async def test_a_cancelled_utterance_is_silent_at_once_and_the_next_one_speaks(provider: Provider) -> None:
    ear = Ear()
    async with running(provider.speak(VoiceChoice(), MULAW_8K, NO_KEY, ear.emit)) as voice:
        voice.say(1, "A long story begins here. " * 20)
        await ear.until(lambda: bool(ear.pieces(1)))
        voice.cancel(1)
        emitted = len(ear.pieces(1))
        voice.say(2, "Yes?")
        voice.finish(2)
        await ear.done(2)
        assert len(ear.pieces(1)) == emitted
        assert UtteranceDone(1) not in ear.facts


async def test_speed_is_heeded(provider: Provider) -> None:
    lengths = []
    for speed in (1.0, 1.6):
        ear = Ear()
        async with running(provider.speak(VoiceChoice(speed=speed), MULAW_8K, NO_KEY, ear.emit)) as voice:
            voice.say(1, TEXT)
            voice.finish(1)
            await ear.done(1)
        lengths.append(len(ear.audio(1)))
    assert lengths[1] < 0.85 * lengths[0]


async def test_many_calls_share_one_process() -> None:
    provider, ears = Espeak(), [Ear() for _ in range(20)]
    try:
        voices = [provider.speak(VoiceChoice(language="de-DE"), MULAW_8K, NO_KEY, ear.emit) for ear in ears]
        async with asyncio.TaskGroup() as group:
            for voice in voices:
                group.create_task(voice.run())
                voice.say(1, "Guten Tag. Was kann ich für Sie tun?")
                voice.finish(1)
            for ear in ears:
                await ear.done(1)
            for voice in voices:
                voice.close()
        assert {" ".join(ear.words(1)) for ear in ears} == {"Guten Tag. Was kann ich für Sie tun?"}
    finally:
        await provider.aclose()


async def test_a_variant_is_another_voice_of_the_same_language() -> None:
    provider = Espeak()
    try:
        spoken = set()
        for choice in (
            VoiceChoice(language="de-DE"),
            VoiceChoice(language="de-DE", voice="+f3"),
            VoiceChoice(language="en-US", voice="+f3"),
            VoiceChoice(language="en-US", voice="en-gb+f3"),
        ):
            ear = Ear()
            async with running(provider.speak(choice, MULAW_8K, NO_KEY, ear.emit)) as voice:
                voice.say(1, "Nine minus one.")
                voice.finish(1)
                await ear.done(1)
            spoken.add(ear.audio(1))
        assert len(spoken) == 4
    finally:
        await provider.aclose()


async def test_a_process_that_dies_is_replaced_and_no_word_is_lost() -> None:
    provider, ear = Espeak(), Ear()
    try:
        async with running(provider.speak(VoiceChoice(), MULAW_8K, NO_KEY, ear.emit)) as voice:
            voice.say(1, "First. ")
            await ear.until(lambda: bool(ear.pieces(1)))
            child = await provider._process.start()
            assert child._transport is not None
            child._transport.kill()
            voice.say(1, "Second.")
            voice.finish(1)
            await ear.done(1)
            assert ear.words(1) == ["First.", "Second."]
            voice.say(2, "Third. ")
            voice.retry(2)
            voice.finish(2)
            await ear.done(2)
            assert ear.words(2) == ["Third."]
    finally:
        await provider.aclose()


async def test_a_synthesiser_that_fails_twice_fails_the_utterance_with_its_reason() -> None:
    tries = []

    async def synthesise(text: str) -> Speech:
        tries.append(text)
        raise ProviderError("none", "broken", retryable=True)

    ear = Ear()
    async with running(PiecewiseVoice(synthesise, ear.emit)) as voice:
        voice.say(1, "Hello. ")
        await ear.until(lambda: bool(ear.failures))
    assert ear.failures == [UtteranceFailed(1, "broken")]
    assert tries == ["Hello.", "Hello."]


async def test_too_much_text_fails_instead_of_growing() -> None:
    ear = Ear()
    async with running(Tone().speak(VoiceChoice(), MULAW_8K, NO_KEY, ear.emit)) as voice:
        voice.say(1, "word " * 5000)
        await ear.until(lambda: bool(ear.failures))
    assert ear.failures == [UtteranceFailed(1, "text_too_long")]


async def test_long_text_begins_soon_and_is_told_wholly() -> None:
    ear, text = Ear(), "word " * 200 + "x" * 600
    async with running(Tone().speak(VoiceChoice(), MULAW_8K, NO_KEY, ear.emit)) as voice:
        voice.say(1, text)
        voice.finish(1)
        await ear.done(1)
    assert ear.text(1) == text
    assert len(ear.pieces(1)) > 4


def test_the_worker_answers_on_any_text() -> None:
    """In this process, once, to see that odd input does not break it; in life it runs in its own."""
    from parley.providers.text_to_speech.espeak_worker import Espeak as Library

    library = Library()
    for text in ("", "…", "a\0b", "😀 ok", "<b>&amp;", "日本語", "x" * 240):
        answer = library.speak(Job(1, text, "xx-YY", 1.0, MULAW_8K))
        assert isinstance(answer, Answer)
        assert len(answer.end_ms) == len(text)
