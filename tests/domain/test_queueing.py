"""Whose turn it is: arithmetic over who waits and who is free."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from parley.domain.queueing import Assignment, Room, Waiter, assign, estimated_wait_s

AGENTS = ("ann", "ben", "cho")


def waiters(*wanted: str) -> list[Waiter]:
    """One waiter for each text: the names of the agents it waits for."""
    return [Waiter(f"w{place}", tuple(each.split())) for place, each in enumerate(wanted)]


def test_the_first_is_served_first() -> None:
    assert assign(waiters("ann", "ann"), Room(0), {"ann": Room(0, 1)}) == [Assignment("w0", "ann")]


def test_who_waits_for_a_busy_agent_holds_up_nobody_else() -> None:
    rooms = {"ann": Room(1, 1), "ben": Room(0, 1)}
    assert assign(waiters("ann", "ben"), Room(0), rooms) == [Assignment("w1", "ben")]


def test_of_two_free_agents_the_one_with_fewer_calls_answers() -> None:
    rooms = {"ann": Room(2, 5), "ben": Room(1, 5)}
    assert [each.agent_id for each in assign(waiters(*["ann ben"] * 3), Room(0), rooms)] == ["ben", "ann", "ben"]


def test_the_projects_limit_holds_for_all_agents() -> None:
    rooms = {"ann": Room(0), "ben": Room(0)}
    assert assign(waiters("ann", "ben"), Room(3, 4), rooms) == [Assignment("w0", "ann")]
    assert assign(waiters("ann", "ben"), Room(4, 4), rooms) == []


def test_agents_that_are_gone_serve_nobody() -> None:
    assert assign(waiters("zoe", "zoe ann"), Room(0), {"ann": Room(0, 1)}) == [Assignment("w1", "ann")]


@given(
    st.lists(st.lists(st.sampled_from(AGENTS), min_size=1, max_size=3, unique=True), max_size=12),
    st.dictionaries(
        st.sampled_from(AGENTS), st.builds(Room, st.integers(0, 3), st.none() | st.integers(0, 4)), max_size=3
    ),
    st.builds(Room, st.integers(0, 5), st.none() | st.integers(0, 12)),
)
def test_no_limit_is_exceeded_and_nobody_overtakes(
    wanted: list[list[str]], rooms: dict[str, Room], project: Room
) -> None:
    queue = [Waiter(f"w{place}", tuple(agents)) for place, agents in enumerate(wanted)]
    served = assign(queue, project, rooms)

    taken = Counter(each.agent_id for each in served)
    for agent_id, calls in taken.items():
        limit = rooms[agent_id].limit
        assert limit is None or rooms[agent_id].live + calls <= limit
    assert project.limit is None or not served or project.live + len(served) <= project.limit
    order = [each.entry_id for each in served]
    assert order == [waiter.entry_id for waiter in queue if waiter.entry_id in order]
    for place, waiter in enumerate(queue):
        if waiter.entry_id in order:
            continue
        behind = {each.agent_id for each in served if int(each.entry_id[1:]) > place}
        assert not behind & set(waiter.agent_ids), "somebody behind was given an agent this one waits for"


def test_a_wait_is_estimated_from_the_calls_that_were() -> None:
    assert estimated_wait_s(2, 90.0, 3) == 60.0
    assert estimated_wait_s(2, None, 3) is None
    assert estimated_wait_s(2, 90.0, None) is None
