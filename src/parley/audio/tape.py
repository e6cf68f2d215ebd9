"""A call as both heard it: the caller on one track, on the other what the phone played of the agent.

The caller's own audio is the clock of the tape. Frames lie end to end, so jitter, bursts and a carrier whose clock runs
a little wrong add up to nothing; only audio that stays away for good (a stream that broke and came back) becomes
silence. The carrier's marks come over the same line as the caller's frames, so a mark says where, between those
frames, the phone had finished playing: there the agent's audio is laid. What was sent but never played is not laid.

Positions are bytes of one track since the tape began; `now` is seconds since then. Pure: it never asks for the time.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from parley.audio.conversion import convert
from parley.audio.formats import AudioFormat
from parley.audio.playhead import Playhead

# A frame this late may come in a burst with those behind it. Later than this, and staying so, audio was lost.
_JITTER_MS = 200.0
_SETTLED_AFTER_S = 1.0
# Nothing has come for so long: what lies on the other track should not wait in memory any longer.
_ABSENT_AFTER_MS = 5000.0
# Marks are given back between two frames; one that is later than this tells of a gap in what the phone played.
_MARK_JITTER_MS = 120.0


class Stretch(NamedTuple):
    """Equally long pieces of both tracks, in the tape's format."""

    caller: bytes
    agent: bytes


def interleaved(stretch: Stretch, audio_format: AudioFormat) -> bytes:
    """16-bit little-endian stereo at the tape's own rate: caller left, agent right."""
    linear = AudioFormat("pcm_s16le", audio_format.sample_rate_hz)
    sides = [np.frombuffer(convert(track, audio_format, linear), dtype="<i2") for track in stretch]
    return np.column_stack(sides).astype("<i2").tobytes()


class _Track:
    """Audio behind audio. `end` is where the next byte will lie; what was taken is forgotten."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._silence = audio_format.silence_byte
        self._bytes_per_sample = audio_format.bytes_per_sample
        self._samples_per_s = audio_format.sample_rate_hz
        self._laid = bytearray()
        self.end = 0

    def place(self, seconds: float) -> int:
        """Where on the track so many seconds lie, in whole samples."""
        return round(seconds * self._samples_per_s) * self._bytes_per_sample

    def lay(self, audio: bytes | bytearray) -> None:
        self._laid += audio
        self.end += len(audio)

    def fill_to(self, position: int) -> None:
        """Silence up to `position`; nothing if the track is longer than that already."""
        missing = position - self.end
        if missing > 0:
            self.lay(self._silence * missing)

    def take_to(self, position: int) -> bytes:
        """What lies before `position` and was not taken yet."""
        size = max(0, len(self._laid) - (self.end - position))
        taken = bytes(self._laid[:size])
        del self._laid[:size]
        return taken


class _CallerTrack(_Track):
    """Frames as they come. Those after a gap wait for a second: if more come in a burst, nothing was lost."""

    def __init__(self, audio_format: AudioFormat) -> None:
        super().__init__(audio_format)
        self._jitter = self.place(_JITTER_MS / 1000)
        self._waiting = bytearray()
        self._is_new_stream = True
        self._waiting_since = 0.0
        self._least_late: int | None = None
        self._lead = 0  # how far the frames have come to be ahead of the clock

    def joined(self) -> None:
        """Frames come over a new stream from here on: however short the gap before it is, it is one."""
        self._settle()
        self._is_new_stream = True

    def hear(self, frame: bytes, now: float) -> None:
        late = self.place(now) + self._lead - self.end - len(self._waiting) - len(frame)
        if late < 0:
            self._lead -= late
            late = 0
        if self._least_late is None and not self._is_new_stream and late <= self._jitter:
            self.lay(frame)
            return
        if self._least_late is not None and late > self._least_late + self._jitter:
            self._settle()
        if self._least_late is None:
            self._waiting_since, self._least_late = now, late
        self._waiting += frame
        self._least_late = min(late, self._least_late)
        was_burst = not self._is_new_stream and self._least_late <= self._jitter
        if was_burst or now - self._waiting_since >= _SETTLED_AFTER_S:
            self._settle()

    def _settle(self) -> None:
        if self._least_late is None:
            return
        if self._is_new_stream or self._least_late > self._jitter:
            self.fill_to(self.end + self._least_late)
        self.lay(self._waiting)
        self._waiting.clear()
        self._least_late, self._is_new_stream = None, False

    def clock(self, now: float) -> int:
        """Where the tape is at this moment: at the caller's last frame, or beyond it if that is some time ago."""
        late = self._least_late or 0
        heard_to = self.end + len(self._waiting) + (late if self._is_new_stream else 0)
        return max(heard_to, self.place(now) + self._lead - self._jitter - late)

    def give_up_waiting(self, now: float) -> None:
        """A caller that sends nothing has been silent."""
        absent_since = self.place(now) + self._lead - self.place(_ABSENT_AFTER_MS / 1000)
        if absent_since > self.end + len(self._waiting) + (self._least_late or 0):
            self._settle()
            self.fill_to(absent_since)

    def finish(self) -> None:
        self._settle()


