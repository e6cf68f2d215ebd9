"""Agents on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from parley.schemas.analysis_settings import AnalysisSettings
from parley.schemas.base import Limit, Offset, Timestamp, Wire, between, not_null
from parley.schemas.conduct import ConductOut, ConductSettings
from parley.schemas.fields import Id, PhoneText, matching

Name = Annotated[str, Field(min_length=1, max_length=200)]
Prompt = Annotated[str, Field(max_length=100_000)]
ProviderName = Annotated[
    str,
    Field(min_length=1, max_length=64),
    matching(r"^[A-Za-z0-9_.-]+$", "must be a provider's name: letters, digits, . - and _"),
]
Word = Annotated[str, Field(max_length=200)]
LanguageTag = Annotated[
    str,
    Field(max_length=35),
    matching(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", "must be a language tag like en or en-US"),
]


MOST_FALLBACKS = 4
_IN_LINE = "Who takes over, in this order, when the one before fails in the middle of a call; at most four."


class SpeechToTextPart(Wire):
    """A recogniser; a field left out is the server's default."""

    provider: ProviderName | None = None
    model: Word | None = None
    language: LanguageTag | None = None


class SpeechToTextChoice(SpeechToTextPart):
    """Which recogniser hears the caller, and which take over if it fails."""

    fallbacks: Annotated[list[SpeechToTextPart], Field(max_length=MOST_FALLBACKS)] | None = Field(
        None, description=_IN_LINE
    )


class TextToSpeechPart(Wire):
    """A voice; `speed` 1.0 is its own. A field left out is the server's default, and an alias means the closest voice
    that its `provider` has."""

    provider: ProviderName | None = None
    model: Word | None = None
    voice: Word | None = None
    language: LanguageTag | None = None
    speed: Annotated[float, between(0.5, 2.0)] | None = None


class TextToSpeechChoice(TextToSpeechPart):
    """Which voice speaks, and which take over if it fails. A fallback that names no voice is the one closest to it."""

    fallbacks: Annotated[list[TextToSpeechPart], Field(max_length=MOST_FALLBACKS)] | None = Field(
        None, description=_IN_LINE
    )


class LanguageModelPart(Wire):
    """A chat model; a field left out is the server's default."""

    provider: ProviderName | None = None
    model: Word | None = None
    temperature: Annotated[float, between(0.0, 2.0)] | None = None


class LanguageModelChoice(LanguageModelPart):
    """Which chat model answers for a hosted agent, and which take over if it fails."""

    fallbacks: Annotated[list[LanguageModelPart], Field(max_length=MOST_FALLBACKS)] | None = Field(
        None, description=_IN_LINE
    )


class _AgentFields(Wire):
    description: Annotated[str, Field(max_length=2000)] | None = None
    system_prompt: Prompt | None = None
    begin_message: Annotated[str, Field(max_length=5000)] | None = None
    voice: Word | None = None
    transfer_number: PhoneText | None = None
    language: LanguageTag | None = None
    speech_to_text: SpeechToTextChoice | None = None
    text_to_speech: TextToSpeechChoice | None = None
    language_model: LanguageModelChoice | None = None
    recording_enabled: bool | None = None
    max_concurrent_calls: Annotated[int, between(1, 10_000)] | None = Field(
        None, description="How many calls it may hold at once; further callers wait. Null: only the project's limit."
    )
    analysis: AnalysisSettings | None = None


class AgentCreate(ConductSettings, _AgentFields):
    """A new agent. A `hosted` one needs a `system_prompt`."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"voice_mode": {"const": "hosted"}}, "required": ["voice_mode"]},
            "then": {
                "properties": {"system_prompt": {"type": "string", "pattern": "\\S"}},
                "required": ["system_prompt"],
            },
        }
    )

    name: Name
    voice_mode: Literal["webhook", "hosted"] = "webhook"


class AgentUpdate(ConductSettings, _AgentFields):
    """Only the fields that were sent change. Null clears a field; `name` and `voiceMode` cannot be empty."""

    name: Annotated[Name | None, not_null()] = None
    voice_mode: Annotated[Literal["webhook", "hosted"] | None, not_null()] = None


class AgentList(Wire):
    """Query of the agents list."""

    limit: Limit = 20
    offset: Offset = 0


class AttachNumber(Wire):
    number_id: Id


class AgentNumber(Wire):
    """A number as its agent shows it."""

    id: str
    phone_number: str
    status: str
    type: str = "voice"


class _AgentShown(Wire):
    id: str
    name: str
    description: str | None
    voice_mode: str
    system_prompt: str | None
    begin_message: str | None
    voice: str
    transfer_number: str | None
    language: str | None
    speech_to_text: SpeechToTextChoice | None
    text_to_speech: TextToSpeechChoice | None
    language_model: LanguageModelChoice | None
    recording_enabled: bool | None
    max_concurrent_calls: int | None
    analysis: AnalysisSettings | None
    phone_numbers: list[AgentNumber]
    numbers: list[AgentNumber]
    created_at: Timestamp
    updated_at: Timestamp


class AgentOut(ConductOut, _AgentShown):
    """An agent as read. `voice` is the server's default where the agent has none."""


class AgentDeleted(Wire):
    success: bool = True
    id: str
    message: str = "Agent deleted"
    unassigned_numbers: list[str]
