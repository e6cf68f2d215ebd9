"""Addresses and options sent, messages read: held against the SDK's own types, which are the vendor's word for it."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from deepgram.listen.v1.types import ListenV1Metadata, ListenV1Results, ListenV1SpeechStarted, ListenV1UtteranceEnd
from deepgram.listen.v2.types import ListenV2Connected, ListenV2TurnInfo
from pydantic import BaseModel

from parley.audio.formats import MULAW_8K, PCM_16K
from parley.audio.watermark import speak
from parley.domain.agents import AgentSnapshot, Conduct, ListenChoice
from parley.domain.errors import ConfigurationError
from parley.providers.speech_to_text.deepgram_wire import (
    Fault,
    Results,
    TurnInfo,
    language_for,
    listen_url,
    read_message,
    socket_base,
)
from tests.emulators.deepgram_speech import FluxSpeech, Json, NovaSpeech

QUIET = b"\xff" * 16_000
AUDIO = QUIET + speak("What time do you open on Saturdays?") + QUIET + speak("Thanks.") + QUIET


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("https://api.deepgram.com", "wss://api.deepgram.com"),
        ("http://127.0.0.1:8080/", "ws://127.0.0.1:8080"),
        ("wss://eu.example.com/v1", "wss://eu.example.com"),
        ("ws://localhost:9000/v1/listen", "ws://localhost:9000"),
        ("https://gateway.example.com/deepgram/v2/", "wss://gateway.example.com/deepgram"),
    ],
)
def test_any_spelling_of_the_base_url_is_taken(given: str, wanted: str) -> None:
    assert socket_base(given) == wanted


@pytest.mark.parametrize("given", ["", "api.deepgram.com", "ftp://api.deepgram.com", "https://"])
def test_an_unusable_base_url_names_the_setting(given: str) -> None:
    with pytest.raises(ConfigurationError, match="DEEPGRAM_BASE_URL"):
        socket_base(given)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_nova_is_the_default_and_hears_the_carriers_own_audio() -> None:
    url = listen_url("https://api.deepgram.com", ListenChoice(), MULAW_8K)
    assert url.startswith("wss://api.deepgram.com/v1/listen?")
    query = query_of(url)
    assert query["model"] == "nova-3"
    assert (query["encoding"], query["sample_rate"]) == ("mulaw", "8000")
    assert (query["endpointing"], query["utterance_end_ms"]) == ("300", "1000")
    assert query["interim_results"] == query["vad_events"] == query["smart_format"] == "true"
    assert query_of(listen_url("ws://x", ListenChoice(), PCM_16K))["encoding"] == "linear16"


@pytest.mark.parametrize(
    ("model", "language", "wanted"),
    [
        ("flux", "en-US", {"model": "flux-general-en"}),
        ("flux-general-en", "en-GB", {"model": "flux-general-en"}),
        ("flux", "es-MX", {"model": "flux-general-multi", "language_hint": "es"}),
        ("flux-general-multi", "multi", {"model": "flux-general-multi"}),
    ],
)
def test_flux_is_the_second_protocol(model: str, language: str, wanted: dict[str, str]) -> None:
    url = listen_url("https://api.deepgram.com", ListenChoice(model=model, language=language), MULAW_8K)
    assert urlsplit(url).path == "/v2/listen"
    assert query_of(url) == wanted | {"encoding": "mulaw", "sample_rate": "8000"}


def test_flux_is_asked_for_likely_ends_where_the_agent_thinks_ahead() -> None:
    agent = AgentSnapshot("agent_1", "Ada", listen=ListenChoice(model="flux"), conduct=Conduct(thinks_ahead=True))
    query = query_of(listen_url("https://api.deepgram.com", agent.listens[0], MULAW_8K))
    assert 0.3 <= float(query["eager_eot_threshold"]) <= 0.9
    nova = msgspec.structs.replace(agent.listens[0], model="nova-3")
    assert "eager_eot_threshold" not in listen_url("https://api.deepgram.com", nova, MULAW_8K)


@pytest.mark.parametrize(
    ("tag", "wanted"),
    [
        ("en-US", "en-US"),
        ("EN_gb", "en-GB"),
        ("en-ZA", "en"),
        ("de-DE", "de"),
        ("de-CH", "de-CH"),
        ("es-ES", "es"),
        ("es-MX", "es-419"),
        ("pt-BR", "pt-BR"),
        ("fr-FR", "fr"),
        ("nb-NO", "no"),
        ("zh-Hant", "zh-Hant"),
        ("multi", "multi"),
    ],
)
def test_languages_are_spelled_as_the_vendor_knows_them(tag: str, wanted: str) -> None:
    assert language_for(tag) == wanted


def nova_messages() -> list[Json]:
    url = listen_url("ws://x", ListenChoice(), MULAW_8K)
    speech = NovaSpeech(query_of(url), [])
    return speech.hear(AUDIO) + speech.farewell()


def flux_messages() -> list[Json]:
    url = listen_url("ws://x", ListenChoice(model="flux"), MULAW_8K)
    speech = FluxSpeech(query_of(url) | {"eager_eot_threshold": "0.4"}, [])
    return speech.greet() + speech.hear(AUDIO)


def test_the_emulators_messages_are_what_the_sdk_says_they_are() -> None:
    types: dict[str, type[BaseModel]] = {
        "Results": ListenV1Results,
        "SpeechStarted": ListenV1SpeechStarted,
        "UtteranceEnd": ListenV1UtteranceEnd,
        "Metadata": ListenV1Metadata,
        "TurnInfo": ListenV2TurnInfo,
        "Connected": ListenV2Connected,
    }
    messages = nova_messages() + flux_messages()
    assert {message["type"] for message in messages} == set(types)
    for message in messages:
        types[message["type"]].model_validate(message, strict=True)
    events = {message["event"] for message in messages if message["type"] == "TurnInfo"}
    assert events == {"Update", "StartOfTurn", "EagerEndOfTurn", "EndOfTurn"}


def test_what_the_sdk_reads_we_read() -> None:
    for message in nova_messages() + flux_messages():
        ours = read_message(json.dumps(message))
        if isinstance(ours, Results):
            theirs = ListenV1Results.model_validate(message)
            assert (ours.start, ours.duration, ours.is_final) == (theirs.start, theirs.duration, theirs.is_final)
            best = theirs.channel.alternatives[0]
            assert ours.best.transcript == best.transcript
            assert [(word.written, word.end) for word in ours.best.words or ()] == [
                (word.punctuated_word, word.end) for word in best.words
            ]
        elif isinstance(ours, TurnInfo):
            turn = ListenV2TurnInfo.model_validate(message)
            assert (ours.event, ours.transcript, ours.audio_window_end) == (
                turn.event,
                turn.transcript,
                turn.audio_window_end,
            )
        else:
            assert ours is not None


@pytest.mark.parametrize(
    "data",
    ["", "{", "[]", "null", '"Results"', b"\xff\x00", '{"type": "Surprise"}', '{"no": "type"}', '{"type": 7}'],
)
def test_nonsense_and_news_are_no_message(data: str | bytes) -> None:
    assert read_message(data) is None


def test_missing_fields_are_forgiven() -> None:
    assert read_message('{"type": "Results", "is_final": true}') == Results(is_final=True)
    bare = read_message('{"type": "Results", "channel": {"alternatives": [{"transcript": "hi", "words": null}]}}')
    assert isinstance(bare, Results)
    assert bare.best.transcript == "hi"
    assert read_message('{"type": "Error", "variant": "SchemaError"}') == Fault(variant="SchemaError")
