"""One call's life: from the ring to the last written row, also when something in it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from parley.audio.formats import AudioFormat
from parley.audio.watermark import speak
from parley.conversation.facts import WordsHeard
from parley.domain.agents import AgentSnapshot, ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan, EndReason
from parley.domain.secrets import Secret
from parley.live.directory import Directory
from parley.live.journals import Journals
from parley.live.metrics import Metrics
from parley.live.providers import Providers
from parley.providers.protocols import (
    Hearing,
    HearingFact,
    LegEvents,
    ReplyPart,
    TransferPart,
    TurnRequest,
    Voice,
    VoiceFact,
)
from parley.providers.speech_to_text.simulated import SimulatedSpeechToText
from parley.providers.text_to_speech.tone import Tone
from parley.storage.presence import Alone
from tests.live.doubles import PlayingPhone, ScriptedVoice
from tests.live.records import MemoryRecords

QUIET = b"\xff" * 8000
PLAN = CallPlan(
    "call_1",
    "proj_1",
    "inbound",
    "+15550101",
    "+15550102",
    AgentSnapshot(
        "agent_1",
        "Ada",
        "hosted",
        transfer_number="+15550103",
        listen=ListenChoice("simulated"),
        voice=VoiceChoice("tone"),
        model=ModelChoice("scripted"),
    ),
)


class Hands:
    """A responder that hands every caller over without a word."""

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        yield TransferPart()

    async def warm(self, plan: CallPlan) -> None: ...
    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None: ...


class Ear:
    """A recogniser that hears what a test says, and its own door."""

    def listen(
        self, choice: ListenChoice, audio: AudioFormat, key: Secret, emit: Callable[[HearingFact], None]
    ) -> Hearing:
        self.emit, self._closed = emit, asyncio.Event()
        return self

    async def run(self) -> None:
        await self._closed.wait()

    settled = 0
    answered_at = float("-inf")
    heard = b""

    def hear(self, audio: bytes) -> None:
        self.heard += audio

    def close(self) -> None:
        self._closed.set()


class Turns:
    """An end-of-turn model that is always sure that the caller has finished."""

    hears_s = 8.0

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def judge(self, audio: bytes, audio_format: AudioFormat, tell: Callable[[float], None]) -> None:
        self.heard.append(audio)
        tell(1.0)


class BrokenVoice(ScriptedVoice):
    """Has a bug, and is its own door."""

    def speak(self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]) -> Voice:
        return self

    def say(self, utterance: int, text: str) -> None:
        raise RuntimeError("a bug")


class BrokenRecords(MemoryRecords):
    """Has a bug in writing the end."""

    async def finished(self, call_id: str, reason: EndReason, ago_s: float = 0.0) -> None:
        raise RuntimeError("a bug")


class World:
    """A directory over shipped doubles, and where it writes calls down."""

    def __init__(self, records: MemoryRecords, ear: Ear, ring_limit_s: float, turns: Turns | None) -> None:
        self.records = records
        self.metrics = Metrics()
        hands = Hands()
        providers = Providers(
            speech_to_text={"simulated": SimulatedSpeechToText(), "ear": ear},
            text_to_speech={"tone": Tone(), "broken": BrokenVoice()},
            models={"scripted": hands},
            webhook=hands,
            carrier_audio={},
            turn_model=turns,
        )
        self.directory = Directory(providers, records, self.metrics, Journals(None), Alone(), ring_limit_s=ring_limit_s)

    async def until_empty(self) -> None:
        async with asyncio.timeout(60):
            while self.directory.live_count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def world_of(
    records: MemoryRecords, ear: Ear | None = None, ring_limit_s: float = 60.0, turns: Turns | None = None
) -> AsyncIterator[World]:
    world = World(records, ear or Ear(), ring_limit_s, turns)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(world.directory.run())
        await asyncio.sleep(0)
        yield world
        assert not running.done(), "one call took the others with it"
        running.cancel()


def silent_phone() -> PlayingPhone:
    return PlayingPhone(lambda position, now: None)


async def test_a_call_that_is_refused_before_its_session_ran_ends_at_once() -> None:
    async with world_of(MemoryRecords()) as world:
        world.directory.prepare(PLAN)
        assert world.directory.hang_up("call_1", "carrier_failed")
        await world.until_empty()
    assert world.records.written == [("finished", "carrier_failed")]


async def test_a_bug_in_the_end_of_one_call_ends_no_other_and_is_counted_once() -> None:
    async with world_of(BrokenRecords()) as world:
        world.directory.prepare(PLAN)
        world.directory.hang_up("call_1", "caller_hangup")
        await world.until_empty()
        assert world.metrics.registry.get_sample_value("parley_live_calls") == 0


async def test_a_bug_that_a_timer_meets_ends_the_call_instead_of_leaving_the_phone_on_a_dead_line() -> None:
    agent = msgspec.structs.replace(PLAN.agent, voice=VoiceChoice("broken"), silence_check_in_s=0.05)
    phone = silent_phone()
    async with world_of(MemoryRecords()) as world:
        world.directory.prepare(msgspec.structs.replace(PLAN, agent=agent))
        await world.directory.attach("call_1", phone)
        await world.until_empty()
    assert phone.is_closed
    assert world.records.written[-2:] == [("ended_at_carrier", "call_1"), ("finished", "provider_failed")]


async def test_a_bug_that_a_phone_meets_ends_the_call_and_not_the_reading_of_its_socket() -> None:
    agent = msgspec.structs.replace(PLAN.agent, voice=VoiceChoice("broken"))
    async with world_of(MemoryRecords()) as world:
        world.directory.prepare(msgspec.structs.replace(PLAN, agent=agent))
        await world.directory.attach("call_1", silent_phone())
        world.directory.say("call_1", "One more line.")
        await world.until_empty()
    assert world.records.written[-1] == ("finished", "provider_failed")


async def test_words_over_the_agent_cut_it_where_the_phone_had_played_to() -> None:
    ear = Ear()
    phone = silent_phone()
    agent = msgspec.structs.replace(PLAN.agent, listen=ListenChoice("ear"), greeting="I am on it, right away.")
    async with world_of(MemoryRecords(), ear) as world:
        world.directory.prepare(msgspec.structs.replace(PLAN, agent=agent))
        await world.directory.attach("call_1", phone)
        await asyncio.sleep(0.5)
        ear.emit(WordsHeard("Wait a moment"))
        world.directory.hang_up("call_1", "caller_hangup")
        await world.until_empty()
    [first, *_] = [what for kind, what in world.records.written if kind == "turn"]
    assert first.was_cut
    assert first.agent in {"I", "I am", "I am on"}  # half a second of it, and a little more on a busy machine


CUTS: list[Callable[[World, LegEvents], object]] = [
    lambda world, side: side.on_key("#"),
    lambda world, side: side.on_closed("stopped"),
    lambda world, side: world.directory.hang_up("call_1", "caller_hangup"),
]


@pytest.mark.parametrize("cut", CUTS, ids=["a key", "the caller hangs up", "the carrier tells of the end"])
async def test_whatever_cuts_the_agent_it_is_known_how_far_it_was_heard(
    cut: Callable[[World, LegEvents], object],
) -> None:
    """The phone's last mark may be 200 ms old; the word that was heard since then was heard all the same."""
    agent = msgspec.structs.replace(PLAN.agent, greeting="I am on it, right away.")
    async with world_of(MemoryRecords()) as world:
        world.directory.prepare(msgspec.structs.replace(PLAN, agent=agent))
        side = await world.directory.attach("call_1", silent_phone())
        await asyncio.sleep(0.5)
        cut(world, side)
        world.directory.hang_up("call_1", "caller_hangup")
        await world.until_empty()
    [first, *_] = [what for kind, what in world.records.written if kind == "turn"]
    assert first.was_cut
    assert first.agent in {"I", "I am", "I am on"}


