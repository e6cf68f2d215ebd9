"""What was learnt from calls: of one call, and of an agent or all of a project's over time."""

from __future__ import annotations

from parley.api.operations import Ask, Operation
from parley.schemas.analyses import AnalyticsOut, AnalyticsQuery, BucketOut, CallAnalysisOut, FiguresOut
from parley.services.agent_analytics import Bucket, Series
from parley.storage.tables import AnalysisRow

GROUP = "Analytics"


async def get_analysis(ask: Ask[None, None]) -> AnalysisRow:
    return await ask.services.analyses.get(ask.project_id, ask.ids["call_id"])


async def analyse_again(ask: Ask[None, None]) -> AnalysisRow:
    return await ask.services.analyses.again(ask.project_id, ask.ids["call_id"])


async def agent_analytics(ask: Ask[None, AnalyticsQuery]) -> AnalyticsOut:
    return await _series(ask, ask.ids["agent_id"])


async def project_analytics(ask: Ask[None, AnalyticsQuery]) -> AnalyticsOut:
    return await _series(ask, None)


async def _series(ask: Ask[None, AnalyticsQuery], agent_id: str | None) -> AnalyticsOut:
    query = ask.query
    found = await ask.services.analytics.series(ask.project_id, agent_id, query.period, *query.ends, query.tz)
    return shown_series(found)


def shown_series(found: Series) -> AnalyticsOut:
    """A series with its rates and means."""
    return AnalyticsOut(
        agent_id=found.agent_id,
        period=found.period,
        timezone=found.timezone,
        first_day=found.first,
        last_day=found.last,
        total=FiguresOut.model_validate(_figures(found.total)),
        buckets=[
            BucketOut.model_validate(
                {**_figures(each), "day": each.day, "begins_at": each.begins, "ends_at": each.ends}
            )
            for each in found.buckets
        ],
    )


def _figures(bucket: Bucket) -> dict[str, object]:
    figures = bucket.figures
    spoken_s = figures.caller_s + figures.agent_s
    return {
        "calls": figures.calls,
        "answered": figures.answered,
        "failed": figures.failed,
        "minutes": round(figures.talked_s / 60, 2),
        "judged": figures.judged,
        "resolved": figures.resolved,
        "unresolved": figures.unresolved,
        "escalated": figures.escalated,
        "unclear": figures.unclear,
        "resolution_rate": _part(figures.resolved, figures.judged),
        "satisfaction_score": None if figures.satisfaction is None else round(figures.satisfaction, 2),
        "turns": figures.turns,
        "talk_ratio": _part(figures.agent_s, spoken_s),
        "silence_share": _part(figures.silence_s, figures.measured_s),
        "interruptions": figures.interruptions,
        "interruptions_per_call": _part(figures.interruptions, figures.answered),
        "talked_over": figures.talked_over,
        "response_ms": bucket.responses,
        "latencies": bucket.steps,
        "stops": bucket.stops,
        "failures": bucket.failures,
        "problems": bucket.problems,
        "topics": bucket.topics,
    }


def _part(some: float, whole: float) -> float | None:
    return round(some / whole, 4) if whole else None


_SERIES_ABOUT = (
    "Calls, answers, failures by cause, what the judged calls were about and how they ended, how soon the agent"
    " answered and where the time went, how soon it fell silent for callers, and how much it spoke, for each day, week"
    " or month and for all of them. Test calls count nowhere."
)
_ANALYSIS_ABOUT = (
    "What was counted of the call, and once it was judged, its summary, resolution, satisfaction (0 to 5), topics, the"
    " fields and success criteria its agent asks for. Nothing is made up: what no model has said is null, and `reason`"
    " says why."
)
_AGAIN_ABOUT = (
    "Judges the call anew, with the agent's settings of now, also where its agent's calls are not analysed in general."
    " Read the result when `call.analyzed` arrives. 409 while the call runs, and for one that nobody answered."
)

PROJECT_SERIES = Operation(
    "GET",
    "/analytics",
    project_analytics,
    title="Read how all calls went over time",
    group=GROUP,
    answer=AnalyticsOut,
    query=AnalyticsQuery,
    about=_SERIES_ABOUT,
)


def agent_series(path: str) -> Operation:
    """The same of one agent, at a dialect's own path."""
    return Operation(
        "GET",
        path,
        agent_analytics,
        title="Read how an agent's calls went over time",
        group=GROUP,
        answer=AnalyticsOut,
        query=AnalyticsQuery,
        about=_SERIES_ABOUT,
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/calls/{call_id}/analysis",
        get_analysis,
        title="Read what was learnt from a call",
        group=GROUP,
        answer=CallAnalysisOut,
        about=_ANALYSIS_ABOUT,
    ),
    Operation(
        "POST",
        "/calls/{call_id}/analysis",
        analyse_again,
        title="Analyse a call again",
        group=GROUP,
        answer=CallAnalysisOut,
        status=202,
        about=_AGAIN_ABOUT,
    ),
    agent_series("/agents/{agent_id}/analytics"),
    PROJECT_SERIES,
)
