"""`parley migrate` and `parley keys`: what works on the database, also while a server uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import typer

from parley.services.projects import Projects
from parley.settings import load_settings
from parley.wiring.opening import migrated, opened_database

Answer = TypeVar("Answer")


def migrate() -> None:
    """Migrate the configured database, embedded or not, and say where it is now."""
    typer.echo(f"The database is at schema {asyncio.run(migrated(load_settings()))}.")


def create_key(project: str) -> None:
    """The key alone goes to standard output, so that a script can take it."""
    row, key = with_projects(lambda projects: projects.create_key(project))
    typer.echo(key.reveal())
    typer.echo(f"Key {row.id} opens project {project}. It is not shown again.", err=True)


def list_keys() -> None:
    """One line a key: id, project, first characters, dates."""
    rows = with_projects(lambda projects: projects.list_keys())
    if not rows:
        typer.echo("There is no key yet. Make one: parley keys create")
    for row in rows:
        state = f"revoked {_day(row.revoked_at)}" if row.revoked_at else "active"
        typer.echo(f"{row.id}  {row.project.name}  {row.prefix}…  created {_day(row.created_at)}  {state}")


def revoke_key(key: str) -> None:
    """Raises NotFound, or Conflict when the characters fit several keys."""
    row = with_projects(lambda projects: projects.revoke_key(key))
    typer.echo(f"Revoked {row.id} ({row.prefix}…).")


def _day(moment: datetime) -> str:
    return moment.date().isoformat()


def with_projects(act: Callable[[Projects], Awaitable[Answer]]) -> Answer:
    """Do something to the projects of the configured database, also while a server uses it."""

    async def run() -> Answer:
        async with opened_database(load_settings()) as database:
            return await act(Projects(database))

    return asyncio.run(run())
