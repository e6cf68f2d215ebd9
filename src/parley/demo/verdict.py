"""Whether all of the demo's call really happened, checked at both ends and on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from parley.conversation.journals.replay import replay
from parley.demo.narrator import heard_of_agent
from parley.demo.script import LEAVES_MESSAGE, LINES
from parley.demo.stage import Json
from parley.domain.errors import BadInput
from parley.simulation.timeline import Timeline

_BARGE_IN_LIMIT_MS = 1000.0


class Finding(NamedTuple):
    """One thing that had to happen, and whether it did."""

    is_good: bool
    sentence: str


class Evidence(NamedTuple):
    """All there is to judge: parley's record, the phone's ear, the webhook's mail, the journal."""

    call: Json
    greeting: str
    ear: Timeline
    complaints: list[str]
    events: list[Json]
    messages: list[str]
    journal: Path


def findings(evidence: Evidence) -> Iterator[Finding]:
    rows = evidence.call["transcripts"]
    yield _greeting(evidence, rows)
    yield from _turns(evidence, rows)
    yield _interruption(evidence, rows)
    yield _goodbye(evidence, rows)
    yield _end(evidence)
    yield _events(evidence)
    yield _journal(evidence.journal)
    yield Finding(not evidence.complaints, _listed("the carrier had nothing to complain about", evidence.complaints))


def _greeting(evidence: Evidence, rows: Sequence[Json]) -> Finding:
    on_record = bool(rows) and rows[0]["speaker"] == "agent" and rows[0]["transcript"] == evidence.greeting
    was_heard = bool(evidence.ear.heard) and not evidence.ear.heard[0].was_cleared
    return Finding(on_record and was_heard, "the greeting was heard to its end")


def _turns(evidence: Evidence, rows: Sequence[Json]) -> Iterator[Finding]:
    said = [row["transcript"] for row in rows if row["speaker"] == "caller"]
    yield Finding(said == list(LINES), f"every word of the caller's {len(LINES)} lines was recognised, none twice")
    answered = sum(heard_of_agent(row) is not None for row in rows if row["speaker"] == "caller")
    waits = evidence.ear.reply_ms()
    took = f" (first sound after {min(waits):.0f} to {max(waits):.0f} ms)" if waits else ""
    all_answered = answered == len(LINES) == len(waits)
    yield Finding(all_answered, f"{answered} of {len(LINES)} turns were answered{took}")
    yield Finding(list(evidence.messages) == [LEAVES_MESSAGE], "the front desk wrote down the caller's message")
    yield Finding(evidence.ear.missing_ms < 1, f"{evidence.ear.missing_ms:.0f} ms of the agent's speech were missing")


def _interruption(evidence: Evidence, rows: Sequence[Json]) -> Finding:
    cut = [index for index, row in enumerate(rows) if row["wasCut"]]
    times = evidence.ear.barge_in_ms()
    took_back = sum(stretch.cleared_ms for stretch in evidence.ear.heard) / 1000
    really = cut == [1] and len(times) == 1 and times[0] < _BARGE_IN_LIMIT_MS and took_back > 0
    how = f" (silent after {times[0]:.0f} ms, {took_back:.1f} s of speech taken back)" if times else ""
    return Finding(really, f"the interrupted answer was cut where the caller spoke{how}")


def _goodbye(evidence: Evidence, rows: Sequence[Json]) -> Finding:
    on_record = bool(rows) and not rows[-1]["wasCut"] and "Goodbye" in (heard_of_agent(rows[-1]) or "")
    was_heard = bool(evidence.ear.heard) and not evidence.ear.heard[-1].was_cleared
    return Finding(on_record and was_heard, "the goodbye was heard in full before the line went dead")


def _end(evidence: Evidence) -> Finding:
    status, reason = evidence.call["status"], evidence.call["endReason"]
    return Finding((status, reason) == ("completed", "agent_hangup"), f"the call is {status}: {reason}")


def _events(evidence: Evidence) -> Finding:
    counts = Counter(event["event"] for event in evidence.events)
    wanted = {"call.started": 1, "agent.message": len(LINES), "call.ended": 1}
    came = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return Finding(counts == wanted, f"signed events with a good signature: {came or 'none'}")


def _journal(journal: Path) -> Finding:
    try:
        with journal.open("rb") as lines:
            outcome = replay(lines)
    except (OSError, BadInput) as error:
        return Finding(False, f"the journal cannot be replayed: {error}")
    same = outcome.difference is None and outcome.entries > 0
    return Finding(same, f"{outcome.entries} journal entries replay without a difference")


def _listed(sentence: str, complaints: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(complaints)) or sentence
