"""A caller handed to a human: what became of each attempt. Pure: times come in, values go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

TransferOutcome = Literal["ringing", "answered", "busy", "no_answer", "failed", "canceled"]
"""`ringing` is the only one that is not the last. `canceled`: the caller, or whoever ended the call, did not wait."""

MOST_TRANSFERS = 5
"""A call in which so many were tried tries no more: somebody else's phones are rung at the project's cost."""


class Told(msgspec.Struct, frozen=True):
    """What the agent was told behind the caller's back before it handed them over."""

    text: str
    at: datetime


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `ring_seconds` is known once it rings no more, `talk_seconds` once an answered one is over.

    The rest is for the agent, to which a caller comes back whom nobody took: the `whispers` of the call so far, and
    whether its coming back is still `is_news` to the agent.
    """

    to: str
    at: datetime
    outcome: TransferOutcome = "ringing"
    answered_at: datetime | None = None
    ring_seconds: int | None = None
    talk_seconds: int | None = None
    whispers: tuple[Told, ...] = ()
    is_news: bool = False


class ReturnedTransfer(msgspec.Struct, frozen=True):
    """A transfer that came to nothing, as the agent is told of it."""

    to: str
    outcome: str


def answered(transfer: Transfer, at: datetime) -> Transfer:
    """The human took the call at that moment."""
    return msgspec.structs.replace(
        transfer, outcome="answered", answered_at=at, ring_seconds=_between(transfer.at, at), is_news=False
    )


def unanswered(transfer: Transfer, outcome: TransferOutcome, at: datetime, *, comes_back: bool) -> Transfer:
    """Nobody did, and it rings no more; `comes_back`: the caller goes on with the agent."""
    return msgspec.structs.replace(
        transfer, outcome=outcome, ring_seconds=_between(transfer.at, at), is_news=comes_back
    )


def heard(transfer: Transfer) -> Transfer:
    """The agent knows that its caller is back."""
    return msgspec.structs.replace(transfer, is_news=False)


def over(transfer: Transfer, at: datetime, talked_s: int | None = None) -> Transfer:
    """The call is over: the two spoke until then, or for so long as the carrier says; a phone that rings is let go."""
    if transfer.outcome == "ringing":
        return unanswered(transfer, "canceled", at, comes_back=False)
    if transfer.answered_at is None or transfer.talk_seconds is not None:
        return transfer
    talk = _between(transfer.answered_at, at) if talked_s is None else talked_s
    return msgspec.structs.replace(transfer, talk_seconds=talk)


def returned(transfers: Sequence[Transfer]) -> ReturnedTransfer | None:
    """What the agent that has the caller again is told of the last attempt; None where there was none."""
    if not transfers or transfers[-1].outcome in ("ringing", "answered"):
        return None
    return ReturnedTransfer(transfers[-1].to, transfers[-1].outcome)


def read(stored: Sequence[Mapping[str, Any]] | None) -> list[Transfer]:
    """What a call's row holds, oldest first."""
    return msgspec.convert(stored or [], list[Transfer])


def stored(transfers: Sequence[Transfer]) -> list[dict[str, Any]]:
    """The same as the row holds it."""
    found: list[dict[str, Any]] = msgspec.to_builtins(transfers)
    return found


def _between(began: datetime, ended: datetime) -> int:
    return max(0, round((ended - began).total_seconds()))
