"""One call's life: from the ring to the last written row, also when something in it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from parley.audio.formats import AudioFormat
from parley.domain.agents import AgentSnapshot, ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import CarrierRefused
from parley.domain.secrets import Secret
from parley.live.directory import Directory
from parley.live.journals import Journals
from parley.live.metrics import Metrics
from parley.live.providers import Providers
from parley.providers.protocols import ReplyPart, TransferPart, TurnRequest, Voice, VoiceFact
from parley.providers.speech_to_text.simulated import SimulatedSpeechToText
from parley.providers.text_to_speech.tone import Tone
from parley.storage.presence import Alone
from tests.live.doubles import PlayingPhone, ScriptedVoice
from tests.live.records import MemoryRecords

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


class BrokenVoice(ScriptedVoice):
    """Has a bug, and is its own door."""

    def speak(self, choice: VoiceChoice, audio: AudioFormat, key: Secret, emit: Callable[[VoiceFact], None]) -> Voice:
        return self

    def say(self, utterance: int, text: str) -> None:
        raise RuntimeError("a bug")


class BrokenRecords(MemoryRecords):
    """Has a bug in writing the end."""

    async def finished(self, call_id: str, reason: EndReason) -> None:
        raise RuntimeError("a bug")


class StubbornCarrier(MemoryRecords):
    async def transfer_at_carrier(self, call_id: str, to_number: str) -> None:
        raise CarrierRefused("twilio", "No such number.", retryable=False)


class World:
    """A directory over shipped doubles, and where it writes calls down."""

    def __init__(self, records: MemoryRecords) -> None:
        self.records = records
        self.metrics = Metrics()
        hands = Hands()
        providers = Providers(
            speech_to_text={"simulated": SimulatedSpeechToText()},
            text_to_speech={"tone": Tone(), "broken": BrokenVoice()},
            models={"scripted": hands},
            webhook=hands,
            carrier_audio={},
        )
        self.directory = Directory(providers, records, self.metrics, Journals(None), Alone())

    async def until_empty(self) -> None:
        async with asyncio.timeout(5):
            while self.directory.live_count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def world_of(records: MemoryRecords) -> AsyncIterator[World]:
    world = World(records)
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


async def test_a_transfer_is_one_when_the_carrier_took_it() -> None:
    async with world_of(MemoryRecords()) as world:
        world.directory.prepare(PLAN)
        (await world.directory.attach("call_1", silent_phone())).on_key("#")
        await world.until_empty()
    assert ("transferred", "+15550103") in world.records.written
    assert world.records.written[-1] == ("finished", "transferred")


async def test_a_transfer_that_the_carrier_refused_is_not_called_one() -> None:
    async with world_of(StubbornCarrier()) as world:
        world.directory.prepare(PLAN)
        (await world.directory.attach("call_1", silent_phone())).on_key("#")
        await world.until_empty()
    assert world.records.written[-2:] == [("problem", "transfer_failed"), ("finished", "carrier_failed")]
