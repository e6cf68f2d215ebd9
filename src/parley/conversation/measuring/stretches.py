"""Stretches of time in which somebody spoke: what two lists of them have in common, and what they leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Stretch = tuple[float, float]
"""From when to when, in seconds; lists of them are in order and do not overlap."""

MURMUR_S = 1.0
"""A shorter sound of the other side ("uh-huh") ends nobody's monologue."""
PAUSE_S = 2.0
"""Who is silent for longer has stopped talking."""


def total_s(stretches: Sequence[Stretch]) -> float:
    return sum((end - start for start, end in stretches), 0.0)


def shared_s(ours: Sequence[Stretch], theirs: Sequence[Stretch]) -> float:
    """How long both spoke at once."""
    shared, one, other = 0.0, 0, 0
    while one < len(ours) and other < len(theirs):
        start, end = max(ours[one][0], theirs[other][0]), min(ours[one][1], theirs[other][1])
        shared += max(end - start, 0.0)
        if ours[one][1] <= theirs[other][1]:
            one += 1
        else:
            other += 1
    return shared


def gaps(ours: Sequence[Stretch], theirs: Sequence[Stretch], began: float, ended: float) -> Iterator[Stretch]:
    """When nobody spoke between the two moments, and at least one stretch: an empty one if somebody always did."""
    until = began
    yield began, began
    for start, end in sorted((*ours, *theirs)):
        if start > until:
            yield until, start
        until = max(until, end)
    if ended > until:
        yield until, ended


def longest_monologue(ours: Sequence[Stretch], theirs: Sequence[Stretch]) -> float:
    """The longest time we spoke without a pause to speak of and without a word of the other side in between.

    Short pauses of our own count, and so do the other side's murmurs.
    """
    turns = [turn for turn in theirs if turn[1] - turn[0] >= MURMUR_S]
    longest, began, until, passed = 0.0, 0.0, float("-inf"), 0
    for start, end in ours:
        while passed < len(turns) and turns[passed][1] <= until:
            passed += 1
        was_answered = passed < len(turns) and turns[passed][0] < start
        if start - until > PAUSE_S or was_answered:
            began = start
        until = end
        longest = max(longest, until - began)
    return longest
