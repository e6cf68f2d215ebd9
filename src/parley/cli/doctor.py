"""`parley doctor`: looks at everything a call will need, and says what to do about what is missing."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import httpx
import typer

from parley.domain.errors import ConfigurationError, ParleyError
from parley.settings import Settings, as_http, load_settings
from parley.wiring.opening import cipher_for, opened_database

_MARKS = {"ok": "  ok  ", "note": " note ", "wrong": "WRONG "}
_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `note` is worth knowing; `wrong` will make something fail."""

    state: Literal["ok", "note", "wrong"]
    sentence: str


def examine() -> int:
    """Print every finding; 1 if anything is wrong."""
    try:
        settings = load_settings()
    except ConfigurationError as error:
        for sentence in error.message.splitlines():
            _print(Finding("wrong", sentence))
        return 1
    _print(Finding("ok", "The settings can be read."))
    return asyncio.run(_examine(settings))


async def _examine(settings: Settings) -> int:
    wrong = 0
    async for finding in findings(settings):
        _print(finding)
        wrong += finding.state == "wrong"
    return 1 if wrong else 0


def _print(finding: Finding) -> None:
    """One line a finding, folded beside its mark where it meets the edge of a terminal."""
    line = f"[{_MARKS[finding.state]}] {finding.sentence}"
    if sys.stdout.isatty():
        indent = " " * line.index(finding.sentence)
        width = max(60, min(shutil.get_terminal_size().columns, 120))
        line = textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    typer.echo(line)


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Look at one thing after the other."""
    yield _data_folder(settings)
    yield await _database(settings)
    yield _secret_key(settings)
    if settings.redis_url is not None:
        yield await _redis(settings.redis_url)
    async with httpx.AsyncClient(timeout=_TIMEOUT_S) as http:
        yield await _public_url(settings, http)
        for probe in _probes(settings):
            yield await _provider(probe, http)


def _data_folder(settings: Settings) -> Finding:
    folder = settings.data_dir.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("wrong", f"{existing} cannot be written to. Change its owner, or set PARLEY_DATA_DIR.")
    return Finding("ok", f"The data folder is {folder}.")


async def _database(settings: Settings) -> Finding:
    kind = "embedded database" if settings.database_url is None else "database at PARLEY_DATABASE_URL"
    try:
        async with opened_database(settings) as database:
            await database.ping()
    except ParleyError as error:
        return Finding("wrong", error.message)
    return Finding("ok", f"The {kind} answers and has the schema this version needs.")


def _secret_key(settings: Settings) -> Finding:
    try:
        cipher_for(settings)
    except (ParleyError, OSError) as error:
        return Finding("wrong", f"The key that seals credentials cannot be used: {error}")
    if not settings.secret_key and settings.database_url is not None:
        return Finding("note", "PARLEY_SECRET_KEY is not set: the key lies in the data folder. Back it up, or set one.")
    return Finding("ok", "Stored credentials are sealed.")


async def _redis(url: str) -> Finding:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        await client.ping()
    except (RedisError, OSError, TimeoutError) as error:
        return Finding(
            "wrong", f"Redis at PARLEY_REDIS_URL does not answer ({type(error).__name__}). Start it, or unset it."
        )
    finally:
        await client.aclose()
    return Finding("ok", "Redis answers.")


async def _public_url(settings: Settings, http: httpx.AsyncClient) -> Finding:
    url = settings.public_url
    if url is None:
        return Finding(
            "note", "PARLEY_PUBLIC_URL is not set: only the simulated phone can call. Set it for real calls."
        )
    if not url.startswith("https://"):
        return Finding("note", "PARLEY_PUBLIC_URL is plain http: carriers stream audio to https servers only.")
    try:
        answer = await http.get(f"{url}/healthz")
    except httpx.HTTPError as error:
        why = type(error).__name__
        return Finding("note", f"PARLEY_PUBLIC_URL does not answer now ({why}). It should while parley serve runs.")
    if answer.status_code != httpx.codes.OK:
        return Finding("wrong", f"PARLEY_PUBLIC_URL/healthz answers {answer.status_code}: does it lead to this parley?")
    return Finding("ok", "PARLEY_PUBLIC_URL leads to a running parley.")


@dataclass(frozen=True, slots=True)
class _Probe:
    """A harmless request that tells whether a provider is there and takes the key."""

    name: str
    variable: str
    what_for: str
    has_key: bool
    request: httpx.Request


def _probes(settings: Settings) -> list[_Probe]:
    deepgram, elevenlabs = as_http(settings.deepgram_base_url), as_http(settings.elevenlabs_base_url)
    account = (settings.twilio_account_sid, settings.twilio_auth_token.reveal())
    basic = httpx.BasicAuth(*account)
    asked = httpx.Request("GET", f"{settings.twilio_base_url}/2010-04-01/Accounts/{account[0]}.json")
    return [
        _Probe(
            "Twilio",
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN",
            "real phone calls",
            all(account),
            next(basic.auth_flow(asked)),
        ),
        _Probe(
            "Deepgram",
            "DEEPGRAM_API_KEY",
            "understanding callers",
            bool(settings.deepgram_api_key),
            _get(f"{deepgram}/v1/projects", "Authorization", f"Token {settings.deepgram_api_key.reveal()}"),
        ),
        _Probe(
            "ElevenLabs",
            "ELEVENLABS_API_KEY",
            "natural voices",
            bool(settings.elevenlabs_api_key),
            _get(f"{elevenlabs}/v1/voices", "xi-api-key", settings.elevenlabs_api_key.reveal()),
        ),
        _Probe(
            "The chat model's server",
            "OPENAI_API_KEY",
            "hosted agents",
            bool(settings.openai_api_key),
            _get(f"{settings.openai_base_url}/models", "Authorization", f"Bearer {settings.openai_api_key.reveal()}"),
        ),
    ]


def _get(url: str, header: str, value: str) -> httpx.Request:
    return httpx.Request("GET", url, headers={header: value})


async def _provider(probe: _Probe, http: httpx.AsyncClient) -> Finding:
    if not probe.has_key:
        return Finding("note", f"Set {probe.variable} for {probe.what_for}, unless every project brings its own.")
    try:
        answer = await http.send(probe.request)
    except httpx.HTTPError as error:
        return Finding(
            "wrong", f"{probe.name} cannot be reached ({type(error).__name__}). Check the network and base URL."
        )
    if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return Finding("wrong", f"{probe.name} does not take the key. Check {probe.variable}.")
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Finding("wrong", f"{probe.name} answers {answer.status_code}. Look at its status page, and try again.")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return Finding("note", f"{probe.name} answers, but does not know what was asked (404). Check its base URL.")
    return Finding("ok", f"{probe.name} answers and takes the key.")
