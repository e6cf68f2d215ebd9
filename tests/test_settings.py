"""Settings: a wrong one is a sentence that names it, and the printed example never grows old."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parley.domain.errors import ConfigurationError
from parley.settings import Settings, load_settings, render_env_example

ROOT = Path(__file__).parent.parent


def test_the_env_example_is_current() -> None:
    printed = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert printed == render_env_example(), "run: python -m parley.settings > .env.example"


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.alias, name
        assert field.description, name


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PARLEY_PORT", "http", "PARLEY_PORT should be a valid integer."),
        ("PARLEY_PORT", "65536", "PARLEY_PORT should be less than or equal to 65535."),
        ("PARLEY_DRAIN_TIMEOUT_S", "-1", "PARLEY_DRAIN_TIMEOUT_S should be greater than or equal to 0."),
        ("PARLEY_DRAIN_TIMEOUT_S", "nan", "PARLEY_DRAIN_TIMEOUT_S should be"),
        ("PARLEY_DATABASE_URL", "mysql://u:hunter2@h/db", "PARLEY_DATABASE_URL should be a Postgres URL"),
        ("PARLEY_REDIS_URL", "http://h", "PARLEY_REDIS_URL should be a URL like redis://"),
        ("PARLEY_REDIS_URL", "redis://h:port/0", "PARLEY_REDIS_URL should be a URL like redis://"),
        ("PARLEY_PUBLIC_URL", "parley.example.com", "PARLEY_PUBLIC_URL should be a URL like https://"),
        ("PARLEY_PUBLIC_URL", "https://h:port", "PARLEY_PUBLIC_URL should be a URL like https://"),
        ("PARLEY_PUBLIC_URL", "wss://h", "PARLEY_PUBLIC_URL should be a URL like https://"),
        ("PARLEY_PUBLIC_URL", "https://[h", "PARLEY_PUBLIC_URL should be a URL like https://"),
        ("PARLEY_ALLOW_PRIVATE_TARGETS", "perhaps", "PARLEY_ALLOW_PRIVATE_TARGETS should be a valid boolean."),
        ("PARLEY_LOG_LEVEL", "loud", "PARLEY_LOG_LEVEL should be 'debug', 'info', 'warning' or 'error'."),
        ("DEEPGRAM_BASE_URL", "api.deepgram.com", "DEEPGRAM_BASE_URL should be a URL like https://"),
    ],
)
def test_a_wrong_value_is_one_sentence_without_the_value(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, **{variable: value})
    assert sentence in caught.value.message
    assert "hunter2" not in caught.value.message


def test_every_wrong_setting_is_told_at_once() -> None:
    wrong: dict[str, Any] = {"PARLEY_PORT": "x", "PARLEY_LOG_LEVEL": "y"}
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, **wrong)
    assert len(caught.value.message.splitlines()) == 2


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/v1"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000/v1"),
        ("http://127.0.0.1:9000/v1", "http://127.0.0.1:9000/v1"),
        ("http://127.0.0.1:9000/v1/", "http://127.0.0.1:9000/v1"),
        ("https://gateway.example/openai/deployments/a", "https://gateway.example/openai/deployments/a"),
    ],
)
def test_an_openai_base_url_ends_in_its_version(given: str, used: str) -> None:
    assert load_settings(None, OPENAI_BASE_URL=given).openai_base_url == used


@pytest.mark.parametrize("variable", ["DEEPGRAM_BASE_URL", "ELEVENLABS_BASE_URL"])
@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("ws://127.0.0.1:9000", "ws://127.0.0.1:9000"),
        ("http://127.0.0.1:9000/v1/", "http://127.0.0.1:9000"),
        ("wss://host/prefix", "wss://host/prefix"),
    ],
)
def test_the_other_base_urls_are_bare_hosts(variable: str, given: str, used: str) -> None:
    settings = load_settings(None, **{variable: given})
    assert getattr(settings, variable.lower()) == used


def test_a_vendor_spoken_to_over_http_alone_takes_websocket_urls_too() -> None:
    settings = load_settings(None, TWILIO_BASE_URL="ws://127.0.0.1:9000/", OPENAI_BASE_URL="wss://models")
    assert (settings.twilio_base_url, settings.openai_base_url) == ("http://127.0.0.1:9000", "https://models/v1")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_any_spelling_of_a_postgres_url_is_taken(scheme: str) -> None:
    assert load_settings(None, PARLEY_DATABASE_URL=f"{scheme}://h/d").database_url == f"{scheme}://h/d"


def test_a_bucket_for_recordings_is_named_alone() -> None:
    settings = load_settings(None, PARLEY_RECORDINGS_URL="s3://bucket/a/prefix/", AWS_SECRET_ACCESS_KEY="hunter2")
    assert settings.recordings_url == "s3://bucket/a/prefix"
    assert "hunter2" not in repr(settings)
    for wrong in (
        "bucket/prefix",
        "https://bucket.s3.amazonaws.com",
        "s3://",
        "s3://key:hunter2@bucket",
        "s3://b:9000",
    ):
        with pytest.raises(ConfigurationError, match="s3://bucket") as refused:
            load_settings(None, PARLEY_RECORDINGS_URL=wrong)
        assert "hunter2" not in refused.value.message


def test_printing_the_settings_shows_no_secret() -> None:
    settings = load_settings(None, PARLEY_API_KEY="sk_live_hunter2", TWILIO_AUTH_TOKEN="hunter2")
    assert "hunter2" not in repr(settings)


def test_settings_come_from_a_file_beside_the_process(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("PARLEY_DRAIN_TIMEOUT_S=7\nPARLEY_UNKNOWN=1\nPARLEY_REDIS_URL=\n", encoding="utf-8")
    settings = load_settings(file)
    assert settings.drain_timeout_s == 7
    assert settings.redis_url is None
