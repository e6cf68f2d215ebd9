"""Who watches is told, here and at other replicas, and nobody else pays for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from parley.domain.errors import Draining, TooManyRequests
from parley.domain.live_events import CallState, LiveEvent
from parley.services.audience import MOST_A_PROJECT, Audience
from parley.services.elsewhere import Elsewhere
from parley.services.watchers import Sound, Told, Watcher
from parley.storage.relay import NoRelay, OnMessage, OnReady

AT = datetime(2026, 1, 2, tzinfo=UTC)


def event(seq: int, call_id: str = "call_1", project_id: str = "proj_1", **data: Any) -> LiveEvent:
    return LiveEvent(call_id, project_id, "state", AT, seq, {"state": "listening", "taken_over_by": None} | data)


class Ether:
    """What all replicas' relays hang on."""

    def __init__(self) -> None:
        self.relays: list[MemoryRelay] = []
        self.sent: list[str] = []


class MemoryRelay:
    """A relay within one process: what is published arrives at once."""

    is_joined = True

    def __init__(self, ether: Ether) -> None:
        self._ether = ether
        self.channels: set[str] = set()
        self._on_message: OnMessage | None = None
        self._on_ready: OnReady | None = None

    async def run(self, on_message: OnMessage, on_ready: OnReady) -> None:
        self._on_message, self._on_ready = on_message, on_ready
        self._ether.relays.append(self)
        await asyncio.Event().wait()

    def subscribe(self, channel: str) -> None:
        self.channels.add(channel)
        if self._on_ready is not None:
            self._on_ready(channel)

    def unsubscribe(self, channel: str) -> None:
        self.channels.discard(channel)

    def publish(self, channel: str, message: bytes) -> None:
        self._ether.sent.append(channel)
        for relay in self._ether.relays:
            if channel in relay.channels and relay._on_message is not None:
                relay._on_message(channel, message)


class Calls:
    """A stage: the calls in `held`, by id."""

    def __init__(self) -> None:
        self.held: dict[str, CallState] = {}
        self.voices: list[tuple[str, str, bytes]] = []
        self.rewatched = 0

    def rewatch(self) -> None:
        self.rewatched += 1

    def states(self, project_id: str | None, call_id: str | None) -> list[CallState]:
        return [
            state
            for state in self.held.values()
            if call_id in (None, state.call_id) and project_id in (None, state.project_id)
        ]

    def hear_human(self, call_id: str, by: str, audio: bytes) -> bool:
        if call_id in self.held:
            self.voices.append((call_id, by, audio))
        return call_id in self.held


class Replica:
    def __init__(self, ether: Ether | None, clock: list[float]) -> None:
        self.relay = NoRelay() if ether is None else MemoryRelay(ether)
        self.elsewhere = Elsewhere(self.relay, lambda: clock[0])
        self.audience = Audience(self.elsewhere)
        self.calls = Calls()
        self.audience.open(self.calls)


@asynccontextmanager
async def replicas(count: int, clock: list[float] | None = None) -> AsyncIterator[list[Replica]]:
    ether = Ether() if count > 1 else None
    made = [Replica(ether, clock or [1000.0]) for _ in range(count)]
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each.audience.run()) for each in made]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        yield made
        for task in running:
            task.cancel()


async def waiting(watcher: Watcher) -> list[Told]:
    all_told = []
    while (one := await watcher.next(0)) is not None:
        all_told.append(one)
    return all_told


async def test_a_watcher_is_told_of_its_call_or_its_project_and_of_no_other() -> None:
    async with replicas(1) as [here]:
        one, all_calls = here.audience.join("proj_1", "call_1"), here.audience.join("proj_1", None)
        here.audience.tell(event(1))
        here.audience.tell(event(2, call_id="call_2"))
        here.audience.tell(event(3, call_id="call_3", project_id="proj_2"))
        assert await waiting(one) == [event(1)]
        assert await waiting(all_calls) == [event(1), event(2, call_id="call_2")]
        assert here.audience.wants("proj_1", "call_9")
        assert not here.audience.wants("proj_2", "call_3")
        here.audience.leave(all_calls)
        assert not here.audience.wants("proj_1", "call_9")
        assert here.audience.wants("proj_1", "call_1")


async def test_calls_are_asked_to_look_whenever_somebody_comes_or_goes() -> None:
    async with replicas(1) as [here]:
        watcher = here.audience.join("proj_1", "call_1")
        here.audience.listen(watcher, is_on=True)
        assert here.audience.wants_sound("call_1")
        here.audience.tell_sound("call_1", b"ab")
        assert await waiting(watcher) == [Sound(b"ab")]
        here.audience.leave(watcher)
        assert not here.audience.wants_sound("call_1")
        assert here.calls.rewatched == 4


