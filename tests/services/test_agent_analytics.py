"""Series over many calls: what the database adds up is what adding up by hand gives, in every time zone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from parley.api.analyses import shown_series
from parley.conversation.measuring.measures import percentile
from parley.domain.errors import BadInput, NotFound
from parley.domain.ids import new_id
from parley.domain.periods import beginning
from parley.services.agent_analytics import AgentAnalytics, Bucket
from parley.storage.agent_analytics import Step, Stops
from parley.storage.tables import AnalysisRow, CallRow, TranscriptRow
from tests.services.world import World

Pair = tuple[CallRow, AnalysisRow | None]
RESOLUTIONS = ("resolved", "unresolved", "escalated", "unclear", None)


def pair(project_id: str, agent_id: str | None, at: datetime, chance: random.Random) -> Pair:
    """A call like any other, with what was learnt from it."""
    answered = chance.random() < 0.8
    failed = not answered or chance.random() < 0.1
    call = CallRow(
        id=new_id("call"),
        project_id=project_id,
        agent_id=agent_id,
        carrier="acme",
        direction="inbound",
        status="failed" if failed else "completed",
        end_reason=chance.choice(["no_answer", "busy", "media_lost"]) if failed else "caller_hangup",
        from_number="+14155559999",
        to_number="+14155550001",
        snapshot={},
        problems=chance.choices(["reply_timeout", "speech_to_text_lost"], k=chance.randrange(3)),
        created_at=at,
        started_at=at if answered else None,
        ended_at=at + timedelta(seconds=chance.randrange(5, 300)),
        is_test=chance.random() < 0.1,
    )
    if not answered or chance.random() < 0.1:
        return call, None
    resolution = chance.choice(RESOLUTIONS)
    metrics = {
        "caller_s": float(chance.randrange(30)),
        "agent_s": float(chance.randrange(60)),
        "silence_s": float(chance.randrange(20)),
        "measured_s": 100.0,
        "interruptions": chance.randrange(3),
        "talked_over": chance.randrange(2),
        "turns": chance.randrange(9),
        "response_ms": [float(chance.randrange(200, 2000)) for _ in range(chance.randrange(6))],
        "stops": [_stop(chance) for _ in range(chance.randrange(4))],
    }
    return call, AnalysisRow(
        id=new_id("ana"),
        project_id=project_id,
        call_id=call.id,
        agent_id=agent_id,
        status="done" if resolution else "skipped",
        next_at=at,
        metrics={"interruptions": None, "agent_s": None} if chance.random() < 0.1 else metrics,
        resolution_status=resolution,
        satisfaction_score=chance.choice([None, 2.5, 4.0, 5.0]) if resolution else None,
        topics=chance.sample(["billing", "opening_hours", "complaint"], 2) if resolution else None,
    )


def _stop(chance: random.Random) -> dict[str, Any]:
    outcome, cause = chance.choice([("cut", "words"), ("cut", "keys"), ("resumed", "cough"), ("resumed", "echo")])
    return {"at_s": 1.0, "stopped_ms": float(chance.randrange(40, 160)), "outcome": outcome, "cause": cause}


def turn(call: CallRow, row: int, **latencies: float | None) -> TranscriptRow:
    return TranscriptRow(
        id=new_id("tr"),
        project_id=call.project_id,
        call_id=call.id,
        row=row,
        at_s=float(row),
        caller="What time is it?",
        agent="It is four.",
        was_cut=False,
        confidence=0.9,
        intended="It is four.",
        latencies=latencies,
    )


async def stored(world: World, pairs: Sequence[Pair]) -> None:
    async with world.database.transaction() as session:
        session.add_all([call for call, _ in pairs])
        await session.flush()
        session.add_all([learnt for _, learnt in pairs if learnt is not None])


def by_hand(pairs: Sequence[Pair]) -> dict[str, Any]:
    counted = [each for each in pairs if not each[0].is_test]
    learnt = [row for _, row in counted if row is not None]
    measured = [row.metrics for row in learnt]
    scores = [row.satisfaction_score for row in learnt if row.satisfaction_score is not None]
    response_ms = [ms for each in measured for ms in each.get("response_ms", [])]
    return {
        "calls": len(counted),
        "answered": sum(call.started_at is not None for call, _ in counted),
        "failed": sum(call.status == "failed" for call, _ in counted),
        "resolved": sum(row.resolution_status == "resolved" for row in learnt),
        "judged": sum(row.resolution_status is not None for row in learnt),
        "scored": len(scores),
        "satisfaction": round(sum(scores) / len(scores), 6) if scores else None,
        "agent_s": sum(each.get("agent_s") or 0.0 for each in measured),
        "interruptions": sum(each.get("interruptions") or 0 for each in measured),
        "failures": Counter(call.end_reason for call, _ in counted if call.status == "failed"),
        "problems": Counter(code for call, _ in counted for code in set(call.problems)),
        "topics": Counter(topic for row in learnt for topic in row.topics or ()),
        "p": [percentile(response_ms, part) for part in (0.5, 0.9, 0.95, 0.99)] if response_ms else None,
        "answers": len(response_ms),
        "stops": _stops_by_hand([stop for each in measured for stop in each.get("stops", [])]),
    }


def _stops_by_hand(stops: Sequence[dict[str, Any]]) -> Stops | None:
    if not stops:
        return None
    ms = [stop["stopped_ms"] for stop in stops]
    halves = percentile(ms, 0.5), percentile(ms, 0.95)
    assert halves[0] is not None
    assert halves[1] is not None
    causes = Counter((stop["outcome"], stop["cause"]) for stop in stops)
    return Stops(count=len(stops), p50=halves[0], p95=halves[1], causes=causes)


def shown(bucket: Bucket) -> dict[str, Any]:
    figures, answers = bucket.figures, bucket.responses
    return {
        **{name: getattr(figures, name) for name in ("calls", "answered", "failed", "resolved", "judged", "scored")},
        "satisfaction": None if figures.satisfaction is None else round(figures.satisfaction, 6),
        **{name: getattr(figures, name) for name in ("agent_s", "interruptions")},
        "failures": bucket.failures,
        "problems": bucket.problems,
        "topics": bucket.topics,
        "p": [answers.p50, answers.p90, answers.p95, answers.p99] if answers else None,
        "answers": answers.answers if answers else 0,
        "stops": bucket.stops,
    }


@pytest.mark.parametrize(
    ("period", "zone"),
    [("day", "Europe/Berlin"), ("week", "America/New_York"), ("month", "Pacific/Auckland"), ("day", "UTC")],
)
async def test_the_database_adds_up_as_one_does_by_hand(world: World, mine: str, period: Any, zone: str) -> None:
    """Over the weekend in which Europe changes its clocks, and with another agent's calls beside."""
    chance = random.Random(4)
    one, other = (await world.agent(mine)).id, (await world.agent(mine)).id
    began = datetime(2026, 10, 20, tzinfo=UTC)
    moments = [began + timedelta(minutes=chance.randrange(14 * 24 * 60)) for _ in range(120)]
    pairs = [pair(mine, chance.choice([one, one, other, None]), at, chance) for at in moments]
    await stored(world, pairs)

    analytics = AgentAnalytics(world.database, world.clock)
    for agent_id in (one, None):
        found = await analytics.series(mine, agent_id, period, date(2026, 10, 21), date(2026, 10, 31), zone)
        own = [each for each in pairs if agent_id is None or each[0].agent_id == agent_id]
        within = []
        for bucket in found.buckets:
            here = [each for each in own if _first_day(each[0].created_at, zone, period) == bucket.day]
            within += here
            assert shown(bucket) == by_hand(here)
        assert shown(found.total) == by_hand(within)
        assert found.total.figures.calls > 20


