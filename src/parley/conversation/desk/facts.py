"""What only a stage of the front desk is told, beside the facts every call knows."""

from __future__ import annotations

from parley.conversation.facts import AnyFact, Fact
from parley.domain.stages import StageEnd


class PlaceTold(Fact, frozen=True):
    """Where the caller stands now: 1 is next. `wait_s` is an estimate, None where nothing is known to go by."""

    position: int
    wait_s: float | None = None


class TurnCame(Fact, frozen=True):
    """What comes next for this caller is written: whoever asks for it is told."""


class MoveAsked(Fact, frozen=True):
    """This process has to stop; another one could go on with the stage."""


class NextWritten(Fact, frozen=True):
    """Asked what comes after `end`: it is written down. Where nothing `comes`, the call is to be ended."""

    end: StageEnd
    comes: bool


class NextUnwritten(Fact, frozen=True):
    """Asked what comes after `end`: that could not be written now."""

    end: StageEnd


DeskFact = AnyFact | PlaceTold | TurnCame | MoveAsked | NextWritten | NextUnwritten
