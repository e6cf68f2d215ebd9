"""Voicemail: what a caller who is not answered is told, what they leave, and what customers are told of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from parley.domain.events import Payload, envelope, timestamp

VOICEMAIL_RECEIVED: Final = "voicemail.received"

SHORTEST_MS: Final = 700
"""What is shorter than this and holds no word is somebody who hung up at the beep."""

_DEFAULT_GREETING: Final = (
    "Hello. Nobody can take your call right now. Please leave a message after the tone, and we will get back to you."
)
_GREETINGS: Final[Mapping[str, str]] = {
    "de": "Guten Tag. Im Moment kann niemand Ihren Anruf annehmen. Bitte hinterlassen Sie nach dem Ton eine Nachricht,"
    " wir melden uns bei Ihnen.",
    "en": _DEFAULT_GREETING,
    "es": "Hola. En este momento nadie puede atender su llamada. Deje un mensaje después de la señal y le"
    " devolveremos la llamada.",
    "fr": "Bonjour. Personne ne peut prendre votre appel pour le moment. Laissez un message après le signal sonore et"
    " nous vous rappellerons.",
    "hi": "नमस्ते। इस समय कोई आपकी कॉल नहीं ले सकता। कृपया बीप के बाद अपना संदेश छोड़ें, हम आपसे संपर्क करेंगे।",
    "it": "Salve. Al momento nessuno può rispondere. Lasci un messaggio dopo il segnale acustico e la richiameremo.",
    "ja": "お電話ありがとうございます。ただいま電話に出ることができません。発信音の後にメッセージをお話しください。"
    "折り返しご連絡いたします。",
    "nl": "Hallo. Op dit moment kan niemand uw oproep aannemen. Spreek na de toon een bericht in, dan nemen wij contact"
    " met u op.",
    "pt": "Olá. De momento ninguém pode atender a sua chamada. Deixe uma mensagem depois do sinal e entraremos em"
    " contacto consigo.",
}


class TakenMessage(msgspec.Struct, frozen=True):
    """What a caller left: a complete WAV file's bytes, and the words that were recognised in it."""

    voicemail_id: str
    audio: bytes
    duration_ms: int
    transcript: str
    confidence: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return not self.audio or (self.duration_ms < SHORTEST_MS and not self.transcript.strip())


def greeting_for(language: str, *wished: str) -> str:
    """The first of the wished texts that says anything, else a default in that language (a BCP-47 tag), else English.

    Text of nothing but white space counts as none: a caller who hears only a beep knows not what it is for.
    """
    for text in wished:
        if text.strip():
            return text.strip()
    return _GREETINGS.get(language.partition("-")[0].lower(), _DEFAULT_GREETING)


class VoicemailFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A message as events show it. `reason` is why nobody answered; `audio_url` is a link that expires."""

    voicemail_id: str
    call_id: str
    number_id: str | None
    agent_id: str | None
    from_number: str
    to_number: str
    reason: str
    transcript: str | None
    confidence: float | None
    duration_s: int
    audio_url: str
    left_at: datetime
    is_test: bool = False


def voicemail_received(message: VoicemailFacts, *, at: datetime) -> Payload:
    """`voicemail.received`: a caller left a message. `transcript` is null where no word was understood."""
    data = {
        "id": message.voicemail_id,
        "voicemailId": message.voicemail_id,
        "callId": message.call_id,
        "agentId": message.agent_id,
        "phoneNumberId": message.number_id,
        "numberId": message.number_id,
        "fromNumber": message.from_number,
        "from": message.from_number,
        "toNumber": message.to_number,
        "to": message.to_number,
        "durationSeconds": message.duration_s,
        "transcript": message.transcript,
        "confidence": message.confidence,
        "audioUrl": message.audio_url,
        "reason": message.reason,
        "createdAt": timestamp(message.left_at),
        **({"isTest": True} if message.is_test else {}),
    }
    return envelope(VOICEMAIL_RECEIVED, agent_id=message.agent_id, at=at, data=data, history=[])
