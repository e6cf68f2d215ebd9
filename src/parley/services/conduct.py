"""How an agent behaves, from what its owner set of that: the rest is the default of every agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parley.domain.agents import Conduct, KeyEntry
from parley.schemas.conduct import ConductOut


def conduct_of(stored: Mapping[str, Any] | None, *, is_hosted: bool) -> Conduct:
    """For a call that begins now. A webhook is asked early only where it says itself that it can be."""
    own = ConductOut.model_validate(stored or {})
    return Conduct(
        interruption_sensitivity=own.interruption_sensitivity,
        protects_greeting=own.protect_greeting,
        backchannels=_phrases(own.backchannels),
        gives_backchannel=own.enable_backchannel,
        fillers=_phrases(own.fillers),
        thinks_ahead=own.preemptive_replies and is_hosted,
        least_pause_s=own.end_of_turn.min_pause_ms / 1000,
        longest_pause_s=own.end_of_turn.max_pause_ms / 1000,
        monologue_s=float(own.monologue_seconds),
        keys=KeyEntry(own.dtmf.terminator, own.dtmf.count, own.dtmf.pause_ms / 1000, own.dtmf.hidden),
    )


def silence_check_in_s_of(stored: Mapping[str, Any] | None, default_s: float) -> float:
    """How long a caller may say nothing before they are asked whether they are there."""
    own: int | None = (stored or {}).get("silence_check_in_seconds")
    return default_s if own is None else float(own)


def _phrases(own: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if own is None else tuple(own)
