"""When an alert fires. Pure: what happened goes in, firings come out, the same for the live rule and for a backtest.

A rule looks at *occurrences*: moments at which its condition was met by one call. A fixed order makes them a sequence,
and the sequence alone decides, so it does not matter in how many steps, or how late, it was looked at.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

Kind = Literal["long_duration", "low_satisfaction", "escalation", "provider_failure", "error_rate", "queue_time"]
DedupeBy = Literal["rule", "agent", "call"]
QuietMode = Literal["delay", "drop"]

MOST_EVIDENCE = 20
"""Occurrences that a firing keeps, the newest; it counts all."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """A call met a rule's condition at `at`; `value` is what was compared with the threshold.

    For `error_rate` every call that ended is one, with `value` 1.0 for a failure and 0.0 for a good end. `detail` is
    what somebody who looks into it wants to see, ready for JSON.
    """

    at: datetime
    call_id: str
    agent_id: str | None = None
    value: float = 1.0
    detail: Mapping[str, Any] = {}

    @property
    def order(self) -> tuple[datetime, str, str]:
        return self.at, self.call_id, str(sorted(self.detail.items()))


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What of a rule decides when it fires.

    It fires when `least_count` occurrences lie within `window_s`; an `error_rate` when at least that many calls ended
    within it and the failed share is at or above `threshold` (0–1). After a firing, `dedupe_s` pass before it fires
    again for the same subject: the whole rule, an agent, or a call.
    """

    kind: Kind
    threshold: float = 0.0
    least_count: int = 1
    window_s: int = 300
    dedupe_s: int = 0
    dedupe_by: DedupeBy = "rule"

    @property
    def looks_back(self) -> timedelta:
        """How long before a moment what happened still matters to it."""
        return timedelta(seconds=self.window_s if self.least_count > 1 or self.kind == "error_rate" else 0)


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """The rule was met at `at`. `value` is the worst value, the failed share, or the number of occurrences."""

    at: datetime
    subject: str
    value: float
    call_id: str | None
    occurrences: tuple[Occurrence, ...]
    count: int


class _Subject:
    """One subject's occurrences within the window, and when the rule has fired for it."""

    def __init__(self, rule: Rule, fired: Iterable[datetime]) -> None:
        self._rule = rule
        self._window = timedelta(seconds=rule.window_s)
        self._within: deque[Occurrence] = deque()
        self._bad = 0
        self._fired = sorted(fired)

    def add(self, occurrence: Occurrence) -> None:
        self._within.append(occurrence)
        self._bad += occurrence.value != 0
        while self._within[0].at <= occurrence.at - self._window:
            self._bad -= self._within.popleft().value != 0

    def met(self, subject: str) -> Firing | None:
        """The firing that the newest occurrence is the cause of."""
        rule, last, count = self._rule, self._within[-1], len(self._within)
        if count < rule.least_count or self._is_deduped(last.at):
            return None
        is_rate = rule.kind == "error_rate"
        share = self._bad / count
        if is_rate and (not last.value or share < rule.threshold):
            return None
        if is_rate or rule.least_count == 1:
            value, count = (share, self._bad) if is_rate else (last.value, 1)
        else:
            value = float(count)
        insort(self._fired, last.at)
        # A window may hold a week of calls: nothing walks through all of it at each of them.
        shown = (each for each in reversed(self._within) if each.value or not is_rate)
        newest = [*islice(shown, min(count, MOST_EVIDENCE))]
        return Firing(
            at=last.at,
            subject=subject,
            value=value,
            call_id=last.call_id,
            occurrences=tuple(reversed(newest)),
            count=count,
        )

    def _is_deduped(self, at: datetime) -> bool:
        place = bisect_left(self._fired, at)
        near = self._fired[max(0, place - 1) : place + 1]
        return any(at == moment or abs((at - moment).total_seconds()) < self._rule.dedupe_s for moment in near)


def firings(
    rule: Rule, occurrences: Iterable[Occurrence], since: datetime, before: Mapping[str, Sequence[datetime]]
) -> list[Firing]:
    """Every firing at or after `since`, in order. Earlier occurrences only fill the window.

    `before` holds, for each subject, when the rule has fired already; no firing comes closer than `dedupe_s` to one of
    those, on either side, and none comes twice.
    """
    subjects: dict[str, _Subject] = {}
    found: list[Firing] = []
    for occurrence in sorted(occurrences, key=lambda each: each.order):
        name = _subject(rule, occurrence)
        if name not in subjects:
            subjects[name] = _Subject(rule, before.get(name, ()))
        subjects[name].add(occurrence)
        if occurrence.at >= since and (met := subjects[name].met(name)) is not None:
            found.append(met)
    return found


def _subject(rule: Rule, occurrence: Occurrence) -> str:
    if rule.dedupe_by == "call":
        return occurrence.call_id
    if rule.dedupe_by == "agent":
        return occurrence.agent_id or ""
    return ""


class QuietHours(msgspec.Struct, frozen=True, kw_only=True):
    """A daily window in which nobody is told. `start` after `end` goes past midnight.

    A `delay`ed alert is told when the window ends, a `drop`ped one only kept.
    """

    timezone: str
    start: time
    end: time
    mode: QuietMode = "delay"

    def until(self, moment: datetime) -> datetime | None:
        """When the window that `moment` (aware) lies in ends; None outside it."""
        zone = ZoneInfo(self.timezone)
        local = moment.astimezone(zone)
        days = [local.date() + timedelta(days=step) for step in (-1, 0, 1)]
        for day, following in pairwise(days):
            begins = datetime.combine(day, self.start, zone)
            ends = datetime.combine(following if self.end <= self.start else day, self.end, zone)
            # Compared as moments: within one zone Python would compare what the clocks show.
            if begins.timestamp() <= moment.timestamp() < ends.timestamp():
                return ends
        return None


def contains_phrase(text: str, phrases: Iterable[str]) -> str | None:
    """The first of the phrases that stands in the text as whole words, whatever the case and the spaces between."""
    spoken = f" {_words(text)} "
    return next((phrase for phrase in phrases if f" {_wanted(phrase)} " in spoken), None)


@lru_cache(maxsize=1000)
def _wanted(phrase: str) -> str:
    """The same phrases are looked for in every line."""
    return _words(phrase)


def _words(text: str) -> str:
    kept = (letter if letter.isalnum() or letter in "'’" else " " for letter in text.casefold())
    return " ".join("".join(kept).split())
