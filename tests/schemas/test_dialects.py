"""How the native dialect spells answers, lists and errors."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.errors import FieldError
from parley.schemas.base import Wire
from parley.schemas.dialects import NATIVE, ErrorAnswer, Page, casing_of, plain_error_body


class Sample(Wire):
    agent_id: str
    context_limit: int = 10
    metadata: dict[str, Any] | None = None


def test_what_the_customer_owns_is_never_respelled() -> None:
    owned = {"order_id": 1, "customerName": {"first_name": "x"}}
    sample = Sample(agent_id="a", metadata=owned)
    assert NATIVE.spell(sample)["metadata"] == owned
    assert NATIVE.spell(sample)["contextLimit"] == 10


@pytest.mark.parametrize(
    ("sent", "casing"),
    [
        ({"agentId": 1}, "camelCase"),
        ({"agent_id": 1}, "snake_case"),
        ({"name": 1}, None),
        ({"agentId": 1, "to_number": 1}, "snake_case"),
        ({}, None),
    ],
)
def test_the_casing_names_show(sent: dict[str, int], casing: str | None) -> None:
    assert casing_of(sent) == casing


def test_native_lists_carry_data_total_and_has_more() -> None:
    rows = [{"id": "a"}]
    assert NATIVE.envelope(Page(rows, ("agents",), total=3, limit=1, offset=1)) == {
        "data": rows,
        "total": 3,
        "hasMore": True,
    }
    assert NATIVE.envelope(Page(rows, ("rows",))) == {"data": rows}
    assert NATIVE.envelope(Page(rows, ("deliveries", "items"), total=1, limit=50)) == {
        "data": rows,
        "items": rows,
        "total": 1,
        "hasMore": False,
        "limit": 50,
        "offset": 0,
    }


def test_an_error_body_names_fields_only_when_there_are_some() -> None:
    assert plain_error_body(ErrorAnswer(404, "not_found", "No such agent.")) == {
        "detail": "No such agent.",
        "code": "not_found",
    }
    assert plain_error_body(ErrorAnswer(400, "invalid_request", "Bad.", (FieldError("a", "is required"),)))[
        "errors"
    ] == [{"field": "a", "message": "is required"}]
