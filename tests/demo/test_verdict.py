"""The demo's verdict: good only when all of the call happened, and each part that is missing is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from parley.audio.watermark import speak
from parley.conversation.facts import CallConnected, HungUp
from parley.conversation.journals.journal import Entry, Header, encode
from parley.conversation.machine import Conversation
from parley.demo.script import LEAVES_MESSAGE, LINES
from parley.demo.stage import Json
from parley.demo.verdict import Evidence, findings
from parley.domain.agents import AgentSnapshot
from parley.simulation.timeline import Heard, Said, Timeline

GREETING = "Hello, this is the garden centre."
ANSWERS = ("We are open", "What shall I write down?", "I wrote that down.", "Goodbye, and have a nice day.")


def good_call() -> Json:
    greeting = {"speaker": "agent", "transcript": GREETING, "response": None, "wasCut": False}
    turns = [
        {"speaker": "caller", "transcript": line, "response": answer, "wasCut": answer == ANSWERS[0]}
        for line, answer in zip(LINES, ANSWERS, strict=True)
    ]
    return {"id": "call_1", "status": "completed", "endReason": "agent_hangup", "transcripts": [greeting, *turns]}


def good_ear() -> Timeline:
    """The greeting, four questions, four answers: the first one interrupted after a second."""
    ear = Timeline()
    ear.heard.append(Heard(0.0, 0.0, 2.0))
    for turn in range(len(LINES)):
        begins = 3.0 + 4.0 * turn
        ear.said.append(Said(LINES[turn], begins, begins + 1.0))
        ear.heard.append(Heard(begins + 1.3, begins + 1.3, begins + 3.0, bytearray(speak("yes"))))
    cut = ear.heard[1]
    ear.said[1].began_at = 5.9
    cut.was_cleared, cut.cleared_ms, cut.ended_at = True, 4000.0, 5.98
    ear.cleared_at.append(5.98)
    return ear


def good_events() -> list[Json]:
    names = ("call.started", *("agent.message" for _ in LINES), "call.ended")
    return [{"event": name, "data": {"callId": "call_1"}} for name in names]


def write_journal(path: Path, *, is_true: bool = True) -> Path:
    agent = AgentSnapshot(id="agent_1", name="Desk", greeting=GREETING)
    conversation = Conversation(agent)
    lines = [encode(Header("call_1", agent, conversation.rules))]
    for at, fact in ((0.0, CallConnected()), (1.0, HungUp())):
        wishes = conversation.handle(fact, at)
        lines.append(encode(Entry(at, fact, wishes if is_true else [])))
    path.write_bytes(b"".join(lines))
    return path


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    journal = write_journal(tmp_path / "journal.jsonl")
    return Evidence(good_call(), GREETING, good_ear(), [], good_events(), [LEAVES_MESSAGE], journal)


def failures(evidence: Evidence) -> list[str]:
    return [finding.sentence for finding in findings(evidence) if not finding.is_good]


def test_a_call_that_happened_is_good(evidence: Evidence) -> None:
    assert failures(evidence) == []


def cut_the_greeting(evidence: Evidence) -> None:
    evidence.ear.heard[0].was_cleared = True


def mishear(evidence: Evidence) -> None:
    evidence.call["transcripts"][1]["transcript"] += " open?"


def leave_a_turn_unanswered(evidence: Evidence) -> None:
    evidence.call["transcripts"][2]["response"] = None


def stutter(evidence: Evidence) -> None:
    evidence.ear.heard[2].missing_ms = 40.0


def ignore_the_interruption(evidence: Evidence) -> None:
    evidence.call["transcripts"][1]["wasCut"] = False


def fall_silent_late(evidence: Evidence) -> None:
    evidence.ear.heard[1].ended_at = evidence.ear.cleared_at[0] = 7.1


def cut_the_goodbye(evidence: Evidence) -> None:
    evidence.ear.heard[-1].was_cleared = True


def hang_up_too_early(evidence: Evidence) -> None:
    evidence.call["endReason"] = "caller_hangup"


def lose_an_event(evidence: Evidence) -> None:
    del evidence.events[-1]


def repeat_an_event(evidence: Evidence) -> None:
    evidence.events.append(evidence.events[0])


def lose_the_message(evidence: Evidence) -> None:
    del evidence.messages[0]


def forge_the_journal(evidence: Evidence) -> None:
    write_journal(evidence.journal, is_true=False)


def lose_the_journal(evidence: Evidence) -> None:
    evidence.journal.unlink()


def complain(evidence: Evidence) -> None:
    evidence.complaints.append("12100 Document parse failure")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (cut_the_greeting, "greeting"),
        (mishear, "recognised"),
        (leave_a_turn_unanswered, "answered"),
        (stutter, "missing"),
        (ignore_the_interruption, "interrupted"),
        (fall_silent_late, "interrupted"),
        (cut_the_goodbye, "goodbye"),
        (hang_up_too_early, "caller_hangup"),
        (lose_an_event, "events"),
        (repeat_an_event, "events"),
        (lose_the_message, "message"),
        (forge_the_journal, "journal"),
        (lose_the_journal, "journal"),
        (complain, "12100"),
    ],
)
def test_what_did_not_happen_is_named_alone(evidence: Evidence, spoil: Callable[[Evidence], None], named: str) -> None:
    spoil(evidence)
    (sentence,) = failures(evidence)
    assert named in sentence
