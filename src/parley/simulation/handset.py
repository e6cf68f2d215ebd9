"""The person's end of a simulated call: a mouth, an ear, and somebody who waits for things to happen."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from parley.audio.formats import MULAW_8K
from parley.domain.errors import Conflict
from parley.simulation.playout import FRAME_BYTES, Playout
from parley.simulation.timeline import Said, Timeline


class Line(Protocol):
    """Where the handset's sound goes while a media stream is open."""

    def carry(self, audio: bytes | None) -> None:
        """Send 20 ms of the caller's audio; None is silence."""
        ...

    def return_marks(self, names: Sequence[str]) -> None: ...


class _Utterance:
    def __init__(self, said: Said, audio: bytes, done: asyncio.Future[None]) -> None:
        self.said = said
        self.audio = audio
        self.offset = 0
        self.done = done


class Handset:
    """Speaks and listens 20 ms at a time.

    `connected` is set while a stream carries its sound, and for good when the call is over: nobody waits in vain.
    """

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.playout = Playout(self.timeline)
        self.connected = asyncio.Event()
        self._line: Line | None = None
        self._mouth: deque[_Utterance] = deque()
        self._waiters: list[tuple[Callable[[float], bool], asyncio.Future[float]]] = []
        self._is_down = False

    def tick(self, due: float) -> None:
        """20 ms pass: send what is said, play what has come, wake who waited for it."""
        frame = self._next_frame(due)
        reached = self.playout.tick(due)
        if self._line is not None:
            self._line.carry(frame)
            if reached:
                self._line.return_marks(reached)
        if self._waiters:
            self._wake(due)

    def _next_frame(self, due: float) -> bytes | None:
        if not self._mouth:
            return None
        utterance = self._mouth[0]
        if not utterance.offset:
            utterance.said.began_at = due
            self.timeline.said.append(utterance.said)
            self.playout.part()
        frame = utterance.audio[utterance.offset : utterance.offset + FRAME_BYTES]
        utterance.offset += FRAME_BYTES
        if utterance.offset >= len(utterance.audio):
            self._mouth.popleft()
            # A frame leaves when its 20 ms have been spoken, so the speech ends as its last frame leaves.
            utterance.said.ended_at = due
            if not utterance.done.done():
                utterance.done.set_result(None)
        return frame.ljust(FRAME_BYTES, MULAW_8K.silence_byte)

    def say(self, text: str, audio: bytes) -> asyncio.Future[None]:
        """Queue an utterance; the future is done when its last frame was sent. Raises Conflict after the call."""
        self._require_call()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if audio:
            self._mouth.append(_Utterance(Said(text, 0.0), audio, done))
        else:
            done.set_result(None)
        return done

    async def wait_until(self, holds: Callable[[float], bool], timeout_s: float) -> float:
        """The time of the first tick for which `holds(now)`. Raises TimeoutError, and Conflict when the call ends."""
        self._require_call()
        seen: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiters.append((holds, seen))
        async with asyncio.timeout(timeout_s):
            return await seen

    def _wake(self, due: float) -> None:
        waiting = []
        for holds, seen in self._waiters:
            if seen.done():
                continue
            if holds(due):
                seen.set_result(due)
            else:
                waiting.append((holds, seen))
        self._waiters = waiting

    def connect(self, line: Line) -> None:
        """Sound goes over this line from now on."""
        self._line = line
        if self.timeline.connected_at is None:
            self.timeline.connected_at = asyncio.get_running_loop().time()
        self.connected.set()

    def disconnect(self, line: Line) -> None:
        """The line is gone, and with it what the carrier had buffered."""
        if self._line is line:
            self._line = None
            self.playout.drop(asyncio.get_running_loop().time())
            if not self._is_down:
                self.connected.clear()

    def put_down(self) -> None:
        """The call is over: nobody speaks any more, and whoever waits is told."""
        self._is_down = True
        self._line = None
        self.connected.set()
        for utterance in self._mouth:
            if not utterance.done.done():
                utterance.done.set_exception(_over())
        self._mouth.clear()
        for _, seen in self._waiters:
            if not seen.done():
                seen.set_exception(_over())
        self._waiters.clear()

    def _require_call(self) -> None:
        if self._is_down:
            raise _over()


def _over() -> Conflict:
    return Conflict("The call is over: nothing more can be said or heard on it.")
