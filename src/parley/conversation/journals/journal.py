"""A call written down so that it can be run again: a header, then one line for every fact or deadline and its wishes.

The format is JSON Lines. The first line is a `Header`; each further line is an `Entry` with `at` in seconds of call
time, `fact` (null where a deadline fell due) and the wishes the conversation answered with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from parley.conversation.facts import AnyFact, KeyPressed
from parley.conversation.rules import TurnRules
from parley.conversation.wishes import AnyWish, AskReply
from parley.domain.agents import AgentSnapshot, KeyEntry
from parley.domain.errors import BadInput

FORMAT_VERSION = 1
_MASK = "x"


class Header(msgspec.Struct, frozen=True):
    """Who talked, under which rules."""

    call_id: str
    agent: AgentSnapshot
    rules: TurnRules
    version: int = FORMAT_VERSION


class Entry(msgspec.Struct, frozen=True):
    """One step of the conversation."""

    at: float
    fact: AnyFact | None
    wishes: list[AnyWish]


def without_keys(entry: Entry, entered: KeyEntry) -> Entry:
    """The same step with every pressed key made unreadable: it replays the same, since no decision depends on which.

    Only what ends an entry is left as it is, for that does decide.
    """
    fact, wishes = entry.fact, entry.wishes
    if isinstance(fact, KeyPressed):
        fact = KeyPressed(_masked(fact.digit, entered))
    if any(isinstance(wish, AskReply) and wish.digits for wish in wishes):
        wishes = [
            msgspec.structs.replace(wish, digits=_masked(wish.digits, entered)) if isinstance(wish, AskReply) else wish
            for wish in wishes
        ]
    return Entry(entry.at, fact, wishes)


def _masked(keys: str, entered: KeyEntry) -> str:
    return "".join(key if key == entered.terminator else _MASK for key in keys)


_encoder = msgspec.json.Encoder()
_header = msgspec.json.Decoder(Header)
_entry = msgspec.json.Decoder(Entry)


def encode(line: Header | Entry) -> bytes:
    """One line, with its newline."""
    return _encoder.encode(line) + b"\n"


def decode(lines: Iterable[bytes]) -> tuple[Header, Iterator[Entry]]:
    """The header and the entries; a last line that was cut off (the process was killed) is left out.

    Raises BadInput when this is no journal, or one of another version.
    """
    rest = iter(lines)
    try:
        header = _header.decode(next(rest))
    except (StopIteration, msgspec.DecodeError) as error:
        raise BadInput(f"This is not a call journal: its first line cannot be read ({error}).") from error
    if header.version != FORMAT_VERSION:
        raise BadInput(f"This journal has format {header.version}; this parley reads format {FORMAT_VERSION}.")
    return header, _entries(rest)


def _entries(lines: Iterator[bytes]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        try:
            yield _entry.decode(line)
        except msgspec.DecodeError as error:
            if not line.endswith(b"\n"):
                return
            raise BadInput(f"Line {number} of the journal cannot be read ({error}).") from error
