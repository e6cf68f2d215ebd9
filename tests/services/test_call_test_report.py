"""The report of a test call, from what was met: which step failed, and what to do about it. Nothing runs here."""

from __future__ import annotations

from typing import Any

import pytest

from parley.domain.agents import AgentSnapshot, ListenChoice
from parley.domain.call_tests import CallSeen, Contact, SpokenLine
from parley.domain.decisions import Considered, Decision
from parley.services.call_test_report import CallWritten, way_to_agent
from parley.services.call_test_talk import conversation
from parley.services.checks import Check, verdict

DECISION = Decision(
    action="agent",
    matched="project_rule.0",
    agent_id="agent_1",
    considered=(Considered("project_rule.0", "time_of_day", "matched", "23:00 is within 18:00 to 09:00."),),
)


def contact(status: int | None = 200, error: str = "") -> Contact:
    return Contact(at_ms=5, took_ms=20, status=status, error=error)


def seen(**changes: Any) -> CallSeen:
    values: dict[str, Any] = {
        "public": contact(),
        "verbs": ["stream", "hangup"],
        "connected_ms": 50,
        "greeting_ms": 400,
        "lines": [SpokenLine(text="Hello, can you hear me?", at_ms=1500, reply_ms=900)],
        "agent_words": ["Hello."],
        "agent_audio_ms": 700,
        "ended_by": "caller",
        "hang_up": contact(204),
    }
    return CallSeen(**{**values, **changes})


def written(**changes: Any) -> CallWritten:
    agent = AgentSnapshot(
        id="agent_1", name="Ann", voice_mode="hosted", greeting="Hello.", listen=ListenChoice("hears")
    )
    values: dict[str, Any] = {
        "call_id": "call_1",
        "status": "completed",
        "end_reason": "caller_hangup",
        "agent": agent,
        "lines": (("hello can you hear me", "Yes."),),
        "events": 2,
    }
    return CallWritten(**{**values, **changes})


def report(met: CallSeen, noted: CallWritten | None, decision: Decision = DECISION) -> dict[str, Check]:
    checks = [*way_to_agent(met, noted, decision, has_public_url=True), *conversation(met, noted, decision)]
    assert all(check["what_to_do"] for check in checks if check["status"] == "failed")
    return {check["name"]: check for check in checks}


def failed(found: dict[str, Check]) -> list[str]:
    return [name for name, check in found.items() if check["status"] == "failed"]


def test_a_call_that_went_well_passes_in_every_step() -> None:
    found = report(seen(), written())
    assert {check["status"] for check in found.values()} == {"passed"}
    assert verdict(list(found.values())) == "passed"
    assert "`project_rule.0` decided" in found["routing"]["detail"]
    assert "23:00 is within" in found["routing"]["detail"]
    assert found["webhook"]["took_ms"] == 20


@pytest.mark.parametrize(
    ("error", "word"),
    [
        ("unresolved", "DNS"),
        ("refused", "proxy"),
        ("tls", "certificate"),
        ("timeout", "firewall"),
        ("broke_off", "log"),
    ],
)
def test_a_public_address_that_does_not_answer_is_told_from_the_server_behind_it(error: str, word: str) -> None:
    found = report(seen(public=contact(None, error), own=contact()), written())
    assert failed(found) == ["public_url"]
    assert word in found["public_url"]["what_to_do"]


@pytest.mark.parametrize(("status", "word"), [(403, "unchanged"), (502, "forward /carriers"), (404, "forward")])
def test_a_proxy_in_the_way_is_named(status: int, word: str) -> None:
    found = report(seen(public=contact(status), own=contact()), written())
    assert failed(found) == ["public_url"]
    assert word in found["public_url"]["what_to_do"]


def test_a_refused_signature_is_the_webhooks_fault() -> None:
    found = report(CallSeen(public=contact(403), own=contact(403)), None)
    assert failed(found) == ["webhook"]
    assert "auth token" in found["webhook"]["what_to_do"]
    assert found["routing"]["status"] == found["reply"]["status"] == "not_tested"


def test_a_server_that_cannot_be_reached_at_all_says_so_once_for_each_way() -> None:
    found = report(CallSeen(public=contact(None, "refused"), own=contact(None, "refused")), None)
    assert failed(found) == ["public_url", "webhook"]
    assert verdict(list(found.values())) == "failed"


def test_a_declined_call_is_routings_fault_unless_a_rule_says_so() -> None:
    met = CallSeen(public=contact(), verbs=["reject"])
    assert failed(report(met, None, Decision(action="reject", matched="fallback"))) == ["routing"]
    assert failed(report(met, None, Decision(action="agent", matched="number_agent"))) == ["routing"]
    full = written(status="failed", end_reason="limit_reached")
    assert failed(report(met, full, Decision(action="agent", matched="number_agent"))) == ["routing"]
    assert failed(report(met, None, Decision(action="reject", matched="number_rule.0"))) == []


