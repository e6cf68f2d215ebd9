"""The session's side of a phone's media leg."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from parley.conversation.facts import HungUp, KeyPressed, PartLost
from parley.live.driver import Driver
from parley.providers.protocols import MediaLeg

# The caller's own audio is the clock that is always there: one look for every 200 ms of it.
_TICK_FRAMES = 10


class Ear(Protocol):
    """Who hears the caller."""

    def hear(self, audio: bytes) -> None: ...


class Mouth(Protocol):
    """Who plays to the phone, and is told what became of that; times are the driver's."""

    def played(self, position: int, now: float) -> None: ...
    def progress(self, now: float) -> None: ...
    def tick(self, now: float) -> None: ...
    def detach(self, now: float) -> None: ...


class LegSide:
    """Hears one leg for one session (the `LegEvents` of it). A leg that another one replaced is heard no more."""

    def __init__(
        self, leg: MediaLeg, listener: Ear, speaker: Mouth, driver: Driver[Any], is_current: Callable[[], bool]
    ) -> None:
        self._leg = leg
        self._listener = listener
        self._speaker = speaker
        self._driver = driver
        self._is_current = is_current
        self._frames = 0

    def on_audio(self, audio: bytes) -> None:
        if not self._is_current():
            return
        self._listener.hear(audio)
        self._frames += 1
        if self._frames % _TICK_FRAMES == 0:
            self._speaker.tick(self._driver.now())

    def on_played(self, position: int) -> None:
        if self._is_current():
            self._speaker.played(position, self._driver.now())

    def on_key(self, digit: str) -> None:
        if self._is_current():
            self._tell(KeyPressed(digit))

    def on_closed(self, reason: str) -> None:
        """`stopped`: the carrier says the call is over; `lost`: only the stream broke, and it may come back."""
        if not self._is_current():
            return
        if reason == "stopped":
            self._tell(HungUp())
        elif reason == "lost":
            self._speaker.detach(self._driver.now())
            self._driver.post(PartLost("carrier", "media_lost"))

    def _tell(self, fact: KeyPressed | HungUp) -> None:
        """What may cut the agent short: before it, it is settled how far the caller had heard the agent."""
        self._speaker.progress(self._driver.now())
        self._driver.post(fact)
