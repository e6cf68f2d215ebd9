"""A turn as a responder is asked for it, and the parts of its reply."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from parley.domain.calls import CallPlan
from parley.domain.transfers import ReturnedTransfer


class HistoryLine(msgspec.Struct, frozen=True):
    """One line of the conversation so far; an agent's line holds only what the caller heard.

    "human" is somebody who spoke with the caller in the agent's place.
    """

    role: Literal["caller", "agent", "human"]
    text: str
    at: datetime


class Instruction(msgspec.Struct, frozen=True):
    """What a supervisor told the agent behind the caller's back."""

    text: str
    at: datetime


class TurnRequest(msgspec.Struct, frozen=True):
    """What the caller said, with what was said before (oldest first, ending with this utterance).

    `whispers` are all instructions given during this call so far, oldest first. `turn` numbers the caller's turns of
    this session; the same number again has more words. `digits` are keys the caller pressed in it. An `is_early` turn
    is probably over, but may go on: nothing may be done for it that cannot be taken back.
    With a `transfer` the caller was to be handed to a human, and nobody took them.
    """

    plan: CallPlan
    reply: int
    transcript: str
    confidence: float
    history: tuple[HistoryLine, ...]
    whispers: tuple[Instruction, ...] = ()
    turn: int = 0
    digits: str = ""
    is_early: bool = False
    transfer: ReturnedTransfer | None = None

    @property
    def turn_id(self) -> str:
        """The same for every asking of one turn of one call, whichever session asks."""
        before = self.plan.continues
        number = self.turn + (before.first_row if before is not None else 0)
        return f"turn_{self.plan.call_id.removeprefix('call_')}_{number}"


class TextPart(msgspec.Struct, frozen=True):
    """Words to say; a protected part, and what came before it, is heard to its end whatever the caller says."""

    text: str
    is_protected: bool = False


class DigitsPart(msgspec.Struct, frozen=True):
    digits: str


class HangupPart(msgspec.Struct, frozen=True):
    pass


class TransferPart(msgspec.Struct, frozen=True):
    pass


class SilencePart(msgspec.Struct, frozen=True):
    """Say nothing this time, on purpose."""


class RefusedPart(msgspec.Struct, frozen=True):
    """Something was wanted that may not be done, or that cannot be understood: nothing is done about it.

    `code` is a stable word for it, to be found among the call's problems.
    """

    code: str


ReplyPart = TextPart | DigitsPart | HangupPart | TransferPart | SilencePart | RefusedPart
