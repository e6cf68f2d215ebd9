"""What happened on a simulated call, as the person at the phone would tell it, and the figures that follow from it.

All times are seconds on the event loop's clock (`asyncio.get_running_loop().time()`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import WatermarkReader

_CLOCK_S: Final = 0.002
"""What two readings of the clock may differ by: uvloop's has whole milliseconds, and may wake a timer one early."""


class Said(msgspec.Struct):
    """One utterance of the phone. `text` is empty for raw audio; `ended_at` is None while it is being spoken."""

    text: str
    began_at: float
    ended_at: float | None = None


class Heard(msgspec.Struct):
    """One run of agent audio, as the phone played it.

    `arrived_at` is when its first byte came; `missing_ms` counts the silences inside it where the next audio had not
    come in time; `was_cleared` and `cleared_ms` tell that the server took back the rest, and how much of it.
    """

    arrived_at: float
    started_at: float
    ended_at: float
    audio: bytearray = msgspec.field(default_factory=bytearray)
    missing_ms: float = 0.0
    was_cleared: bool = False
    cleared_ms: float = 0.0

    @property
    def duration_ms(self) -> float:
        return MULAW_8K.duration_ms(len(self.audio))

    @property
    def words(self) -> list[str]:
        """The watermarked words that were wholly played."""
        return WatermarkReader().feed(bytes(self.audio))


class Timeline:
    """Everything said, heard and taken back on one phone, oldest first."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.heard: list[Heard] = []
        self.cleared_at: list[float] = []
        self.connected_at: float | None = None

    @property
    def words_heard(self) -> list[str]:
        """The agent's words that reached the ear, from audio that carries a watermark."""
        return [word for stretch in self.heard for word in stretch.words]

    @property
    def missing_ms(self) -> float:
        """Silence inside the agent's speech because audio came too late."""
        return sum(stretch.missing_ms for stretch in self.heard)

    @property
    def heard_ms(self) -> float:
        """Agent audio played."""
        return sum(stretch.duration_ms for stretch in self.heard)

    @property
    def greeting_ms(self) -> float | None:
        """From the start of the first media stream to the arrival of the first agent audio; None before that."""
        if self.connected_at is None or not self.heard:
            return None
        return (self.heard[0].arrived_at - self.connected_at) * 1000.0

    def reply_ms(self) -> list[float]:
        """For each utterance that was answered: from its end to the arrival of the first agent audio after it."""
        waits = []
        for index, said in enumerate(self.said):
            next_begins = self.said[index + 1].began_at if index + 1 < len(self.said) else float("inf")
            if said.ended_at is None:
                continue
            answers = (each.arrived_at for each in self.heard if said.ended_at <= each.arrived_at < next_begins)
            first = next(answers, None)
            if first is not None:
                waits.append((first - said.ended_at) * 1000.0)
        return waits

    def longest_silence_ms(self, began_at: float, ended_at: float | None = None) -> float:
        """The longest that the caller waited for the agent to be heard, from `began_at` (of the call, say) on.

        A silence that the caller broke was theirs. One that the end of the call broke counts up to `ended_at`.
        """
        sounds = [(each.arrived_at, each.ended_at, True) for each in self.heard]
        sounds += [(each.began_at, each.ended_at or each.began_at, False) for each in self.said]
        quiet_since, longest_s = began_at, 0.0
        for began, ended, is_agent in sorted(sounds):
            if is_agent:
                longest_s = max(longest_s, began - quiet_since)
            quiet_since = max(quiet_since, ended)
        if ended_at is not None:
            longest_s = max(longest_s, ended_at - quiet_since)
        stalls_ms = max((each.missing_ms for each in self.heard), default=0.0)
        return max(longest_s * 1000.0, stalls_ms)

    def barge_in_ms(self) -> list[float]:
        """For each utterance that began over the agent: how long the agent went on, by `clear` or by falling silent."""
        times = []
        for said in self.said:
            for stretch in self.heard:
                if stretch.started_at < said.began_at < stretch.ended_at + _CLOCK_S:
                    cuts = (at for at in self.cleared_at if at >= said.began_at - _CLOCK_S)
                    silent_at = min(next(cuts, stretch.ended_at), stretch.ended_at)
                    times.append(max(0.0, silent_at - said.began_at) * 1000.0)
        return times
