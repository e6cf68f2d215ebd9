"""The world around the server under test: carrier, phones and emulated providers, all in this process.

Callers follow a fixed rhythm, so that every number of calls is the same work a call: they ask, hear the answer out, ask
again, hear it out, ask a third time and interrupt the answer with the next question.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.server import ServerProcess
from parley.domain.errors import ParleyError
from parley.simulation.carrier import SimulatedCarrier
from parley.simulation.phone import SimulatedPhone
from parley.simulation.timeline import Heard, Timeline
from parley.storage.embedded import embedded_postgres
from parley.storage.migrations import migrate
from tests.emulators.deepgram import KEY as DEEPGRAM_KEY
from tests.emulators.deepgram import DeepgramEmulator
from tests.emulators.elevenlabs import Behaviour as VoiceBehaviour
from tests.emulators.elevenlabs import ElevenLabsEmulator
from tests.emulators.openai import OpenAIEmulator

ENDPOINTING_MS, FIRST_TOKEN_MS, FIRST_AUDIO_MS = 300.0, 200.0, 150.0
EMULATED_MS = ENDPOINTING_MS + FIRST_TOKEN_MS + FIRST_AUDIO_MS

NUMBER = "+14155550100"
"""Its agent waits for the end of a turn."""
NUMBER_AHEAD = "+14155550101"
"""Its agent asks for an answer as soon as the caller has probably finished."""
API_KEY = "sk_live_bench-0123456789abcdef"
GREETING = "Hello, you have reached the benchmark. What would you like to know?"
QUESTION = "Please tell me how late you are"
ANSWER = "I am never late on purpose, and when I am you can read it in the table that is printed at the end."

_INTERRUPTS_AFTER_S = 1.5
_PAUSE_S = 0.4
_LAG_SAMPLE_S = 0.01


@dataclass
class Outcome:
    """What the phones of one step saw."""

    timelines: list[Timeline] = field(default_factory=list)
    call_minutes: float = 0.0
    failed: int = 0
    load_lags_ms: list[float] = field(default_factory=list)
    peak_rss_mb: float = 0.0

    @property
    def overheads_ms(self) -> list[float]:
        return [wait - EMULATED_MS for timeline in self.timelines for wait in timeline.reply_ms()]

    @property
    def barge_ins_ms(self) -> list[float]:
        return [time for timeline in self.timelines for time in timeline.barge_in_ms()]

    @property
    def missing_ms_per_spoken_min(self) -> float | None:
        spoken_min = sum(timeline.heard_ms for timeline in self.timelines) / 60_000
        return sum(timeline.missing_ms for timeline in self.timelines) / spoken_min if spoken_min else None

    @property
    def lost_words(self) -> int:
        """Words that are missing in, or foreign to, speech that nobody interrupted."""
        return sum(_wrong_words(stretch) for timeline in self.timelines for stretch in _whole(timeline))


def _whole(timeline: Timeline) -> Iterator[Heard]:
    """Stretches that were played to their end; the last one may be cut by the phone's own hang-up."""
    return (stretch for stretch in timeline.heard[:-1] if not stretch.was_cleared)


def _wrong_words(stretch: Heard) -> int:
    words = stretch.words
    expected = (GREETING if words[:1] == GREETING.split()[:1] else ANSWER).split()
    return abs(len(expected) - len(words)) + sum(a != b for a, b in zip(expected, words, strict=False))


class Callers:
    """Phones that call the number and talk for a while."""

    def __init__(self, carrier: SimulatedCarrier) -> None:
        self.carrier = carrier
        self._phones = 0

    async def run(
        self, calls: int, duration_s: float, apart_s: float, server: ServerProcess, number: str = NUMBER
    ) -> Outcome:
        """`calls` calls of `number` that begin `apart_s` after one another and each last `duration_s`."""
        outcome = Outcome()
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(_watch(outcome, server))
            callers = []
            for _ in range(calls):
                callers.append(tasks.create_task(self._call(number, duration_s, outcome)))
                await asyncio.sleep(apart_s)
            await asyncio.wait(callers)
            watch.cancel()
        return outcome

    async def _call(self, number: str, duration_s: float, outcome: Outcome) -> None:
        self._phones += 1
        phone = self.carrier.phone(f"+1415556{self._phones:04d}")
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self.carrier.call_in(phone, number)
            await _talk(phone, began + duration_s)
            await phone.hang_up()
        except (ParleyError, TimeoutError, OSError):
            outcome.failed += 1
            if phone.is_busy:
                await phone.hang_up()
        outcome.call_minutes += (loop.time() - began) / 60
        outcome.timelines.append(phone.timeline)
        if phone.problems:
            outcome.failed += 1


