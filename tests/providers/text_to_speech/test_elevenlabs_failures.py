"""ElevenLabs on a bad day: dropped text, dead sockets, silence, refusals."""

from __future__ import annotations

import asyncio

import pytest

from parley.conversation.facts import PartFailed, PartLost, PartRestored
from parley.domain.agents import VoiceChoice
from parley.providers.protocols import UtteranceFailed
from tests.emulators.elevenlabs import Behaviour, ElevenLabsEmulator
from tests.providers.text_to_speech.speaking import KEY, TEXT, WORDS, a_voice, say


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
        async with asyncio.timeout(60):
            while not ear.failures:
                for socket in vendor.sockets:
                    for context in list(socket.contexts.values()):
                        if context.has_spoken:
                            socket._end(context)
                await asyncio.sleep(0.02)
        assert ear.failures == [UtteranceFailed(1, "incomplete")]
        assert len(ear.text(1)) < len(TEXT)


@pytest.mark.parametrize("cut_after", range(1, 9))
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
        assert asyncio.get_running_loop().time() - began < 3.0
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


async def test_closing_does_not_wait_for_a_server_that_hangs() -> None:
    async with ElevenLabsEmulator(Behaviour(accept_delay_s=600.0)) as vendor, a_voice(vendor) as (voice, _ear):
        await asyncio.sleep(0.05)
        voice.close()


async def test_closing_in_the_moment_a_wait_for_the_socket_ends_is_no_error() -> None:
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as silent:
        url = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        async with a_voice(ElevenLabsEmulator(Behaviour()), base_url=url) as (voice, _):
            await asyncio.sleep(0.05)
            for _turn in range(2):  # The second call finds the wait that the first one ended.
                voice.close()
                await asyncio.sleep(0)
