"""How each API parley speaks is spelled: prefix, casing, list envelope, error body, key header.

A dialect is a value. What every dialect shares is in `base`: a request field may be written in camelCase or in
snake_case, but not twice, and an error names a field the way the caller wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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
    `total` is None where the list is never paged.
    """

    rows: Sequence[Json]
    names: tuple[str, ...]
    total: int | None = None
    limit: int = 0
    offset: int = 0

    @property
    def has_more(self) -> bool:
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
    """One API's spelling."""

    name: str
    title: str
    prefix: str
    casing: Casing
    envelope: Callable[[Page], Json]
    error_body: Callable[[ErrorAnswer], Json]
    key_header: Literal["Authorization", "x-api-key"] = "Authorization"

    def spell(self, model: BaseModel) -> Json:
        """The wire form of an answer. Keys inside customer-owned objects stay as the customer wrote them."""
        return model.model_dump(mode="json", by_alias=self.casing == "camelCase")


def _native_envelope(page: Page) -> Json:
    body: Json = {"data": page.rows}
    if page.total is not None:
        body |= {"total": page.total, "hasMore": page.has_more}
    for second_name in page.names[1:]:
        body |= {second_name: page.rows, "limit": page.limit, "offset": page.offset}
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
DIALECTS: tuple[Dialect, ...] = (NATIVE,)


def casing_of(sent: object) -> Casing | None:
    """The casing an object's own field names show, or None where they show neither (or both)."""
    names = list(sent) if isinstance(sent, Mapping) else []
    snake = any("_" in name.strip("_") for name in names)
    camel = any(re.search(r"[a-z0-9][A-Z]", name) for name in names)
    if snake == camel:
        return None
    return "snake_case" if snake else "camelCase"
