"""What an agent is while it talks: a frozen snapshot taken when a call begins.

Editing an agent never changes a call in mid-air, and the pure floors never see a database row.
"""

from __future__ import annotations

from typing import Literal

import msgspec

VoiceMode = Literal["webhook", "hosted"]


class ListenChoice(msgspec.Struct, frozen=True):
    """Which recogniser hears the caller. `language` is a BCP-47 tag; empty `model` means the provider's default."""

    provider: str = "deepgram"
    model: str = ""
    language: str = "en-US"


class VoiceChoice(msgspec.Struct, frozen=True):
    """Which voice speaks. `voice` is the provider's own voice id (aliases are resolved before a snapshot is taken)."""

    provider: str = "elevenlabs"
    model: str = ""
    voice: str = ""
    language: str = "en-US"
    speed: float = 1.0


class ModelChoice(msgspec.Struct, frozen=True):
    """Which chat model answers for a hosted agent. `temperature` None leaves the provider's default."""

    provider: str = "openai"
    model: str = ""
    temperature: float | None = None


class AgentSnapshot(msgspec.Struct, frozen=True):
    """The agent as it was when the call began, with the call's own overrides applied."""

    id: str
    name: str
    voice_mode: VoiceMode = "webhook"
    system_prompt: str = ""
    greeting: str = ""
    transfer_number: str = ""
    language: str = "en-US"
    listen: ListenChoice = ListenChoice()
    voice: VoiceChoice = VoiceChoice()
    model: ModelChoice = ModelChoice()
    max_call_duration_s: float = 3600.0
    silence_check_in_s: float = 15.0
    is_recorded: bool = False
