"""Telling the caller one thing, and goodbye."""

from __future__ import annotations

from parley.conversation.desk.prompts import Outcome
from parley.conversation.desk.rules import DeskRules
from parley.conversation.desk.stage import StageMachine
from parley.domain.stages import Announcing


class Announcer(StageMachine):
    """Ends the call once its text was heard. Where no voice can say it, a recorded sentence says that much."""

    def __init__(self, stage: Announcing, language: str, rules: DeskRules | None = None) -> None:
        super().__init__(language, rules)
        self._stage = stage
        self._reason = "announced"

    def _prepared(self, now: float) -> None:
        if self._stage.text.strip():
            self._say(self._stage.text, now)

    def _connected(self, now: float) -> None:
        if self._prompts.is_speaking:
            return
        if self._stage.text.strip():
            self._say(self._stage.text, now)
        else:
            self._end("announced", now)

    def _said(self, outcome: Outcome, now: float) -> None:
        if not self._is_connected:
            return
        if outcome == "failed" and self._reason == "announced":
            self._reason = "provider_failed"
            self._prompts.clip("farewell", now)
        else:
            self._end(self._reason, now)
