"""From the rows a service returns to a page that is read by cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parley.api.operations import Listing
from parley.schemas.pages import CursorQuery, cursor_after


def page_of(rows: Sequence[Any], total: int, next_id: str | None, query: CursorQuery) -> Listing:
    """`next_id` is the id behind which the next page begins, if there is one."""
    cursor = cursor_after(next_id) if next_id is not None else None
    return Listing(rows, total, query.count, next_cursor=cursor)
