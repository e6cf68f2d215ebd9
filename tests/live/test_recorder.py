"""A recorder beside a call: what it writes, what it costs, and that nothing it meets touches the call."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from parley.audio.dtmf import dtmf
from parley.audio.formats import MULAW_8K
from parley.audio.g711 import mulaw_to_pcm16, pcm16_to_mulaw
from parley.domain.calls import Continuation
from parley.live.recorder import RECORDING_FAILED, Recorder, Recorders, Unrecorded
from parley.live.speaker import Speaker
from parley.providers.protocols import LegEvents, MediaLeg
from parley.storage.spool import PartFile, Spool, mend
from tests.live.doubles import PlayingPhone, ScriptedVoice, done, spoken
from tests.live.test_session import PLAN

RECORDED = msgspec.structs.replace(PLAN, agent=msgspec.structs.replace(PLAN.agent, is_recorded=True))


class Keeping:
    """Keeps parts where they are. `disk` stands in front of every write."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder)
        self.kept: list[Path] = []
        self.disk: Callable[[], None] = lambda: None

    def new_part(self, call_id: str, offset_ms: int, sample_rate_hz: int) -> PartFile:
        return self.spool.new_part(call_id, offset_ms, sample_rate_hz)

    async def in_thread(self, work: Callable[[], None]) -> None:
        def after_the_disk() -> None:
            self.disk()
            work()

        await asyncio.to_thread(after_the_disk)

    def keep(self, path: Path) -> asyncio.Future[None]:
        self.kept.append(path)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Side:
    """Whoever listens to the leg: notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def on_audio(self, audio: bytes) -> None:
        self.told.append(audio)

    def on_played(self, position: int) -> None:
        self.told.append(position)

    def on_key(self, digit: str) -> None:
        self.told.append(digit)

    def on_closed(self, reason: str) -> None:
        self.told.append(reason)


class Call:
    """A recorder in call time, its phone and its listener."""

    def __init__(self, recorder: Recorder, problems: list[str], clock: list[float]) -> None:
        self.recorder, self.problems, self._clock = recorder, problems, clock
        self.phone, self.side = PlayingPhone(lambda position, now: None), Side()
        self.leg: MediaLeg = self.phone
        self.events: LegEvents = self.side

    @property
    def now(self) -> float:
        return self._clock[0]

    def connect(self) -> None:
        self.leg = self.recorder.tap(self.phone)
        self.events = self.recorder.listen_in(self.leg, self.side)

    def hear(self, frames: int) -> None:
        for _ in range(frames):
            self._clock[0] += 0.02
            self.events.on_audio(b"\x11" * 160)


@asynccontextmanager
async def call_of(keeping: Keeping, after_s: float = 0.0) -> AsyncIterator[Call]:
    """The recorder runs while the block does, and has ended its work after it."""
    clock, problems = [2.5], list[str]()
    plan = msgspec.structs.replace(RECORDED, continues=Continuation(0, after_s)) if after_s else RECORDED
    recorder = Recorders(keeping).open(plan, MULAW_8K, lambda: clock[0], problems.append)
    assert isinstance(recorder, Recorder)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(recorder.run())
        yield Call(recorder, problems, clock)
        recorder.end()


def sides_of(path: Path) -> tuple[bytes, bytes]:
    mend(path)
    with wave.open(io.BytesIO(path.read_bytes())) as file:
        samples = file.readframes(file.getnframes())
    left, right = (b"".join(samples[at : at + 2] for at in range(offset, len(samples), 4)) for offset in (0, 2))
    return left, right


async def test_what_was_heard_is_written_and_handed_over_when_the_call_is_over(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    async with call_of(keeping) as call:
        call.connect()
        call.hear(50)
        call.leg.play(b"\x22" * 1600)
        call.leg.play(b"\x33" * 8000)
        call.hear(15)
        call.events.on_played(1600)
        call.hear(35)
        call.leg.flush()
        call.recorder.end()
        await call.recorder.kept(60.0)
    [path] = keeping.kept
    assert path.name == "call_1.000002500.wav"
    left, right = sides_of(path)
    assert left == mulaw_to_pcm16(b"\x11" * 16_000)
    silence = b"\xff"
    assert right == mulaw_to_pcm16(silence * 8800 + b"\x22" * 1600 + b"\x33" * 5600)
    assert call.problems == []


async def test_everything_passes_through_as_it_came(tmp_path: Path) -> None:
    async with call_of(Keeping(tmp_path)) as call:
        call.connect()
        call.leg.play(b"sound")
        call.leg.flush()
        call.leg.close()
        call.events.on_audio(b"audio")
        call.events.on_played(7)
        call.events.on_key("#")
        call.events.on_closed("lost")
        assert (call.phone.flushes, call.phone.is_closed, call.leg.audio_format) == (1, True, MULAW_8K)
        assert call.side.told == [b"audio", 7, "#", "lost"]


async def test_a_call_nobody_picked_up_leaves_no_file(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    async with call_of(keeping) as call:
        call.recorder.end()
        await call.recorder.kept(60.0)
    assert (keeping.kept, list(tmp_path.iterdir())) == ([], [])


async def test_a_part_of_a_call_begins_where_the_session_before_it_left_off(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    async with call_of(keeping, after_s=61.25) as call:
        call.connect()
        call.hear(5)
    assert keeping.kept[0].name == "call_1.000063750.wav"


async def test_a_phone_that_was_replaced_is_recorded_no_more(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)
    async with call_of(keeping) as call:
        call.connect()
        call.hear(50)
        old = call.events
        call.connect()
        old.on_audio(b"\x77" * 160)
        old.on_played(400)
        call.hear(50)
    left, right = sides_of(keeping.kept[0])
    assert left == mulaw_to_pcm16(b"\x11" * 16_000)
    assert right == bytes(len(left))
    assert b"\x77" * 160 in call.side.told


async def test_a_disk_that_refuses_ends_the_recording_and_not_the_call(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path)

    def full() -> None:
        raise OSError(28, "No space left on device")

    async with call_of(keeping) as call:
        call.connect()
        call.hear(5)
        keeping.disk = full
        call.recorder.end()
        await call.recorder.kept(60.0)
        call.hear(5)
    assert (call.problems, keeping.kept) == ([RECORDING_FAILED], [])
    assert len(call.side.told) == 10


async def test_a_disk_that_stands_still_does_not_hold_up_the_end_of_the_call(tmp_path: Path) -> None:
    keeping, moves_again = Keeping(tmp_path), threading.Event()
    keeping.disk = lambda: assert_true(moves_again.wait(60))
    async with call_of(keeping) as call:
        call.connect()
        call.hear(5)
        call.recorder.end()
        began = asyncio.get_running_loop().time()
        await call.recorder.kept(0.1)
        assert asyncio.get_running_loop().time() - began < 10.0
        moves_again.set()
    assert len(keeping.kept) == 1


def assert_true(value: bool) -> None:
    assert value


def test_a_call_that_is_not_recorded_keeps_its_leg_as_it_is(tmp_path: Path) -> None:
    phone, side = PlayingPhone(lambda position, now: None), Side()
    for recorders, plan in ((Recorders(), RECORDED), (Recorders(Keeping(tmp_path)), PLAN)):
        quiet = recorders.open(plan, MULAW_8K, lambda: 0.0, lambda code: None)
        assert isinstance(quiet, Unrecorded)
        assert quiet.tap(phone) is phone
        assert quiet.listen_in(phone, side) is side


async def test_a_recorder_that_is_cancelled_at_its_last_write_writes_nothing_twice(tmp_path: Path) -> None:
    keeping, is_writing, may_write = Keeping(tmp_path), threading.Event(), threading.Event()

    def wait() -> None:
        is_writing.set()
        may_write.wait(10)

    clock = [2.5]
    recorder = Recorders(keeping).open(RECORDED, MULAW_8K, lambda: clock[0], lambda problem: None)
    assert isinstance(recorder, Recorder)
    call = Call(recorder, [], clock)
    call.connect()
    call.hear(50)
    keeping.disk = wait
    recorder.end()
    running = asyncio.create_task(recorder.run())
    await asyncio.to_thread(is_writing.wait, 10)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    may_write.set()

    [path] = await asyncio.to_thread(written, tmp_path)
    assert sides_of(path)[0] == mulaw_to_pcm16(b"\x11" * 8000)


def written(folder: Path) -> list[Path]:
    """The parts in a folder, once somebody has written to one."""
    found: list[Path] = []
    until = time.monotonic() + 60
    while not found and time.monotonic() < until:
        found = [path for path in folder.glob("*.wav") if path.stat().st_size > 44]
    return found


async def test_speech_that_was_held_and_resumed_is_recorded_once_and_pressed_keys_behind_it(tmp_path: Path) -> None:
    """The speaker itself, over a phone that plays in call time and returns its marks."""
    keeping, voice = Keeping(tmp_path), ScriptedVoice()
    async with call_of(keeping) as call:
        speaker = Speaker(voice, MULAW_8K, lambda fact: None)
        call.phone = PlayingPhone(lambda position, now: call.events.on_played(position))
        call.side.on_played = lambda position: speaker.played(position, call.now)  # type: ignore[method-assign]
        call.connect()

        def pass_time(seconds: float) -> None:
            for _ in range(round(seconds / 0.02)):
                call.hear(1)
                call.phone.let_pass(0.02)

        pass_time(1.0)
        speaker.attach(call.leg, call.now)
        speaker.say(1, "abcd fghij")
        speaker.take(spoken(1, "abcd fghij"), call.now)
        speaker.done(done(1), call.now)
        pass_time(0.25)
        speaker.hold(call.now)
        pass_time(0.4)
        speaker.resume(call.now)
        speaker.press("42", call.now)
        pass_time(1.5)
    _, right = sides_of(keeping.kept[0])
    speech, keys = spoken(1, "abcd fghij").audio, dtmf("42", MULAW_8K)
    heard = pcm16_to_mulaw(right)
    unspoken = b"\xff "  # silence, and the gap between two words, which it was held in
    assert heard.translate(None, unspoken) == (speech + keys).translate(None, unspoken)
    assert heard.index(keys) > heard.index(speech[-400:])
