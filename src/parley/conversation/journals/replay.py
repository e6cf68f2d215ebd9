"""Running a journal through a fresh conversation, to see whether it still answers the same."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from parley.conversation.facts import AnyFact
from parley.conversation.journals.journal import Entry, decode
from parley.conversation.machine import Conversation
from parley.conversation.wishes import AnyWish


class Difference(msgspec.Struct, frozen=True):
    """The first step at which the conversation answers differently. `entry` counts the journal's entries from 1."""

    entry: int
    at: float
    fact: AnyFact | None
    recorded: list[AnyWish]
    replayed: list[AnyWish]


class Replay(msgspec.Struct, frozen=True):
    """What came of a replay: how many entries were run, and the first difference if there is one."""

    entries: int
    difference: Difference | None


def replay(lines: Iterable[bytes]) -> Replay:
    """Run every recorded fact at its recorded moment. Raises BadInput when the journal cannot be read."""
    header, entries = decode(lines)
    conversation = Conversation(header.agent, header.rules)
    count = 0
    for count, entry in enumerate(entries, start=1):
        wishes = _step(conversation, entry)
        if wishes != entry.wishes:
            return Replay(count, Difference(count, entry.at, entry.fact, entry.wishes, wishes))
    return Replay(count, None)


def _step(conversation: Conversation, entry: Entry) -> list[AnyWish]:
    if entry.fact is None:
        return conversation.handle_deadline(entry.at)
    return conversation.handle(entry.fact, entry.at)
