"""The outside world, by name: carriers, recognisers, models and voices, each built once a process.

Their modules are imported here and not above, because SDKs take seconds that a short command should not pay.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx

from parley.audio.formats import MULAW_8K
from parley.domain import voices as known_voices
from parley.domain.agents import ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.carriers import CarrierAccount
from parley.domain.events import TurnDelivery
from parley.domain.limits import Allowance
from parley.domain.secrets import Secret
from parley.live.providers import Providers
from parley.providers.outbound import OutboundHttp
from parley.providers.protocols import Carrier, TurnModel
from parley.services.credentials import Credentials
from parley.services.defaults import Defaults
from parley.services.voices import Voices
from parley.settings import ELEVENLABS_URL, OPENAI_URL, Settings
from parley.storage.presence import Alone, Presence


def carriers(settings: Settings, http: httpx.AsyncClient) -> dict[str, Carrier]:
    """Everyone who can place and bring calls."""
    from parley.providers.carriers.twilio import Twilio

    return {"twilio": Twilio(http, settings.twilio_base_url)}


def operator_accounts(settings: Settings) -> dict[str, CarrierAccount]:
    """The operator's own account at each carrier; parts of it may be empty."""
    return {"twilio": CarrierAccount(settings.twilio_account_sid, settings.twilio_auth_token)}


def allowance(settings: Settings) -> Allowance:
    """What a project may use that has no limits of its own."""
    return Allowance(
        numbers=settings.number_limit,
        concurrent_calls=settings.concurrent_call_limit,
        daily_calls=settings.daily_call_limit,
        daily_messages=settings.daily_message_limit,
    )


def operator_keys(settings: Settings) -> dict[str, Secret]:
    """The operator's key at each provider; empty where there is none."""
    return {
        "deepgram": settings.deepgram_api_key,
        "elevenlabs": settings.elevenlabs_api_key,
        "openai": settings.openai_api_key,
        "twilio": settings.twilio_auth_token,
        "compatible": settings.compatible_api_key,
    }


def providers(
    settings: Settings,
    webhook_http: OutboundHttp,
    stack: AsyncExitStack,
    on_delivery: Callable[[CallPlan, TurnDelivery], None],
) -> Providers:
    """The parts a call is held with. What they hold open is closed with `stack`."""
    from parley.providers.responders.chat import ChatResponder
    from parley.providers.responders.webhook import WebhookResponder
    from parley.providers.speech_to_text.deepgram import DeepgramSpeechToText
    from parley.providers.speech_to_text.simulated import SimulatedSpeechToText
    from parley.providers.text_to_speech.elevenlabs import ElevenLabs
    from parley.providers.text_to_speech.espeak import Espeak
    from parley.providers.text_to_speech.openai import OpenAISpeech
    from parley.providers.text_to_speech.tone import Tone

    chat = ChatResponder(settings.openai_base_url)
    openai = OpenAISpeech(settings.openai_base_url, default_model=settings.speech_model)
    elevenlabs, espeak = ElevenLabs(settings.elevenlabs_base_url), Espeak()
    models: dict[str, ChatResponder] = {"openai": chat}
    if settings.compatible_base_url is not None:
        models["compatible"] = ChatResponder(settings.compatible_base_url)
    for model in models.values():
        stack.push_async_callback(model.aclose)
    for voice in (openai, elevenlabs, espeak):
        stack.push_async_callback(voice.aclose)
    return Providers(
        speech_to_text={
            "deepgram": DeepgramSpeechToText(settings.deepgram_base_url),
            "simulated": SimulatedSpeechToText(),
        },
        text_to_speech={"elevenlabs": elevenlabs, "openai": openai, "espeak": espeak, "tone": Tone()},
        models=models,
        webhook=WebhookResponder(webhook_http, on_delivery),
        carrier_audio={"twilio": MULAW_8K},
        turn_model=_turn_model(settings, stack),
    )


def _turn_model(settings: Settings, stack: AsyncExitStack) -> TurnModel | None:
    """The operator's own, if there is one. Raises ConfigurationError if it cannot be used."""
    if settings.turn_model is None:
        return None
    from parley.providers.turn_models.onnx import OnnxTurnModel

    model = OnnxTurnModel(settings.turn_model)
    stack.push_async_callback(model.aclose)
    return model


def voices(settings: Settings, credentials: Credentials, http: httpx.AsyncClient, defaults: Defaults) -> Voices:
    """The catalogue of voices, with those this server needs nobody for."""
    from parley.providers.text_to_speech.elevenlabs_catalogue import ElevenLabsCatalogue
    from parley.providers.text_to_speech.espeak import is_installed

    own = [*(known_voices.ESPEAK_VOICES if is_installed() else ())]
    if defaults.voice.provider == "tone":
        own += known_voices.TONE_VOICES
    catalogues = {"elevenlabs": ElevenLabsCatalogue(http, settings.elevenlabs_base_url)}
    has_stand_in = settings.elevenlabs_base_url != ELEVENLABS_URL
    return Voices(credentials, catalogues, own, frozenset(catalogues) if has_stand_in else frozenset())


def presence(settings: Settings) -> Presence:
    """How this replica reaches the others, where there are any. Raises ConfigurationError."""
    if settings.redis_url is None:
        return Alone()
    from parley.storage.redis_presence import RedisPresence

    return RedisPresence(settings.redis_url)


def defaults(settings: Settings, doors: Providers) -> Defaults:
    """What holds where an agent says nothing."""
    from parley.providers.text_to_speech.openai import OpenAISpeech

    def lost() -> frozenset[str]:
        doors_to_speech = doors.text_to_speech.items()
        return frozenset(name for name, door in doors_to_speech if isinstance(door, OpenAISpeech) and door.is_away)

    return Defaults(
        carrier="twilio",
        listen=ListenChoice(settings.speech_to_text),
        voice=_default_voice(settings),
        model=ModelChoice(model=settings.chat_model),
        voice_providers=_speaking(settings),
        keyed_voice_providers=frozenset({"elevenlabs", "openai"} if _is_openai_itself(settings) else {"elevenlabs"}),
        lost_voice_providers=lost,
    )


def _speaking(settings: Settings) -> frozenset[str]:
    """Who can speak for every project as the server is set up: a vendor with the operator's key or a stand-in.

    Most OpenAI-compatible servers only chat, so one of those speaks only where the operator says so.
    """
    speaking = {"espeak", "tone"}
    if settings.elevenlabs_api_key or settings.elevenlabs_base_url != ELEVENLABS_URL:
        speaking.add("elevenlabs")
    if settings.text_to_speech is not None:
        speaking.add(settings.text_to_speech)
    if settings.openai_api_key and _is_openai_itself(settings):
        speaking.add("openai")
    return frozenset(speaking)


def _is_openai_itself(settings: Settings) -> bool:
    return settings.openai_base_url == OPENAI_URL


def _default_voice(settings: Settings) -> VoiceChoice:
    """The best voice this server can speak with as it is set up."""
    spare = "espeak" if importlib.util.find_spec("espeakng_loader") is not None else "tone"
    provider = settings.text_to_speech or ("elevenlabs" if "elevenlabs" in _speaking(settings) else spare)
    known = known_voices.find(known_voices.DEFAULT_VOICE_ID)
    return VoiceChoice(provider, voice=known_voices.closest(known, provider) if known is not None else "")
