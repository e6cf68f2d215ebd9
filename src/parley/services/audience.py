"""Who watches which calls: the one place through which live events and sounds pass on their way from calls to clients.

A call tells nothing while nobody watches it, here or at another replica.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from parley.audio.formats import PCM_8K, AudioFormat
from parley.domain.errors import Draining, TooManyRequests
from parley.domain.live_events import CallState, LiveEvent
from parley.services.elsewhere import Elsewhere
from parley.services.watchers import Watcher

LISTENED_FORMAT: AudioFormat = PCM_8K
"""Of what is listened to, each of two interleaved channels: the caller left, our side right."""

SPOKEN_FORMAT: AudioFormat = PCM_8K
"""Of a supervisor's own voice: one channel."""

MOST_A_PROJECT = 50
MOST_WATCHERS = 500
_RETRY_AFTER_S = 10
_TICK_S = 0.5
_MOST_KNOWN = 10_000


class Stage(Protocol):
    """The live calls of this process, as the audience needs them. Nothing here waits."""

    def rewatch(self) -> None:
        """Somebody has begun to watch or to listen, or does no more: let each call ask anew whether it is."""
        ...

    def states(self, project_id: str | None, call_id: str | None) -> list[CallState]:
        """How the calls of a project, or one call, stand here."""
        ...

    def hear_human(self, call_id: str, by: str, audio: bytes) -> bool:
        """A supervisor speaks (`SPOKEN_FORMAT`). False if the call is not held here."""
        ...


