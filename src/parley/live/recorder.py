"""Recording a call: listening in on its phone's leg, and writing what was heard to a file beside the call's way.

On the audio path nothing is done but laying bytes on a tape in memory, about a microsecond a frame. Once a second a
child of the session hands what is settled to a thread that writes it. A disk that refuses, or that stands still for ten
seconds, ends the recording and never the call; so no more than some ten seconds of audio ever wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

from parley.audio.formats import AudioFormat
from parley.audio.tape import StereoTape, Stretch, interleaved
from parley.domain.calls import CallPlan
from parley.live.taps import LegTap, SideTap
from parley.providers.protocols import LegEvents, MediaLeg
from parley.storage.spool import PartFile

log = structlog.get_logger()

RECORDING_FAILED: Final = "recording_failed"
_FLUSH_EVERY_S = 1.0
_DISK_PATIENCE_S = 10.0


class Keeper(Protocol):
    """Who gives files to record into, and keeps them when they are complete."""

    def new_part(self, call_id: str, offset_ms: int, sample_rate_hz: int) -> PartFile:
        """A file, not made yet, for what begins so long after the call did."""
        ...

    async def in_thread(self, work: Callable[[], None]) -> None:
        """Do what may block, beside everything else."""
        ...

    def keep(self, path: Path) -> asyncio.Future[None]:
        """Store a complete part, now or later; done once the first attempt is over."""
        ...


class Unrecorded:
    """The quiet twin: the phone's leg stays as it is, and nothing costs anything."""

    def tap(self, leg: MediaLeg) -> MediaLeg:
        return leg

    def listen_in(self, leg: MediaLeg, side: LegEvents) -> LegEvents:
        return side

    def end(self) -> None: ...

    async def run(self) -> None: ...

    async def kept(self, timeout_s: float) -> None: ...


class Recorder:
    """Records one session's part of a call, from its first phone on. `clock` is the session's own."""

    def __init__(
        self,
        plan: CallPlan,
        audio_format: AudioFormat,
        clock: Callable[[], float],
        keeper: Keeper,
        on_problem: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._keeper = keeper
        self._on_problem = on_problem
        self._tape = StereoTape(audio_format)
        self._began_s: float | None = None
        self._leg: MediaLeg | None = None
        self._over = asyncio.Event()
        self._rest = Stretch(b"", b"")
        self._kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tap(self, leg: MediaLeg) -> MediaLeg:
        """The same leg, listened in on. It takes the place of the one before, which is recorded no more."""
        if self._over.is_set():
            return leg
        if self._began_s is None:
            self._began_s = self._clock()
        self._leg = LegTap(leg, self._tape, self._now, self._is_current)
        self._tape.join(self._now())
        return self._leg

    def listen_in(self, leg: MediaLeg, side: LegEvents) -> LegEvents:
        """Whoever hears that leg, listened in on."""
        return SideTap(leg, side, self._tape, self._now, self._is_current)

    def _now(self) -> float:
        return self._clock() - (self._began_s or 0.0)

    def _is_current(self, leg: MediaLeg) -> bool:
        return leg is self._leg

    def end(self) -> None:
        """The call is over, or goes on elsewhere: nothing is recorded after this, and `run` returns."""
        if not self._over.is_set() and self._began_s is not None:
            self._rest = self._tape.end(self._now())
        self._leg = None
        self._over.set()

    async def kept(self, timeout_s: float) -> None:
        """Wait until the recording is where others find it, or this long."""
        await asyncio.wait((self._kept,), timeout=timeout_s)

    # ------------------------------------------------------------ to the disk

    async def run(self) -> None:
        """Write now and then until `end`, then hand the file over. Raises nothing."""
        file: PartFile | None = None
        is_over = False
        try:
            while not is_over:
                await self._pause()
                is_over = self._over.is_set()
                if file is None and self._began_s is not None:
                    file = self._new_file(self._began_s)
                if file is not None:
                    await self._write(file, self._taken())
            if file is not None:
                await self._close(file)
        except (OSError, TimeoutError) as error:
            self._give_up(file, error)
        except asyncio.CancelledError:  # the call failed: keep what there is of it, and say nothing more
            self.end()
            if file is not None:
                with contextlib.suppress(OSError, ValueError):
                    file.finish(interleaved(self._rest, self._tape.audio_format))
            raise
        finally:
            if file is None and not self._kept.done():
                self._kept.set_result(None)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_EVERY_S):
                await self._over.wait()

    def _new_file(self, began_s: float) -> PartFile:
        before = self._plan.continues
        offset_ms = round(((before.after_s if before is not None else 0.0) + began_s) * 1000)
        return self._keeper.new_part(self._plan.call_id, offset_ms, self._tape.audio_format.sample_rate_hz)

    def _taken(self) -> Stretch:
        return self._rest if self._over.is_set() else self._tape.take(self._now())

    async def _write(self, file: PartFile, stretch: Stretch) -> None:
        audio_format = self._tape.audio_format
        async with asyncio.timeout(_DISK_PATIENCE_S):
            await self._keeper.in_thread(lambda: file.write(interleaved(stretch, audio_format)))

    async def _close(self, file: PartFile) -> None:
        async with asyncio.timeout(_DISK_PATIENCE_S):
            await self._keeper.in_thread(file.close)
        self._keeper.keep(file.path).add_done_callback(self._note_kept)

    def _note_kept(self, stored: asyncio.Future[None]) -> None:
        if not self._kept.done():
            self._kept.set_result(None)

    def _give_up(self, file: PartFile | None, error: Exception) -> None:
        """What was written so far stays in its file, and is stored like one that a crash left behind."""
        reason = getattr(error, "strerror", None) or "the disk stands still"
        log.warning(RECORDING_FAILED, call_id=self._plan.call_id, reason=reason)
        self._leg = None
        self._over.set()
        self._on_problem(RECORDING_FAILED)
        if not self._kept.done():
            self._kept.set_result(None)
        if file is not None:
            with contextlib.suppress(OSError):
                file.finish()


class Recorders:
    """Opens a recorder for every call whose agent is recorded; without a keeper, for none."""

    def __init__(self, keeper: Keeper | None = None) -> None:
        self._keeper = keeper

    def open(
        self,
        plan: CallPlan,
        audio_format: AudioFormat,
        clock: Callable[[], float],
        on_problem: Callable[[str], None],
    ) -> Recorder | Unrecorded:
        if self._keeper is None or not plan.agent.is_recorded:
            return Unrecorded()
        return Recorder(plan, audio_format, clock, self._keeper, on_problem)
