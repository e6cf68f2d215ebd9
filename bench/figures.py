"""The arithmetic of the benchmark: percentiles, and a histogram between two scrapes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def histogram_percentile(before: Mapping[float, float], after: Mapping[float, float], share: float) -> float | None:
    """A percentile of what a Prometheus histogram counted between two scrapes.

    Both map upper bounds to cumulative counts. Linear inside a bucket, like Prometheus' own histogram_quantile; in the
    last, open bucket the answer is its lower bound.
    """
    bounds = sorted(after)
    counts = [after[bound] - before.get(bound, 0.0) for bound in bounds]
    if not counts or counts[-1] <= 0:
        return None
    rank = share * counts[-1]
    lower_bound, lower_count = 0.0, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if count >= rank:
            if math.isinf(bound):
                return lower_bound
            inside = (rank - lower_count) / (count - lower_count) if count > lower_count else 1.0
            return lower_bound + (bound - lower_bound) * inside
        lower_bound, lower_count = bound, count
    return lower_bound


def read_metrics(text: str, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The samples of one metric in a Prometheus text exposition, by their labels (sorted)."""
    samples: dict[tuple[tuple[str, str], ...], float] = {}
    for line in text.splitlines():
        if not line.startswith(name) or line[len(name) : len(name) + 1] not in ("{", " "):
            continue
        labelled, _, value = line.rpartition(" ")
        labels = labelled[len(name) :].strip("{}")
        pairs = (pair.partition("=") for pair in labels.split(",") if pair)
        samples[tuple(sorted((key, quoted.strip('"')) for key, _, quoted in pairs))] = float(value)
    return samples


def read_histogram(text: str, name: str) -> dict[float, float]:
    """Cumulative counts by upper bound of one histogram without labels of its own."""
    return {
        float(dict(labels)["le"]): count
        for labels, count in read_metrics(text, f"{name}_bucket").items()
        if "le" in dict(labels)
    }
