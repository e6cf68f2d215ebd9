"""A phone that plays at once, a desk in memory, and a directory over both, for tests of the front desk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import WatermarkReader
from parley.domain.agents import AgentSnapshot, ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.errors import ProviderUnavailable
from parley.domain.secrets import Secret
from parley.domain.stages import Stage, StageEnd
from parley.domain.transfers import Told
from parley.domain.voicemails import TakenMessage
from parley.live.directory import Directory
from parley.live.journals import Journals
from parley.live.metrics import Metrics
from parley.live.providers import Providers
from parley.providers.protocols import LegEvents, SpokenAudio, UtteranceDone, VoiceFact
from parley.providers.speech_to_text.simulated import SimulatedSpeechToText
from parley.providers.text_to_speech.tone import Tone
from parley.storage.presence import Alone
from tests.live.records import MemoryRecords
from tests.live.test_session import BrokenVoice, Ear, Hands

FRAME = 160
AGENT = AgentSnapshot(
    "agent_1",
    "Ada",
    "hosted",
    listen=ListenChoice("simulated"),
    voice=VoiceChoice("tone"),
    model=ModelChoice("scripted"),
)


def plan_of(stage: Stage | None, agent: AgentSnapshot = AGENT) -> CallPlan:
    return CallPlan("call_1", "proj_1", "inbound", "+15550101", "+15550102", agent, stage=stage)


class QuickPhone:
    """A leg whose phone has played everything the moment it was sent, and says so."""

    audio_format = MULAW_8K

    def __init__(self) -> None:
        self.side: LegEvents | None = None
        self.heard = bytearray()
        self.pieces: list[bytes] = []
        self.is_closed = False
        self._position = 0
        self._confirmed = 0
        self._flushes = 0

    @property
    def has_played_all(self) -> bool:
        return self._confirmed == self._position

    def play(self, audio: bytes) -> None:
        self.heard += audio
        self.pieces.append(audio)
        self._position += len(audio)
        asyncio.get_running_loop().call_soon(self._confirm, self._flushes, self._position)

    def flush(self) -> None:
        self._position = self._confirmed = 0
        self._flushes += 1

    def close(self) -> None:
        self.is_closed = True

    def _confirm(self, flushes: int, position: int) -> None:
        if self.side is not None and flushes == self._flushes and not self.is_closed:
            self._confirmed = position
            self.side.on_played(position)

    def speak(self, audio: bytes) -> None:
        """The caller sends this, faster than anybody speaks."""
        assert self.side is not None
        for at in range(0, len(audio), FRAME):
            self.side.on_audio(audio[at : at + FRAME])

    @property
    def words(self) -> str:
        """What was said to the caller."""
        return " ".join(mark.word for mark in WatermarkReader().read(bytes(self.heard)))


class MemoryDesk:
    """What comes after each stage, as a test says; and the messages that were kept. Fails the next `failing` times."""

    def __init__(self, **comes: bool) -> None:
        self.comes = comes
        self.asked: list[StageEnd] = []
        self.messages: list[TakenMessage] = []
        self.is_elsewhere = False
        self.transfers: list[tuple[str, tuple[str, ...]]] = []
        self.is_transferable = True
        self.failing = 0

    async def hand_on(self, call_id: str, end: StageEnd) -> bool:
        self._fail_if_away()
        self.asked.append(end)
        return self.comes[end]

    async def transfer(self, call_id: str, to_number: str, whispers: Sequence[Told]) -> bool:
        self._fail_if_away()
        self.transfers.append((to_number, tuple(one.text for one in whispers)))
        return self.is_transferable

    async def keep_message(self, call_id: str, message: TakenMessage) -> None:
        self._fail_if_away()
        self.messages.append(message)

    async def has_come_again(self, call_id: str, within_s: float) -> bool:
        self._fail_if_away()
        return self.is_elsewhere

    def _fail_if_away(self) -> None:
        if self.failing > 0:
            self.failing -= 1
            raise ProviderUnavailable("database", "The database is away.", retryable=True)


class Watched(Alone):
    """Keeps what was announced of the calls held here."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def announce(self, call_id: str) -> None:
        self.told.append("announce")

    def withdraw(self, call_id: str) -> None:
        self.told.append("withdraw")


class House:
    """A directory with a front desk, and all it is told and tells."""

    def __init__(self, desk: MemoryDesk | None = None, ear: Ear | None = None) -> None:
        self.desk = desk or MemoryDesk()
        self.records = MemoryRecords()
        self.metrics = Metrics()
        self.presence = Watched()
        providers = Providers(
            speech_to_text={"simulated": SimulatedSpeechToText(), "ear": ear or Ear()},
            text_to_speech={"tone": Tone(), "broken": BrokenVoice()},
            models={"scripted": Hands()},
            webhook=Hands(),
            carrier_audio={},
        )
        self.directory = Directory(
            providers, self.records, self.metrics, Journals(None), self.presence, desk=self.desk, ring_limit_s=60.0
        )

    async def connect(self, stage: Stage | None, agent: AgentSnapshot = AGENT, **changes: object) -> QuickPhone:
        """The carrier's stream for this stage of the call comes in."""
        self.directory.prepare(msgspec.structs.replace(plan_of(stage, agent), **changes))
        phone = QuickPhone()
        phone.side = await self.directory.attach("call_1", phone)
        return phone

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not is_so():
                await asyncio.sleep(0.002)

    async def until_empty(self) -> None:
        await self.until(lambda: not self.directory.live_count)

    def live_calls(self) -> float | None:
        return self.metrics.registry.get_sample_value("parley_live_calls")

    def ends(self) -> list[object]:
        """The reasons that were written down."""
        return [what for kind, what in self.records.written if kind == "finished"]


@asynccontextmanager
async def house_of(desk: MemoryDesk | None = None, ear: Ear | None = None) -> AsyncIterator[House]:
    house = House(desk, ear)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(house.directory.run())
        await asyncio.sleep(0)
        yield house
        assert not running.done(), "one call took the others with it"
        running.cancel()


async def speech(text: str) -> bytes:
    """Audio of a caller who says this, which the simulated recogniser understands."""
    audio, over = bytearray(), asyncio.Event()

    def emit(fact: VoiceFact) -> None:
        if isinstance(fact, SpokenAudio):
            audio.extend(fact.audio)
        elif isinstance(fact, UtteranceDone):
            over.set()

    voice = Tone().speak(VoiceChoice(), MULAW_8K, Secret(""), emit)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(voice.run())
        voice.say(1, text)
        voice.finish(1)
        await over.wait()
        voice.close()
    return bytes(audio)


def silence(seconds: float) -> bytes:
    return MULAW_8K.silence_byte * MULAW_8K.bytes_in(seconds * 1000)
