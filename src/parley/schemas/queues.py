"""Queues on the wire: how callers wait, and who waits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from parley.domain.queueing import DEFAULT_MAX_LENGTH, DEFAULT_MAX_WAIT_S, OverflowAction
from parley.schemas.agents import Name
from parley.schemas.base import Limit, Offset, Timestamp, Wire, between, not_null, problem
from parley.schemas.business_hours import Spoken
from parley.schemas.fields import Id

MOST_AGENTS = 100
MaxWait = Annotated[int, between(0, 3600)]
MaxLength = Annotated[int, between(1, 1000)]
AgentIds = Annotated[list[Id], Field(max_length=MOST_AGENTS)]
Music = Annotated[str, Field(min_length=1, max_length=200, examples=["default"])]
_NEEDS_AGENT: dict[str, Any] = {
    "if": {"properties": {"overflow_behavior": {"const": "agent"}}, "required": ["overflow_behavior"]},
    "then": {"properties": {"overflow_agent_id": {"type": "string"}}, "required": ["overflow_agent_id"]},
}


class QueueCreate(Wire):
    """A queue: its callers wait for whichever of its agents is free first; without agents, for the agent of the number
    that was called.

    A caller waits for up to `max_wait_time` seconds; then, and at once where `max_length` wait already, comes
    `overflow_behavior`: the caller may leave a message, is put through to another agent, or is told `overflow_message`
    and hung up. With `callback_offer` a caller who presses 1 hangs up, keeps the place and is called back.
    """

    model_config = ConfigDict(json_schema_extra=_NEEDS_AGENT)

    name: Name
    agent_ids: AgentIds = Field(default_factory=list)
    max_wait_time: MaxWait = DEFAULT_MAX_WAIT_S
    max_length: MaxLength = DEFAULT_MAX_LENGTH
    queue_music: Music = "default"
    position_announcements: bool = True
    estimated_wait_announcements: bool = False
    callback_offer: bool = False
    overflow_behavior: OverflowAction = "voicemail"
    overflow_agent_id: Id | None = None
    overflow_message: Spoken | None = None

    @model_validator(mode="after")
    def _require_agent(self) -> QueueCreate:
        if self.overflow_behavior == "agent" and self.overflow_agent_id is None:
            raise problem("overflow_agent_id", "is required when overflow_behavior is agent")
        return self


class QueueUpdate(Wire):
    """Only what is sent changes; those who wait already go on waiting as they began."""

    name: Annotated[Name | None, not_null()] = None
    agent_ids: Annotated[AgentIds | None, not_null()] = None
    max_wait_time: Annotated[MaxWait | None, not_null()] = None
    max_length: Annotated[MaxLength | None, not_null()] = None
    queue_music: Annotated[Music | None, not_null()] = None
    position_announcements: Annotated[bool | None, not_null()] = None
    estimated_wait_announcements: Annotated[bool | None, not_null()] = None
    callback_offer: Annotated[bool | None, not_null()] = None
    overflow_behavior: Annotated[OverflowAction | None, not_null()] = None
    overflow_agent_id: Id | None = None
    overflow_message: Spoken | None = None


class QueueOut(Wire):
    """A queue as read."""

    id: str
    name: str
    agent_ids: list[str]
    max_wait_time: int
    max_length: int
    queue_music: str
    position_announcements: bool
    estimated_wait_announcements: bool
    callback_offer: bool
    overflow_behavior: str
    overflow_agent_id: str | None
    overflow_message: str | None
    created_at: Timestamp
    updated_at: Timestamp


class QueueStatus(Wire):
    """A queue at this moment; times are seconds, and today began at midnight UTC.

    `current_calls` wait now, the first of them for `longest_wait_time`; `callbacks_waiting` more callers will be called
    back. `average_wait_time` is that of the callers who were answered today. `available_agents` could take a call now.
    """

    queue_id: str
    current_calls: int
    average_wait_time: int
    longest_wait_time: int
    available_agents: int
    calls_handled_today: int
    callbacks_waiting: int
    abandoned_today: int
    overflowed_today: int


class QueueEntryList(Wire):
    """Query of those who wait."""

    limit: Limit = 20
    offset: Offset = 0


class QueueEntryOut(Wire):
    """One who waits: in the call, or for a call back. `position` 1 is next; `attempts` counts calls back so far."""

    id: str
    call_id: str
    status: Literal["waiting", "callback"]
    position: int
    priority: int
    from_number: str
    waited_seconds: int
    attempts: int
    entered_at: Timestamp
    overflows_at: Timestamp
