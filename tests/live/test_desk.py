"""Stages of a call at the front desk, over a phone with true audio."""

from __future__ import annotations

import io
import wave

import msgspec
import pytest

from parley.audio.formats import MULAW_8K
from parley.audio.g711 import mulaw_to_pcm16
from parley.audio.music import music
from parley.audio.tones import beep
from parley.domain.agents import ListenChoice, VoiceChoice
from parley.domain.stages import Announcing, TakingMessage, Waiting
from parley.live.desk_records import Place
from parley.storage.presence import HandOn
from tests.live.desk_doubles import AGENT, MemoryDesk, QuickPhone, house_of, plan_of, silence, speech

WAITING = Waiting("wait_1")
MESSAGE = TakingMessage("vm_1", "Ada is out.")
MUTE = msgspec.structs.replace(AGENT, voice=VoiceChoice("nobody"))
BEEP = beep(MULAW_8K, duration_ms=400.0)


def has_beeped(phone: QuickPhone) -> bool:
    return phone.has_played_all and BEEP in bytes(phone.heard)


class TestWaiting:
    async def test_music_at_once_the_place_in_words_and_music_again(self) -> None:
        tune = music("default", MULAW_8K)
        async with house_of() as house:
            phone = await house.connect(WAITING)
            assert phone.pieces[0] == tune[0]
            assert house.directory.waiting() == ["call_1"]
            assert house.directory.tell_place("call_1", Place(3))
            await house.until(lambda: "number 3 in the queue." in phone.words and phone.pieces[-1] in tune)
            assert len(phone.pieces) < 60, "music is sent ahead for seconds, not for minutes"
            assert house.directory.hand_on("call_1")
            await house.until_empty()
        assert phone.is_closed
        assert house.records.kinds() == ["connected"]  # the call goes on: nothing ended it, here or at the carrier
        assert house.presence.told == ["announce", "withdraw"]
        assert house.live_calls() == 0

    async def test_a_silent_queue_sends_no_music_and_still_speaks(self) -> None:
        async with house_of() as house:
            phone = await house.connect(Waiting("wait_1", music="none"))
            assert not phone.pieces
            house.directory.tell_place("call_1", Place(1))
            await house.until(lambda: "next in line." in phone.words)
            house.directory.hang_up("call_1", "caller_hangup")
            await house.until_empty()
        assert house.ends() == ["caller_hangup"]

    async def test_pressing_1_keeps_the_place_and_ends_the_call_after_the_promise(self) -> None:
        async with house_of(MemoryDesk(callback_wanted=False)) as house:
            phone = await house.connect(Waiting("wait_1", offers_callback=True))
            assert phone.side is not None
            phone.side.on_key("1")
            await house.until_empty()
        assert "call you back" in phone.words
        assert house.desk.asked == ["callback_wanted"]
        assert house.records.written[-2:] == [("ended_at_carrier", "call_1"), ("finished", "callback_wanted")]

    async def test_without_a_voice_the_music_plays_on_and_the_turn_comes(self) -> None:
        async with house_of() as house:
            phone = await house.connect(WAITING, MUTE)
            house.directory.tell_place("call_1", Place(2))
            await house.until(lambda: len(phone.pieces) >= 3)
            assert house.directory.take("call_1", HandOn())
            await house.until_empty()
        assert house.ends() == []

    async def test_a_bug_sends_a_waiting_caller_where_an_overflow_goes(self) -> None:
        broken = msgspec.structs.replace(AGENT, voice=VoiceChoice("broken"))
        async with house_of(MemoryDesk(overflowed=True)) as house:
            phone = await house.connect(WAITING, broken)
            house.directory.tell_place("call_1", Place(2))
            await house.until_empty()
        assert (phone.is_closed, house.desk.asked, house.ends()) == (True, ["overflowed"], [])

    async def test_a_second_stream_goes_on_with_the_music(self) -> None:
        async with house_of() as house:
            first = await house.connect(WAITING)
            second = await house.connect(WAITING)
            assert (first.is_closed, second.is_closed) == (True, False)
            assert second.pieces
            assert house.directory.live_count == 1
            house.directory.hang_up("call_1", "caller_hangup")
            await house.until_empty()

    @pytest.mark.parametrize("is_elsewhere", [True, False])
    async def test_a_stream_that_broke_and_came_in_elsewhere_is_not_hung_up(self, is_elsewhere: bool) -> None:
        """Replicas that cannot tell each other know it from the database."""
        async with house_of() as house:
            await house.connect(WAITING)
            house.desk.is_elsewhere = is_elsewhere
            house.directory.ask_end("call_1", "media_lost")
            await house.until_empty()
        assert house.ends() == ([] if is_elsewhere else ["media_lost"])