def _first_day(at: datetime, zone: str, period: Any) -> date:
    return beginning(period, at.astimezone(ZoneInfo(zone)).date())


async def test_a_day_of_25_hours_holds_all_of_its_calls(world: World, mine: str) -> None:
    moments = [datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 22, 59, tzinfo=UTC)]  # 0:00 and 23:59
    chance = random.Random(1)
    pairs = [pair(mine, None, at, chance) for at in (*moments, moments[1] + timedelta(minutes=1))]
    for call, _ in pairs:
        call.is_test = False
    await stored(world, pairs)
    analytics = AgentAnalytics(world.database, world.clock)
    found = await analytics.series(mine, None, "day", date(2026, 10, 25), date(2026, 10, 26), "Europe/Berlin")
    assert [bucket.figures.calls for bucket in found.buckets] == [2, 1]
    assert found.buckets[0].ends - found.buckets[0].begins == timedelta(hours=25)


async def test_an_empty_span_is_shown_with_its_periods_and_without_a_guess(world: World, mine: str) -> None:
    analytics = AgentAnalytics(world.database, world.clock)
    found = await analytics.series(mine, None, "week", None, None, "Asia/Tokyo")
    assert len(found.buckets) == 12
    assert found.first <= found.last
    assert found.buckets[-1].day == beginning("week", world.clock().astimezone(ZoneInfo("Asia/Tokyo")).date())
    assert (found.total.figures.calls, found.total.figures.satisfaction, found.total.responses) == (0, None, None)


