"""What is told of a call while it goes on, and what a supervisor may make of it. Pure values; how they travel and are
spelled is decided above."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

LiveEventName = Literal[
    "call.started", "state", "words", "agent.words", "turn", "interrupted", "problem", "queue", "call.ended"
]
CallStateName = Literal[
    "ringing",
    "listening",
    "thinking",
    "speaking",
    "held",
    "taken_over",
    "leaving",
    "waiting",
    "taking_message",
    "announcing",
    "forwarding",
    "unknown",
]
"""`held`: the agent fell silent for a sound of the caller. `unknown`: whoever holds the call has not said so yet."""


class LiveEvent(msgspec.Struct, frozen=True, tag="event"):
    """Something that happened in a call. `seq` only grows within a call, and is the same for everybody who watches.

    `data` has keys in snake_case, all of them ours. Interim `words` replace the interim ones before them.
    """

    call_id: str
    project_id: str
    event: LiveEventName
    at: datetime
    seq: int
    data: dict[str, Any]

    @property
    def is_interim(self) -> bool:
        """Whether missing it does no harm, because what comes next says it again."""
        return self.event == "words" and not self.data["is_final"]


class CallState(msgspec.Struct, frozen=True):
    """How a live call stands. `taken_over_by` names the human who speaks in the agent's place."""

    call_id: str
    project_id: str
    state: CallStateName
    seq: int
    taken_over_by: str | None = None


# ---------------------------------------------------------------- what a supervisor may do


class Whisper(msgspec.Struct, frozen=True, tag="whisper"):
    """Tell the agent something that the caller does not hear."""

    text: str


class SayLine(msgspec.Struct, frozen=True, tag="say_line"):
    """Let the agent say a line, now or behind what it is saying; no caller cuts a protected one."""

    text: str
    is_protected: bool = False


class Transfer(msgspec.Struct, frozen=True, tag="transfer"):
    """Hand the caller over to a number (E.164), at once or when `say` was heard."""

    number: str
    say: str = ""


class TakeOver(msgspec.Struct, frozen=True, tag="take_over"):
    """Speak in the agent's place for `for_s` seconds, or for so long again; `by` tells one supervisor from another.

    One that `renews` only says that the supervisor is still there, and takes nothing over.
    """

    by: str
    for_s: float
    renews: bool = False


class HandBack(msgspec.Struct, frozen=True, tag="hand_back"):
    """Let the agent go on, with a note for it alone and a line to say first."""

    note: str = ""
    say: str = ""


Steer = Whisper | SayLine | Transfer | TakeOver | HandBack
