"""The agent's ear: every frame of the caller goes to the voice detector and, as it came, to the recogniser."""

from __future__ import annotations

from collections.abc import Callable

from parley.audio.formats import AudioFormat
from parley.audio.voice_activity import VoiceActivity, VoiceChange
from parley.conversation.facts import AnyFact, VoicePaused, VoiceResumed, VoiceStarted, VoiceStopped
from parley.providers.protocols import Hearing


class Listener:
    """Two hops and nothing kept: audio never goes further into the house than this."""

    def __init__(self, hearing: Hearing, audio_format: AudioFormat, emit: Callable[[AnyFact], None]) -> None:
        self._hearing = hearing
        self._activity = VoiceActivity(audio_format)
        self._emit = emit

    def hear(self, audio: bytes) -> None:
        self._hearing.hear(audio)
        for change in self._activity.feed(audio):
            self._emit(_fact(change))


def _fact(change: VoiceChange) -> AnyFact:
    ago_s = round(change.ago_ms / 1000.0, 3)
    match change.step:
        case "began":
            return VoiceStarted(ago_s)
        case "paused":
            return VoicePaused(ago_s)
        case "resumed":
            return VoiceResumed()
        case "ended":
            return VoiceStopped(ago_s)
