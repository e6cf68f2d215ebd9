"""The `parley` command. Every command imports what it needs when it runs, so that `--help` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

cli = typer.Typer(
    name="parley",
    help="The phone platform for AI agents that you run yourself.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="API keys: make, list, revoke.", no_args_is_help=True, rich_markup_mode=None)
cli.add_typer(keys, name="keys")
projects = typer.Typer(help="Projects: list them, set their limits.", no_args_is_help=True, rich_markup_mode=None)
cli.add_typer(projects, name="projects")


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (PARLEY_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one (PARLEY_PORT).")] = None,
) -> None:
    """Run the server; when stopped, let live calls finish."""
    from parley.cli import serving

    raise typer.Exit(serving.serve(host, port))


@cli.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit after the call: 0 if all of it happened.")] = False,
) -> None:
    """Hold a complete call with a simulated phone.

    It needs no key, no account and no network, and keeps serving afterwards.
    """
    from parley.demo import run

    raise typer.Exit(run(once=once))


@cli.command()
def migrate() -> None:
    """Bring the database to this version's schema.

    Safe to run from several places at once.
    """
    from parley.cli import database

    database.migrate()


@cli.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A journal that PARLEY_JOURNAL_DIR made.")],
    explain: Annotated[bool, typer.Option("--explain", help="Tell every step in words, and why.")] = False,
) -> None:
    """Run a call's journal again and compare.

    A fresh conversation is told the same facts; the first answer that differs is shown.
    """
    from parley.cli import replaying

    raise typer.Exit(replaying.replay_file(file, explains=explain))


@cli.command()
def doctor() -> None:
    """Check everything a call needs.

    Settings, data folder, database, public URL and providers, and what to do about each.
    """
    from parley.cli import doctor

    raise typer.Exit(doctor.examine())


@keys.command("create")
def create_key(
    project: Annotated[str, typer.Option(help="The project the key opens; made if there is none.")] = "default",
) -> None:
    """Make a key and print it, alone, on standard output. It is shown only now."""
    from parley.cli import database

    database.create_key(project)


@keys.command("list")
def list_keys() -> None:
    """List all keys, by their first characters."""
    from parley.cli import database

    database.list_keys()


@keys.command("revoke")
def revoke_key(key: Annotated[str, typer.Argument(help="The key's id, or its first characters.")]) -> None:
    """Revoke a key. Whoever uses it gets 401 from now on."""
    from parley.cli import database

    database.revoke_key(key)


@projects.command("list")
def list_projects() -> None:
    """List all projects with their limits."""
    from parley.cli import projects

    projects.list_projects()


@projects.command("set")
def set_project(
    name: Annotated[str, typer.Argument(help="The project's name, as `parley projects list` shows it.")],
    numbers: Annotated[str | None, typer.Option(help="Phone numbers it may have.")] = None,
    concurrent_calls: Annotated[str | None, typer.Option(help="Calls it may hold at once.")] = None,
    calls_a_day: Annotated[str | None, typer.Option(help="Calls it may have in 24 hours, in and out.")] = None,
    messages_a_day: Annotated[str | None, typer.Option(help="Text messages it may send in 24 hours.")] = None,
    recording: Annotated[str | None, typer.Option(help="on or off, for agents that do not say otherwise.")] = None,
) -> None:
    """Set what a project may use. What is not named stays.

    A limit is a number, or `default` for the server's (PARLEY_NUMBER_LIMIT and so on).
    """
    from parley.cli import projects

    limits = {
        "--numbers": numbers,
        "--concurrent-calls": concurrent_calls,
        "--calls-a-day": calls_a_day,
        "--messages-a-day": messages_a_day,
    }
    projects.set_project(name, limits, recording)


def main() -> None:
    """Entry point of the `parley` command: errors meant for the reader become one sentence, not a traceback."""
    from parley.domain.errors import ParleyError

    try:
        cli()
    except ParleyError as error:
        for line in error.message.splitlines():
            typer.echo(f"parley: {line}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
