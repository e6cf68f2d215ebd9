"""The API documents, made once for all tests of a process: it takes a while, and only some processes need them."""

from __future__ import annotations

from functools import cache
from typing import Any

from parley.api.openapi import documents
from parley.api.table import TABLE
from parley.schemas.dialects import DIALECTS

NAMES = ["", *(dialect.name for dialect in DIALECTS)]


@cache
def made_documents() -> dict[str, dict[str, Any]]:
    """Every document by its name. Not to be changed."""
    return documents(TABLE)
