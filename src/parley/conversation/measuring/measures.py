"""What is counted of a call that is over, from its rows and from who spoke when: no model, no opinion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from parley.conversation.measuring.talk import Stop, Talk
from parley.conversation.wishes import TurnLatencies

MOST_RESPONSES = 1000
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
# Scripts that put no spaces between words, by their language: words cannot be counted there.
_WITHOUT_SPACES = ("zh", "ja", "th", "lo", "km", "my", "yue", "wuu")


class Exchange(Protocol):
    """One transcript row."""

    @property
    def caller(self) -> str: ...
    @property
    def agent(self) -> str | None: ...
    @property
    def latencies(self) -> Mapping[str, Any]: ...
    @property
    def is_human(self) -> bool: ...


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, counts, words a minute and milliseconds; null where it could not be measured.

    `turns` counts what the caller said and was heard an answer to. Shares are of the measured time; `talk_ratio` is the
    agent's part of all speech. `response_ms` has, for each answer, the time from the end of the caller's speech until
    the caller began to hear it, and `response_p50_ms`, `response_p95_ms` are percentiles of it. `stop_p50_ms` and
    `stop_p95_ms` are of how long the agent went on after the caller had begun, each time that it fell silent for them.
    """

    duration_s: float
    turns: int
    measured_s: float | None = None
    caller_s: float | None = None
    agent_s: float | None = None
    overlap_s: float | None = None
    silence_s: float | None = None
    caller_share: float | None = None
    agent_share: float | None = None
    overlap_share: float | None = None
    silence_share: float | None = None
    talk_ratio: float | None = None
    longest_silence_s: float | None = None
    longest_caller_s: float | None = None
    longest_agent_s: float | None = None
    first_agent_audio_s: float | None = None
    interruptions: int | None = None
    talked_over: int | None = None
    agent_interruptions: int | None = None
    caller_words: int | None = None
    agent_words: int | None = None
    caller_words_per_minute: float | None = None
    agent_words_per_minute: float | None = None
    response_ms: tuple[float, ...] = ()
    response_p50_ms: float | None = None
    response_p95_ms: float | None = None
    stops: tuple[Stop, ...] = ()
    stop_p50_ms: float | None = None
    stop_p95_ms: float | None = None


def measured(duration_s: float, rows: Sequence[Exchange], talk: Talk | None, language: str = "") -> Measures:
    """Everything that can be counted of a call of that length with these rows; `language` is a BCP-47 tag."""
    response_ms = [max(0.0, ms) for row in rows if (ms := row.latencies.get("heard_ms")) is not None]
    counts = _has_words(language)
    caller_words = sum(words(row.caller) for row in rows) if counts else None
    agent_words = sum(words(row.agent or "") for row in rows if not row.is_human) if counts else None
    spoken = {} if talk is None else _spoken(talk, caller_words, agent_words)
    return Measures(
        duration_s=round(duration_s, 3),
        turns=sum(1 for row in rows if row.caller and row.agent),
        caller_words=caller_words,
        agent_words=agent_words,
        response_ms=tuple(response_ms[:MOST_RESPONSES]),
        response_p50_ms=percentile(response_ms, 0.5),
        response_p95_ms=percentile(response_ms, 0.95),
        **spoken,
    )


def _spoken(talk: Talk, caller_words: int | None, agent_words: int | None) -> dict[str, Any]:
    both_s = talk.caller_s + talk.agent_s
    found: dict[str, Any] = {name: value for name, value in msgspec.structs.asdict(talk).items() if name != "from_s"}
    for side in ("caller", "agent", "overlap", "silence"):
        found[f"{side}_share"] = _share(found[f"{side}_s"], talk.measured_s)
    found["talk_ratio"] = _share(talk.agent_s, both_s)
    found["caller_words_per_minute"] = _a_minute(caller_words, talk.caller_s)
    found["agent_words_per_minute"] = _a_minute(agent_words, talk.agent_s)
    stopped_ms = [stop.stopped_ms for stop in talk.stops]
    found["stop_p50_ms"], found["stop_p95_ms"] = percentile(stopped_ms, 0.5), percentile(stopped_ms, 0.95)
    return found


def middle(turns: Iterable[Mapping[str, Any]]) -> TurnLatencies:
    """The median of each step, of the turns that came to it."""
    rows = list(turns)

    def of(step: str) -> float | None:
        return percentile([ms for row in rows if (ms := row.get(step)) is not None], 0.5)

    return TurnLatencies(**{step: of(step) for step in TurnLatencies.__struct_fields__})


def words(text: str) -> int:
    """How many words a text has."""
    return len(_WORD.findall(text))


def percentile(values: Sequence[float], part: float) -> float | None:
    """Interpolated between neighbours, as Postgres' `percentile_cont` does; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (place - below), 1)


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole > 0 else None


def _a_minute(count: int | None, seconds: float) -> float | None:
    return round(count * 60 / seconds, 1) if count and seconds >= 1 else None


def _has_words(language: str) -> bool:
    return language.lower().partition("-")[0] not in _WITHOUT_SPACES
