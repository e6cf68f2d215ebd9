"""The doctor finds what is wrong, says what to do, and never shows a secret."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from parley.cli.doctor import Finding, findings
from parley.settings import load_settings
from tests.emulators.http_server import Answer, HttpServer, Request

KEYS = {
    "DEEPGRAM_API_KEY": "hunter2-deepgram",
    "ELEVENLABS_API_KEY": "hunter2-elevenlabs",
    "OPENAI_API_KEY": "hunter2-openai",
    "TWILIO_ACCOUNT_SID": "AC1",
    "TWILIO_AUTH_TOKEN": "hunter2-twilio",
}
BASES = ("DEEPGRAM_BASE_URL", "ELEVENLABS_BASE_URL", "OPENAI_BASE_URL", "TWILIO_BASE_URL")
NO_KEYS = dict.fromkeys(KEYS, "")


@pytest.fixture
def nobody_listens_at() -> str:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        return f"127.0.0.1:{closed_soon.getsockname()[1]}"


async def examined(database_url: str, folder: Path, **settings: Any) -> list[Finding]:
    chosen = load_settings(None, database_url=database_url, data_dir=folder, **settings)
    found = [finding async for finding in findings(chosen)]
    assert "hunter2" not in str(found)
    return found


def sentences(found: list[Finding], state: str) -> str:
    return "\n".join(finding.sentence for finding in found if finding.state == state)


async def test_without_any_key_nothing_is_wrong_and_all_is_noted(database_url: str, tmp_path: Path) -> None:
    found = await examined(database_url, tmp_path, **NO_KEYS)
    assert sentences(found, "wrong") == ""
    notes = sentences(found, "note")
    for variable in ("PARLEY_PUBLIC_URL", "PARLEY_SECRET_KEY", *KEYS):
        assert variable in notes


async def test_keys_that_are_taken_are_well_and_asked_for_properly(database_url: str, tmp_path: Path) -> None:
    asked: list[Request] = []

    async def answer(request: Request) -> Answer:
        asked.append(request)
        return Answer([b"{}"])

    async with HttpServer(answer) as server:
        found = await examined(database_url, tmp_path, **KEYS, **dict.fromkeys(BASES, server.url))
    assert sentences(found, "wrong") == ""
    assert sentences(found, "ok").count("takes the key") == 4
    assert {request.path for request in asked} == {
        "/2010-04-01/Accounts/AC1.json",
        "/v1/projects",
        "/v1/voices",
        "/v1/models",
    }


@pytest.mark.parametrize(("status", "says"), [(401, "does not take the key"), (503, "answers 503")])
async def test_keys_that_are_refused_are_wrong(database_url: str, tmp_path: Path, status: int, says: str) -> None:
    async def answer(request: Request) -> Answer:
        return Answer([b"{}"], status=status)

    async with HttpServer(answer) as server:
        found = await examined(database_url, tmp_path, **KEYS, **dict.fromkeys(BASES, server.url))
    assert sentences(found, "wrong").count(says) == 4


async def test_an_answer_from_the_wrong_place_does_not_count_as_a_key_that_is_taken(
    database_url: str, tmp_path: Path
) -> None:
    async def answer(request: Request) -> Answer:
        return Answer([b"{}"], status=404)

    async with HttpServer(answer) as server:
        found = await examined(database_url, tmp_path, **KEYS, **dict.fromkeys(BASES, server.url))
    assert sentences(found, "note").count("Check its base URL") == 4
    assert "takes the key" not in sentences(found, "ok")


async def test_providers_that_are_away_are_wrong(database_url: str, tmp_path: Path, nobody_listens_at: str) -> None:
    found = await examined(database_url, tmp_path, **KEYS, **dict.fromkeys(BASES, f"ws://{nobody_listens_at}"))
    assert sentences(found, "wrong").count("cannot be reached") == 4


async def test_a_database_and_a_redis_that_are_away_are_wrong(tmp_path: Path, nobody_listens_at: str) -> None:
    away = f"postgresql://u:hunter2@{nobody_listens_at}/d"
    found = await examined(away, tmp_path, **NO_KEYS, PARLEY_REDIS_URL=f"redis://:hunter2@{nobody_listens_at}")
    wrong = sentences(found, "wrong")
    assert "PARLEY_DATABASE_URL does not answer" in wrong
    assert "PARLEY_REDIS_URL does not answer" in wrong


async def test_a_data_folder_that_is_a_file_is_wrong(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.touch()
    wrong = sentences(await examined(database_url, file, **NO_KEYS), "wrong")
    assert "PARLEY_DATA_DIR" in wrong


@pytest.mark.parametrize(
    ("url", "says"), [("http://parley.example", "plain http"), ("https://127.0.0.1:1", "does not answer now")]
)
async def test_a_public_url_that_no_carrier_can_use_is_noted(
    database_url: str, tmp_path: Path, url: str, says: str
) -> None:
    assert says in sentences(await examined(database_url, tmp_path, **NO_KEYS, PARLEY_PUBLIC_URL=url), "note")


async def test_a_short_secret_key_is_wrong(database_url: str, tmp_path: Path) -> None:
    wrong = sentences(await examined(database_url, tmp_path, **NO_KEYS, PARLEY_SECRET_KEY="short"), "wrong")
    assert "Every key in PARLEY_SECRET_KEY needs at least" in wrong
