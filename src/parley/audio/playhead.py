"""How far the phone has played: the carrier's marks, and arithmetic between them.

A carrier plays what it was sent in its own time and tells of it only now and then (a *mark* that comes back once the
audio before it was played). Between two marks the place is estimated, and always from below: counting a word as heard
that was not is the worse mistake, because it would stand in the transcript and in the model's memory for good.

The estimate is right about three things that are easily got wrong:

- audio starts later than it is sent; by how much is learned from the marks themselves;
- a mark that has not come back has not been played, however late it is, so nothing beyond it counts;
- when everything was played and audio is sent later, playing starts again at that moment, not where a clock that ran
  on through the silence would put it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from parley.audio.formats import AudioFormat

_FIRST_START_DELAY_S = 0.1  # Before anything is known: about one way to a carrier plus its jitter buffer.
_LONGEST_START_DELAY_S = 1.0
_LATEST_MARK_S = 3.0
_MISSING_MARK_S = 10.0
_MOST_PIECES = 4096  # 80 s in 20 ms frames. Beyond it pieces are joined: the estimate is coarser, never further on.


class _Piece:
    """Bytes sent together, ending at byte `end`."""

    __slots__ = ("end", "marked", "sent_at")

    def __init__(self, end: int, sent_at: float, marked: bool) -> None:
        self.end = end
        self.sent_at = sent_at
        self.marked = marked


class Playhead:
    """Estimates how many bytes of the audio sent so far the phone has played.

    Positions are bytes in `audio_format`, counted from the beginning or from the last `flushed`; times are seconds on
    any clock that does not run backwards. Pure: it never asks for the time.
    """

    def __init__(self, audio_format: AudioFormat) -> None:
        self._bytes_per_second = audio_format.bytes_per_second
        self._bytes_per_sample = audio_format.bytes_per_sample
        self._start_delay_s = _FIRST_START_DELAY_S
        self._start_delay_is_known = False
        self._pieces: deque[_Piece] = deque()
        self._sent = 0
        self._confirmed = 0
        self._confirmed_at = float("-inf")
        self._has_returned_marks = self._trusts_clock = False

    @property
    def sent_bytes(self) -> int:
        """All bytes given to `sent` since the beginning or the last flush."""
        return self._sent

    @property
    def is_empty(self) -> bool:
        """True when the phone has confirmed everything that was sent."""
        return self._confirmed >= self._sent

    @property
    def start_delay_s(self) -> float:
        """Seconds from sending audio to a silent phone until it plays, as far as is known."""
        return self._start_delay_s

    def sent(self, byte_count: int, now: float, *, marked: bool = True) -> None:
        """`byte_count` more bytes left for the phone; if `marked`, `confirmed` will tell when they were played."""
        if byte_count <= 0:
            return
        self._sent += byte_count
        if len(self._pieces) >= _MOST_PIECES:
            last = self._pieces[-1]
            last.end, last.sent_at, last.marked = self._sent, now, last.marked or marked
            return
        self._pieces.append(_Piece(self._sent, now, marked))

    def confirmed(self, position: int, now: float) -> None:
        """The phone has played at least up to `position`. A position that is older, or was never sent, is ignored."""
        if position <= self._confirmed or position > self._sent:
            return
        self._has_returned_marks, self._trusts_clock = True, False
        self._learn_start_delay(position, now)
        self._passed(position, now)

    def overdue(self, now: float) -> int:
        """What a phone that returns no marks must have played by now, going by the clock; else 0.

        Carriers return every mark. A phone that does not would never be told to have heard anything, so once its first
        mark is three seconds late (or, after others came, a mark is ten seconds late) the clock is believed instead, as
        if the position had been confirmed, until a mark comes again.
        """
        if not self._pieces:
            return 0
        patience_s = _MISSING_MARK_S if self._has_returned_marks else _LATEST_MARK_S
        position, ended_at = self._confirmed, self._confirmed_at
        for end, time in self._ends():
            if now < time + (0.0 if self._trusts_clock else patience_s):
                break
            self._trusts_clock = True
            position, ended_at = end, time
        if position == self._confirmed:
            return 0
        self._passed(position, ended_at)
        return position

    def _passed(self, position: int, now: float) -> None:
        while self._pieces and self._pieces[0].end <= position:
            self._pieces.popleft()
        self._confirmed = position
        self._confirmed_at = now

    def flushed(self, now: float) -> int:
        """The phone was told to drop what it has not played: returns the position heard, then counts from 0 again."""
        heard = self.position(now)
        self._pieces.clear()
        self._sent = self._confirmed = 0
        self._confirmed_at = now
        return heard

    def position(self, now: float) -> int:
        """Bytes played by `now` as far as can be said for sure, in whole samples."""
        position, time = self._confirmed, self._confirmed_at
        for piece in self._pieces:
            start = max(time, piece.sent_at + self._start_delay_s)
            if start >= now:
                break
            length = piece.end - position
            played = (now - start) * self._bytes_per_second
            if played < length:
                position += int(played + 1e-6)  # 399.99999 bytes of floating point are 400.
                break
            position = piece.end
            if piece.marked:
                break
            time = start + length / self._bytes_per_second
        return position - position % self._bytes_per_sample

    def end_time(self) -> float:
        """When the last byte sent so far will have been played at the earliest; the past when nothing is under way."""
        return max((time for _, time in self._ends()), default=self._confirmed_at)

    def _ends(self) -> Iterator[tuple[int, float]]:
        """For each piece under way: where it ends, and when its last byte will have been played at the earliest."""
        position, time = self._confirmed, self._confirmed_at
        for piece in self._pieces:
            time = max(time, piece.sent_at + self._start_delay_s) + (piece.end - position) / self._bytes_per_second
            position = piece.end
            yield position, time

    def _learn_start_delay(self, position: int, now: float) -> None:
        """From the first mark after a silence: when would its audio have had to start to be over just now?

        The answer contains the mark's way back too, so the estimate stays on the safe side.
        """
        first = self._pieces[0] if self._pieces else None
        if first is None or position != first.end or self._confirmed_at > first.sent_at:
            return
        took_s = (first.end - self._confirmed) / self._bytes_per_second
        measured_s = min(max(0.0, now - first.sent_at - took_s), _LONGEST_START_DELAY_S)
        step = 0.25 if self._start_delay_is_known else 1.0
        self._start_delay_s += (measured_s - self._start_delay_s) * step
        self._start_delay_is_known = True
