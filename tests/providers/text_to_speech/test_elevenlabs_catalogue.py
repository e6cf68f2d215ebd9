"""The list of an ElevenLabs account's voices, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.domain.voices import KnownVoice
from parley.providers.text_to_speech.elevenlabs_catalogue import ElevenLabsCatalogue
from tests.emulators.http_server import Answer, HttpServer, Request

KEY = Secret("xi-secret-key-0123456789")
VOICES: dict[str, Any] = {
    "voices": [
        {
            "voice_id": "abc",
            "name": "Rose",
            "category": "cloned",
            "labels": {"accent": "irish", "gender": "Female", "age": "young"},
            "preview_url": "https://storage.example/rose.mp3",
        },
        {"voice_id": "def", "name": None, "labels": {"gender": "robot"}, "preview_url": None},
        {"voice_id": "ghi", "name": "Plain"},
    ]
}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def test_each_voice_gets_an_id_that_names_its_provider(http: httpx.AsyncClient) -> None:
    asked: list[Request] = []

    async def handle(request: Request) -> Answer:
        asked.append(request)
        return Answer([json.dumps(VOICES).encode()])

    async with HttpServer(handle) as server:
        listed = await ElevenLabsCatalogue(http, server.url).voices(KEY)
    assert listed == [
        KnownVoice(
            "elevenlabs:abc", "Rose", "elevenlabs", "abc", "female", "irish", "https://storage.example/rose.mp3"
        ),
        KnownVoice("elevenlabs:def", "def", "elevenlabs", "def"),
        KnownVoice("elevenlabs:ghi", "Plain", "elevenlabs", "ghi"),
    ]
    assert (asked[0].path, asked[0].headers["xi-api-key"]) == ("/v1/voices", KEY.reveal())


@pytest.mark.parametrize(
    ("answer", "reason", "retryable"),
    [
        (Answer([b"{}"], status=401), "unauthorized", False),
        (Answer([b"oh"], status=500), "http_status", True),
        (Answer([b"<html>"]), "garbled", True),
        (Answer([b'{"voices": [{"name": 1}]}']), "garbled", True),
        (Answer(ending="cut", sends_head=False), "provider_failed", True),
    ],
)
async def test_what_goes_wrong_is_one_error_without_the_key(
    http: httpx.AsyncClient, answer: Answer, reason: str, retryable: bool
) -> None:
    async def handle(request: Request) -> Answer:
        return answer

    async with HttpServer(handle) as server:
        with pytest.raises(ProviderError) as caught:
            await ElevenLabsCatalogue(http, server.url).voices(KEY)
    assert (caught.value.reason, caught.value.retryable) == (reason, retryable)
    assert KEY.reveal() not in caught.value.message
