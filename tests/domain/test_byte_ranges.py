"""Which bytes a Range header asks for (RFC 9110, section 14)."""

from __future__ import annotations

import pytest

from parley.domain.byte_ranges import asked_range
from parley.domain.errors import RangeNotSatisfiable


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("bytes=0-99", (0, 100)),
        ("bytes=500-", (500, 1000)),
        ("bytes=500-5000", (500, 1000)),
        ("bytes=-200", (800, 1000)),
        ("bytes=-5000", (0, 1000)),
        ("bytes= 0 - 9", (0, 10)),
        ("", None),
        ("bytes=-", None),
        ("bytes=9-3", None),
        ("bytes=0-9,20-29", None),
        ("seconds=0-9", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_one_range_is_served_and_what_makes_no_sense_is_ignored(header: str, asked: tuple[int, int] | None) -> None:
    assert asked_range(header, 1000) == asked


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable, match="1000 bytes") as refused:
        asked_range(header, 1000)
    assert refused.value.size == 1000
