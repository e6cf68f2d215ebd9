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
    """`carrier` is the name of the carrier numbers are bought from.

    `voice_providers` are those this server can speak with for everybody, `keyed_voice_providers` those it can besides
    for a project that has a credential for them, and `lost_voice_providers` those that turned out not to speak at all.
    A known voice of any other provider is replaced by the closest one there is, instead of silence.
    """

    carrier: str
    listen: ListenChoice = ListenChoice()
    voice: VoiceChoice = VoiceChoice()
    model: ModelChoice = ModelChoice()
    voice_providers: frozenset[str] = frozenset()
    keyed_voice_providers: frozenset[str] = frozenset()
    lost_voice_providers: Callable[[], frozenset[str]] = frozenset
    language: str = "en-US"
    max_call_duration_s: float = 3600.0
    silence_check_in_s: float = 15.0
