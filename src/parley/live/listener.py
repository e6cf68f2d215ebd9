"""The agent's ear: every frame of the caller goes to the voice detector and, as it came, to the recogniser."""

from __future__ import annotations

from collections.abc import Callable

from parley.audio.formats import AudioFormat
from parley.audio.voice_activity import VoiceActivity, VoiceChange
from parley.conversation.facts import AnyFact, TurnJudged, VoicePaused, VoiceResumed, VoiceStarted, VoiceStopped
from parley.providers.protocols import Hearing, TurnModel


class Listener:
    """Two hops, and nothing kept but what an end-of-turn model wants to hear, where there is one."""

    def __init__(
        self,
        hearing: Hearing,
        audio_format: AudioFormat,
        emit: Callable[[AnyFact], None],
        turn_model: TurnModel | None = None,
    ) -> None:
        self._hearing = hearing
        self._activity = VoiceActivity(audio_format)
        self._emit = emit
        self._format = audio_format
        self._turn_model = turn_model
        self._recent = bytearray()
        self._most_recent = 0 if turn_model is None else audio_format.bytes_in(turn_model.hears_s * 1000)

    def hear(self, audio: bytes) -> None:
        self._hearing.hear(audio)
        if self._most_recent:
            self._keep(audio)
        for change in self._activity.feed(audio):
            self._emit(_fact(change))

    def judge(self, pause: int) -> None:
        """Ask the model, if there is one, whether the caller has finished; it answers with TurnJudged, or never."""
        if self._turn_model is not None:
            recent = bytes(self._recent[-self._most_recent :])
            self._turn_model.judge(recent, self._format, lambda probability: self._emit(TurnJudged(pause, probability)))

    def _keep(self, audio: bytes) -> None:
        """Bounded: what is too old goes now and then, a whole model's worth of it at once."""
        self._recent += audio
        if len(self._recent) > 2 * self._most_recent:
            del self._recent[: -self._most_recent]


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
