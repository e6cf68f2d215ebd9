"""A step's figures, as a row of the table and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class StepFigures:
    """What one number of calls cost. Times in milliseconds unless named otherwise; None where nothing was measured.

    With `thinks_ahead` their agent asks for an answer as soon as the caller has probably finished.

    `overhead` is end of speech to first agent audio at the phone, less the emulators' own delays; `barge_in` the
    caller's first sound to the agent's silence at the phone; `missing` the silence inside the agent's speech where
    audio came too late; `lost_words` the agent's words that never came. Two figures tell how far the others can be
    believed: `starved`, how much of the time another process held the core that the server was to have for itself, and
    `load_lag`, how late the load generator itself woke up.
    """

    calls: int
    thinks_ahead: bool
    failed: int
    replies: int
    overhead_p50_ms: float | None
    overhead_p95_ms: float | None
    barge_ins: int
    barge_in_p50_ms: float | None
    barge_in_p95_ms: float | None
    missing_ms_per_spoken_min: float | None
    lost_words: int
    cpu_s_per_call_min: float
    memory_mb_per_call: float
    loop_lag_p95_ms: float | None
    loop_lag_p99_ms: float | None
    starved_percent: float | None
    load_lag_p95_ms: float | None
    load_lag_p99_ms: float | None

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _pair(first: float | None, second: float | None, digits: int = 0) -> str:
    return f"{_number(first, digits)} / {_number(second, digits)}"


_COLUMNS: tuple[tuple[str, str, Callable[[StepFigures], str]], ...] = (
    ("calls", "", lambda f: f"{f.calls}"),
    ("ahead", "", lambda f: "on" if f.thinks_ahead else "off"),
    ("overhead ms", "p50 / p95", lambda f: _pair(f.overhead_p50_ms, f.overhead_p95_ms)),
    ("barge-in ms", "p50 / p95", lambda f: _pair(f.barge_in_p50_ms, f.barge_in_p95_ms)),
    ("missing ms", "a spoken min", lambda f: _number(f.missing_ms_per_spoken_min, 1)),
    ("lost", "words", lambda f: f"{f.lost_words}"),
    ("CPU s", "a call-min", lambda f: _number(f.cpu_s_per_call_min, 2)),
    ("MB", "a call", lambda f: _number(f.memory_mb_per_call, 2)),
    ("loop lag ms", "p95 / p99", lambda f: _pair(f.loop_lag_p95_ms, f.loop_lag_p99_ms, 1)),
    ("starved", "% of time", lambda f: _number(f.starved_percent, 1)),
    ("load's own lag ms", "p95 / p99", lambda f: _pair(f.load_lag_p95_ms, f.load_lag_p99_ms, 1)),
    ("replies", "", lambda f: f"{f.replies}"),
    ("barge-ins", "", lambda f: f"{f.barge_ins}"),
    ("failed", "calls", lambda f: f"{f.failed}"),
)
_WIDTHS = tuple(max(len(title), len(unit), 7) for title, unit, _ in _COLUMNS)


def header() -> str:
    """Two lines above the rows."""
    titles = _line([title for title, _, _ in _COLUMNS])
    units = _line([unit for _, unit, _ in _COLUMNS])
    return f"{titles}\n{units}"


def row(figures: StepFigures) -> str:
    return _line([show(figures) for _, _, show in _COLUMNS])


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, _WIDTHS, strict=True))
