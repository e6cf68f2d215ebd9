"""Everything the operator can set, read once from the environment (and a `.env` file beside the process).

Every setting is optional. Only `wiring` and the command line read this module; the rest of the house is handed values.
`python -m parley.settings` prints the text of `.env.example`.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from parley.domain.errors import ConfigurationError
from parley.domain.limits import UNLIMITED
from parley.domain.secrets import Secret


def _checked_url(value: str, schemes: tuple[str, ...]) -> str:
    advice = f"should be a URL like {schemes[0]}://host[:port], of scheme {' or '.join(schemes)}"
    try:
        parts = urlsplit(value.strip())
        is_whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket without its pair, a port that is no number
        raise ValueError(advice) from None
    if not is_whole:
        raise ValueError(advice)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/"), query="", fragment=""))


def _public_url(value: str) -> str:
    return _checked_url(value, ("https", "http"))


def _vendor_url(value: str) -> str:
    """A vendor's host. A trailing `/v1` goes, because the adapters add their own paths."""
    return _checked_url(value, ("https", "http", "wss", "ws")).removesuffix("/v1")


def as_http(url: str) -> str:
    """The same place over HTTP, where a websocket URL was given."""
    return f"http{url.removeprefix('ws')}" if url.startswith("ws") else url


def _http_vendor_url(value: str) -> str:
    """For a vendor that is only spoken to over HTTP: ws and wss mean http and https."""
    return as_http(_vendor_url(value))


def _openai_url(value: str) -> str:
    """OpenAI-compatible base URLs end in their version by convention; a bare host gets `/v1`."""
    url = as_http(_checked_url(value, ("https", "http", "wss", "ws")))
    return url if urlsplit(url).path else f"{url}/v1"


def _bucket_url(value: str) -> str:
    whole = re.fullmatch(r"s3://[A-Za-z0-9][A-Za-z0-9._-]+(/[^?#\s]*)?", value.strip())
    if whole is None:
        raise ValueError("should be a URL like s3://bucket/prefix; a server goes in PARLEY_RECORDINGS_S3_ENDPOINT")
    return whole[0].rstrip("/")


def _redis_url(value: str) -> str:
    advice = "should be a URL like redis://host:6379/0"
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in {"redis", "rediss", "unix"} and parts.port != 0
    except ValueError:
        raise ValueError(advice) from None
    if not is_whole:
        raise ValueError(advice)
    return value


def _smtp_url(value: object) -> Secret:
    """The whole URL is a secret: its password is in it."""
    text = value.reveal() if isinstance(value, Secret) else str(value).strip()
    if text:
        _checked_url(text, ("smtps", "smtp"))
    return Secret(text)


def _database_url(value: str) -> str:
    scheme, separator, _ = value.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError("should be a Postgres URL like postgresql://user:password@host:5432/database")
    return value


def _secret(value: object) -> Secret:
    return value if isinstance(value, Secret) else Secret(str(value).strip())


