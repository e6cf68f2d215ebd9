"""Calls as they happen, on the wire: what is told of them, and what is asked of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from parley.schemas.base import Timestamp, Wire, between
from parley.schemas.fields import Id, PhoneText

Line = Annotated[str, Field(max_length=1000, examples=["One moment, please."])]
Note = Annotated[str, Field(max_length=2000, examples=["The caller wants a table for two on Friday."])]


class LiveQuery(Wire):
    """Query of a live stream. `token` stands in for an API key where a client cannot send headers."""

    token: Annotated[str, Field(max_length=200)] | None = None


class LiveEventOut(Wire):
    """One event of a live stream. `data` depends on `event`; `callId` and `seq` are null where no one call is meant.

    `seq` only grows within a call, and every stream that tells of an event tells it with the same number.
    """

    version: int = 1
    event: str
    call_id: str | None = None
    at: Timestamp
    seq: int | None = None
    data: dict[str, Any]


class LiveCallOut(Wire):
    """A live call in a `snapshot`. `phoneNumber` is our side of it, `stage` where it is while no agent holds it.

    `state` is the call's as events tell it, or `unknown`; `takenOverBy` the supervisor who speaks in the agent's place.
    """

    call_id: str
    agent_id: str | None
    direction: str
    phone_number: str
    from_number: str
    to_number: str
    status: str
    end_reason: str | None
    stage: str | None
    state: str
    taken_over_by: str | None
    seq: int | None
    started_at: Timestamp | None
    created_at: Timestamp


class LiveTokenCreate(Wire):
    """A ticket for one stream of the project, or with `callId` of that call alone."""

    call_id: Id | None = None


class LiveTokenOut(Wire):
    """Send it as `?token=`: once, and before it expires."""

    token: str
    expires_at: Timestamp


class WhisperCreate(Wire):
    """What the agent is to know or do; the caller does not hear it."""

    text: Annotated[str, Field(min_length=1, max_length=1000, examples=["Offer them a free dessert."])]


class SayCreate(Wire):
    """What the agent says, word for word."""

    text: Annotated[str, Field(min_length=1, max_length=1000, examples=["Your table is ready."])]
    protected: bool = Field(
        default=False,
        description="It is heard to its end; what the caller says meanwhile is answered afterwards.",
    )


class TransferCreate(Wire):
    """Where the caller goes: by default to the agent's `transferNumber`, at once, or when `say` was heard."""

    to_number: PhoneText | None = None
    say: Line = ""


class TakeOverCreate(Wire):
    """Who takes the call over (by default the API key), and for how long at most unless asked again."""

    name: Annotated[str, Field(min_length=1, max_length=64, examples=["Ann"])] | None = None
    for_seconds: Annotated[int, between(5, 600)] = 60


class HandBackCreate(Wire):
    """A note for the agent alone, and what it says first."""

    note: Note = ""
    say: Line = ""


class ListenChange(Wire):
    """Whether the call's audio is sent along."""

    on: bool = True
