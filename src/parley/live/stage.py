"""The live calls of this process, as an audience sees them."""

from __future__ import annotations

from collections.abc import Mapping

from parley.domain.live_events import CallState
from parley.live.line import Line


class LiveStage:
    """Satisfies `services.audience.Stage` over the directory's lines, which change under it."""

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = lines

    def rewatch(self) -> None:
        for line in list(self._lines.values()):
            line.supervision.refresh()

    def states(self, project_id: str | None, call_id: str | None) -> list[CallState]:
        if call_id is not None:
            lines = [line for line in (self._lines.get(call_id),) if line is not None]
        else:
            lines = [line for line in self._lines.values() if line.plan.project_id == project_id]
        return [line.supervision.current() for line in lines if not line.is_over]

    def hear_human(self, call_id: str, by: str, audio: bytes) -> bool:
        line = self._lines.get(call_id)
        if line is None or line.has_left:
            return False
        line.supervision.hear_human(by, audio)
        return True
