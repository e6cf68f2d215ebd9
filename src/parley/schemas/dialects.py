"""How each API parley speaks is spelled: prefix, casing, list envelope, error body, key header.

A dialect is a value. What every dialect shares is in `base`: a request field may be written in camelCase or in
snake_case, but not twice, and an error names a field the way the caller wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from parley.domain.errors import FieldError

Casing = Literal["camelCase", "snake_case"]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list, already spelled, before a dialect wraps them.

    `names` are what the rows may be called: their plural first, then a second name that clients of the list read.
    `total` is None where the list is never paged; a list read by cursor has `next_cursor` unless this page is its last.
    """

    rows: Sequence[Json]
    names: tuple[str, ...]
    total: int | None = None
    limit: int = 0
    offset: int = 0
    next_cursor: str | None = None

    @property
    def has_more(self) -> bool:
        return self.next_cursor is not None or self._goes_on

    @property
    def _goes_on(self) -> bool:
        return self.total is not None and self.offset + len(self.rows) < self.total


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """What went wrong, before a dialect words it."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API's spelling. `body_signature_header` names the header in which its subscribers look for a signature."""

    name: str
    title: str
    prefix: str
    casing: Casing
    envelope: Callable[[Page], Json]
    error_body: Callable[[ErrorAnswer], Json]
    key_header: Literal["Authorization", "x-api-key"] = "Authorization"
    body_signature_header: str = ""

    def spell(self, model: BaseModel) -> Json:
        """The wire form of an answer. Keys inside customer-owned objects stay as the customer wrote them."""
        return model.model_dump(mode="json", by_alias=self.casing == "camelCase")


def _native_envelope(page: Page) -> Json:
    body: Json = {"data": page.rows}
    if page.total is not None:
        body |= {"total": page.total, "hasMore": page.has_more}
    if page.next_cursor is not None:
        body |= {"nextCursor": page.next_cursor}
    for second_name in page.names[1:]:
        body |= {second_name: page.rows, "limit": page.limit, "offset": page.offset}
    return body


def _oneinbox_envelope(page: Page) -> Json:
    body: Json = {"items": page.rows, "data": page.rows}
    if page.total is not None:
        body |= {"total": page.total, "limit": page.limit, "offset": page.offset, "has_more": page.has_more}
    return body


def _threetone_envelope(page: Page) -> Json:
    body: Json = {page.names[0]: page.rows}
    if page.total is not None:
        body |= {"total": page.total, "next_cursor": page.next_cursor, "has_more": page.next_cursor is not None}
    return body


def plain_error_body(error: ErrorAnswer) -> Json:
    """`{"detail", "code"}`, and `errors` when fields are to blame."""
    body: Json = {"detail": error.detail, "code": error.code}
    if error.errors:
        body["errors"] = [{"field": name, "message": message} for name, message in error.errors]
    return body


NATIVE = Dialect(
    name="native",
    title="parley",
    prefix="/v1",
    casing="camelCase",
    envelope=_native_envelope,
    error_body=plain_error_body,
)
ONEINBOX = Dialect(
    name="oneinbox",
    title="parley for OneInbox clients",
    prefix="/v1",
    casing="snake_case",
    envelope=_oneinbox_envelope,
    error_body=plain_error_body,
)
THREETONE = Dialect(
    name="threetone",
    title="parley for ThreeTone clients",
    prefix="/v1/voiceai",
    casing="snake_case",
    envelope=_threetone_envelope,
    error_body=plain_error_body,
    key_header="x-api-key",
    body_signature_header="X-ThreeTone-Signature",
)
DIALECTS: tuple[Dialect, ...] = (NATIVE, ONEINBOX, THREETONE)
SUBSCRIBER_SIGNATURE_HEADER = next(each.body_signature_header for each in DIALECTS if each.body_signature_header)
"""How the one dialect that has subscriptions calls the signature over a request's body."""


def casing_of(names: Iterable[str]) -> Casing | None:
    """The casing that field names show: one name in snake_case is enough. None where they show neither."""
    names = list(names)
    if any("_" in name.strip("_") for name in names):
        return "snake_case"
    return "camelCase" if any(re.search(r"[a-z0-9][A-Z]", name) for name in names) else None