class TestTakingAMessage:
    async def test_greeting_beep_words_and_audio_are_kept_though_the_database_was_away(self) -> None:
        said = await speech("Please call me back")
        async with house_of() as house:
            house.desk.failing = 1
            phone = await house.connect(MESSAGE)
            await house.until(lambda: has_beeped(phone))
            assert phone.words == "Ada is out."
            phone.speak(silence(0.2) + said + silence(1.0))
            assert phone.side is not None
            phone.side.on_key("#")
            await house.until_empty()
        [message] = house.desk.messages
        assert message.transcript == "Please call me back"
        with wave.open(io.BytesIO(message.audio)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
            samples = file.readframes(file.getnframes())
        assert mulaw_to_pcm16(said)[:8000] in samples
        assert message.duration_ms == pytest.approx(len(samples) / 16, abs=1)
        assert "Thank you for your message." in phone.words
        assert house.records.written[-2:] == [("ended_at_carrier", "call_1"), ("finished", "message_taken")]

    async def test_a_caller_who_hangs_up_has_left_a_message(self) -> None:
        said = await speech("Call Bo")
        async with house_of() as house:
            phone = await house.connect(MESSAGE)
            await house.until(lambda: has_beeped(phone))
            phone.speak(said)
            assert phone.side is not None
            phone.side.on_closed("stopped")
            assert house.directory.hang_up("call_1", "caller_hangup")  # the carrier's report says so too
            await house.until_empty()
        [message] = house.desk.messages
        assert (message.transcript, message.is_empty) == ("Call Bo", False)
        assert house.ends() == ["caller_hangup"]
        assert "ended_at_carrier" not in house.records.kinds()

    async def test_what_is_said_before_the_beep_is_not_in_the_message(self) -> None:
        said = await speech("Hello hello")
        async with house_of() as house:
            phone = await house.connect(MESSAGE)
            phone.speak(said)
            await house.until(lambda: has_beeped(phone))
            house.directory.hang_up("call_1", "caller_hangup")
            await house.until_empty()
        [message] = house.desk.messages
        assert message.is_empty
        assert not message.audio

    async def test_without_a_voice_and_a_recogniser_a_message_can_be_left(self) -> None:
        said = await speech("Nobody understands me")
        agent = msgspec.structs.replace(MUTE, listen=ListenChoice("nobody"))
        async with house_of() as house:
            phone = await house.connect(MESSAGE, agent)
            await house.until(lambda: has_beeped(phone))
            phone.speak(said)
            house.directory.ask_end("call_1", "server_shutdown")
            await house.until_empty()
        [message] = house.desk.messages
        assert message.transcript == ""
        assert message.duration_ms > 1000
        assert house.ends() == ["server_shutdown"]

    async def test_a_phone_that_never_connects_leaves_nothing_and_that_is_told(self) -> None:
        async with house_of() as house:
            house.directory.prepare(plan_of(MESSAGE))
            house.directory.hang_up("call_1", "no_answer")
            await house.until_empty()
        assert [message.is_empty for message in house.desk.messages] == [True]

    async def test_a_line_that_another_replica_took_keeps_nothing(self) -> None:
        async with house_of() as house:
            await house.connect(MESSAGE)
            assert house.directory.release("call_1")
            await house.until_empty()
        assert (house.desk.messages, house.ends()) == ([], [])


class TestAnnouncing:
    async def test_the_call_ends_when_the_text_was_heard(self) -> None:
        async with house_of() as house:
            phone = await house.connect(Announcing("We are closed today."))
            await house.until_empty()
        assert phone.words == "We are closed today."
        assert house.records.written[-2:] == [("ended_at_carrier", "call_1"), ("finished", "announced")]

    async def test_without_a_voice_a_recording_is_played(self) -> None:
        async with house_of() as house:
            phone = await house.connect(Announcing("We are closed today."), MUTE)
            await house.until_empty()
        assert len(phone.heard) > 8000
        assert house.ends() == ["provider_failed"]