class Audience:
    """`open` it with the stage before anything runs. At most 50 watch one project at one replica, 500 all in all."""

    def __init__(self, elsewhere: Elsewhere, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._elsewhere = elsewhere
        self._sleep = sleep
        self._stage: Stage | None = None
        self._here: dict[str, set[Watcher]] = {}
        self._counts: Counter[str] = Counter()
        self._known: dict[str, CallState] = {}  # of calls held elsewhere
        self._learnt = asyncio.Event()
        self._is_ending = False

    def open(self, stage: Stage) -> None:
        self._stage = stage

    async def run(self) -> None:
        """Carry what other replicas tell, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._elsewhere.run(self))
            while True:
                self._elsewhere.tick()
                await self._sleep(_TICK_S)
                if self._is_ending:
                    self._let_go()

    def end_all(self) -> None:
        """The server is about to stop: whoever watches is let go within half a second, to ask another replica.

        May be called in a signal handler.
        """
        self._is_ending = True

    def _let_go(self) -> None:
        for watchers in self._here.values():
            for watcher in watchers:
                watcher.end()

    # ------------------------------------------------------------ for the calls

    def wants(self, project_id: str, call_id: str) -> bool:
        """Whether anybody watches the call, or its project."""
        return self._is_wanted(f"call:{call_id}") or self._is_wanted(f"project:{project_id}")

    def wants_sound(self, call_id: str) -> bool:
        return self._is_wanted(f"sound:{call_id}")

    def tell(self, event: LiveEvent) -> None:
        """Tell whoever watches, here at once, elsewhere when it can be."""
        topics = f"call:{event.call_id}", f"project:{event.project_id}"
        for topic in topics:
            self._put(topic, event)
        self._elsewhere.tell(topics, event)

    def tell_sound(self, call_id: str, audio: bytes) -> None:
        topic = f"sound:{call_id}"
        self.heard_sound(topic, audio)
        self._elsewhere.tell_sound(topic, audio)

    def open_microphone(self, call_id: str) -> None:
        """A supervisor may speak in this call, from any replica."""
        self._elsewhere.open_microphone(call_id)

    def close_microphone(self, call_id: str) -> None:
        self._elsewhere.close_microphone(call_id)

    # ------------------------------------------------------------ for the watchers

    def join(self, project_id: str, call_id: str | None) -> Watcher:
        """Begin to watch a call, or a project. Raises TooManyRequests and Draining. Whoever joins has to `leave`."""
        if self._is_ending:
            raise Draining("This server is stopping; watch at another replica.")
        if self._counts[project_id] >= MOST_A_PROJECT or self._counts.total() >= MOST_WATCHERS:
            raise TooManyRequests(
                f"{self._counts[project_id]} live streams of this project are open; close one of them first.",
                _RETRY_AFTER_S,
            )
        self._counts[project_id] += 1
        watcher = Watcher(project_id, call_id)
        self._add(f"project:{project_id}" if call_id is None else f"call:{call_id}", watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._counts[watcher.project_id] -= 1
        if not self._counts[watcher.project_id]:
            del self._counts[watcher.project_id]
        for topic in [topic for topic, watchers in self._here.items() if watcher in watchers]:
            self._remove(topic, watcher)

    def listen(self, watcher: Watcher, *, is_on: bool) -> None:
        """Let one who watches a call hear it too, or no more."""
        change = self._add if is_on else self._remove
        change(f"sound:{watcher.call_id}", watcher)

    def speak(self, call_id: str, by: str, audio: bytes) -> None:
        """A supervisor's voice, for the call wherever it is held."""
        if self._stage is None or not self._stage.hear_human(call_id, by, audio):
            self._elsewhere.speak(call_id, by, audio)

    async def states(self, project_id: str, call_ids: Collection[str], patience_s: float) -> dict[str, CallState]:
        """How these calls stand, as far as whoever holds them says so in time. Their project is watched already."""
        states: dict[str, CallState] = {}
        try:
            async with asyncio.timeout(patience_s if self._elsewhere.can_be_reached else 0.0):
                while True:
                    self._learnt.clear()
                    found = self._known | {state.call_id: state for state in self._states(project_id, None)}
                    states = {call_id: found[call_id] for call_id in call_ids if call_id in found}
                    if len(states) == len(call_ids):
                        return states
                    await self._learnt.wait()
        except TimeoutError:
            return states

    def _states(self, project_id: str | None, call_id: str | None) -> list[CallState]:
        return self._stage.states(project_id, call_id) if self._stage is not None else []

    # ------------------------------------------------------------ from other replicas

    def heard_event(self, topic: str, event: LiveEvent) -> None:
        if event.event == "call.ended":
            self._known.pop(event.call_id, None)
        elif event.event == "state":
            self.heard_states([CallState(event.call_id, event.project_id, seq=event.seq, **event.data)])
        self._put(topic, event)

    def heard_states(self, states: list[CallState]) -> None:
        if len(self._known) + len(states) > _MOST_KNOWN:
            self._known.clear()  # they are told again to whoever asks
        self._known |= {state.call_id: state for state in states}
        self._learnt.set()

    def heard_sound(self, topic: str, audio: bytes) -> None:
        for watcher in self._here.get(topic, ()):
            watcher.put_sound(audio)

    def heard_voice(self, call_id: str, by: str, audio: bytes) -> None:
        if self._stage is not None:
            self._stage.hear_human(call_id, by, audio)

    def wanted_changed(self) -> None:
        if self._stage is not None:
            self._stage.rewatch()

    def states_of(self, topic: str) -> list[CallState]:
        kind, _, name = topic.partition(":")
        return self._states(name if kind == "project" else None, name if kind == "call" else None)

    # ------------------------------------------------------------ topics

    def _put(self, topic: str, event: LiveEvent) -> None:
        for watcher in self._here.get(topic, ()):
            watcher.put(event)

    def _is_wanted(self, topic: str) -> bool:
        return topic in self._here or self._elsewhere.wants(topic)

    def _add(self, topic: str, watcher: Watcher) -> None:
        watchers = self._here.setdefault(topic, set())
        watchers.add(watcher)
        if len(watchers) == 1:
            self._elsewhere.follow(topic)
            self.wanted_changed()

    def _remove(self, topic: str, watcher: Watcher) -> None:
        watchers = self._here.get(topic, set())
        watchers.discard(watcher)
        if not watchers and self._here.pop(topic, None) is not None:
            self._elsewhere.unfollow(topic)
            self.wanted_changed()
            if not self._here:
                self._known.clear()
