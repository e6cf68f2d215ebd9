"""Ids say their kind and keep their order."""

from __future__ import annotations

from parley.domain.ids import new_id


def test_an_id_begins_with_its_kind() -> None:
    assert new_id("call").startswith("call_")


def test_ids_are_unique_and_sort_in_the_order_they_were_made() -> None:
    made = [new_id("tr") for _ in range(1000)]

    assert sorted(made) == made
    assert len(set(made)) == 1000
