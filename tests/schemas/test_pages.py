"""Cursors and limits as clients send them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.errors import BadInput
from parley.domain.ids import new_id
from parley.schemas.base import parse_query
from parley.schemas.pages import CursorQuery, cursor_after, id_before


def test_a_cursor_leads_back_to_the_id_it_was_made_of() -> None:
    row_id = new_id("call")
    cursor = cursor_after(row_id)
    assert row_id not in cursor
    assert parse_query(CursorQuery, {"cursor": cursor}).after_id == row_id


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_is_refused(text: str) -> None:
    try:
        row_id = id_before(text)
    except ValueError:
        return
    assert row_id.isascii() and row_id


@pytest.mark.parametrize("cursor", ["", "call_1", "====", "a", "€€€€", "AAAA", "Y2FsbA!!", "x" * 300])
def test_a_cursor_nobody_gave_out_is_named(cursor: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_query(CursorQuery, {"cursor": cursor})
    assert [field for field, _ in refused.value.errors] == ["cursor"]


@pytest.mark.parametrize(
    ("sent", "count"), [({}, 20), ({"limit": "5"}, 5), ({"page_size": "7"}, 7), ({"pageSize": "100"}, 100)]
)
def test_a_page_has_one_size_under_two_names(sent: dict[str, Any], count: int) -> None:
    assert parse_query(CursorQuery, sent).count == count


def test_both_names_at_once_are_refused() -> None:
    with pytest.raises(BadInput, match=r"page_size.*limit") as refused:
        parse_query(CursorQuery, {"limit": "5", "page_size": "5"})
    assert [field for field, _ in refused.value.errors] == ["page_size"]


@pytest.mark.parametrize("name", ["limit", "page_size"])
@pytest.mark.parametrize("value", ["0", "101", "-1"])
def test_a_size_out_of_range_is_told_the_range(name: str, value: str) -> None:
    with pytest.raises(BadInput, match="between 1 and 100"):
        parse_query(CursorQuery, {name: value})
