"""What is learnt from calls that are over: who judges them, and what is made of many of them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from parley.domain.agents import ModelChoice
from parley.services.agent_analytics import AgentAnalytics
from parley.services.analyses import Analyses
from parley.services.analysis_events import AnalysisEvents
from parley.services.analysis_worker import AnalysisWorker, Judges
from parley.services.credentials import Credentials
from parley.settings import OPENAI_URL, Settings
from parley.storage.database import Database
from parley.wiring.telling import Telling


@dataclass(frozen=True, slots=True)
class Insight:
    """`worker.run` is the one part that runs; `worker.on_finished` is for whoever waits for judgements."""

    analyses: Analyses
    analytics: AgentAnalytics
    worker: AnalysisWorker


def insight(
    settings: Settings, database: Database, credentials: Credentials, told: Telling, stack: AsyncExitStack
) -> Insight:
    """What the judges hold open is closed with `stack`.

    A server that speaks a vendor's API at an address of the operator's own may well need no key; a vendor does.
    """
    from parley.providers.judges.chat import ChatJudge

    chat = ChatJudge(settings.openai_base_url)
    stack.push_async_callback(chat.aclose)
    keyless = frozenset({"openai"}) if settings.openai_base_url != OPENAI_URL else frozenset()
    judges = Judges({"openai": chat}, ModelChoice(model=settings.chat_model), keyless)
    worker = AnalysisWorker(database, judges, credentials, AnalysisEvents(told.announcements))
    return Insight(Analyses(database, wake=worker.wake), AgentAnalytics(database), worker)
