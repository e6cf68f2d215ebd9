"""The project's own settings over HTTP."""

from __future__ import annotations

from typing import Any

from parley.api.operations import Ask, Operation
from parley.schemas.projects import ProjectLimitsOut, ProjectOut, ProjectUpdate, ProjectUsedOut
from parley.storage.tables import ProjectRow

GROUP = "Project"


async def get_project(ask: Ask[None, None]) -> ProjectOut:
    return await _shown(ask, await ask.services.projects.get(ask.project_id))


async def update_project(ask: Ask[ProjectUpdate, None]) -> ProjectOut:
    return await _shown(ask, await ask.services.projects.update(ask.project_id, ask.body))


async def _shown(ask: Ask[Any, Any], row: ProjectRow) -> ProjectOut:
    now = await ask.services.usage.overview(row.id)
    used = ProjectUsedOut(
        numbers=now.totals.numbers,
        concurrent_calls=now.totals.live_calls,
        daily_calls=now.totals.calls_last_24h,
        daily_messages=now.totals.messages_sent_last_24h,
    )
    return ProjectOut(
        id=row.id,
        name=row.name,
        recording_enabled=row.recording_enabled,
        webhook_secret=ask.services.webhooks.spare_secret(row.id).reveal(),
        limits=ProjectLimitsOut.model_validate(now.limits),
        used=used,
        created_at=row.created_at,
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/project",
        get_project,
        title="Read the project",
        group=GROUP,
        answer=ProjectOut,
        about="With its limits, and what is used of them. Limits are the server operator's to change.",
    ),
    Operation(
        "PATCH",
        "/project",
        update_project,
        title="Change the project",
        group=GROUP,
        answer=ProjectOut,
        body=ProjectUpdate,
        about="`recordingEnabled` records the calls of every agent that does not say otherwise. Switched off, earlier"
        " recordings are kept, and are shown again once it is on. Tell people that they are recorded where the law asks"
        " for it.",
    ),
)
