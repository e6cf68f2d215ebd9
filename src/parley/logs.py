"""Logging: one line an event, as JSON for machines or coloured for a terminal, and nothing in it that is private.

The first guard is not to log secrets, numbers or spoken words at all. This is the second: whatever still looks like a
key, a token or a phone number is cut out of every line, exception texts included.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]

_SECRET_NAMES = re.compile(
    r"(secret|token|password|passwd|authorization|api_?key|credential$|signature)", re.IGNORECASE
)
_SECRET_TEXTS = re.compile(
    r"\b(?:sk|pk|rk)_(?:live|test)_[\w-]+|\bsk-[\w-]{8,}|\bwhsec_[\w+/=-]+"
    r"|(?<=Bearer )\S+|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
_PHONE_NUMBERS = re.compile(r"(?<![\w.:-])\+[1-9]\d{6,14}(?!\d)|(?<=%2B)[1-9]\d{6,14}(?!\d)")


def redact(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A structlog processor that blanks secrets and phone numbers, by the name they go under and by their looks."""
    for name, value in event.items():
        event[name] = "…" if _SECRET_NAMES.search(name) and value else _clean(value)
    return event


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _PHONE_NUMBERS.sub("+…", _SECRET_TEXTS.sub("…", value))
    if isinstance(value, MutableMapping):
        return redact(None, "", dict(value))
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def configure(level: Level = "info", form: Format = "auto") -> None:
    """Set up logging for the whole process, to standard error. Libraries' own loggers go the same way."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    printer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, printer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, printer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
