"""The project's own settings on the wire."""

from __future__ import annotations

from typing import Annotated

from parley.schemas.base import Timestamp, Wire, not_null


class ProjectLimitsOut(Wire):
    """What the server's operator lets the project use; 1000000 stands for no limit."""

    numbers: int
    concurrent_calls: int
    daily_calls: int
    daily_messages: int


class ProjectUsedOut(Wire):
    """What is used of the limits now. Calls count in both directions, messages when they are sent."""

    numbers: int
    concurrent_calls: int
    daily_calls: int
    daily_messages: int


class ProjectOut(Wire):
    """The project that the API key opens. `recordingEnabled` holds for agents that do not say otherwise.

    `webhookSecret` signs what is sent to a call's own `webhookUrl` where neither the agent nor the project has a
    webhook.
    """

    id: str
    name: str
    recording_enabled: bool
    webhook_secret: str
    limits: ProjectLimitsOut
    used: ProjectUsedOut
    created_at: Timestamp


class ProjectUpdate(Wire):
    """Only the fields that were sent change."""

    recording_enabled: Annotated[bool | None, not_null()] = None
