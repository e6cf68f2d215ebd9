"""What is done about a database that goes away in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from parley.domain.errors import Unavailable

_log = structlog.get_logger()


@contextmanager
def noted_if_possible(event: str, **subject: str) -> Iterator[None]:
    """For writing down what a carrier has done, or refused, already.

    That the database is away is logged as `event`, and is no answer to the client: told to try again, it would call or
    text somebody twice. The carrier's own reports tell the rest.
    """
    try:
        yield
    except Unavailable as away:
        _log.warning(event, code=away.code, **subject)
