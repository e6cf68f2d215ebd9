"""What an operator's dashboard sees of the live calls (Prometheus), and how late this process's event loop runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from parley.conversation.wishes import NoteInterruption, NoteTurn, TurnLatencies

_REPLY_BUCKETS_S = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_STOP_BUCKETS_S = (0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1.0)
_LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_SAMPLE_EVERY_S = 0.05
_MOST_BACK = 100


class Metrics:
    """Built once a process; `registry` is what `/metrics` shows."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._live = Gauge("parley_live_calls", "Calls with a session in this process.", registry=self.registry)
        self._ended_calls = Counter(
            "parley_calls_ended",
            "Calls this process was done with, by reason. One that is handed on (transferred, say) may come back.",
            ["reason"],
            registry=self.registry,
        )
        self._problems = Counter("parley_call_problems", "Problems noted on calls.", ["code"], registry=self.registry)
        self._steps = Histogram(
            "parley_turn_step_seconds",
            "From the end of the caller's speech to each step of the answer.",
            ["step"],
            buckets=_REPLY_BUCKETS_S,
            registry=self.registry,
        )
        self._stops = Histogram(
            "parley_interruption_stop_seconds",
            "From the caller's first sound to the agent's order to fall silent, by what came of it.",
            ["outcome"],
            buckets=_STOP_BUCKETS_S,
            registry=self.registry,
        )
        self._breakers = Gauge(
            "parley_breaker_open",
            "Whether new calls leave this provider out, because it failed too often.",
            ["part", "provider"],
            registry=self.registry,
        )
        self._back: set[tuple[str, str]] = set()  # breakers that were shown as closed, and always are shown
        self._lag = Histogram(
            "parley_event_loop_lag_seconds",
            "How late the event loop wakes a timer.",
            buckets=_LAG_BUCKETS_S,
            registry=self.registry,
        )

    def breaker(self, part: str, provider: str, is_open: bool) -> None:
        """A provider is left out by new calls from now on, or no more.

        Names come from customers' settings, so of those that are back only the first few stay to be seen.
        """
        name = (part, provider)
        if not is_open and name not in self._back and len(self._back) >= _MOST_BACK:
            self._breakers.remove(*name)
            return
        self._breakers.labels(*name).set(is_open)
        if not is_open:
            self._back.add(name)

    def began(self) -> None:
        self._live.inc()

    def ended(self, reason: str) -> None:
        self._live.dec()
        self._ended_calls.labels(reason).inc()

    def problem(self, code: str) -> None:
        self._problems.labels(code).inc()

    def turn(self, latencies: TurnLatencies) -> None:
        """Count a finished turn's steps, each in its own series. What was ready before the caller had finished took no
        time: a histogram's sum must not shrink."""
        for name in latencies.__struct_fields__:
            took_ms = getattr(latencies, name)
            if took_ms is not None:
                self._steps.labels(name.removesuffix("_ms")).observe(max(took_ms, 0.0) / 1000.0)

    def interruption(self, made: NoteInterruption) -> None:
        """Count one time that the agent fell silent for the caller."""
        self._stops.labels(made.outcome).observe(made.stopped_ms / 1000.0)

    async def watch_loop(self) -> None:
        """Sample the event loop's lateness for as long as the process serves."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _SAMPLE_EVERY_S
            await asyncio.sleep(_SAMPLE_EVERY_S)
            self._lag.observe(max(loop.time() - due, 0.0))


class TurnMeter:
    """Counts each turn of one call once, when no more of its answer is to be heard; `is_open` says whether there is."""

    def __init__(self, metrics: Metrics, is_open: Callable[[int], bool]) -> None:
        self._metrics = metrics
        self._is_open = is_open
        self._counted: set[int] = set()

    def note(self, note: NoteTurn) -> None:
        if note.row not in self._counted and not self._is_open(note.row):
            self._counted.add(note.row)
            self._metrics.turn(note.latencies)
