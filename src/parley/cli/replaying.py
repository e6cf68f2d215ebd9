"""`parley replay`."""

from __future__ import annotations

from pathlib import Path

import typer

from parley.conversation.replay import replay
from parley.domain.errors import BadInput


def replay_file(file: Path) -> int:
    """Print what came of it; 0 when the conversation answers as it did then, 1 when it differs."""
    try:
        with file.open("rb") as lines:
            outcome = replay(lines)
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}). Give the path of a journal.") from None
    difference = outcome.difference
    if difference is None:
        typer.echo(f"{outcome.entries} entries, no difference.")
        return 0
    typer.echo(f"Entry {difference.entry}, at {difference.at:.3f} s, is answered differently now.")
    typer.echo(f"  fact      {difference.fact if difference.fact is not None else 'a deadline'}")
    for title, wishes in (("recorded", difference.recorded), ("replayed", difference.replayed)):
        for wish in wishes:
            typer.echo(f"  {title}  {wish}")
        if not wishes:
            typer.echo(f"  {title}  nothing")
    return 1