DEEPGRAM_URL = "https://api.deepgram.com"
ELEVENLABS_URL = "https://api.elevenlabs.io"
OPENAI_URL = "https://api.openai.com/v1"
SecretText = Annotated[Secret, BeforeValidator(_secret)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
VendorUrl = Annotated[str, AfterValidator(_vendor_url)]
HttpVendorUrl = Annotated[str, AfterValidator(_http_vendor_url)]
OpenAIUrl = Annotated[str, AfterValidator(_openai_url)]


class Settings(BaseSettings):
    """The operator's choices. Field descriptions become the comments of `.env.example`."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", arbitrary_types_allowed=True, frozen=True, populate_by_name=True
    )

    database_url: Annotated[str, AfterValidator(_database_url)] | None = Field(
        None,
        alias="PARLEY_DATABASE_URL",
        description="Postgres to use. Without it an embedded Postgres runs under PARLEY_DATA_DIR.",
        examples=["postgresql://parley:secret@localhost:5432/parley"],
    )
    data_dir: Path = Field(
        Path("data"), alias="PARLEY_DATA_DIR", description="Folder for the embedded database, the secret key, journals."
    )
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = Field(
        None,
        alias="PARLEY_REDIS_URL",
        description="Redis, through which several replicas reach each other's calls. One replica needs none.",
        examples=["redis://localhost:6379/0"],
    )
    public_url: PublicUrl | None = Field(
        None,
        alias="PARLEY_PUBLIC_URL",
        description="Where the carrier reaches this server from outside. Needed for real calls; webhook signatures are"
        " checked against it.",
        examples=["https://parley.example.com"],
    )
    secret_key: SecretText = Field(
        Secret(""),
        alias="PARLEY_SECRET_KEY",
        description="Seals stored credentials. Without it a key is made once and kept in PARLEY_DATA_DIR. To rotate,"
        " write the new key before the old ones, separated by commas.",
        examples=["a-long-random-text"],
    )
    api_key: SecretText = Field(
        Secret(""),
        alias="PARLEY_API_KEY",
        description="A key for the default project, so that a script can start a server it can talk to.",
        examples=["sk_live_choose-something-long"],
    )
    allow_private_targets: bool = Field(
        False,
        alias="PARLEY_ALLOW_PRIVATE_TARGETS",
        description="Let webhooks go to private and loopback addresses. Only for machines you alone use.",
    )
    host: str = Field("127.0.0.1", alias="PARLEY_HOST", description="Address to listen on.")
    port: int = Field(8080, alias="PARLEY_PORT", ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    ring_limit_s: float = Field(
        120.0,
        alias="PARLEY_RING_LIMIT_S",
        gt=0,
        le=600,
        allow_inf_nan=False,
        description="A call whose audio has not come in after this many seconds of ringing was not answered.",
    )
    drain_timeout_s: float = Field(
        300.0,
        alias="PARLEY_DRAIN_TIMEOUT_S",
        ge=0,
        le=86400,
        allow_inf_nan=False,
        description="After a stop signal live calls may go on for this many seconds; new ones are refused.",
    )
    number_limit: int = Field(
        UNLIMITED,
        alias="PARLEY_NUMBER_LIMIT",
        ge=0,
        le=UNLIMITED,
        description="Phone numbers a project may have, unless `parley projects set` says otherwise for it. At the"
        " default nothing is counted; so it is for the other three limits.",
    )
    concurrent_call_limit: int = Field(
        UNLIMITED,
        alias="PARLEY_CONCURRENT_CALL_LIMIT",
        ge=0,
        le=UNLIMITED,
        description="Calls a project may hold at once.",
    )
    daily_call_limit: int = Field(
        UNLIMITED,
        alias="PARLEY_DAILY_CALL_LIMIT",
        ge=0,
        le=UNLIMITED,
        description="Calls a project may have in 24 hours, in both directions.",
    )
    daily_message_limit: int = Field(
        UNLIMITED,
        alias="PARLEY_DAILY_MESSAGE_LIMIT",
        ge=0,
        le=UNLIMITED,
        description="Text messages a project may send in 24 hours.",
    )
    delivery_retention_days: int = Field(
        30,
        alias="PARLEY_DELIVERY_RETENTION_DAYS",
        ge=1,
        le=3650,
        description="Webhook deliveries that have succeeded or failed are deleted after this many days.",
    )
    journal_dir: Path | None = Field(
        None,
        alias="PARLEY_JOURNAL_DIR",
        description="Write what happens in every call to a file in this folder, for `parley replay`. Journals hold"
        " spoken words; nothing is written without this.",
        examples=["data/journals"],
    )
    recordings_url: Annotated[str, AfterValidator(_bucket_url)] | None = Field(
        None,
        alias="PARLEY_RECORDINGS_URL",
        description="Bucket for recordings of calls. Without it they are files under PARLEY_DATA_DIR, which several"
        " replicas would have to share.",
        examples=["s3://bucket/prefix"],
    )
    recordings_s3_endpoint: PublicUrl | None = Field(
        None,
        alias="PARLEY_RECORDINGS_S3_ENDPOINT",
        description="An S3-compatible server other than AWS's own.",
        examples=["https://minio.example.com:9000"],
    )
    aws_access_key_id: SecretText = Field(
        Secret(""),
        alias="AWS_ACCESS_KEY_ID",
        description="Opens the bucket, with the next one. Without both, AWS's usual places are searched.",
    )
    aws_secret_access_key: SecretText = Field(
        Secret(""), alias="AWS_SECRET_ACCESS_KEY", description="Secret of that access key."
    )
    aws_region: str | None = Field(
        None, alias="AWS_REGION", description="Where the bucket is.", examples=["eu-central-1"]
    )
    smtp_url: Annotated[Secret, BeforeValidator(_smtp_url)] = Field(
        Secret(""),
        alias="PARLEY_SMTP_URL",
        description="Mail server for alerts. smtp:// turns to TLS by STARTTLS, smtps:// begins with it. Without it"
        " alerts cannot be sent by e-mail.",
        examples=["smtps://user:password@mail.example.com:465"],
    )
    smtp_from: str = Field(
        "parley@localhost",
        alias="PARLEY_SMTP_FROM",
        pattern=r"^[^@\s<>]+@[^@\s<>]+$",
        description="Sender of mails.",
        examples=["alerts@example.com"],
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", alias="PARLEY_LOG_LEVEL", description="debug, info, warning or error."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", alias="PARLEY_LOG_FORMAT", description="auto is console on a terminal and json elsewhere."
    )
    deepgram_api_key: SecretText = Field(
        Secret(""), alias="DEEPGRAM_API_KEY", description="Speech to text by Deepgram, for projects without their own."
    )
    deepgram_base_url: VendorUrl = Field(
        DEEPGRAM_URL, alias="DEEPGRAM_BASE_URL", description="Deepgram's host, or a stand-in for it."
    )
    openai_api_key: SecretText = Field(
        Secret(""), alias="OPENAI_API_KEY", description="Chat model of hosted agents, for projects without their own."
    )
    openai_base_url: OpenAIUrl = Field(
        OPENAI_URL,
        alias="OPENAI_BASE_URL",
        description="Any OpenAI-compatible server, self-hosted models included.",
    )
    compatible_base_url: OpenAIUrl | None = Field(
        None,
        alias="PARLEY_COMPATIBLE_BASE_URL",
        description="A second OpenAI-compatible server: the provider compatible, whose models agents can fall back on.",
        examples=["https://models.example.com/v1"],
    )
    compatible_api_key: SecretText = Field(
        Secret(""), alias="PARLEY_COMPATIBLE_API_KEY", description="Its key, for projects without their own."
    )
    speech_to_text: Literal["deepgram", "simulated"] = Field(
        "deepgram",
        alias="PARLEY_SPEECH_TO_TEXT",
        description="Who listens for agents that name nobody. simulated hears simulated callers, and nobody else.",
    )
    turn_model: Path | None = Field(
        None,
        alias="PARLEY_TURN_MODEL",
        description="An end-of-turn model of the smart-turn v3 kind, as an ONNX file: it hears from the sound whether a"
        " caller has finished. Needs the extra turn. Nothing is downloaded.",
        examples=["models/smart-turn-v3.onnx"],
    )
    text_to_speech: Literal["elevenlabs", "openai", "espeak", "tone"] | None = Field(
        None,
        alias="PARLEY_TEXT_TO_SPEECH",
        description="Who speaks for agents that name nobody. Unset, it is elevenlabs where its key or base URL is set,"
        " else espeak where the extra speech is installed, else a tone. openai is the server at OPENAI_BASE_URL, which"
        " must have /audio/speech.",
        examples=["elevenlabs"],
    )
    speech_model: str = Field(
        "gpt-4o-mini-tts",
        alias="PARLEY_SPEECH_MODEL",
        description="Speech model at OPENAI_BASE_URL. OpenAI switches its own off on 2027-01-06; compatible servers"
        " have theirs.",
    )
    chat_model: str = Field(
        "gpt-6-luna", alias="PARLEY_CHAT_MODEL", description="Model of hosted agents that name none."
    )
    elevenlabs_api_key: SecretText = Field(
        Secret(""), alias="ELEVENLABS_API_KEY", description="Voices by ElevenLabs, for projects without their own."
    )
    elevenlabs_base_url: VendorUrl = Field(
        ELEVENLABS_URL, alias="ELEVENLABS_BASE_URL", description="ElevenLabs' host, or a stand-in for it."
    )
    twilio_account_sid: str = Field(
        "", alias="TWILIO_ACCOUNT_SID", description="Twilio account for projects without their own credential."
    )
    twilio_auth_token: SecretText = Field(
        Secret(""), alias="TWILIO_AUTH_TOKEN", description="Auth token of that Twilio account."
    )
    twilio_base_url: HttpVendorUrl = Field(
        "https://api.twilio.com", alias="TWILIO_BASE_URL", description="Twilio's host, or a stand-in for it."
    )


def load_settings(env_file: Path | str | None = ".env", **overrides: Any) -> Settings:
    """Read the environment; `overrides` (by field name) win over it.

    Raises ConfigurationError with one sentence a wrong setting. The wrong value itself is never repeated: it may be
    a secret.
    """
    try:
        return Settings(_env_file=env_file, **overrides)
    except ValidationError as error:
        sentences = [f"{_variable(problem['loc'])} {_complaint(problem)}." for problem in error.errors()]
        raise ConfigurationError("\n".join(sentences)) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"The file {env_file} is not UTF-8 text. Save it as UTF-8.") from None


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "A setting"
    field = Settings.model_fields.get(name)
    return field.alias if field is not None and field.alias else name


def _complaint(problem: Any) -> str:
    message: str = problem["msg"]
    if problem["type"] == "value_error":
        return message.removeprefix("Value error, ")
    return message.replace("Input should be", "should be").split(", unable to")[0]


def render_env_example() -> str:
    """The text of `.env.example`: each setting with what it is for, commented out at its default or an example."""
    lines = ["# Every setting of parley. All are optional; copy this file to .env and remove the # where you need one."]
    for field in Settings.model_fields.values():
        value = field.examples[0] if field.examples else _printed(field.default)
        comment = textwrap.wrap(field.description or "", width=118, initial_indent="# ", subsequent_indent="# ")
        lines += ["", *comment, f"#{field.alias}={value}"]
    return "\n".join(lines) + "\n"


def _printed(default: object) -> str:
    if isinstance(default, Secret):
        return default.reveal()
    return str(default).lower() if isinstance(default, bool) else str(default)


if __name__ == "__main__":
    sys.stdout.write(render_env_example())
