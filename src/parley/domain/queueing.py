"""Who waits for whom, and whose turn it is. Pure: an ordered list and some counts in, assignments out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

OverflowAction = Literal["voicemail", "agent", "hangup"]
Left = Literal["answered", "overflowed", "abandoned", "called_back"]
"""How a wait ended: with an agent; without one; by the caller's leaving; with a call back that was answered."""

DEFAULT_MAX_WAIT_S = 300
DEFAULT_MAX_LENGTH = 50
"""How many may wait at once for the same agent, or in the same queue, unless the queue says otherwise."""
CALLBACK_AFTER_S = 10.0
"""Between the promise and the first attempt: the goodbye is said, the caller hangs up, and the phone is free again."""
CALLBACK_ATTEMPTS = 3
CALLBACK_PAUSES_S = (120.0, 600.0)
"""How long to wait after the first and after the second attempt that nobody answered."""
CALLBACK_LIFE_S = 4 * 3600.0
"""A call back that was not possible for so long is not made any more: nobody expects it then."""


class Overflow(msgspec.Struct, frozen=True):
    """What becomes of a caller who waited long enough, or finds the queue full.

    `agent_id` belongs to `agent`: where that one is busy too, the caller may leave a message. `text` is said before a
    `hangup`, and is the greeting of a `voicemail`, where it is not empty.
    """

    action: OverflowAction = "voicemail"
    agent_id: str | None = None
    text: str = ""


class QueueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How one caller waits, frozen when the caller comes: editing or deleting the queue changes nothing for them."""

    max_wait_s: int = DEFAULT_MAX_WAIT_S
    max_length: int = DEFAULT_MAX_LENGTH
    music: str = "default"
    announces_position: bool = True
    announces_wait: bool = False
    offers_callback: bool = False
    overflow: Overflow = Overflow()


class Waiter(NamedTuple):
    """One who waits, for whichever of the agents is free first."""

    entry_id: str
    agent_ids: tuple[str, ...]


class Room(NamedTuple):
    """How many calls are held, and how many may be; without a limit, any number."""

    live: int
    limit: int | None = None

    @property
    def is_free(self) -> bool:
        return self.limit is None or self.live < self.limit

    def with_one_more(self) -> Room:
        return Room(self.live + 1, self.limit)


class Assignment(NamedTuple):
    """It is this one's turn, with this agent."""

    entry_id: str
    agent_id: str


def assign(waiters: Iterable[Waiter], project: Room, agents: Mapping[str, Room]) -> list[Assignment]:
    """Whose turn it is now, in the order of `waiters`, and with whom.

    Nobody is served before another who came earlier and could have been served by the same agent. Of several free
    agents the one with the fewest calls is taken, then the first of the list; agents that are not in `agents` are gone.
    """
    rooms, found = dict(agents), list[Assignment]()
    for waiter in waiters:
        if not project.is_free:
            break
        free = [agent_id for agent_id in waiter.agent_ids if agent_id in rooms and rooms[agent_id].is_free]
        if free:
            chosen = min(free, key=lambda agent_id: rooms[agent_id].live)
            found.append(Assignment(waiter.entry_id, chosen))
            rooms[chosen] = rooms[chosen].with_one_more()
            project = project.with_one_more()
    return found


def estimated_wait_s(position: int, mean_call_s: float | None, slots: int | None) -> float | None:
    """How long until the caller at `position` (1 is next) is served, where that many calls can be held at once.

    A call ends every `mean_call_s / slots` seconds. None where nothing is known to go by.
    """
    if mean_call_s is None or not slots:
        return None
    return position * mean_call_s / slots