async def _talk(phone: SimulatedPhone, until: float) -> None:
    await _hear_out(phone)
    turn = 0
    while asyncio.get_running_loop().time() < until:
        await phone.say(QUESTION)
        turn += 1
        if turn % 3:
            await _hear_out(phone)
        else:
            await phone.wait_until_agent_speaks()
            await phone.pause(_INTERRUPTS_AFTER_S)


async def _hear_out(phone: SimulatedPhone) -> None:
    await phone.wait_until_agent_speaks()
    await phone.wait_until_agent_silent(for_ms=600)
    await phone.pause(_PAUSE_S)


async def _watch(outcome: Outcome, server: ServerProcess) -> None:
    """How late this process wakes up, and how much memory the server takes."""
    loop = asyncio.get_running_loop()
    while True:
        for _ in range(50):
            due = loop.time() + _LAG_SAMPLE_S
            await asyncio.sleep(_LAG_SAMPLE_S)
            outcome.load_lags_ms.append(max(0.0, loop.time() - due) * 1000)
        outcome.peak_rss_mb = max(outcome.peak_rss_mb, server.rss_mb())


@dataclass(frozen=True)
class World:
    """A server that is ready for calls, and those who will call it."""

    server: ServerProcess
    callers: Callers


@asynccontextmanager
async def world(data_dir: Path, server_cores: list[int] | None) -> AsyncIterator[World]:
    """Emulators, carrier, database and the server under test, with a hosted agent at each of the two numbers."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(SimulatedCarrier())
        ears = await stack.enter_async_context(DeepgramEmulator())
        voice = VoiceBehaviour(first_audio_s=FIRST_AUDIO_MS / 1000, speed=2.0)
        mouth = await stack.enter_async_context(ElevenLabsEmulator(voice))
        mind = OpenAIEmulator(lambda messages: ANSWER, first_token_s=FIRST_TOKEN_MS / 1000, token_gap_s=0.02)
        await stack.enter_async_context(mind)
        database_url = await stack.enter_async_context(embedded_postgres(data_dir))
        await migrate(database_url)
        environment = {
            "PARLEY_DATABASE_URL": database_url,
            "PARLEY_DATA_DIR": str(data_dir),
            "PARLEY_API_KEY": API_KEY,
            "PARLEY_LOG_LEVEL": "warning",
            "DEEPGRAM_BASE_URL": ears.url,
            "DEEPGRAM_API_KEY": DEEPGRAM_KEY,
            "ELEVENLABS_BASE_URL": mouth.url,
            "ELEVENLABS_API_KEY": "bench",
            "OPENAI_BASE_URL": mind.url,
            "OPENAI_API_KEY": "bench",
            "TWILIO_BASE_URL": carrier.url,
            "TWILIO_ACCOUNT_SID": carrier.account_sid,
            "TWILIO_AUTH_TOKEN": carrier.auth_token,
        }
        server = await stack.enter_async_context(ServerProcess(environment, server_cores))
        for number in (NUMBER, NUMBER_AHEAD):
            carrier.stock.take(number)
            await _prepare(server.url, number, thinks_ahead=number == NUMBER_AHEAD)
        yield World(server, Callers(carrier))


async def _prepare(url: str, number: str, *, thinks_ahead: bool) -> None:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as api:
        agent = {
            "name": "Bench",
            "voiceMode": "hosted",
            "systemPrompt": "Answer.",
            "beginMessage": GREETING,
            "preemptiveReplies": thinks_ahead,
        }
        made = (await api.post("/v1/agents", json=agent)).raise_for_status().json()
        own = {"phoneNumber": number, "agentId": made["id"]}
        (await api.post("/v1/numbers/import", json=own)).raise_for_status()
