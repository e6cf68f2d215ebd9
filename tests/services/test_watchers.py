"""A watcher that reads too slowly loses what matters least first, and is told of what it lost."""

from __future__ import annotations

from datetime import UTC, datetime

from parley.domain.live_events import LiveEvent, LiveEventName
from parley.services.watchers import MOST_SOUNDS, Dropped, Sound, Watcher

AT = datetime(2026, 1, 2, tzinfo=UTC)


def event(seq: int, name: LiveEventName = "turn", **data: object) -> LiveEvent:
    return LiveEvent("call_1", "proj_1", name, AT, seq, dict(data))


def interim(seq: int) -> LiveEvent:
    return event(seq, "words", text="hel", is_final=False)


async def told(watcher: Watcher) -> list[object]:
    """All that waits; a lost number of events by its count."""
    watcher.end()
    all_told: list[object] = []
    while (one := await watcher.next(0)) is not None:
        all_told.append(one.seq if isinstance(one, LiveEvent) else one.count if isinstance(one, Dropped) else one)
    return all_told


async def test_events_come_in_order_and_then_time_passes() -> None:
    watcher = Watcher("proj_1", None)
    watcher.put(event(1))
    watcher.put(event(2))
    assert [await watcher.next(1), await watcher.next(1)] == [event(1), event(2)]
    assert await watcher.next(0) is None
    assert await told(watcher) == []


async def test_interim_words_go_first_when_too_much_waits() -> None:
    watcher = Watcher("proj_1", None, most_events=4)
    for one in (event(1), interim(2), interim(3), event(4), event(5)):
        watcher.put(one)
    assert await told(watcher) == [1, 4, 5]


async def test_when_nothing_is_interim_all_that_waits_goes_and_is_counted() -> None:
    watcher = Watcher("proj_1", None, most_events=3)
    for seq in range(1, 6):
        watcher.put(event(seq))
    first = await watcher.next(0)
    assert isinstance(first, Dropped)
    assert first.count == 3
    assert await told(watcher) == [4, 5]


async def test_old_sounds_go_and_new_ones_are_told_first() -> None:
    watcher = Watcher("proj_1", "call_1")
    watcher.put(event(1))
    for number in range(MOST_SOUNDS + 2):
        watcher.put_sound(b"%d" % number)
    all_told = await told(watcher)
    assert all_told[0] == Sound(b"2")
    assert all_told[-1] == 1
    assert len(all_told) == MOST_SOUNDS + 1