async def test_so_many_may_watch_a_project_and_one_who_leaves_makes_room() -> None:
    async with replicas(1) as [here]:
        watchers = [here.audience.join("proj_1", None) for _ in range(MOST_A_PROJECT)]
        with pytest.raises(TooManyRequests):
            here.audience.join("proj_1", "call_1")
        here.audience.join("proj_2", None)
        here.audience.leave(watchers[0])
        here.audience.join("proj_1", "call_1")


async def test_a_server_that_stops_lets_watchers_go() -> None:
    async with replicas(1) as [here]:
        watcher = here.audience.join("proj_1", None)
        here.audience.end_all()
        assert await watcher.next(5) is None
        assert watcher.is_over
        with pytest.raises(Draining):
            here.audience.join("proj_1", None)


async def test_what_happens_at_another_replica_is_told_while_somebody_watches_it_here() -> None:
    async with replicas(2) as [here, there]:
        assert not there.audience.wants("proj_1", "call_1")
        watcher = here.audience.join("proj_1", None)
        assert there.audience.wants("proj_1", "call_1")
        assert there.calls.rewatched == 1
        there.audience.tell(event(1))
        assert await waiting(watcher) == [event(1)]
        here.audience.leave(watcher)
        assert not there.audience.wants("proj_1", "call_1")


async def test_nothing_is_sent_to_other_replicas_that_nobody_there_watches() -> None:
    async with replicas(2) as [here, there]:
        assert isinstance(there.relay, MemoryRelay)
        there.audience.join("proj_1", None)
        there.audience.tell(event(1))
        there.audience.tell_sound("call_1", b"ab")
        assert {channel for channel in there.relay._ether.sent if channel != "watching"} == set()
        assert not here.audience.wants_sound("call_1")


async def test_sound_and_a_humans_voice_find_the_replica_that_holds_the_call() -> None:
    async with replicas(2) as [here, there]:
        there.calls.held["call_1"] = CallState("call_1", "proj_1", "taken_over", 5)
        there.audience.open_microphone("call_1")
        watcher = here.audience.join("proj_1", "call_1")
        here.audience.listen(watcher, is_on=True)
        there.audience.tell_sound("call_1", b"abcd")
        assert await waiting(watcher) == [Sound(b"abcd")]
        here.audience.speak("call_1", "ann", b"xy")
        assert there.calls.voices == [("call_1", "ann", b"xy")]
        there.audience.close_microphone("call_1")
        here.audience.speak("call_1", "ann", b"late")
        assert len(there.calls.voices) == 1


async def test_how_calls_stand_is_known_from_whoever_holds_them() -> None:
    async with replicas(2) as [here, there]:
        here.calls.held["call_1"] = CallState("call_1", "proj_1", "speaking", 3)
        there.calls.held["call_2"] = CallState("call_2", "proj_1", "listening", 7)
        there.calls.held["call_3"] = CallState("call_3", "proj_2", "listening", 1)
        here.audience.join("proj_1", None)
        known = await here.audience.states("proj_1", ["call_1", "call_2", "call_9"], 0.05)
        assert {call_id: state.state for call_id, state in known.items()} == {
            "call_1": "speaking",
            "call_2": "listening",
        }
        there.audience.tell(event(8, call_id="call_2", state="taken_over", taken_over_by="ann"))
        known = await here.audience.states("proj_1", ["call_2"], 0.05)
        assert known["call_2"] == CallState("call_2", "proj_1", "taken_over", 8, "ann")


async def test_a_replica_of_which_nothing_is_heard_any_more_is_not_told_for_ever() -> None:
    clock = [1000.0]
    async with replicas(2, clock) as [here, there]:
        here.audience.join("proj_1", None)
        clock[0] += 10
        here.elsewhere.tick()
        clock[0] += 10
        there.elsewhere.tick()
        assert there.audience.wants("proj_1", "call_1"), "it was said again"
        clock[0] += 20
        there.elsewhere.tick()
        assert not there.audience.wants("proj_1", "call_1")


async def test_what_cannot_be_understood_is_passed_over() -> None:
    async with replicas(2) as [here, there]:
        assert isinstance(there.relay, MemoryRelay)
        watcher = here.audience.join("proj_1", None)
        for channel in ("watching", "project:proj_1", "voice:call_1"):
            there.relay.publish(channel, b"\xc1 from a newer version")
        there.audience.tell(event(1))
        assert await waiting(watcher) == [event(1)]
