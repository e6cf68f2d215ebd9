"""The parts a call can be held with, by name, as wiring built them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import structlog

from parley.audio.formats import MULAW_8K, AudioFormat
from parley.conversation.facts import Part, PartReplaced
from parley.domain.agents import ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.errors import ProviderUnavailable
from parley.domain.secrets import Secret
from parley.live.recorder import Recorders
from parley.providers.failover.breaker import Breakers
from parley.providers.failover.hearing import SparedHearing
from parley.providers.failover.responder import Model, SparedResponder
from parley.providers.failover.succession import Succession
from parley.providers.failover.voice import SparedVoice
from parley.providers.protocols import HearingFact, Responder, SpeechToText, TextToSpeech, TurnModel, Voice, VoiceFact
from parley.providers.text_to_speech.kept_speech import KeptSpeech, SpeechShelf

log = structlog.get_logger()

Door = TypeVar("Door")
Choice = TypeVar("Choice", ListenChoice, VoiceChoice, ModelChoice)


@dataclass(frozen=True, slots=True)
class Providers:
    """Adapters by provider name. `webhook` answers where the owner does; `carrier_audio` is each carrier's format.

    `recorders` record the calls of agents that are recorded. `breakers` know which providers fail at the moment, for
    all calls of this process, as they share the `shelf` of lines that are said again and again.
    """

    speech_to_text: Mapping[str, SpeechToText]
    text_to_speech: Mapping[str, TextToSpeech]
    models: Mapping[str, Responder]
    webhook: Responder
    carrier_audio: Mapping[str, AudioFormat]
    recorders: Recorders = field(default_factory=Recorders)
    breakers: Breakers = field(default_factory=Breakers)
    turn_model: TurnModel | None = None
    shelf: SpeechShelf = field(default_factory=SpeechShelf)

    def check(self, plan: CallPlan) -> None:
        """Raises ProviderUnavailable unless this server knows the first recogniser, voice and model of the call."""
        self.recogniser(plan), self.voice(plan)
        if plan.agent.voice_mode == "hosted":
            _pick(self.models, plan.agent.model.provider, "language model")

    def recogniser(self, plan: CallPlan) -> SpeechToText:
        """The call's first recogniser alone. Raises ProviderUnavailable for one this server does not know."""
        return _pick(self.speech_to_text, plan.agent.listen.provider, "speech-to-text")

    def voice(self, plan: CallPlan) -> TextToSpeech:
        """The call's first voice alone. Raises ProviderUnavailable for one this server does not know."""
        return _pick(self.text_to_speech, plan.agent.voice.provider, "text-to-speech")

    def responder(self, plan: CallPlan, emit: Callable[[PartReplaced], None] = lambda fact: None) -> Responder:
        """Who answers. Where the owner's webhook should and there is none, its adapter fails every turn in silence.

        `emit` is told when a spare model took over. Raises ProviderUnavailable.
        """
        if plan.agent.voice_mode == "webhook":
            return self.webhook
        first = _pick(self.models, plan.agent.model.provider, "language model")
        spares = _known(self.models, plan.agent.spare_models)
        models = [Model(first, plan.agent.model, plan.model_key)]
        models += [Model(door, choice, _spare_key(plan, choice)) for door, choice in spares]
        return SparedResponder(models, self._succession("responder", [model.choice for model in models]), emit)

    def hearing(
        self, plan: CallPlan, audio: AudioFormat, emit: Callable[[HearingFact | PartReplaced], None]
    ) -> SparedHearing:
        """What hears the caller: the call's recogniser, and its spares behind it. Raises ProviderUnavailable."""
        first, choices = self.recogniser(plan), [*plan.agent.listens]
        spares = _known(self.speech_to_text, choices[1:])
        listens = [partial(first.listen, choices[0], audio, plan.listen_key)]
        listens += [partial(door.listen, choice, audio, _spare_key(plan, choice)) for door, choice in spares]
        succession = self._succession("speech_to_text", [choices[0], *(choice for _, choice in spares)])
        return SparedHearing(listens, succession, audio, emit)

    def speaking(self, plan: CallPlan, audio: AudioFormat, emit: Callable[[VoiceFact | PartReplaced], None]) -> Voice:
        """What speaks to the caller: the call's voice, and its spares behind it. Raises ProviderUnavailable.

        Before it stands the shelf of what this project's calls say again and again.
        """
        first, spares = self.voice(plan), _known(self.text_to_speech, plan.agent.spare_voices)
        speaks = [partial(first.speak, plan.agent.voice, audio, plan.voice_key)]
        speaks += [partial(door.speak, choice, audio, _spare_key(plan, choice)) for door, choice in spares]
        succession = self._succession("text_to_speech", [plan.agent.voice, *(choice for _, choice in spares)])
        kept = KeptSpeech(self.shelf, (plan.project_id, plan.agent.voice, audio), emit)
        return kept.before(SparedVoice(speaks, succession, audio, kept.told))

    def audio_format(self, plan: CallPlan) -> AudioFormat:
        return self.carrier_audio.get(plan.carrier, MULAW_8K)

    def _succession(self, part: Part, choices: Sequence[ListenChoice | VoiceChoice | ModelChoice]) -> Succession:
        names = [f"{choice.provider}:{choice.model}" if choice.model else choice.provider for choice in choices]
        return Succession(part, names, self.breakers, asyncio.get_running_loop().time())


def _spare_key(plan: CallPlan, choice: ListenChoice | VoiceChoice | ModelChoice) -> Secret:
    return plan.spare_keys.get(choice.provider, Secret(""))


def _known(doors: Mapping[str, Door], choices: Sequence[Choice]) -> list[tuple[Door, Choice]]:
    """Those of the spares that this server knows: an agent is not worse off for one that it does not."""
    for choice in choices:
        if choice.provider not in doors:
            log.warning("spare_provider_unknown", provider=choice.provider)
    return [(doors[choice.provider], choice) for choice in choices if choice.provider in doors]


def _pick(doors: Mapping[str, Door], name: str, kind: str) -> Door:
    door = doors.get(name)
    if door is None:
        known = ", ".join(sorted(doors)) or "none"
        raise ProviderUnavailable(
            name, f"There is no {kind} provider {name!r} on this server; it knows: {known}.", retryable=False
        )
    return door
