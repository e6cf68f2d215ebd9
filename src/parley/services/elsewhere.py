"""Live views across replicas: who watches what at other replicas, and what is told to them and by them.

A replica whose clients watch a topic (a project, a call, a call's sound) subscribes to the topic's channel and tells
all others every few seconds that it does. Those tell into the channel what happens in calls of theirs, until they have
not heard of it for a while; so nothing has to be taken back after a crash, and nothing is told that nobody wants.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Protocol

import msgspec
import structlog

from parley.domain.live_events import CallState, LiveEvent
from parley.storage.relay import Relay

log = structlog.get_logger()

TELL_EVERY_S = 5.0
_BELIEVE_FOR_S = 16.0
_MOST_TOPICS = 10_000
_WATCHING = "watching"
_VOICE = "voice:"
_SOUND = "sound:"


class _Watching(msgspec.Struct, frozen=True):
    """Clients of `replica` watch these topics; of the `new` ones they want to know at once how the calls stand."""

    replica: str
    topics: list[str] = []
    new: list[str] = []
    gone: list[str] = []


class _States(msgspec.Struct, frozen=True, tag="states"):
    calls: list[CallState]


class _Voice(msgspec.Struct, frozen=True):
    by: str
    audio: bytes


_ENCODER = msgspec.msgpack.Encoder()
_WATCHING_DECODER = msgspec.msgpack.Decoder(_Watching)
_NEWS_DECODER = msgspec.msgpack.Decoder(LiveEvent | _States)
_VOICE_DECODER = msgspec.msgpack.Decoder(_Voice)


class Receiver(Protocol):
    """Who is told what comes from other replicas. Nothing here waits."""

    def heard_event(self, topic: str, event: LiveEvent) -> None: ...
    def heard_states(self, states: list[CallState]) -> None: ...
    def heard_sound(self, topic: str, audio: bytes) -> None: ...
    def heard_voice(self, call_id: str, by: str, audio: bytes) -> None: ...

    def wanted_changed(self) -> None:
        """Other replicas want to know of more topics than before, or of fewer."""
        ...

    def states_of(self, topic: str) -> list[CallState]:
        """How the calls that are held here stand."""
        ...


class Elsewhere:
    """Begin with `listen_for`; `tick` now and then, at least every few seconds."""

    def __init__(self, relay: Relay, now_s: Callable[[], float] = monotonic) -> None:
        self._relay = relay
        self._now_s = now_s
        self._replica = uuid.uuid4().hex
        self._receiver: Receiver | None = None
        # By topic, which replicas' clients watch it, and until when that is believed.
        self._wanted: dict[str, dict[str, float]] = {}
        self._followed: set[str] = set()
        self._told_at = 0.0

    async def run(self, receiver: Receiver) -> None:
        """Carry news both ways until cancelled."""
        self._receiver = receiver
        self._relay.subscribe(_WATCHING)
        await self._relay.run(self._on_message, self._on_ready)

    @property
    def can_be_reached(self) -> bool:
        return self._relay.is_joined

    # ------------------------------------------------------------ telling

    def wants(self, topic: str) -> bool:
        return topic in self._wanted

    def tell(self, topics: Iterable[str], event: LiveEvent) -> None:
        wanted = [topic for topic in topics if topic in self._wanted]
        if wanted:
            message = _ENCODER.encode(event)
            for topic in wanted:
                self._relay.publish(topic, message)

    def tell_sound(self, topic: str, audio: bytes) -> None:
        if topic in self._wanted:
            self._relay.publish(topic, audio)

    def speak(self, call_id: str, by: str, audio: bytes) -> None:
        """A supervisor's voice, for the replica that holds the call."""
        self._relay.publish(_VOICE + call_id, _ENCODER.encode(_Voice(by, audio)))

    # ------------------------------------------------------------ listening

    def follow(self, topic: str) -> None:
        """Clients here begin to watch this."""
        self._followed.add(topic)
        self._relay.subscribe(topic)

    def unfollow(self, topic: str) -> None:
        self._followed.discard(topic)
        self._relay.unsubscribe(topic)
        self._tell_watching(_Watching(self._replica, gone=[topic]))

    def open_microphone(self, call_id: str) -> None:
        self._relay.subscribe(_VOICE + call_id)

    def close_microphone(self, call_id: str) -> None:
        self._relay.unsubscribe(_VOICE + call_id)

    def tick(self) -> None:
        """Say again what is watched here, and forget what others have not said again."""
        now = self._now_s()
        if now < self._told_at + TELL_EVERY_S:
            return
        self._told_at = now
        if self._followed:
            self._tell_watching(_Watching(self._replica, sorted(self._followed)))
        for topic, replicas in list(self._wanted.items()):
            for replica, until in list(replicas.items()):
                if until < now:
                    self._unwant(topic, replica)

    # ------------------------------------------------------------ what comes

    def _on_ready(self, channel: str) -> None:
        if channel in self._followed:
            self._tell_watching(_Watching(self._replica, [channel], [channel]))

    def _on_message(self, channel: str, message: bytes) -> None:
        assert self._receiver is not None
        try:
            if channel == _WATCHING:
                self._learn(_WATCHING_DECODER.decode(message))
            elif channel.startswith(_VOICE):
                voice = _VOICE_DECODER.decode(message)
                self._receiver.heard_voice(channel.removeprefix(_VOICE), voice.by, voice.audio)
            elif channel.startswith(_SOUND):
                self._receiver.heard_sound(channel, message)
            else:
                self._read_news(channel, _NEWS_DECODER.decode(message))
        except msgspec.DecodeError:  # from a newer version
            log.warning("replica_not_understood", channel=channel.partition(":")[0])

    def _read_news(self, topic: str, news: LiveEvent | _States) -> None:
        assert self._receiver is not None
        if isinstance(news, _States):
            self._receiver.heard_states(news.calls)
        else:
            self._receiver.heard_event(topic, news)

    def _learn(self, watching: _Watching) -> None:
        """What another replica's clients watch. One that is told of too much is told of no more than can be kept."""
        assert self._receiver is not None
        if watching.replica == self._replica:
            return
        until = self._now_s() + _BELIEVE_FOR_S
        for topic in watching.topics:
            if topic not in self._wanted and len(self._wanted) < _MOST_TOPICS:
                self._wanted[topic] = {}
                self._receiver.wanted_changed()
            if topic in self._wanted:
                self._wanted[topic][watching.replica] = until
        for topic in watching.gone:
            self._unwant(topic, watching.replica)
        for topic in watching.new:
            if not topic.startswith(_SOUND) and (states := self._receiver.states_of(topic)):
                self._relay.publish(topic, _ENCODER.encode(_States(states)))

    def _unwant(self, topic: str, replica: str) -> None:
        assert self._receiver is not None
        replicas = self._wanted.get(topic)
        if replicas is not None:
            replicas.pop(replica, None)
            if not replicas:
                del self._wanted[topic]
                self._receiver.wanted_changed()

    def _tell_watching(self, watching: _Watching) -> None:
        self._relay.publish(_WATCHING, _ENCODER.encode(watching))
