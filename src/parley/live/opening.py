"""Opening the right kind of line for a call: an agent's, or the front desk's."""

from __future__ import annotations

from dataclasses import dataclass

from parley.domain.calls import CallPlan
from parley.live.desk import DeskSession
from parley.live.journals import Journals
from parley.live.line import Line, LineRecords
from parley.live.metrics import Metrics
from parley.live.providers import Providers
from parley.live.session import Session
from parley.services.audience import Audience


@dataclass(frozen=True, slots=True)
class LineOpener:
    """Everything a line is opened with."""

    providers: Providers
    records: LineRecords
    metrics: Metrics
    journals: Journals
    audience: Audience

    def open(self, plan: CallPlan) -> Line:
        """A line for the stage that the plan tells of; `run` brings it to life.

        Raises ProviderUnavailable when an agent is to converse through a provider this server does not know. The front
        desk does with what there is.
        """
        if plan.stage is not None:
            return DeskSession(plan, self.providers, self.records, self.metrics, self.audience)
        self.providers.check(plan)
        before = plan.continues
        goes_on = before is not None and (before.lines or before.is_back)
        journal = self.journals.open(plan.call_id, before.after_s if before is not None and goes_on else 0.0)
        return Session(plan, self.providers, self.records, journal, self.metrics, self.audience)
