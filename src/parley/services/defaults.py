"""What holds where an agent says nothing; chosen by the operator and handed in by the wiring."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from parley.domain.agents import ListenChoice, ModelChoice, VoiceChoice

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock services run on unless a test hands in another."""
    return datetime.now(UTC)


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """`carrier` is the name of the carrier numbers are bought from. `voice_providers` are the voices this server can
    speak with: an agent's voice that belongs to none of them is replaced by the default voice instead of silence."""

    carrier: str
    listen: ListenChoice = ListenChoice()
    voice: VoiceChoice = VoiceChoice()
    model: ModelChoice = ModelChoice()
    voice_providers: frozenset[str] = frozenset()
    language: str = "en-US"
    max_call_duration_s: float = 3600.0
    silence_check_in_s: float = 15.0
