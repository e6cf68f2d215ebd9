"""Calls that are over are judged here, one after the other from a line in the database that survives every process."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from parley.domain import analysis
from parley.domain.agents import ModelChoice
from parley.domain.analysis import PROMPT_VERSION, Unusable, Verdict, Wanted, question, read_verdict
from parley.domain.errors import ConfigurationError, ProviderError, Unavailable
from parley.providers.judging import Judge
from parley.services.analyses import lines_of
from parley.services.analysis_events import AnalysisEvents
from parley.services.credentials import Credentials
from parley.services.defaults import Clock, utc_now
from parley.storage import agents, analyses, calls
from parley.storage.database import Database
from parley.storage.tables import AnalysisRow

MOST_AT_ONCE: Final = 3
LEASE_S: Final = 300.0
"""Longer than one asking of a judge, which is four tries of a minute at most: only a dead worker's rows come free."""
RETRY_DELAYS_S: Final = (5.0, 60.0, 600.0, 3600.0)
"""After the first try, the second, and so on: five tries in all."""
_JITTER = 0.2
_log = structlog.get_logger()

# Neither a database that is away nor a single row it cannot write may end the worker.
_TROUBLE = (Unavailable, SQLAlchemyError)


@dataclass(frozen=True, slots=True)
class Judges:
    """Who can judge, by provider. `default` is asked where the agent's own choice names nobody; the providers that are
    `keyless` need no key as this server is set up."""

    by_provider: Mapping[str, Judge] = field(default_factory=dict)
    default: ModelChoice = field(default_factory=ModelChoice)
    keyless: frozenset[str] = frozenset()


class AnalysisWorker:
    """At most three calls are judged at once, in each process. `on_finished` are called with the project and the call
    whenever an analysis has come to its end, whatever that was; they must neither block nor raise."""

    def __init__(
        self,
        database: Database,
        judges: Judges,
        credentials: Credentials,
        events: AnalysisEvents,
        clock: Clock = utc_now,
        *,
        poll_s: float = 1.0,
    ) -> None:
        self.on_finished: list[Callable[[str, str], None]] = []
        self._database = database
        self._judges = judges
        self._credentials = credentials
        self._events = events
        self._clock = clock
        self._poll_s = poll_s
        self._bell = asyncio.Event()
        self._busy = 0

    def wake(self) -> None:
        """There is something new in the line: look now instead of at the next poll."""
        self._bell.set()

    async def run(self) -> None:
        """Judge what is due until cancelled. Start it as a child of the server's TaskGroup."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._bell.clear()
                for row in await self._claim():
                    tasks.create_task(self._carry(row))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await self._bell.wait()

    async def judge_due(self) -> int:
        """Judge, once, what is due now; returns how many were taken. What `run` does all the time."""
        rows = await self._claim()
        async with asyncio.TaskGroup() as tasks:
            for row in rows:
                tasks.create_task(self._carry(row))
        return len(rows)

    async def _claim(self) -> list[AnalysisRow]:
        if self._busy >= MOST_AT_ONCE:
            return []
        try:
            async with self._database.transaction() as session:
                free = MOST_AT_ONCE - self._busy
                rows = await analyses.claim(session, self._clock(), timedelta(seconds=LEASE_S), free)
        except _TROUBLE as away:
            _log.warning("analyses_wait_for_database", reason=type(away).__name__)
            return []
        self._busy += len(rows)
        return rows

    async def _carry(self, row: AnalysisRow) -> None:
        try:
            await self._settle(row, await self._judged(row))
        except _TROUBLE as away:
            _log.warning("analysis_not_settled", analysis_id=row.id, reason=type(away).__name__)
        finally:
            self._busy -= 1
            self._bell.set()

    # ------------------------------------------------------------ judging

    async def _judged(self, row: AnalysisRow) -> dict[str, Any]:
        """What came of one try, as the row's columns."""
        try:
            return await self._ask(row, msgspec.convert(row.wanted, Wanted))
        except ProviderError as failure:
            return self._failed(row, failure.message, is_final=not failure.retryable)
        except Unusable as unusable:
            return self._failed(row, str(unusable))
        except ConfigurationError as unreadable:
            _log.error("analysis_key_unreadable", analysis_id=row.id, reason=unreadable.message)
            return self._failed(row, "The project's key for the model cannot be read by this server.")
        except _TROUBLE:
            raise
        except Exception:  # noqa: BLE001 - the edge of one analysis: a bug in it must not end the others
            _log.exception("analysis_failed", analysis_id=row.id)
            return self._failed(row, "This server could not judge the conversation because of an error of its own.")

    async def _ask(self, row: AnalysisRow, wanted: Wanted) -> dict[str, Any]:
        default = self._judges.default
        provider = wanted.provider or default.provider
        judge = self._judges.by_provider.get(provider)
        if judge is None:
            return self._skipped(analysis.NO_PROVIDER)
        key = await self._credentials.for_provider(row.project_id, provider)
        if not key and provider not in self._judges.keyless:
            return self._skipped(analysis.NO_MODEL)
        async with self._database.read() as session:
            lines = lines_of(await calls.transcript(session, row.call_id))
        model = wanted.model or (default.model if provider == default.provider else "")
        answered = await judge.judge(question(wanted, lines), model, key)
        return self._done(read_verdict(answered.document, wanted, lines), answered.model)

    def _done(self, verdict: Verdict, model: str) -> dict[str, Any]:
        now = self._clock()
        judged: dict[str, Any] = msgspec.to_builtins(verdict)
        return judged | {
            "status": "done",
            "reason": None,
            "model": model,
            "prompt_version": PROMPT_VERSION,
            "finished_at": now,
        }

    def _skipped(self, reason: str) -> dict[str, Any]:
        return {"status": "skipped", "reason": reason, "finished_at": self._clock()}

    def _failed(self, row: AnalysisRow, reason: str, *, is_final: bool = False) -> dict[str, Any]:
        """Try again later, unless that makes no sense or it was tried often enough. The reason is kept either way."""
        now = self._clock()
        if is_final or row.attempts > len(RETRY_DELAYS_S):
            return {"status": "failed", "reason": reason, "finished_at": now}
        wait_s = RETRY_DELAYS_S[row.attempts - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)
        return {"status": "pending", "reason": reason, "next_at": now + timedelta(seconds=wait_s)}

    # ------------------------------------------------------------ writing it down

    async def _settle(self, row: AnalysisRow, outcome: dict[str, Any]) -> None:
        """The judgement and the events that tell of it are one transaction, so they are told once."""
        async with self._database.transaction() as session:
            await agents.hold(session, row.project_id, row.agent_id)
            if not await analyses.settle(session, row, **outcome):
                return
            if outcome["status"] == "done":
                call = await calls.get_known(session, row.call_id)
                found = await analyses.find(session, row.project_id, row.call_id)
                assert found is not None, "it was written in this transaction"
                await self._events.analysed(session, call, found, outcome["finished_at"])
        _log.info("analysis", analysis_id=row.id, call_id=row.call_id, attempt=row.attempts, outcome=outcome["status"])
        if outcome["status"] != "pending":
            self._events.wake()
            for told in self.on_finished:
                told(row.project_id, row.call_id)