def test_a_human_is_not_rung() -> None:
    met = CallSeen(public=contact(), verbs=["dial"])
    found = report(met, written(status="completed"), Decision(action="number", matched="number_rule.0"))
    assert found["media_stream"]["status"] == "not_tested"
    assert "rings nobody" in found["media_stream"]["detail"]


def test_a_proxy_without_websockets_is_named_whether_or_not_the_own_address_helps() -> None:
    error = "31920 Stream WebSocket handshake error: declined"
    helped = report(seen(stream_error=error), written())
    lost = report(seen(stream_error=error, connected_ms=None), written(status="failed"))
    assert (failed(helped), failed(lost)) == (["media_stream"], ["media_stream"])
    assert "upgrades" in helped["media_stream"]["what_to_do"]


def test_silence_where_a_greeting_belongs_fails_and_elsewhere_does_not() -> None:
    quiet = AgentSnapshot(id="agent_1", name="Ann", voice_mode="hosted")
    assert failed(report(seen(greeting_ms=None), written())) == ["greeting"]
    assert report(seen(greeting_ms=None), written(agent=quiet))["greeting"]["status"] == "not_tested"


@pytest.mark.parametrize(
    ("problem", "step"),
    [
        ("speech_to_text_failed", "recognition"),
        ("text_to_speech_failed", "greeting"),
        ("voice_timeout", "greeting"),
        ("connect_failed", "reply"),
        ("responder_stalled", "reply"),
    ],
)
def test_a_part_that_failed_is_named_though_a_clip_was_heard(problem: str, step: str) -> None:
    assert failed(report(seen(), written(problems=(problem,)))) == [step]


def test_words_that_were_not_understood_fail_by_how_many_they_are() -> None:
    assert failed(report(seen(), written(lines=(("", "Hello."),)))) == ["recognition"]
    assert failed(report(seen(), written(lines=(("yellow can new cheer tea", None),)))) == ["recognition"]
    lost = report(seen(), written(lines=(("hello can you", None),)))
    assert lost["recognition"]["status"] == "passed"
    assert lost["recognition"]["detail"].startswith("60%")


def test_an_agent_that_does_not_answer_fails_unless_it_hung_up() -> None:
    unanswered = [SpokenLine(text="Hello, can you hear me?", at_ms=1500)]
    assert failed(report(seen(lines=unanswered), written())) == ["reply"]
    assert failed(report(seen(lines=unanswered, ended_by="agent"), written())) == []
    half = [*seen().lines, *unanswered]
    assert failed(report(seen(lines=half), written())) == ["reply"]
    assert failed(report(seen(lines=half, is_cut_short=True), written())) == []


def test_an_end_nobody_accepts_or_writes_down_is_told() -> None:
    assert failed(report(seen(hang_up=contact(502)), written())) == ["hang_up"]
    assert failed(report(seen(), written(status="in-progress", end_reason=None))) == ["records"]
    assert failed(report(seen(), written(status="failed", end_reason="provider_failed"))) == ["records"]
    assert "rings nobody" in report(seen(), written(end_reason="transferred"))["records"]["detail"]


def test_what_the_recogniser_could_not_hear_is_no_fault_of_the_agents() -> None:
    deaf = report(seen(agent_words=[], agent_words_why="the recogniser gave up (unauthorized)"), written())
    assert (deaf["agent_words"]["status"], failed(deaf)) == ("not_tested", [])
    assert failed(report(seen(agent_words=[]), written())) == ["agent_words"]


@pytest.mark.parametrize(
    ("action", "end", "words"),
    [
        ("voicemail", "caller_hangup", "voicemail"),
        ("agent", "message_taken", "voicemail"),
        ("announcement", "announced", "announcement"),
        ("queue", "caller_hangup", "queue"),
    ],
)
def test_only_an_agent_has_to_understand_and_answer(action: Any, end: str, words: str) -> None:
    lines = [SpokenLine(text="Hello, can you hear me?", at_ms=1500)]
    met = seen(lines=lines, ended_by="agent")
    found = report(met, written(lines=(), end_reason=end), Decision(action=action, matched="rule"))
    assert failed(found) == []
    assert words in found["recognition"]["detail"]
    assert found["reply"]["status"] == "not_tested"
    assert not any("The agent" in check["detail"] for check in found.values())


def test_a_message_nobody_was_asked_for_fails() -> None:
    mute = AgentSnapshot(id="", name="")
    met = seen(greeting_ms=None, agent_words=[], agent_audio_ms=0)
    found = report(met, written(agent=mute, end_reason="message_taken"), Decision(action="voicemail", matched="rule"))
    assert failed(found) == ["greeting"]


def test_an_agent_that_broke_down_is_told_though_voicemail_took_its_place() -> None:
    gave_way = written(lines=(), end_reason="message_taken", problems=("speech_to_text_failed",))
    assert failed(report(seen(), gave_way)) == ["recognition"]
