"""A judge that answers what a test tells it to, and a worker that asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parley.domain.agents import ModelChoice
from parley.domain.analysis import Question
from parley.domain.errors import ProviderError
from parley.domain.secrets import Secret
from parley.providers.judging import Answered
from parley.services.analyses import Analyses
from parley.services.analysis_events import AnalysisEvents
from parley.services.analysis_worker import AnalysisWorker, Judges
from tests.services.world import World

GOOD: dict[str, Any] = {
    "summary": "The caller asked for the time and was told.",
    "resolution_status": "resolved",
    "satisfaction_score": 4.2,
    "topics": ["Time of day"],
}
Reply = dict[str, Any] | ProviderError | str


class ScriptedJudge:
    """Answers with the next of its replies, the last one for ever; keeps what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies) or [GOOD]
        self.asked: list[tuple[Question, str, str]] = []
        self.meanwhile: Callable[[], Any] | None = None

    async def judge(self, question: Question, model: str, key: Secret) -> Answered:
        self.asked.append((question, model, key.reveal()))
        if self.meanwhile is not None:
            await self.meanwhile()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, ProviderError):
            raise reply
        return Answered(reply, model or "house-model")


class Bench:
    """A worker of a server's own and the use cases beside it."""

    def __init__(self, world: World, judge: ScriptedJudge, *, keyless: bool = True) -> None:
        self.judge = judge
        self.finished: list[tuple[str, str]] = []
        # What the test world's agents answer with, and a model of the operator's choice.
        judges = Judges({"thinks": judge}, ModelChoice("thinks", "small"), frozenset({"thinks"} if keyless else ()))
        events = AnalysisEvents(world.announcements)
        self.worker = AnalysisWorker(world.database, judges, world.credentials, events, world.clock)
        self.worker.on_finished.append(lambda project_id, call_id: self.finished.append((project_id, call_id)))
        self.analyses = Analyses(world.database, world.clock, self.worker.wake)
