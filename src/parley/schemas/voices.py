"""Voices on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from parley.schemas.base import Wire


class VoiceOut(Wire):
    """A voice an agent may have: send `voiceId` as the agent's `voice`.

    Clients in the field read either of two names for id, name and preview, so both are sent.
    """

    voice_id: Annotated[str, Field(validation_alias="id")]
    name: str
    provider: str
    gender: Annotated[str, Field(description="male, female, neutral, or unknown.")]
    accent: str
    preview_audio_url: str | None
    snake_voice_id: Annotated[
        str, Field(validation_alias="id", serialization_alias="voice_id", description="The same as `voiceId`.")
    ]
    voice_name: Annotated[
        str, Field(validation_alias="name", serialization_alias="voice_name", description="The same as `name`.")
    ]
    snake_preview_audio_url: Annotated[
        str | None,
        Field(
            validation_alias="preview_audio_url",
            serialization_alias="preview_audio_url",
            description="The same as `previewAudioUrl`.",
        ),
    ]
