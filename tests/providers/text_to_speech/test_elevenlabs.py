"""The ElevenLabs voice over an emulator that speaks the true protocol on a real socket."""

from __future__ import annotations

import asyncio

import pytest

from parley.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from parley.domain.agents import VoiceChoice
from parley.domain.errors import BadInput
from parley.providers.protocols import UtteranceDone
from parley.providers.text_to_speech.elevenlabs import ElevenLabs
from tests.emulators.elevenlabs import Behaviour, ElevenLabsEmulator
from tests.providers.text_to_speech.listening import eventually
from tests.providers.text_to_speech.speaking import KEY, TEXT, WORDS, a_voice, say


async def test_an_utterance_is_spoken_wholly_with_the_time_of_every_character() -> None:
    async with ElevenLabsEmulator(Behaviour(first_audio_s=0.01)) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
        assert ear.words(1) == WORDS
        assert ear.text(1) == TEXT
        ends = ear.char_ends_ms(1)
        assert ends == sorted(ends)
        assert ends[-1] <= MULAW_8K.duration_ms(len(ear.audio(1)))
        assert ends[-1] == pytest.approx(len(TEXT) / 15 * 1000, rel=0.2)


async def test_what_goes_over_the_wire() -> None:
    async with ElevenLabsEmulator(Behaviour(first_audio_s=0.01)) as vendor:
        choice = VoiceChoice(voice="abc/def", speed=3.0, language="pt-BR")
        async with a_voice(vendor, choice) as (voice, ear):
            say(voice, 7, "Good morning.")
            await ear.done(7)
        (socket,) = vendor.sockets
        assert socket.path == "/v1/text-to-speech/abc%2Fdef/multi-stream-input"
        assert socket.headers["xi-api-key"] == KEY.reveal()
        assert socket.query == {
            "model_id": "eleven_flash_v2_5",
            "output_format": "ulaw_8000",
            "auto_mode": "true",
            "sync_alignment": "true",
            "language_code": "pt",
        }
        name = socket.messages[0]["context_id"]
        assert socket.messages[:4] == [
            {"text": " ", "context_id": name, "voice_settings": {"speed": 1.2}},
            {"text": "Good morning. ", "context_id": name},
            {"context_id": name, "flush": True},
            {"context_id": name, "close_context": True},
        ]
        assert socket.messages[-1] == {"close_socket": True}


async def test_the_language_is_told_only_to_models_that_take_it() -> None:
    async with ElevenLabsEmulator() as vendor:
        async with a_voice(vendor, VoiceChoice(model="eleven_multilingual_v2")):
            await eventually(lambda: bool(vendor.sockets))
        assert "language_code" not in vendor.sockets[0].query


@pytest.mark.parametrize("scheme", ["http", "ws"])
@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
async def test_base_urls_in_any_usual_form(scheme: str, tail: str) -> None:
    async with (
        ElevenLabsEmulator(Behaviour(first_audio_s=0.0)) as vendor,
        a_voice(vendor, base_url=vendor.url.replace("http", scheme) + tail) as (voice, ear),
    ):
        say(voice, 1, "Yes.")
        await ear.done(1)


def test_a_base_url_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput):
        ElevenLabs("api.elevenlabs.io")


async def test_audio_comes_in_the_format_asked_for() -> None:
    async with (
        ElevenLabsEmulator(Behaviour(first_audio_s=0.0)) as vendor,
        a_voice(vendor, audio=PCM_16K) as (voice, ear),
    ):
        say(voice, 1, TEXT)
        await ear.done(1)
        assert PCM_16K.duration_ms(len(ear.audio(1))) == pytest.approx(len(TEXT) / 15 * 1000, rel=0.2)
        assert vendor.sockets[0].query["output_format"] == "pcm_16000"
        with pytest.raises(BadInput):
            ElevenLabs(vendor.url).speak(VoiceChoice(), AudioFormat("mulaw", 16000), KEY, ear.emit)


async def test_pieces_are_spoken_as_they_come_and_words_are_never_split() -> None:
    async with ElevenLabsEmulator(Behaviour(first_audio_s=0.01)) as vendor, a_voice(vendor) as (voice, ear):
        pieces = ["Hel", "lo the", "re. ", "We are", " open from nine to fi", "ve, every ", "", " day", "."]
        for piece in pieces:
            voice.say(1, piece)
            await asyncio.sleep(0.01)
        await ear.until(lambda: bool(ear.pieces(1)))
        voice.finish(1)
        await ear.done(1)
        assert ear.words(1) == ["Hello", "there.", "We", "are", "open", "from", "nine", "to", "five,", "every", "day."]
        assert ear.text(1) == "".join(pieces)
        assert all(text.strip() and text.endswith(" ") for text in vendor.texts)


async def test_both_spellings_of_the_server_are_read() -> None:
    async with (
        ElevenLabsEmulator(Behaviour(first_audio_s=0.0, snake_case=True)) as vendor,
        a_voice(vendor) as (voice, ear),
    ):
        say(voice, 1, TEXT)
        await ear.done(1)
        assert (ear.words(1), ear.text(1)) == (WORDS, TEXT)


async def test_garbage_on_the_socket_means_nothing() -> None:
    async with (
        ElevenLabsEmulator(Behaviour(first_audio_s=0.0, garbage=True)) as vendor,
        a_voice(vendor) as (voice, ear),
    ):
        say(voice, 1, TEXT)
        await ear.done(1)
        assert (ear.words(1), ear.text(1)) == (WORDS, TEXT)


async def test_without_alignment_audio_comes_and_no_characters_are_told() -> None:
    async with (
        ElevenLabsEmulator(Behaviour(first_audio_s=0.0, aligned=False)) as vendor,
        a_voice(vendor) as (voice, ear),
    ):
        say(voice, 1, TEXT)
        await ear.done(1)
        assert (ear.words(1), ear.text(1)) == (WORDS, "")


async def test_an_utterance_without_words_is_done_at_once() -> None:
    async with ElevenLabsEmulator() as vendor, a_voice(vendor) as (voice, ear):
        voice.finish(1)
        say(voice, 2, "  \n")
        await ear.done(1)
        await ear.done(2)
        assert vendor.texts == []


async def test_cancelling_closes_the_context_and_nothing_more_is_emitted() -> None:
    behaviour = Behaviour(first_audio_s=0.01, speed=8.0, late_chunks=3)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.until(lambda: bool(ear.pieces(1)))
        voice.cancel(1)
        emitted = len(ear.pieces(1))
        say(voice, 2, "Sorry, go on.")
        await ear.done(2)
        assert len(ear.pieces(1)) == emitted
        assert UtteranceDone(1) not in ear.facts
        assert ear.words(2) == ["Sorry,", "go", "on."]
        closed = [m["context_id"] for m in vendor.sockets[0].messages if m.get("close_context")]
        assert len(set(closed)) == 2


async def test_many_quick_interruptions_stay_within_five_contexts_and_lose_nothing() -> None:
    """A cancelled context counts at the server until it has ended; a sixth would cost the socket."""
    behaviour = Behaviour(first_audio_s=0.01, speed=20.0, late_chunks=4)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        for utterance in range(12):
            voice.say(utterance, TEXT)
            await asyncio.sleep(0.02)
            voice.cancel(utterance)
        say(voice, 99, TEXT)
        await ear.done(99)
        assert ear.words(99) == WORDS
        assert len(vendor.sockets) == 1
        assert vendor.sockets[0].most_contexts <= 5
        assert ear.parts == []
