"""The outside world, by name: carriers, recognisers, models and voices, each built once a process.

Their modules are imported here and not above, because SDKs take seconds that a short command should not pay.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx

from parley.audio.formats import MULAW_8K
from parley.domain import voices
from parley.domain.agents import ListenChoice, ModelChoice, VoiceChoice
from parley.domain.calls import CallPlan
from parley.domain.carriers import CarrierAccount
from parley.domain.events import TurnDelivery
from parley.domain.secrets import Secret
from parley.live.providers import Providers
from parley.providers.outbound import OutboundHttp
from parley.providers.protocols import Carrier
from parley.services.defaults import Defaults
from parley.settings import ELEVENLABS_URL, Settings
from parley.storage.presence import Alone, Presence


def carriers(settings: Settings, http: httpx.AsyncClient) -> dict[str, Carrier]:
    """Everyone who can place and bring calls."""
    from parley.providers.carriers.twilio import Twilio

    return {"twilio": Twilio(http, settings.twilio_base_url)}


def operator_accounts(settings: Settings) -> dict[str, CarrierAccount]:
    """The operator's own account at each carrier; parts of it may be empty."""
    return {"twilio": CarrierAccount(settings.twilio_account_sid, settings.twilio_auth_token)}


def operator_keys(settings: Settings) -> dict[str, Secret]:
    """The operator's key at each provider; empty where there is none."""
    return {
        "deepgram": settings.deepgram_api_key,
        "elevenlabs": settings.elevenlabs_api_key,
        "openai": settings.openai_api_key,
        "twilio": settings.twilio_auth_token,
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
    from parley.providers.text_to_speech.tone import Tone

    chat = ChatResponder(settings.openai_base_url)
    elevenlabs, espeak = ElevenLabs(settings.elevenlabs_base_url), Espeak()
    for each in (chat, elevenlabs, espeak):
        stack.push_async_callback(each.aclose)
    return Providers(
        speech_to_text={
            "deepgram": DeepgramSpeechToText(settings.deepgram_base_url),
            "simulated": SimulatedSpeechToText(),
        },
        text_to_speech={"elevenlabs": elevenlabs, "espeak": espeak, "tone": Tone()},
        models={"openai": chat},
        webhook=WebhookResponder(webhook_http, on_delivery),
        carrier_audio={"twilio": MULAW_8K},
    )


def presence(settings: Settings) -> Presence:
    """How this replica reaches the others, where there are any. Raises ConfigurationError."""
    if settings.redis_url is None:
        return Alone()
    from parley.storage.redis_presence import RedisPresence

    return RedisPresence(settings.redis_url)


def defaults(settings: Settings, doors: Providers) -> Defaults:
    """What holds where an agent says nothing."""
    return Defaults(
        carrier="twilio",
        listen=ListenChoice(settings.speech_to_text),
        voice=_default_voice(settings),
        model=ModelChoice(model=settings.chat_model),
        voice_providers=frozenset(doors.text_to_speech),
    )


def _default_voice(settings: Settings) -> VoiceChoice:
    """The best voice this server can speak with as it is set up."""
    has_vendor = bool(settings.elevenlabs_api_key) or settings.elevenlabs_base_url != ELEVENLABS_URL
    spare = "espeak" if importlib.util.find_spec("espeakng_loader") is not None else "tone"
    provider = settings.text_to_speech or ("elevenlabs" if has_vendor else spare)
    known = voices.find(voices.DEFAULT_VOICE_ID)
    if known is not None and known.provider == provider:
        return VoiceChoice(provider, voice=known.provider_voice)
    return VoiceChoice(provider)


def shown_voice(default: VoiceChoice) -> str:
    """The default voice by the id that clients know, else by its provider's name."""
    known = voices.find(voices.DEFAULT_VOICE_ID)
    if known is not None and known.provider_voice == default.voice:
        return known.id
    return default.voice or default.provider
