"""At once, then ever more slowly, then no more."""

from __future__ import annotations

import pytest

from parley.providers.speech_to_text.mending import Mending


def test_the_first_attempt_is_immediate_and_the_rest_back_off() -> None:
    mending = Mending(give_up_s=12)
    delays = [mending.failed(0.0) for _ in range(6)]
    assert delays[0] == 0
    assert delays == pytest.approx([0, 0.25, 0.5, 1, 2, 2], rel=0.21)


def test_it_gives_up_after_its_time_without_success() -> None:
    mending = Mending(give_up_s=12)
    mending.failed(100.0)
    assert mending.failed(109.0) is not None
    assert mending.failed(112.0) is None


def test_success_forgets_the_trouble() -> None:
    mending = Mending(give_up_s=12)
    lost = [mending.is_lost]
    mending.failed(0.0)
    mending.failed(5.0)
    lost.append(mending.is_lost)
    assert mending.mended(6.0) == 6.0
    lost.append(mending.is_lost)
    assert lost == [False, True, False]
    assert mending.failed(100.0) == 0
    assert mending.failed(111.0) is not None
