"""How long a caller hears nothing while providers accept everything and say nothing: `python -m bench --only hanging`.

One call each, on the real wire: one provider of a kind hangs, or all of that kind do, from the beginning or after a
first answer. The caller asks, repeats the question when told so, and the longest silence is taken from the phone's own
timeline. An agent here has what a careful operator gives it: two recogniser services of one vendor, two model servers,
and voices of two vendors.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import uvloop

from bench.server import ServerProcess
from parley.conversation.lines import CLIP_TEXTS
from parley.simulation.carrier import SimulatedCarrier
from parley.simulation.phone import SimulatedPhone
from parley.storage.embedded import embedded_postgres
from parley.storage.migrations import migrate
from tests.emulators.deepgram import KEY as DEEPGRAM_KEY
from tests.emulators.deepgram import DeepgramEmulator
from tests.emulators.elevenlabs import Behaviour as MouthBehaviour
from tests.emulators.elevenlabs import ElevenLabsEmulator
from tests.emulators.openai import Completion, OpenAIEmulator

ONE_LIMIT_MS, ALL_LIMIT_MS = 3000.0, 6000.0
PARTS = ("recogniser", "model", "voice")

GREETING = "Hello, you have reached the benchmark."
QUESTION = "Please tell me when you are open"
ANSWER = "We are open from nine to five, every day of the week."
AGENT: dict[str, Any] = {
    "name": "Careful",
    "voiceMode": "hosted",
    "systemPrompt": "Answer.",
    "beginMessage": GREETING,
    "speechToText": {"provider": "deepgram", "model": "nova-3", "fallbacks": [{"model": "flux-general-en"}]},
    "languageModel": {"provider": "openai", "fallbacks": [{"provider": "compatible", "model": "spare"}]},
    "textToSpeech": {"provider": "elevenlabs", "fallbacks": [{"provider": "openai", "voice": "alloy"}]},
}
_API_KEY = "sk_live_bench-0123456789abcdef"
_NUMBER = "+14155550111"
_PATIENCE_S = 90.0
_SAYS_AGAIN_AFTER_S = 0.7
_MOST_QUESTIONS = 4
_HANGS = Completion(trouble="hang")


@dataclass
class Vendors:
    """Everybody an agent can be held with, and what makes them hang."""

    ears: DeepgramEmulator
    mouth: ElevenLabsEmulator
    openai: OpenAIEmulator
    spare: OpenAIEmulator

    def hang(self, part: str, *, everyone: bool) -> None:
        """From here on one provider of this kind, or all, accept and say nothing; those of other kinds work."""
        is_ear, is_model, is_voice = (part == name for name in PARTS)
        hanging = "/" if everyone else "/v1/listen"
        self.ears.behaviour.silent_path = hanging if is_ear else ""
        self.openai.decide = lambda messages: _HANGS if is_model else ANSWER
        self.spare.decide = lambda messages: _HANGS if is_model and everyone else ANSWER
        self.mouth.behaviour = MouthBehaviour(silent_times=10**9 if is_voice else 0, http_silent=is_voice)
        self.openai.speech.behaviour.trouble = "hang"
        self.openai.speech.behaviour.trouble_times = 10**9 if is_voice and everyone else 0


@asynccontextmanager
async def vendors() -> AsyncIterator[Vendors]:
    """Start them all; nobody hangs yet."""
    async with AsyncExitStack() as stack:
        ears = await stack.enter_async_context(DeepgramEmulator())
        mouth = await stack.enter_async_context(ElevenLabsEmulator())
        minds = [OpenAIEmulator(lambda messages: ANSWER, first_token_s=0.2, token_gap_s=0.02) for _ in range(2)]
        for mind in minds:
            await stack.enter_async_context(mind)
        yield Vendors(ears, mouth, *minds)


@dataclass(frozen=True)
class Silence:
    """What one call heard. `was_answered`: the question, in the end. `mid_call`: it hung only after a first answer."""

    part: str
    everyone: bool
    mid_call: bool
    longest_ms: float
    was_answered: bool

    @property
    def is_kept(self) -> bool:
        """Whether the promise was: the limit, and an answer where somebody was left to give it."""
        limit_ms = ALL_LIMIT_MS if self.everyone else ONE_LIMIT_MS
        return self.longest_ms <= limit_ms and self.was_answered is not self.everyone

    def row(self) -> str:
        who = f"every {self.part}" if self.everyone else f"one {self.part}"
        who += ", after an answer" if self.mid_call else ", from the beginning"
        limit_ms = ALL_LIMIT_MS if self.everyone else ONE_LIMIT_MS
        ending = "answered" if self.was_answered else "given up with a goodbye"
        return f"{who:36} {self.longest_ms:12.0f} {limit_ms:9.0f}   {ending}"


async def listened(phone: SimulatedPhone, outside: Vendors, part: str, *, everyone: bool, mid_call: bool) -> Silence:
    """Be a caller on a call that is connected just now: ask, repeat the question when asked to, until it is over."""
    connected_at, over_at, was_answered = _now(), None, False
    async with asyncio.timeout(_PATIENCE_S):
        await phone.wait_until_agent_speaks(_PATIENCE_S)
        await phone.wait_until_agent_silent(_SAYS_AGAIN_AFTER_S * 1000)
        if mid_call:
            await phone.say(QUESTION)
            assert await _answered(phone, 1)
            await phone.wait_until_agent_silent(_SAYS_AGAIN_AFTER_S * 1000)
            outside.hang(part, everyone=everyone)
        for _ in range(_MOST_QUESTIONS):
            before = len(phone.heard)
            await phone.say(QUESTION)
            was_answered = await _answered(phone, before)
            if was_answered or not phone.is_busy:
                break
        if not was_answered:
            over_at = _now()
        longest_ms = phone.timeline.longest_silence_ms(connected_at, over_at)
        if phone.is_busy:
            await phone.hang_up()
    return Silence(part, everyone, mid_call, longest_ms, was_answered)


async def _answered(phone: SimulatedPhone, before: int) -> bool:
    """True when the whole answer was heard; False when the caller is to say it again, or the call is over."""
    while phone.is_busy:
        words = [word for stretch in phone.heard[before:] for word in stretch.words]
        is_quiet = not phone.heard or phone.current.handset.playout.silent_for_s(_now()) > _SAYS_AGAIN_AFTER_S
        if ANSWER.split()[-2:] == words[-2:]:
            return True
        if is_quiet and words[-2:] == CLIP_TEXTS["apology"].split()[-2:]:
            return False
        await asyncio.sleep(0.02)
    return False


async def hanging(data_dir: Path) -> list[Silence]:
    """Measure every kind, one provider of it and all, against a server of its own; print each row as it is known."""
    print(f"\n{'who hangs':36} {'longest ms':>12} {'limit ms':>9}   the question was", flush=True)
    silences = []
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(SimulatedCarrier())
        outside = await stack.enter_async_context(vendors())
        database_url = await stack.enter_async_context(embedded_postgres(data_dir))
        await migrate(database_url)
        environment = _environment(carrier, outside, database_url, data_dir)
        server = await stack.enter_async_context(ServerProcess(environment, None))
        carrier.stock.take(_NUMBER)
        await _prepare(server.url)
        for part, everyone, mid_call in product(PARTS, (False, True), (False, True)):
            outside.hang("nobody" if mid_call else part, everyone=everyone)
            phone = carrier.phone("+14155560001")
            await carrier.call_in(phone, _NUMBER)
            silences.append(await listened(phone, outside, part, everyone=everyone, mid_call=mid_call))
            print(silences[-1].row(), flush=True)
    return silences


def run() -> int:
    """Measure and print; 1 where a promise was not kept."""
    folder = tempfile.TemporaryDirectory(prefix="parley-bench-", ignore_cleanup_errors=True)
    with folder as path, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        silences = runner.run(hanging(Path(path)))
    return 0 if all(silence.is_kept for silence in silences) else 1


def _environment(carrier: SimulatedCarrier, outside: Vendors, database_url: str, data_dir: Path) -> dict[str, str]:
    return {
        "PARLEY_DATABASE_URL": database_url,
        "PARLEY_DATA_DIR": str(data_dir),
        "PARLEY_API_KEY": _API_KEY,
        "PARLEY_LOG_LEVEL": "error",
        "DEEPGRAM_BASE_URL": outside.ears.url,
        "DEEPGRAM_API_KEY": DEEPGRAM_KEY,
        "ELEVENLABS_BASE_URL": outside.mouth.url,
        "ELEVENLABS_API_KEY": "bench",
        "OPENAI_BASE_URL": outside.openai.url,
        "OPENAI_API_KEY": "bench",
        "PARLEY_COMPATIBLE_BASE_URL": outside.spare.url,
        "TWILIO_BASE_URL": carrier.url,
        "TWILIO_ACCOUNT_SID": carrier.account_sid,
        "TWILIO_AUTH_TOKEN": carrier.auth_token,
    }


async def _prepare(url: str) -> None:
    """The agent behind its number, in a project where a call that cannot go on is hung up, not sent to voicemail."""
    headers = {"Authorization": f"Bearer {_API_KEY}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as api:
        hangs_up = {"routing_config": {"fallback_behavior": "hangup"}}
        (await api.put("/v1/voiceai/routing", json=hangs_up)).raise_for_status()
        made = (await api.post("/v1/agents", json=AGENT)).raise_for_status().json()
        number = {"phoneNumber": _NUMBER, "agentId": made["id"]}
        (await api.post("/v1/numbers/import", json=number)).raise_for_status()


def _now() -> float:
    return asyncio.get_running_loop().time()
