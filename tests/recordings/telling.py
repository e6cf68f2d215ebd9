"""The story of a journal: what a person who listened to the call would tell."""

from __future__ import annotations

from parley.conversation import wishes
from parley.conversation.journals.journal import Entry, decode
from parley.conversation.machine import Conversation
from tests.conversation.laws import Laws
from tests.recordings.scene import Story


def story_of(journal: bytes) -> Story:
    """Run a journal through a fresh conversation, the laws watching; the wishes of today make the story."""
    header, entries = decode(journal.splitlines(keepends=True))
    conversation = Conversation(header.agent, header.rules)
    laws = Laws(conversation)
    made: list[wishes.AnyWish] = []
    for entry in entries:
        fact, at = entry.fact, entry.at
        step = conversation.handle_deadline(at) if fact is None else conversation.handle(fact, at)
        laws.check(Entry(at, fact, step))
        made += step
    return Story(
        said=tuple((line.role, line.text) for line in conversation.history()),
        stops=tuple((wish.outcome, wish.cause) for wish in made if isinstance(wish, wishes.NoteInterruption)),
        end=next((_end(wish) for wish in made if isinstance(wish, wishes.EndCall | wishes.TransferTo)), ""),
        problems=tuple(wish.code for wish in made if isinstance(wish, wishes.NoteProblem)),
    )


def _end(wish: wishes.EndCall | wishes.TransferTo) -> str:
    return wish.reason if isinstance(wish, wishes.EndCall) else "transfer"
