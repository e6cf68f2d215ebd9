"""The carrier's playout buffer for one call: plays in real time, knows when each mark was truly reached. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from parley.audio.formats import MULAW_8K
from parley.simulation.timeline import Heard, Timeline

FRAME_BYTES: Final = MULAW_8K.bytes_in(20)

JOIN_S: Final = 0.5
"""Audio that comes so soon after the buffer ran dry belongs to the same speech: the silence was a gap in it."""


class Playout:
    """Audio and marks waiting to be played; what was played goes to the timeline."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._items: deque[bytes | str] = deque()
        self._head_offset = 0
        self._queued_bytes = 0
        self._reached: list[str] = []
        self._may_join = False

    @property
    def is_speaking(self) -> bool:
        return self._queued_bytes > 0

    def silent_for_s(self, now: float) -> float:
        """Seconds since the last agent audio was played; infinite before the first."""
        if self.is_speaking:
            return 0.0
        heard = self._timeline.heard
        return max(0.0, now - heard[-1].ended_at) if heard else float("inf")

    def arrive(self, audio: bytes, now: float) -> None:
        """Agent audio came from the server."""
        if not audio:
            return
        if not self._queued_bytes and not self._continues(now):
            self._timeline.heard.append(Heard(arrived_at=now, started_at=now, ended_at=now))
            self._may_join = True
        self._items.append(audio)
        self._queued_bytes += len(audio)

    def _continues(self, now: float) -> bool:
        heard = self._timeline.heard
        return self._may_join and bool(heard) and now - heard[-1].ended_at < JOIN_S

    def mark(self, name: str) -> None:
        """Remember a mark; it is reached when all audio before it was played, at once if there is none."""
        self._items.append(name)

    def part(self) -> None:
        """The caller began to speak: later agent audio is an answer, not the rest of what is playing."""
        self._may_join = False

    def clear(self, now: float) -> Sequence[str]:
        """The server takes back everything. Returns the marks in it, which the carrier gives back at once."""
        marks = self._reached + [item for item in self._items if isinstance(item, str)]
        self._timeline.cleared_at.append(now)
        if self._queued_bytes:
            stretch = self._timeline.heard[-1]
            stretch.was_cleared = True
            stretch.cleared_ms += MULAW_8K.duration_ms(self._queued_bytes)
        self.drop(now)
        return marks

    def drop(self, now: float) -> None:
        """Forget everything that was not played."""
        if self._queued_bytes:
            stretch = self._timeline.heard[-1]
            stretch.ended_at = min(stretch.ended_at, now)
        self._items.clear()
        self._reached = []
        self._head_offset = 0
        self._queued_bytes = 0
        self._may_join = False

    def tick(self, due: float) -> Sequence[str]:
        """Play the 20 ms that begin at `due`. Returns the marks reached by the frame before."""
        reached, self._reached = self._reached, []
        if self._queued_bytes:
            self._open_frame(self._timeline.heard[-1], due)
        room = FRAME_BYTES
        while self._items:
            head = self._items[0]
            if isinstance(head, str):
                self._reached.append(head)
                self._items.popleft()
                continue
            if not room:
                break
            part = head[self._head_offset : self._head_offset + room]
            room -= len(part)
            self._play(part, due)
            self._head_offset += len(part)
            if self._head_offset == len(head):
                self._items.popleft()
                self._head_offset = 0
        return reached

    def _open_frame(self, stretch: Heard, due: float) -> None:
        if not stretch.audio:
            stretch.started_at = stretch.ended_at = due
        elif (gap_s := due - stretch.ended_at) > 0.001:
            stretch.missing_ms += gap_s * 1000.0
        stretch.ended_at = due

    def _play(self, part: bytes, due: float) -> None:
        self._queued_bytes -= len(part)
        stretch = self._timeline.heard[-1]
        stretch.audio += part
        stretch.ended_at += MULAW_8K.duration_ms(len(part)) / 1000.0
