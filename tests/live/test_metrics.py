"""What an operator's dashboard is told of turns: each step once a turn, as the ear had it."""

from __future__ import annotations

from typing import Any

from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.live.metrics import Metrics, TurnMeter


def note(row: int, **latencies: float) -> NoteTurn:
    facts: dict[str, Any] = {"at_s": 0.0, "caller": "Hi", "agent": None, "was_cut": False, "confidence": 1.0}
    return NoteTurn(row=row, intended="", latencies=TurnLatencies(**latencies), **facts)


def sampled(metrics: Metrics, step: str, kind: str = "count") -> float | None:
    return metrics.registry.get_sample_value(f"parley_turn_step_seconds_{kind}", {"step": step})


def test_a_turn_counts_once_when_no_more_of_its_answer_is_to_be_heard() -> None:
    metrics, open_rows = Metrics(), {1}
    meter = TurnMeter(metrics, lambda row: row in open_rows)

    meter.note(note(1, recognised_ms=100.0))
    assert sampled(metrics, "recognised") is None
    open_rows.clear()
    meter.note(note(1, recognised_ms=100.0, endpointed_ms=150.0, heard_ms=600.0))
    meter.note(note(1, recognised_ms=100.0, endpointed_ms=150.0, heard_ms=600.0))
    meter.note(note(2, recognised_ms=300.0))  # a turn that nobody answered

    assert (sampled(metrics, "recognised"), sampled(metrics, "recognised", "sum")) == (2.0, 0.4)
    assert (sampled(metrics, "endpointed"), sampled(metrics, "heard", "sum")) == (1.0, 0.6)
    assert sampled(metrics, "first_clause") is None


def test_what_was_ready_before_the_caller_had_finished_took_no_time() -> None:
    metrics = Metrics()
    metrics.turn(TurnLatencies(first_text_ms=-400.0, synthesised_ms=-200.0, heard_ms=90.0))

    assert (sampled(metrics, "first_text"), sampled(metrics, "first_text", "sum")) == (1.0, 0.0)
    assert sampled(metrics, "heard", "sum") == 0.09
