"""Lists that are read by cursor: which rows to show, and where the next page begins.

A cursor is the last row's id in base64url without padding. Clients hand it back as they got it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from parley.schemas.base import Limit, Wire, problem

_ID = re.compile(rb"[A-Za-z0-9_-]{1,80}")


def cursor_after(row_id: str) -> str:
    """The cursor of the page that begins behind the row with this id."""
    return base64.urlsafe_b64encode(row_id.encode()).decode().rstrip("=")


def id_before(cursor: str) -> str:
    """The id that a cursor stands for. Raises ValueError for text that `cursor_after` never returned."""
    try:
        row_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        row_id = b""
    if not _ID.fullmatch(row_id):
        raise ValueError("is not a cursor of this API; send the next_cursor of an earlier page as it was, or none")
    return row_id.decode()


def _require_cursor(text: str) -> str:
    id_before(text)
    return text


Cursor = Annotated[str, Field(max_length=200), AfterValidator(_require_cursor)]


class CursorQuery(Wire):
    """Query of a list read by cursor. `page_size` is another name for `limit`."""

    limit: Limit = 20
    page_size: Limit | None = None
    cursor: Cursor | None = None

    @model_validator(mode="after")
    def _refuse_two_limits(self) -> CursorQuery:
        if self.page_size is not None and "limit" in self.model_fields_set:
            raise problem("page_size", "is another name for limit; send one of the two")
        return self

    @property
    def count(self) -> int:
        """How many rows to show."""
        return self.limit if self.page_size is None else self.page_size

    @property
    def after_id(self) -> str | None:
        """The id behind which the page begins; None for the first page."""
        return id_before(self.cursor) if self.cursor is not None else None
