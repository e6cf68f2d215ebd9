"""`parley projects`: what the operator lets each project use."""

from __future__ import annotations

import re
from collections.abc import Mapping

import typer

from parley.cli.database import with_projects
from parley.domain.errors import BadInput
from parley.domain.limits import UNLIMITED
from parley.storage.tables import ProjectRow

_COLUMNS = {
    "--numbers": "number_limit",
    "--concurrent-calls": "concurrent_call_limit",
    "--calls-a-day": "daily_call_limit",
    "--messages-a-day": "daily_message_limit",
}
_DEFAULT = ("default", "none")


def list_projects() -> None:
    """One line a project: its name, its limits, whether it records."""
    for row in with_projects(lambda projects: projects.list_all()):
        typer.echo(_line(row))


def set_project(name: str, limits: Mapping[str, str | None], recording: str | None) -> None:
    """Set what is not None and show what holds then. Raises BadInput for a value that is none, NotFound."""
    changes: dict[str, int | bool | None] = {
        _COLUMNS[option]: _limit(option, text) for option, text in limits.items() if text is not None
    }
    if recording is not None:
        changes["recording_enabled"] = _on_or_off(recording)
    if not changes:
        raise BadInput(f"Say what to set: {', '.join(_COLUMNS)} or --recording.")
    typer.echo(_line(with_projects(lambda projects: projects.set_named(name, changes))))


def _limit(option: str, text: str) -> int | None:
    if text.lower() in _DEFAULT:
        return None
    if re.fullmatch(r"[0-9]{1,7}", text) and int(text) <= UNLIMITED:
        return int(text)
    raise BadInput(f"{option} should be a number from 0 to {UNLIMITED}, or default.")


def _on_or_off(text: str) -> bool:
    if text.lower() not in {"on", "off"}:
        raise BadInput("--recording should be on or off.")
    return text.lower() == "on"


def _line(row: ProjectRow) -> str:
    limits = {
        "numbers": row.number_limit,
        "concurrent calls": row.concurrent_call_limit,
        "calls a day": row.daily_call_limit,
        "messages a day": row.daily_message_limit,
    }
    shown = "  ".join(f"{name} {'default' if limit is None else limit}" for name, limit in limits.items())
    return f"{row.name}  {shown}  recording {'on' if row.recording_enabled else 'off'}"
