"""A turn as a responder is asked for it, and the parts of its reply."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from parley.domain.calls import CallPlan


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


class TextPart(msgspec.Struct, frozen=True):
    text: str


class DigitsPart(msgspec.Struct, frozen=True):
    digits: str


class HangupPart(msgspec.Struct, frozen=True):
    pass


class TransferPart(msgspec.Struct, frozen=True):
    pass


class SilencePart(msgspec.Struct, frozen=True):
    """Say nothing this time, on purpose."""


ReplyPart = TextPart | DigitsPart | HangupPart | TransferPart | SilencePart
