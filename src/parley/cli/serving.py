"""`parley serve`."""

from __future__ import annotations

import asyncio
from typing import Any

import typer
import uvloop

from parley import logs
from parley.server import Running
from parley.server import serve as serve_until_stopped
from parley.settings import load_settings


def serve(host: str | None, port: int | None) -> int:
    """Run the server on uvloop and return the exit code."""
    given: dict[str, Any] = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    logs.configure(settings.log_level, settings.log_format)

    def announce(running: Running) -> None:
        typer.echo(
            f"parley listens on {running.url} (API at {running.url}/docs). Ctrl-C stops it; live calls may finish."
        )
        if settings.public_url is None:
            typer.echo("PARLEY_PUBLIC_URL is not set: carriers outside this machine cannot reach it.", err=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stopped_cleanly = runner.run(serve_until_stopped(settings, announce))
    return 0 if stopped_cleanly else 1
