"""What was learnt from calls over HTTP: in each dialect, with reasons for what is null, and as a series."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from parley.domain import analysis
from parley.domain.ids import new_id
from parley.storage.tables import AnalysisRow
from tests.api.conftest import Api
from tests.api.test_phone_conversations import called, project_of, said

Json = dict[str, Any]
BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ENDED = {"status": "completed", "started_at": BEGAN, "ended_at": BEGAN + timedelta(seconds=60)}
JUDGED: Json = {
    "status": "done",
    "summary": "A table was booked.",
    "resolution_status": "resolved",
    "satisfaction_score": 4.2,
    "topics": ["table_booking"],
    "fields": {"party_size": 4, "outcome": "appointment booked", "Their_Key": None},
    "criteria": [{"name": "booked", "result": "met", "evidence": ["four people"]}],
    "model": "small",
    "prompt_version": "1",
    "metrics": {"duration_s": 60.0, "turns": 2, "talk_ratio": 0.75, "response_ms": [700.0, 900.0]},
}


def ok(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


async def judged(api: Api, **fields: Any) -> str:
    """The id of a call that was judged."""
    call_id = await called(api, **(ENDED | fields))
    project_id = await project_of(api, call_id)
    async with api.house.database.transaction() as session:
        session.add(
            AnalysisRow(id=new_id("ana"), project_id=project_id, call_id=call_id, next_at=BEGAN, attempts=1, **JUDGED)
        )
    return call_id


async def test_an_analysis_is_shown_in_each_dialects_spelling_with_the_customers_keys_as_they_are(api: Api) -> None:
    call_id = await judged(api)

    native = ok(await api.client.get(f"/v1/calls/{call_id}/analysis"))
    snake = ok(await api.client.get(f"/v1/voiceai/conversations/{call_id}/analysis"))

    assert (native["callId"], native["resolutionStatus"], native["satisfactionScore"]) == (call_id, "resolved", 4.2)
    assert (native["metrics"]["talkRatio"], native["metrics"]["turns"]) == (0.75, 2)
    assert (snake["conversation_id"], snake["resolution_status"], snake["reason"]) == (call_id, "resolved", None)
    assert native["fields"] == snake["fields"] == JUDGED["fields"]
    assert native["criteria"] == snake["criteria"] == JUDGED["criteria"]
    assert "responseMs" not in native["metrics"]


async def test_a_conversation_carries_its_judgement(api: Api) -> None:
    call_id = await judged(api)
    shown = ok(await api.client.get(f"/v1/voiceai/conversations/{call_id}"))
    assert (shown["resolution_status"], shown["satisfaction_score"]) == ("resolved", 4.2)
    assert (shown["topics"], shown["summary"]) == (["table_booking"], "A table was booked.")
    assert shown["analysis"] == {"status": "done", "reason": None}
    [listed] = ok(await api.client.get("/v1/voiceai/conversations"))["conversations"]
    assert listed == shown


async def test_whoever_polls_a_call_reads_its_outcome(api: Api) -> None:
    call_id = await judged(api, dialect="oneinbox")
    polled = ok(await api.client.get(f"/v1/calls/{call_id}"))
    assert polled["analysis"] == {"outcome": "appointment booked", "summary": "A table was booked."}
    bare = await called(api, **ENDED, dialect="oneinbox")
    assert ok(await api.client.get(f"/v1/calls/{bare}"))["analysis"] is None


async def test_a_call_that_was_never_analysed_says_so_and_can_be(api: Api) -> None:
    call_id = await called(api, **ENDED)
    before = ok(await api.client.get(f"/v1/calls/{call_id}/analysis"))
    assert (before["status"], before["reason"]) == ("not_analysed", analysis.NOT_ANALYSED)
    assert (before["metrics"]["durationSeconds"], before["summary"], before["createdAt"]) == (60.0, None, None)

    await said(api, call_id, ("Hi.", "Hello!", False))
    asked = ok(await api.client.post(f"/v1/calls/{call_id}/analysis"), 202)
    assert (asked["status"], asked["reason"], asked["metrics"]["turns"]) == ("pending", None, 1)
    assert ok(await api.client.get(f"/v1/calls/{call_id}/analysis"))["status"] in {"pending", "skipped"}


async def test_a_call_that_runs_or_that_nobody_answered_cannot_be_analysed(api: Api) -> None:
    running = await called(api, status="in-progress", started_at=BEGAN)
    unanswered = await called(api, status="failed", ended_at=BEGAN)
    tested = await called(api, **ENDED, is_test=True)
    for call_id, why in (
        (running, analysis.NOT_ENDED),
        (unanswered, analysis.NOT_CONNECTED),
        (tested, analysis.TEST_CALL),
    ):
        for path in (f"/v1/calls/{call_id}/analysis", f"/v1/voiceai/conversations/{call_id}/analysis"):
            assert ok(await api.client.post(path), 409)["detail"] == why
            assert ok(await api.client.get(path))["reason"] == why


# ---------------------------------------------------------------- an agent's settings


async def test_what_an_agent_wants_to_know_is_kept_and_shown(api: Api) -> None:
    fields = {"type": "object", "properties": {"party_size": {"type": "integer", "minimum": 1}}}
    wishes = {
        "enabled": True,
        "fields": fields,
        "successCriteria": [{"name": "booked", "description": "A table was booked."}],
        "instructions": "We are a restaurant.",
        "model": {"model": "large"},
    }
    agent = ok(await api.client.post("/v1/agents", json={"name": "Ann", "analysis": wishes}), 201)
    assert agent["analysis"] == {**wishes, "model": {"provider": None, "model": "large"}}
    changed = ok(await api.client.patch(f"/v1/agents/{agent['id']}", json={"analysis": {"enabled": False}}))
    assert (changed["analysis"]["enabled"], changed["analysis"]["fields"]) == (False, None)
    assert ok(await api.client.patch(f"/v1/agents/{agent['id']}", json={"analysis": None}))["analysis"] is None


@pytest.mark.parametrize(
    ("wishes", "field", "why"),
    [
        ({"fields": {"type": "object", "properties": {"a": {"$ref": "#"}}}}, "analysis.fields", "needs a type at a"),
        ({"fields": {"type": "array"}}, "analysis.fields", "type object"),
        (
            {"fields": {"type": "object", "properties": {"a": {"type": "string", "description": "x" * 17_000}}}},
            "analysis.fields",
            "longer than",
        ),
        ({"successCriteria": [{"name": "a"}, {"name": "a"}]}, "analysis.successCriteria", "same name"),
        ({"successCriteria": [{"name": str(number)} for number in range(11)]}, "analysis.successCriteria", "10"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_with_the_reason(
    api: Api, wishes: Json, field: str, why: str
) -> None:
    refused = ok(await api.client.post("/v1/agents", json={"name": "Ann", "analysis": wishes}), 400)
    [error] = refused["errors"]
    assert error["field"] == field
    assert why in error["message"]


# ---------------------------------------------------------------- series


async def test_a_series_shows_rates_percentiles_and_every_period(api: Api) -> None:
    call_id = await judged(api, created_at=BEGAN)
    project_id = await project_of(api, call_id)
    agent = ok(await api.client.post("/v1/agents", json={"name": "Ann"}), 201)["id"]
    async with api.house.database.transaction() as session:
        await session.execute(update(AnalysisRow).where(AnalysisRow.project_id == project_id).values(agent_id=agent))

    asked = {"period": "day", "from": "2026-03-01", "to": "2026-03-03", "tz": "America/New_York"}
    shown = ok(await api.client.get("/v1/voiceai/analytics", params=asked))

    assert (shown["period"], shown["timezone"], shown["first_day"]) == ("day", "America/New_York", "2026-03-01")
    assert [bucket["calls"] for bucket in shown["buckets"]] == [0, 1, 0]
    monday, total = shown["buckets"][1], shown["total"]
    assert (monday["day"], monday["begins_at"]) == ("2026-03-02", "2026-03-02T05:00:00.000Z")
    for each in (monday, total):
        assert (each["resolution_rate"], each["satisfaction_score"], each["turns"]) == (1.0, 4.2, 2)
        assert each["response_ms"] == {"answers": 2, "p50": 800.0, "p90": 880.0, "p95": 890.0, "p99": 898.0}
        assert each["topics"] == [{"name": "table_booking", "count": 1}]
    assert (shown["buckets"][0]["resolution_rate"], shown["buckets"][0]["response_ms"]) == (None, None)
    assert ok(await api.client.get("/v1/analytics", params=asked))["total"]["resolutionRate"] == 1.0
    of_agent = ok(await api.client.get(f"/v1/agents/{agent}/analytics", params=asked))
    assert (of_agent["agentId"], of_agent["total"]["calls"]) == (agent, 0)
    assert ok(await api.client.get(f"/v1/voiceai/analytics/agents/{agent}", params=asked))["agent_id"] == agent


@pytest.mark.parametrize(
    ("query", "field", "why"),
    [
        ({"from": "2020-01-01"}, "from", "366 days"),
        ({"period": "month", "from": "2000-01-01"}, "from", "60 months"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from", "between 1 and"),
        ({"from": "2026-02-30"}, "from", "2026-02-28"),
        ({"to": "yesterday"}, "to", "a day like"),
        ({"tz": "Mars/Base"}, "tz", "IANA"),
        ({"period": "hour"}, "period", "month"),
    ],
)
async def test_a_span_that_cannot_be_shown_names_what_can(api: Api, query: Json, field: str, why: str) -> None:
    refused = ok(await api.client.get("/v1/analytics", params={"to": "2026-11-20"} | query), 400)
    [error] = refused["errors"]
    assert error["field"] == field
    assert why in error["message"]