class _Sent:
    """Audio that left for the phone when the tape was at `at`; `begins` if the phone was silent before it."""

    __slots__ = ("at", "audio", "begins")

    def __init__(self, audio: bytes, at: int, begins: bool) -> None:
        self.audio = audio
        self.at = at
        self.begins = begins


class _AgentTrack(_Track):
    """What is on its way to the phone, and what the phone is known to have played of it."""

    def __init__(self, audio_format: AudioFormat) -> None:
        super().__init__(audio_format)
        self._format = audio_format
        self._mark_jitter = self.place(_MARK_JITTER_MS / 1000)
        self.new_phone()

    def new_phone(self) -> None:
        self._playhead = Playhead(self._format)
        self._sent: deque[_Sent] = deque()
        self._played = 0

    def play(self, audio: bytes, at: int, now: float) -> None:
        self._sent.append(_Sent(audio, at, begins=not self._sent))
        self._playhead.sent(len(audio), now)

    def played(self, position: int, at: int, now: float) -> None:
        if self._played < position <= self._playhead.sent_bytes:
            self._playhead.confirmed(position, now)
            self._advance(position, at)

    def believe_clock(self, now: float) -> None:
        """A phone that returns no marks is taken to have played what it was sent."""
        self._advance(self._playhead.overdue(now), None)

    def flush(self, now: float) -> None:
        self.believe_clock(now)
        self._advance(self._playhead.flushed(now), None)
        self._sent.clear()
        self._played = 0

    def settled(self, clock: int) -> int:
        """No audio will be laid before this place any more: what is sent later is not played earlier."""
        return max(self.end, self._sent[0].at if self._sent else clock)

    def _advance(self, position: int, ends_at: int | None) -> None:
        """Lay what was played up to `position` so that it ends at `ends_at`, or where it is estimated to lie."""
        if position <= self._played:
            return
        first = self._sent[0]
        audio = self._pop(position - self._played)
        self._played = position
        if ends_at is not None:
            starts_at = ends_at - len(audio)
        else:
            starts_at = first.at + self.place(self._playhead.start_delay_s) if first.begins else self.end
        if first.begins or starts_at - self.end > self._mark_jitter:
            self.fill_to(starts_at)
        self.lay(audio)

    def _pop(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            head = self._sent[0]
            parts.append(head.audio[:size])
            if len(head.audio) > size:
                self._sent[0] = _Sent(head.audio[size:], head.at, begins=False)
            else:
                self._sent.popleft()
            size -= len(parts[-1])
        return b"".join(parts)


class StereoTape:
    """Both tracks of one call, through any number of phones' streams, one after the other."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.audio_format = audio_format
        self._caller = _CallerTrack(audio_format)
        self._agent = _AgentTrack(audio_format)

    def join(self, now: float) -> None:
        """A stream begins, the first or another one: what the phone before had not played it never will."""
        self._agent.flush(now)
        self._agent.new_phone()
        self._caller.joined()

    def hear(self, frame: bytes, now: float) -> None:
        """Caller audio that has come just now."""
        self._caller.hear(frame, now)

    def play(self, audio: bytes, now: float) -> None:
        """Agent audio that was sent to the phone, behind what is queued there."""
        if audio:
            self._agent.play(audio, self._caller.clock(now), now)

    def played(self, position: int, now: float) -> None:
        """The phone has played up to `position` of what this stream was sent since the last flush."""
        self._agent.played(position, self._caller.clock(now), now)

    def flush(self, now: float) -> None:
        """The phone was told to drop what it had not played: only what it had played by now stays."""
        self._agent.flush(now)

    def take(self, now: float) -> Stretch:
        """What nothing can change any more and was not taken before; both tracks equally long, perhaps empty."""
        self._caller.give_up_waiting(now)
        self._agent.believe_clock(now)
        return self._take_to(min(self._caller.end, self._agent.settled(self._caller.end)))

    def end(self, now: float) -> Stretch:
        """The call is over: all that was not taken. Audio still queued at the phone was not heard."""
        self._agent.flush(now)
        self._caller.finish()
        return self._take_to(max(self._caller.end, self._agent.end))

    def _take_to(self, position: int) -> Stretch:
        self._caller.fill_to(position)
        self._agent.fill_to(position)
        return Stretch(self._caller.take_to(position), self._agent.take_to(position))
