"""How an agent, or all of a project's, did over time: figures of its calls for each day, week or month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from parley.domain.errors import BadInput, FieldError
from parley.domain.periods import MOST_PERIODS, Period, span
from parley.services.defaults import Clock, utc_now
from parley.storage import agent_analytics, agents
from parley.storage.agent_analytics import Figures, Percentiles, Step, Stops
from parley.storage.database import Database

MOST_TOPICS = 10


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one period, or in all of them. `day` is its first one, `begins` and `ends` its moments."""

    day: date
    begins: datetime
    ends: datetime
    figures: Figures
    responses: Percentiles | None
    steps: Mapping[str, Step]
    stops: Stops | None
    failures: Mapping[str, int]
    problems: Mapping[str, int]
    topics: Mapping[str, int]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The periods in order, empty ones too, and all of them added up."""

    agent_id: str | None
    period: Period
    timezone: str
    first: date
    last: date
    total: Bucket
    buckets: list[Bucket]


class AgentAnalytics:
    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def series(
        self,
        project_id: str,
        agent_id: str | None,
        period: Period,
        first: date | None,
        last: date | None,
        timezone: str,
    ) -> Series:
        """Whole periods, from the one with the `first` day to the one with the `last` (today, if None).

        Raises BadInput for too many of them, or none, and NotFound for a foreign agent.
        """
        zone = ZoneInfo(timezone)
        asked = span(period, first, last or self._clock().astimezone(zone).date())
        if asked is None:
            sentence = f"has to be between 1 and {MOST_PERIODS[period]} {period}s before `to`, counting both"
            raise BadInput(f"`from` {sentence}.", [FieldError("from", sentence)])
        bounds = asked.bounds(zone)
        where = project_id, agent_id, bounds
        async with self._database.read() as session:
            if agent_id is not None:
                await agents.get(session, project_id, agent_id)
            figures = await agent_analytics.figures(session, *where)
            responses = await agent_analytics.responses(session, *where)
            steps = await agent_analytics.steps(session, *where)
            stops = await agent_analytics.stops(session, *where)
            failures = await agent_analytics.failures(session, *where)
            problems = await agent_analytics.problems(session, *where)
            topics = await agent_analytics.topics(session, *where)

        def bucket(place: int, day: date, begins: datetime, ends: datetime) -> Bucket:
            return Bucket(
                day=day,
                begins=begins,
                ends=ends,
                figures=figures.get(place, Figures()),
                responses=responses.get(place),
                steps=steps.get(place, {}),
                stops=stops.get(place),
                failures=_ranked(failures.get(place, {})),
                problems=_ranked(problems.get(place, {})),
                topics=_ranked(topics.get(place, {}), MOST_TOPICS),
            )

        each = zip(asked.days, bounds, bounds[1:], strict=False)
        return Series(
            agent_id=agent_id,
            period=period,
            timezone=timezone,
            first=asked.days[0],
            last=date.fromordinal(asked.after.toordinal() - 1),
            total=bucket(0, asked.days[0], bounds[0], bounds[-1]),
            buckets=[bucket(place, day, begins, ends) for place, (day, begins, ends) in enumerate(each, start=1)],
        )


def _ranked(counts: Mapping[str, int], most: int | None = None) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:most])
