"""When alerts fire: windows, counts, dedupe and quiet hours, by arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.alerts import MOST_EVIDENCE, Firing, Kind, Occurrence, QuietHours, Rule, contains_phrase, firings

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def at(seconds: float, call: str = "call_1", value: float = 1.0, agent: str | None = None) -> Occurrence:
    return Occurrence(at=NOON + timedelta(seconds=seconds), call_id=call, agent_id=agent, value=value)


def fired(rule: Rule, *seen: Occurrence, **more: Any) -> list[Firing]:
    return firings(rule, seen, more.get("since", NOON), more.get("before", {}))


def seconds(found: list[Firing]) -> list[float]:
    return [(each.at - NOON).total_seconds() for each in found]


def test_one_occurrence_fires_with_its_value_and_evidence() -> None:
    [met] = fired(Rule(kind="long_duration"), at(3, value=600.0))
    assert (met.value, met.call_id, met.count) == (600.0, "call_1", 1)
    assert [each.call_id for each in met.occurrences] == ["call_1"]


def test_a_count_has_to_be_reached_within_the_window_and_not_at_its_far_end() -> None:
    rule = Rule(kind="provider_failure", least_count=3, window_s=60)
    assert seconds(fired(rule, at(0), at(30), at(60))) == []  # the first is 60 seconds old: out
    assert seconds(fired(rule, at(0), at(30), at(59.999))) == [59.999]
    [met] = fired(rule, at(0), at(30), at(59))
    assert (met.value, met.count) == (3.0, 3)


def test_nothing_fires_twice_within_the_dedupe_time_and_again_at_its_end() -> None:
    rule = Rule(kind="queue_time", dedupe_s=100)
    assert seconds(fired(rule, at(0), at(99.9), at(100), at(150), at(200))) == [0, 100, 200]


def test_what_is_deduped_is_a_matter_of_the_subject() -> None:
    seen = [at(0, "a", agent="x"), at(1, "b", agent="x"), at(2, "a", agent="y")]
    assert seconds(fired(Rule(kind="long_duration", dedupe_s=60), *seen)) == [0]
    assert seconds(fired(Rule(kind="long_duration", dedupe_s=60, dedupe_by="agent"), *seen)) == [0, 2]
    assert seconds(fired(Rule(kind="long_duration", dedupe_s=60, dedupe_by="call"), *seen)) == [0, 1]


@pytest.mark.parametrize("kind", ["error_rate", "provider_failure"])
def test_a_week_of_calls_is_looked_through_in_a_moment(kind: Kind) -> None:
    rule = Rule(kind=kind, threshold=0.9, least_count=20_000, window_s=604_800, dedupe_s=3600)
    seen = [at(each, f"call_{each}", value=float(each % 10 > 0)) for each in range(30_000)]
    began = process_time()
    found = fired(rule, *seen)
    assert process_time() - began < 5
    assert [len(each.occurrences) for each in found] == [MOST_EVIDENCE] * 3
    assert found[0].occurrences[-1].call_id == found[0].call_id


def test_an_error_rate_needs_enough_calls_and_fires_at_a_failure() -> None:
    rule = Rule(kind="error_rate", threshold=0.5, least_count=4, window_s=600)
    assert fired(rule, at(0, value=1), at(1, value=1), at(2, value=1)) == []
    [met] = fired(rule, at(0, value=1), at(1, value=0), at(2, value=0), at(3, value=0), at(4, value=1), at(5, value=1))
    assert (seconds([met]), met.value, met.count) == ([5], 0.5, 3)
    # A good end is nobody's alarm, though the share is still above the threshold.
    assert seconds(fired(rule, *(at(n, value=1) for n in range(4)), at(4, value=0))) == [3]


def test_earlier_moments_only_fill_the_window() -> None:
    rule = Rule(kind="provider_failure", least_count=2, window_s=600)
    found = fired(rule, at(-20), at(-10), at(5), since=NOON)
    assert seconds(found) == [5]
    assert found[0].count == 3


def test_a_firing_that_is_known_is_not_repeated_and_keeps_late_ones_near_it_away() -> None:
    rule = Rule(kind="queue_time", dedupe_s=60)
    before = {"": [NOON + timedelta(seconds=50)]}
    assert seconds(fired(rule, at(0), at(50), at(109), at(110), before=before)) == [110]


OCCURRENCES = st.lists(
    st.builds(
        at,
        st.integers(0, 900),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([0.0, 1.0]),
        st.sampled_from([None, "x", "y"]),
    ),
    max_size=40,
)
RULES = st.builds(
    Rule,
    kind=st.sampled_from(["error_rate", "provider_failure"]),
    threshold=st.sampled_from([0.2, 0.5, 1.0]),
    least_count=st.integers(1, 4),
    window_s=st.integers(1, 300),
    dedupe_s=st.integers(0, 300),
    dedupe_by=st.sampled_from(["rule", "agent", "call"]),
)


@given(RULES, OCCURRENCES, st.lists(st.integers(0, 900), max_size=6))
def test_looking_in_steps_fires_what_looking_once_fires(rule: Rule, seen: list[Occurrence], steps: list[int]) -> None:
    whole = fired(rule, *seen)
    found: list[Firing] = []
    for until in [*sorted(steps), 1000]:
        visible = [each for each in seen if each.at < NOON + timedelta(seconds=until)]
        before: dict[str, list[datetime]] = {}
        for each in found:
            before.setdefault(each.subject, []).append(each.at)
        found += fired(rule, *visible, before=before)  # every step looks at everything again
    assert sorted(found, key=lambda each: (each.at, each.subject)) == sorted(
        whole, key=lambda each: (each.at, each.subject)
    )


@given(RULES, OCCURRENCES)
def test_every_firing_keeps_its_promises(rule: Rule, seen: list[Occurrence]) -> None:
    """Against a second reading of the rule, in quadratic time."""
    latest: dict[str, datetime] = {}
    for met in fired(rule, *seen):
        mine = [
            each
            for each in seen
            if met.at - timedelta(seconds=rule.window_s) < each.at <= met.at
            and {"rule": "", "agent": each.agent_id or "", "call": each.call_id}[rule.dedupe_by] == met.subject
        ]
        assert len(mine) >= rule.least_count
        if rule.kind == "error_rate":
            # Moments that are equal have an order of their own, so the share is known within them.
            assert met.value >= rule.threshold
            assert any(each.value for each in mine)
        if met.subject in latest:
            assert (met.at - latest[met.subject]).total_seconds() >= rule.dedupe_s
        latest[met.subject] = met.at


# ---------------------------------------------------------------- quiet hours

NIGHT = QuietHours(timezone="America/New_York", start=time(22), end=time(7))


def new_york(day: int, hour: int, minute: int = 0, month: int = 1) -> datetime:
    from zoneinfo import ZoneInfo

    return datetime(2026, month, day, hour, minute, tzinfo=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        (new_york(5, 21, 59), None),
        (new_york(5, 22), new_york(6, 7)),
        (new_york(6, 0), new_york(6, 7)),
        (new_york(6, 6, 59), new_york(6, 7)),
        (new_york(6, 7), None),
        (new_york(7, 23, month=3), new_york(8, 7, month=3)),  # this night has 23 hours
        (new_york(31, 23, month=10), new_york(1, 7, month=11)),  # and this one 25
    ],
)
def test_a_night_goes_past_midnight_in_its_own_time_zone(moment: datetime, ends: datetime | None) -> None:
    assert NIGHT.until(moment.astimezone(UTC)) == ends


def test_a_window_within_a_day() -> None:
    lunch = QuietHours(timezone="UTC", start=time(12), end=time(13, 30))
    assert lunch.until(NOON) == NOON + timedelta(minutes=90)
    assert lunch.until(NOON - timedelta(seconds=1)) is None
    assert lunch.until(NOON + timedelta(minutes=90)) is None


# ---------------------------------------------------------------- phrases


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("I want to SPEAK to a  manager!", "speak to a manager"),
        ("Get me a human, please.", "human"),
        ("This is inhuman", None),
        ("humans", None),
        ("Ich möchte einen Menschen", "menschen"),
        ("that's it, I'm done", "i'm done"),
        ("", None),
    ],
)
def test_phrases_are_whole_words_however_they_are_written(said: str, found: str | None) -> None:
    assert contains_phrase(said, ["speak to a manager", "human", "menschen", "i'm done"]) == found
