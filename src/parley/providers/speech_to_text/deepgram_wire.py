"""What goes over Deepgram's live sockets: the address with its options, and the messages that come back.

Two protocols: `/v1/listen` (the Nova models: segments, endpointing) and `/v2/listen` (the Flux models: turns). Messages
are read with msgspec into the few fields that matter here, 2 microseconds each against 80 with the SDK's own classes;
missing fields get defaults and unknown messages are None, because self-hosted servers and newer ones send other things.

Sources: https://developers.deepgram.com/reference/speech-to-text/listen-streaming and …/listen-flux.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import msgspec

from parley.audio.formats import AudioFormat
from parley.domain.agents import ListenChoice
from parley.domain.errors import ConfigurationError

DEFAULT_MODEL = "nova-3"
ENDPOINTING_MS = 300
UTTERANCE_END_MS = 1000
EAGER_EOT_THRESHOLD = 0.4  # of 0.3 to 0.9; the surer end of a turn is told at 0.7

_ENCODINGS = {"mulaw": "mulaw", "alaw": "alaw", "pcm_s16le": "linear16"}
_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}

# Tags with a region that Nova models know; any other region is dropped, since "de-DE" is refused where "de" is meant.
_REGIONAL_TAGS = """
    da-DK de-CH en-AU en-GB en-IN en-NZ en-US es-419 fr-CA ko-KR nl-BE pt-BR pt-PT sv-SE th-TH
    zh-CN zh-HK zh-Hans zh-Hant zh-TW
"""
_REGIONAL = {tag.lower(): tag for tag in _REGIONAL_TAGS.split()}
_OTHER_NAMES = {"nb": "no", "nn": "no", "fil": "tl", "iw": "he", "in": "id"}


class Word(msgspec.Struct, frozen=True):
    """One word; `start` and `end` are seconds of the stream's audio."""

    word: str = ""
    punctuated_word: str = ""
    start: float = 0.0
    end: float = 0.0
    confidence: float | None = None

    @property
    def written(self) -> str:
        return self.punctuated_word or self.word


class Alternative(msgspec.Struct, frozen=True):
    transcript: str = ""
    confidence: float | None = None
    words: tuple[Word, ...] | None = ()


class Channel(msgspec.Struct, frozen=True):
    alternatives: tuple[Alternative, ...] = ()


class Results(msgspec.Struct, frozen=True, tag_field="type", tag="Results"):
    """v1: the text of the audio from `start`, for `duration` seconds."""

    start: float = 0.0
    duration: float = 0.0
    is_final: bool | None = False
    speech_final: bool | None = False
    channel: Channel = Channel()

    @property
    def best(self) -> Alternative:
        return self.channel.alternatives[0] if self.channel.alternatives else Alternative()


class SpeechStarted(msgspec.Struct, frozen=True, tag_field="type", tag="SpeechStarted"):
    timestamp: float | None = None


class UtteranceEnd(msgspec.Struct, frozen=True, tag_field="type", tag="UtteranceEnd"):
    last_word_end: float | None = None


class TurnInfo(msgspec.Struct, frozen=True, tag_field="type", tag="TurnInfo"):
    """v2: the whole text of the present turn.

    `event` is Update, StartOfTurn, EagerEndOfTurn, TurnResumed or EndOfTurn.
    """

    event: str = "Update"
    audio_window_end: float | None = None
    transcript: str = ""
    words: tuple[Word, ...] | None = ()


class Connected(msgspec.Struct, frozen=True, tag_field="type", tag="Connected"):
    """v2 greets; v1 says nothing until it hears something."""


class Metadata(msgspec.Struct, frozen=True, tag_field="type", tag="Metadata"):
    """v1 sums up, after CloseStream."""


class Fault(msgspec.Struct, frozen=True, tag_field="type", tag="Error"):
    """`code` (v2) or `variant` (v1) says what it is; the description can quote what we sent and is not read."""

    code: str | None = None
    variant: str | None = None


Message = Results | SpeechStarted | UtteranceEnd | TurnInfo | Connected | Metadata | Fault

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message, strict=False)


def read_message(data: str | bytes) -> Message | None:
    """The message, or None for one we do not know or cannot make sense of."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def is_flux(choice: ListenChoice) -> bool:
    """Whether the chosen model speaks the second protocol."""
    return choice.model.lower().startswith("flux")


def listen_url(base_url: str, choice: ListenChoice, audio: AudioFormat) -> str:
    """Where to open the socket for this choice. Raises ConfigurationError for an unusable `base_url`."""
    options = {"encoding": _ENCODINGS[audio.encoding], "sample_rate": str(audio.sample_rate_hz)}
    if is_flux(choice):
        return f"{socket_base(base_url)}/v2/listen?{urlencode(_flux_options(choice) | options)}"
    return f"{socket_base(base_url)}/v1/listen?{urlencode(_nova_options(choice) | options)}"


def socket_base(base_url: str) -> str:
    """`base_url` as a websocket address without a path; http(s) is accepted, and a version at the end is ignored."""
    parts = urlsplit(base_url.strip())
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise ConfigurationError(
            "DEEPGRAM_BASE_URL must look like https://api.deepgram.com (http, ws and wss work too)."
        )
    path = parts.path.rstrip("/").removesuffix("/listen").removesuffix("/v1").removesuffix("/v2")
    return f"{_SCHEMES[parts.scheme]}://{parts.netloc}{path}"


def language_for(tag: str) -> str:
    """A BCP-47 tag as Deepgram spells it: regions it does not know are dropped. "multi" stays itself."""
    parts = tag.replace("_", "-").split("-")
    base = _OTHER_NAMES.get(parts[0].lower(), parts[0].lower())
    if base == "es" and len(parts) > 1 and parts[-1].upper() != "ES":
        return "es-419"
    if base == "ar" and len(parts) > 1:
        return f"ar-{parts[-1].upper()}"
    return _REGIONAL.get("-".join([base, *parts[1:]]).lower(), base)


def _nova_options(choice: ListenChoice) -> dict[str, str]:
    return {
        "model": choice.model or DEFAULT_MODEL,
        "language": language_for(choice.language),
        "interim_results": "true",
        "punctuate": "true",
        "smart_format": "true",
        "no_delay": "true",
        "vad_events": "true",
        "endpointing": str(ENDPOINTING_MS),
        "utterance_end_ms": str(UTTERANCE_END_MS),
    }


def _flux_options(choice: ListenChoice) -> dict[str, str]:
    """Flux has an English model and a multilingual one that takes the language as a hint."""
    language = language_for(choice.language).split("-")[0]
    model = choice.model.lower()
    if model in ("flux", "flux-general"):
        model = "flux-general-en" if language == "en" else "flux-general-multi"
    options = {"model": model}
    if model.endswith("-multi") and language != "multi":
        options["language_hint"] = language
    if choice.tells_early:
        options["eager_eot_threshold"] = str(EAGER_EOT_THRESHOLD)
    return options