async def test_too_long_a_span_and_a_foreign_agent_are_refused(world: World, mine: str, theirs: str) -> None:
    analytics = AgentAnalytics(world.database, world.clock)
    with pytest.raises(BadInput, match="between 1 and 366 days"):
        await analytics.series(mine, None, "day", date(2024, 1, 1), date(2026, 1, 1), "UTC")
    foreign = await world.agent(theirs)
    with pytest.raises(NotFound):
        await analytics.series(mine, foreign.id, "day", None, None, "UTC")


async def test_another_projects_calls_count_nowhere(world: World, mine: str, theirs: str) -> None:
    chance = random.Random(2)
    await stored(world, [pair(theirs, None, world.clock() - timedelta(hours=hour), chance) for hour in range(20)])
    found = await AgentAnalytics(world.database, world.clock).series(mine, None, "day", None, None, "UTC")
    assert found.total.figures.calls == 0


async def test_where_the_time_went_is_shown_step_by_step_for_each_agent(world: World, mine: str) -> None:
    """Of the turns that came to a step, also in calls that run still; turns of another agent's calls beside."""
    chance = random.Random(3)
    one, other = (await world.agent(mine)).id, (await world.agent(mine)).id
    day = datetime(2026, 3, 2, 12, tzinfo=UTC)
    pairs = [pair(mine, agent, at, chance) for agent, at in [(one, day), (one, day + timedelta(days=1)), (other, day)]]
    for call, _ in pairs:
        call.is_test = False
    await stored(world, pairs)
    (first, _), (second, _), (foreign, _) = pairs
    async with world.database.transaction() as session:
        session.add_all(
            [
                turn(first, 0),
                turn(first, 1, recognised_ms=100.0, first_text_ms=-40.0, heard_ms=500.0),
                turn(first, 2, recognised_ms=200.0, first_text_ms=60.0, heard_ms=None),
                turn(second, 1, recognised_ms=300.0, heard_ms=900.0),
                turn(foreign, 1, recognised_ms=9000.0, heard_ms=9000.0),
            ]
        )

    found = await AgentAnalytics(world.database).series(mine, one, "day", day.date(), date(2026, 3, 4), "UTC")

    assert [bucket.steps for bucket in found.buckets] == [
        {
            "recognised_ms": Step(count=2, p50=150.0, p95=195.0),
            "first_text_ms": Step(count=2, p50=10.0, p95=55.0),
            "heard_ms": Step(count=1, p50=500.0, p95=500.0),
        },
        {"recognised_ms": Step(count=1, p50=300.0, p95=300.0), "heard_ms": Step(count=1, p50=900.0, p95=900.0)},
        {},
    ]
    assert found.total.steps["heard_ms"] == Step(count=2, p50=700.0, p95=880.0)
    shown = shown_series(found).model_dump(mode="json", by_alias=True)
    assert shown["total"]["latencies"]["heard"] == {"count": 2, "p50": 700.0, "p95": 880.0}
    assert shown["total"]["latencies"]["endpointed"] is None
    assert shown["buckets"][2]["latencies"]["heard"] is None
    assert shown["buckets"][2]["stops"] is None
