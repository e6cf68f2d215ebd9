"""`parley replay`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from parley.conversation.journals.explanation import explain
from parley.conversation.journals.replay import replay
from parley.domain.errors import BadInput


def replay_file(file: Path, *, explains: bool = False) -> int:
    """Print what came of it; 0 when the conversation answers as it did then, 1 when it differs.

    With `explains`, every step is told in words.
    """
    try:
        with file.open("rb") as lines:
            if explains:
                return _explain(lines)
            outcome = replay(lines)
    except BrokenPipeError:  # whoever read the story (`| head`) has read enough
        raise
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


def _explain(lines: Iterable[bytes]) -> int:
    differences = 0
    for step in explain(lines):
        differences += step.recorded is not None
        if not step.is_quiet:
            typer.echo("\n".join(step.lines()))
    if differences:
        typer.echo(f"{differences} steps are answered differently now.")
    return 1 if differences else 0
