"""Spoken truth: every word of the agent with how far it came, and the transcript and history that derive from it."""

from __future__ import annotations

from typing import Literal

import msgspec

from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.conversation.words import may_part

LineKind = Literal["greeting", "answer", "check_in", "said", "goodbye", "filler", "clip", "human"]


class Line(msgspec.Struct):
    """One utterance of the agent: generated up to `text`, heard up to `heard` characters of it."""

    number: int
    kind: LineKind
    text: str = ""
    heard: int = 0
    is_complete: bool = False
    first_text_at: float | None = None
    first_clause_at: float | None = None
    synthesised_at: float | None = None
    first_audio_at: float | None = None
    heard_at: float | None = None

    @property
    def heard_text(self) -> str:
        """The part the caller heard, cut back to whole words: half a word was not understood."""
        if self.heard >= len(self.text.rstrip()):
            return self.text.strip()
        end = self.heard
        while end > 0 and not may_part(self.text[end - 1], self.text[end]):
            end -= 1
        return self.text[:end].strip()


class Row(msgspec.Struct):
    """One exchange: what the caller said and the lines the agent answered with; unasked lines have no caller text."""

    number: int
    at_s: float
    lines: list[Line]
    caller: str = ""
    confidence: float = 1.0
    digits: str = ""
    spoke_until: float | None = None
    spoke_until_is_estimate: bool = False
    recognised_at: float | None = None
    endpointed_at: float | None = None

    @property
    def heard_text(self) -> str | None:
        """What the caller heard of the answer, or None while that is nothing."""
        return " ".join(part for line in self._as_played() if (part := line.heard_text)) or None

    @property
    def intended(self) -> str:
        return " ".join(part for line in self._as_played() if (part := line.text.strip()))

    def _as_played(self) -> list[Line]:
        """In the order the caller heard them: a clip may overtake the answer it bridges."""
        return sorted(self.lines, key=lambda line: float("inf") if line.first_audio_at is None else line.first_audio_at)

    @property
    def speaker(self) -> Literal["agent", "human"]:
        """Who is heard in `heard_text`: a human has rows of their own."""
        return "human" if self.lines and self.lines[0].kind == "human" else "agent"

    @property
    def was_heard(self) -> bool:
        return any(line.heard > 0 for line in self.lines)

    def latencies(self) -> TurnLatencies:
        """Milliseconds from the end of the caller's speech to each step. Only answers count: no clip, no filler."""
        if self.spoke_until is None:
            return TurnLatencies()
        answers = [line for line in self.lines if line.kind == "answer"]

        def since(moments: list[float | None]) -> float | None:
            known = [moment for moment in moments if moment is not None]
            return round((min(known) - self.spoke_until) * 1000, 1) if known and self.spoke_until is not None else None

        return TurnLatencies(
            recognised_ms=since([self.recognised_at]),
            endpointed_ms=since([self.endpointed_at]),
            first_text_ms=since([line.first_text_at for line in answers]),
            first_clause_ms=since([line.first_clause_at for line in answers]),
            synthesised_ms=since([line.synthesised_at for line in answers]),
            first_audio_ms=since([line.first_audio_at for line in answers]),
            heard_ms=since([line.heard_at for line in answers]),
        )


class Spoken(msgspec.Struct, frozen=True):
    """One line of the history: oldest first, an agent's line holds only what was heard.

    "human" is somebody who spoke with the caller in the agent's place. `row` is where it stands in the transcript.
    """

    role: Literal["caller", "agent", "human"]
    text: str
    at_s: float
    row: int = -1


class Aside(msgspec.Struct):
    """A sound of listening in the agent's voice: in the recording, but in no transcript and no history.

    `heard` characters of it were played from `at_s` to `until_s`; one without a sound was taken back in time.
    """

    number: int
    at_s: float
    text: str
    until_s: float
    heard: int = 0
    has_sound: bool = False


class Ledger:
    """The rows of the call, in order, and what the agent said beside them."""

    __slots__ = ("asides", "rows")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.asides: list[Aside] = []

    def open(self, at_s: float, **caller: object) -> Row:
        """Begin a row; the keyword arguments are the caller's fields of `Row`."""
        row = Row(number=len(self.rows), at_s=at_s, lines=[])
        for name, value in caller.items():
            setattr(row, name, value)
        self.rows.append(row)
        return row

    def human(self, text: str, at_s: float) -> Row:
        """A row of what a human said in the agent's place: all of it was heard, and none of it is the agent's."""
        row = self.open(at_s)
        row.lines.append(Line(number=0, kind="human", text=text, heard=len(text), is_complete=True))
        return row

    def go_on_with(self, reopened: Row | None, at_s: float) -> Row:
        """The row of a turn that was not over after all, moved behind what was said meanwhile; else a new one."""
        row = reopened or self.open(at_s)
        if row is not self.rows[-1]:
            row.at_s = at_s
        return row

    def note(self, row: Row) -> NoteTurn | None:
        """The transcript note of a row as it stands, or None when neither side has been heard in it."""
        heard = row.heard_text
        if not row.caller and heard is None:
            return None
        return NoteTurn(
            row=row.number,
            at_s=round(row.at_s, 3),
            caller=row.caller,
            agent=heard,
            was_cut=(heard or "") != row.intended,
            confidence=row.confidence,
            intended=row.intended,
            latencies=row.latencies(),
            speaker=row.speaker,
        )

    def history(self) -> list[Spoken]:
        """What was truly said and heard so far."""
        said: list[Spoken] = []
        for row in sorted(self.rows, key=lambda row: row.at_s):
            if row.caller:
                said.append(Spoken("caller", row.caller, row.at_s, row.number))
            if (heard := row.heard_text) is not None:
                said.append(Spoken(row.speaker, heard, row.at_s, row.number))
        return said