async def test_a_stream_that_another_one_replaced_is_heard_no_more() -> None:
    ear = Ear()
    agent = msgspec.structs.replace(PLAN.agent, listen=ListenChoice("ear"))
    async with world_of(MemoryRecords(), ear) as world:
        world.directory.prepare(msgspec.structs.replace(PLAN, agent=agent))
        first = await world.directory.attach("call_1", silent_phone())
        second = await world.directory.attach("call_1", silent_phone())
        second.on_audio(b"second")
        first.on_audio(b"first")  # was under way already
        world.directory.hang_up("call_1", "caller_hangup")
        await world.until_empty()
    assert ear.heard == b"second"


async def test_a_pause_is_heard_by_the_end_of_turn_model_of_the_server() -> None:
    ear, turns = Ear(), Turns()
    agent = msgspec.structs.replace(PLAN.agent, listen=ListenChoice("ear"))
    audio = QUIET + speak("I would like to") + QUIET
    async with world_of(MemoryRecords(), ear, turns=turns) as world:
        world.directory.prepare(msgspec.structs.replace(PLAN, agent=agent))
        side = await world.directory.attach("call_1", silent_phone())
        ear.emit(WordsHeard("I would like to", is_final=True, ends_turn=True))
        for at in range(0, len(audio), 160):
            side.on_audio(audio[at : at + 160])
        async with asyncio.timeout(60):
            while not turns.heard:
                await asyncio.sleep(0.005)
        world.directory.hang_up("call_1", "caller_hangup")
        await world.until_empty()
    assert turns.heard == [audio[: len(turns.heard[0])]]
    assert len(QUIET) < len(turns.heard[0]) < len(audio)


async def test_a_second_phone_takes_the_place_of_the_first_which_is_heard_no_more() -> None:
    async with world_of(MemoryRecords()) as world:
        world.directory.prepare(PLAN)
        first, second = silent_phone(), silent_phone()
        old = await world.directory.attach("call_1", first)
        new = await world.directory.attach("call_1", second)
        assert (first.is_closed, second.is_closed) == (True, False)
        old.on_key("#")
        old.on_closed("lost")
        old.on_closed("stopped")
        await asyncio.sleep(0.02)
        assert world.directory.holds("call_1")
        new.on_closed("stopped")
        await world.until_empty()
    assert [each for each in world.records.written if each[0] != "talk"] == [
        ("connected", "call_1"),
        ("finished", "caller_hangup"),
    ]


async def test_a_phone_that_never_connects_ends_its_session() -> None:
    async with world_of(MemoryRecords(), ring_limit_s=0.05) as world:
        world.directory.prepare(PLAN)
        await world.until_empty()
    assert world.records.written == [("finished", "no_answer")]


async def test_calls_that_outlast_the_drain_are_ended_and_written_down() -> None:
    phone = silent_phone()
    async with world_of(MemoryRecords()) as world:
        world.directory.prepare(PLAN)
        await world.directory.attach("call_1", phone)
        await world.directory.drain(0.05)
        assert world.directory.live_count == 0
    assert phone.is_closed
    written = [each for each in world.records.written if each[0] != "talk"]
    assert written[-2:] == [("ended_at_carrier", "call_1"), ("finished", "server_shutdown")]
