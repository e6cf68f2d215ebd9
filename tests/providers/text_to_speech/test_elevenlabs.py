"""The ElevenLabs voice over an emulator that speaks the true protocol on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from parley.audio.formats import MULAW_8K, PCM_16K, AudioFormat
from parley.conversation.facts import PartFailed, PartLost, PartRestored
from parley.domain.agents import VoiceChoice
from parley.domain.errors import BadInput
from parley.domain.secrets import Secret
from parley.providers.protocols import UtteranceDone, UtteranceFailed
from parley.providers.text_to_speech.elevenlabs import ElevenLabs, ElevenLabsVoice
from tests.emulators.elevenlabs import Behaviour, ElevenLabsEmulator
from tests.providers.text_to_speech.listening import Ear, eventually, running

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


async def test_a_context_is_not_closed_before_it_speaks() -> None:
    """Closing early makes the server drop the text without a word."""
    async with ElevenLabsEmulator(Behaviour(first_audio_s=0.2)) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, "Yes.")
        await ear.done(1)
        assert ear.words(1) == ["Yes."]


async def test_text_the_server_dropped_is_said_again() -> None:
    async with (
        ElevenLabsEmulator(Behaviour(first_audio_s=0.01, silent_times=0)) as vendor,
        a_voice(vendor) as (voice, ear),
    ):
        voice.say(1, "One two.")
        await ear.until(lambda: ear.text(1) == "One two.")
        context = vendor.sockets[0].contexts[next(iter(vendor.sockets[0].contexts))]
        voice.say(1, " Three four.")
        vendor.sockets[0]._end(context)
        voice.finish(1)
        await ear.done(1)
        assert ear.words(1) == ["One", "two.", "Three", "four."]
        assert ear.text(1) == "One two. Three four."


async def test_text_the_server_keeps_dropping_is_not_told_as_spoken() -> None:
    behaviour = Behaviour(first_audio_s=0.01, stall_after=1)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        async with asyncio.timeout(10):
            while not ear.failures:
                for socket in vendor.sockets:
                    for context in list(socket.contexts.values()):
                        if context.has_spoken:
                            socket._end(context)
                await asyncio.sleep(0.02)
        assert ear.failures == [UtteranceFailed(1, "incomplete")]
        assert len(ear.text(1)) < len(TEXT)


@pytest.mark.parametrize("cut_after", [1, 3, 7])
async def test_a_socket_that_dies_while_speaking_loses_no_word(cut_after: int) -> None:
    behaviour = Behaviour(first_audio_s=0.01, cut_after=cut_after, cut_times=1)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
        heard = ear.words(1)
        assert ear.text(1) == TEXT
        assert heard == WORDS  # a word is marked where it ends, so a word said again after a cut counts once
        assert ear.parts == [PartLost("text_to_speech", "closed_1006"), PartRestored("text_to_speech")]
        assert len(vendor.sockets) == 2


async def test_a_dead_socket_without_alignment_repeats_a_word_rather_than_losing_one() -> None:
    behaviour = Behaviour(first_audio_s=0.01, cut_after=5, cut_times=1, aligned=False)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
        heard = ear.words(1)
        assert [word for index, word in enumerate(heard) if word not in heard[:index]] == WORDS
        assert len(heard) <= len(WORDS) + 3


async def test_a_socket_that_dies_between_replies_is_replaced_unnoticed() -> None:
    async with ElevenLabsEmulator(Behaviour(first_audio_s=0.01)) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, "One.")
        await ear.done(1)
        vendor.sockets[0].cut()
        say(voice, 2, "Two.")
        await ear.done(2)
        assert ear.words(2) == ["Two."]


async def test_a_retry_says_what_is_missing_on_a_fresh_socket() -> None:
    behaviour = Behaviour(first_audio_s=0.01, silent_times=1)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await asyncio.sleep(0.1)
        voice.retry(1)
        await ear.done(1)
        assert (ear.words(1), ear.text(1)) == (WORDS, TEXT)
        assert len(vendor.sockets) == 2
        assert vendor.http_requests == []


async def test_a_retry_that_stays_silent_speaks_over_http() -> None:
    behaviour = Behaviour(first_audio_s=0.01, silent_times=1000)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor, VoiceChoice(speed=1.1)) as (voice, ear):
        say(voice, 1, TEXT)
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        voice.retry(1)
        await ear.done(1)
        assert asyncio.get_running_loop().time() - began < 1.5
        assert (ear.words(1), ear.text(1)) == (WORDS, TEXT)
        (request,) = vendor.http_requests
        assert request.path.endswith("/stream/with-timestamps")
        assert request.headers["xi-api-key"] == KEY.reveal()
        assert request.query == {"output_format": "ulaw_8000"}
        assert request.body == {
            "text": TEXT,
            "model_id": "eleven_flash_v2_5",
            "language_code": "en",
            "voice_settings": {"speed": 1.1},
        }


async def test_a_stall_in_the_middle_goes_on_where_it_stopped() -> None:
    behaviour = Behaviour(first_audio_s=0.01, stall_after=4)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.until(lambda: len(ear.pieces(1)) == 4)
        behaviour.stall_after = None
        voice.retry(1)
        await ear.done(1)
        assert (ear.words(1), ear.text(1)) == (WORDS, TEXT)


async def test_when_nothing_speaks_the_utterance_fails_with_a_reason() -> None:
    behaviour = Behaviour(silent_times=1000, http_status=503)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await asyncio.sleep(0.02)
        voice.retry(1)
        voice.retry(1)
        await ear.until(lambda: bool(ear.failures))
        assert ear.failures == [UtteranceFailed(1, "unavailable")]
        assert len(vendor.http_requests) == 1


async def test_a_server_that_cannot_be_reached_is_replaced_by_http_then_tried_again() -> None:
    behaviour = Behaviour(first_audio_s=0.01, refuse_status=503, refuse_times=3)
    async with ElevenLabsEmulator(behaviour) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.done(1)
        assert ear.words(1) == WORDS
        assert len(vendor.http_requests) == 1
        await ear.until(lambda: PartRestored("text_to_speech") in ear.facts)
        say(voice, 2, "Back again.")
        await ear.done(2)
        assert ear.parts == [PartLost("text_to_speech", "unavailable"), PartRestored("text_to_speech")]
        assert len(vendor.http_requests) == 1


REFUSALS = [
    (401, '{"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}', "unauthorized"),
    (401, '{"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota."}}', "quota_exceeded"),
    (403, "", "unauthorized"),
    (404, '{"detail": {"status": "voice_not_found", "message": "gone"}}', "voice_not_found"),
    (400, "nonsense", "bad_request"),
]


@pytest.mark.parametrize(("status", "body", "reason"), REFUSALS)
async def test_a_refusal_that_will_not_change_is_told_once_and_not_tried_again(
    status: int, body: str, reason: str
) -> None:
    async with (
        ElevenLabsEmulator(Behaviour(refuse_status=status, refuse_body=body)) as vendor,
        a_voice(vendor) as (voice, ear),
    ):
        say(voice, 1, TEXT)
        await ear.until(lambda: bool(ear.parts) and bool(ear.failures))
        say(voice, 2, TEXT)
        await ear.until(lambda: len(ear.failures) == 2)
        assert ear.parts == [PartFailed("text_to_speech", reason)]
        assert ear.failures == [UtteranceFailed(1, reason), UtteranceFailed(2, reason)]
        assert vendor.handshakes == 1


async def test_a_quota_that_ends_in_the_middle_of_a_call_is_told() -> None:
    error = {"error": "quota_exceeded", "message": "This request exceeds your quota limit.", "code": 1008}
    async with ElevenLabsEmulator(Behaviour(error=error)) as vendor, a_voice(vendor) as (voice, ear):
        say(voice, 1, TEXT)
        await ear.until(lambda: bool(ear.parts))
        assert ear.parts == [PartFailed("text_to_speech", "quota_exceeded")]
        assert ear.failures == [UtteranceFailed(1, "quota_exceeded")]


async def test_a_server_without_is_final_still_comes_to_an_end() -> None:
    async with (
        ElevenLabsEmulator(Behaviour(first_audio_s=0.0, sends_final=False)) as vendor,
        a_voice(vendor) as (voice, ear),
    ):
        say(voice, 1, "Yes.")
        await ear.done(1)


async def test_too_much_text_fails_instead_of_growing() -> None:
    async with ElevenLabsEmulator(Behaviour(silent_times=99)) as vendor, a_voice(vendor) as (voice, ear):
        voice.say(1, "word " * 5000)
        for utterance in range(2, 40):
            voice.say(utterance, "word ")
        await ear.until(lambda: len(ear.failures) == 7)
        assert ear.failures[0] == UtteranceFailed(1, "text_too_long")
        assert {failure.reason for failure in ear.failures[1:]} == {"too_many_utterances"}


async def test_closing_is_quick_even_when_the_server_hangs() -> None:
    async with ElevenLabsEmulator(Behaviour(accept_delay_s=30.0)) as vendor, a_voice(vendor) as (voice, _ear):
        await asyncio.sleep(0.05)
        began = asyncio.get_running_loop().time()
        voice.close()
        assert asyncio.get_running_loop().time() - began < 0.5


async def test_closing_in_the_moment_a_wait_for_the_socket_ends_is_no_error() -> None:
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        async with a_voice(ElevenLabsEmulator(Behaviour()), base_url=url) as (voice, _):
            await asyncio.sleep(0.05)
            for _turn in range(2):  # The second call finds the wait that the first one ended.
                voice.close()
                await asyncio.sleep(0)
