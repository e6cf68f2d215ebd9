"""The arithmetic of the benchmark: percentiles, a histogram between two scrapes, gaps in played audio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PLAYED_BYTES_PER_S = 8000  # mu-law at 8 kHz


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


@dataclass
class Playout:
    """What a phone that plays audio as it comes would have let its owner hear; times in seconds, any clock.

    A stretch of speech begins with the first audio after silence and ends with `end_stretch` (all of it was played) or
    `cut` (the far end cleared it). A gap is time inside a stretch in which there was nothing to play.
    """

    played_until: float = 0.0
    gap_s: float = 0.0
    spoken_s: float = 0.0
    in_stretch: bool = False
    gaps: list[float] = field(default_factory=list)

    def receive(self, at: float, audio_bytes: int) -> None:
        duration = audio_bytes / PLAYED_BYTES_PER_S
        if self.in_stretch and at > self.played_until:
            self.gap_s += at - self.played_until
            self.gaps.append(at - self.played_until)
        self.played_until = max(self.played_until, at) + duration if self.in_stretch else at + duration
        self.spoken_s += duration
        self.in_stretch = True

    def cut(self, at: float) -> float:
        """The far end took its audio back; what was not played was not spoken. Returns the seconds taken back."""
        unplayed = max(0.0, self.played_until - at) if self.in_stretch else 0.0
        self.spoken_s -= unplayed
        self.played_until = at
        self.in_stretch = False
        return unplayed

    def end_stretch(self) -> None:
        self.in_stretch = False
