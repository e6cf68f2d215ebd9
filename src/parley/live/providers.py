"""The parts a call can be held with, by name, as wiring built them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from parley.audio.formats import MULAW_8K, AudioFormat
from parley.domain.calls import CallPlan
from parley.domain.errors import ProviderUnavailable
from parley.live.recorder import Recorders
from parley.providers.protocols import Responder, SpeechToText, TextToSpeech

Door = TypeVar("Door")


@dataclass(frozen=True, slots=True)
class Providers:
    """Adapters by provider name. `webhook` answers where the owner does; `carrier_audio` is each carrier's format.

    `recorders` record the calls of agents that are recorded.
    """

    speech_to_text: Mapping[str, SpeechToText]
    text_to_speech: Mapping[str, TextToSpeech]
    models: Mapping[str, Responder]
    webhook: Responder
    carrier_audio: Mapping[str, AudioFormat]
    recorders: Recorders = field(default_factory=Recorders)

    def recogniser(self, plan: CallPlan) -> SpeechToText:
        return _pick(self.speech_to_text, plan.agent.listen.provider, "speech-to-text")

    def voice(self, plan: CallPlan) -> TextToSpeech:
        return _pick(self.text_to_speech, plan.agent.voice.provider, "text-to-speech")

    def responder(self, plan: CallPlan) -> Responder:
        """Who answers. Where the owner's webhook should and there is none, its adapter fails every turn in silence."""
        if plan.agent.voice_mode == "webhook":
            return self.webhook
        return _pick(self.models, plan.agent.model.provider, "language model")

    def audio_format(self, plan: CallPlan) -> AudioFormat:
        return self.carrier_audio.get(plan.carrier, MULAW_8K)


def _pick(doors: Mapping[str, Door], name: str, kind: str) -> Door:
    door = doors.get(name)
    if door is None:
        known = ", ".join(sorted(doors)) or "none"
        raise ProviderUnavailable(
            name, f"There is no {kind} provider {name!r} on this server; it knows: {known}.", retryable=False
        )
    return door
