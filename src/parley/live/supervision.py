"""A call's side of the people beside it: what they see and hear of it, and what they make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from parley.audio.formats import AudioFormat
from parley.conversation import facts
from parley.conversation.machine import Conversation
from parley.domain.calls import CallPlan
from parley.domain.live_events import CallState, HandBack, SayLine, Steer, TakeOver, Transfer, Whisper
from parley.live.listening import Listening
from parley.live.microphone import Listen, Microphone
from parley.live.speaker import Speaker
from parley.live.watching import ConversationWatch
from parley.providers.protocols import LegEvents, MediaLeg
from parley.services.audience import Audience


class Supervised(Protocol):
    """What a line lets the directory do for people beside it. Nothing here waits."""

    def refresh(self) -> None:
        """Ask anew whether anybody watches or listens."""
        ...

    def current(self) -> CallState: ...

    def steer(self, command: Steer) -> bool:
        """Do what is asked, or nothing: False where the line cannot, now or ever."""
        ...

    def hear_human(self, by: str, audio: bytes) -> None:
        """Somebody speaks in the agent's place; whoever has not taken the call over is not heard."""
        ...


class Supervision:
    """Of a call that an agent holds. `join` it to the parts once there are any; until then it only knows the state."""

    def __init__(
        self, plan: CallPlan, audience: Audience, conversation: Conversation, post: Callable[[facts.AnyFact], None]
    ) -> None:
        self.watch = ConversationWatch(plan, audience, conversation)
        self._plan = plan
        self._audience = audience
        self._conversation = conversation
        self._post = post
        self._listening: Listening | None = None
        self._microphone: Microphone | None = None
        self.watch.refresh()

    def join(
        self,
        audio_format: AudioFormat,
        speaker: Speaker,
        clock: Callable[[], float],
        listen: Listen,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """The session runs: `listen` opens a recogniser for a human, and `tasks` are the session's."""
        self._listening = Listening(audio_format, speaker, clock, self._tell_sound)
        changed = self._microphone_changed
        self._microphone = Microphone(audio_format, speaker, listen, tasks, self._post, changed, clock)
        self.refresh()

    def end(self) -> None:
        """The session is over: nothing more is heard or said."""
        if self._listening is not None:
            self._listening.set_open(False)
        if self._microphone is not None:
            if self._microphone.by:
                self._microphone_changed(False)
            self._microphone.end()

    # ------------------------------------------------------------ seen and heard

    def refresh(self) -> None:
        self.watch.refresh()
        if self._listening is not None:
            self._listening.set_open(self._audience.wants_sound(self._plan.call_id))

    def current(self) -> CallState:
        return self.watch.current()

    def through(self, leg: MediaLeg) -> MediaLeg:
        """The call's phone, so that what is played to it can be listened to."""
        assert self._listening is not None
        return self._listening.through(leg)

    def listen_in(self, side: LegEvents) -> LegEvents:
        """Whoever hears the call's phone, so that it can be listened to."""
        assert self._listening is not None
        return _OverheardSide(side, self._listening)

    def _tell_sound(self, audio: bytes) -> None:
        self._audience.tell_sound(self._plan.call_id, audio)

    # ------------------------------------------------------------ steered

    def steer(self, command: Steer) -> bool:
        conversation = self._conversation
        if not conversation.can_be_steered:
            return False
        match command:
            case Whisper(text):
                self._post(facts.Whispered(text))
            case SayLine(text, is_protected):
                self._post(facts.SayAsked(text, is_protected))
            case Transfer(number, say):
                self._post(facts.TransferAsked(number, say))
            case TakeOver(by, for_s, renews):
                if conversation.taken_by != by and (conversation.taken_by or renews):
                    return False
                self._post(facts.TakeOverAsked(by, for_s))
            case HandBack(note, say):
                if not conversation.taken_by:
                    return False
                self._post(facts.HandBackAsked(note, say))
        return True

    def open_microphone(self, by: str) -> None:
        if self._microphone is not None:
            self._microphone.open(by)

    def close_microphone(self) -> None:
        if self._microphone is not None:
            self._microphone.close()

    def hear_human(self, by: str, audio: bytes) -> None:
        if self._microphone is not None:
            self._microphone.hear(by, audio)

    def _microphone_changed(self, is_open: bool) -> None:
        change = self._audience.open_microphone if is_open else self._audience.close_microphone
        change(self._plan.call_id)


class _OverheardSide:
    """The `LegEvents` of one leg, listened to now and then."""

    __slots__ = ("_listening", "_side")

    def __init__(self, side: LegEvents, listening: Listening) -> None:
        self._side = side
        self._listening = listening

    def on_audio(self, audio: bytes) -> None:
        if self._listening.is_open:
            self._listening.hear(audio)
        self._side.on_audio(audio)

    def on_played(self, position: int) -> None:
        if self._listening.is_open:
            self._listening.played(position)
        self._side.on_played(position)

    def on_key(self, digit: str) -> None:
        self._side.on_key(digit)

    def on_closed(self, reason: str) -> None:
        self._side.on_closed(reason)
