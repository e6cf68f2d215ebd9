"""Conversations and diagnostics over HTTP, the way clients of the third dialect use them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from parley.domain.ids import new_id
from parley.storage.tables import CallRow, TranscriptRow
from tests.api.conftest import Api

Json = dict[str, Any]
ROOT = "/v1/voiceai"
BEGAN = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def ok(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


async def called(api: Api, **facts: Any) -> str:
    """A call from an agent's number, on record as the facts say."""
    hosted = {"name": "Sales", "voiceMode": "hosted", "systemPrompt": "Sell."}
    agent = ok(await api.client.post("/v1/agents", json=hosted), 201)["id"]
    ok(await api.client.post("/v1/numbers", json={"agentId": agent}), 201)
    call = ok(await api.client.post("/v1/calls", json={"agentId": agent, "toNumber": "+14155550199"}), 201)["id"]
    if facts:
        async with api.house.database.transaction() as session:
            await session.execute(update(CallRow).where(CallRow.id == call).values(**facts))
    return str(call)


async def said(api: Api, call_id: str, *rows: tuple[str, str | None, bool]) -> None:
    """What the caller said, what was heard of the answer, and whether that was cut."""
    call = ok(await api.client.get(f"/v1/calls/{call_id}"))
    project = await project_of(api, call["id"])
    async with api.house.database.transaction() as session:
        for number, (caller, agent, was_cut) in enumerate(rows):
            session.add(
                TranscriptRow(
                    id=new_id("tr"),
                    project_id=project,
                    call_id=call_id,
                    row=number,
                    at_s=number * 4.0,
                    caller=caller,
                    agent=agent,
                    was_cut=was_cut,
                    confidence=1.0,
                    intended="and much more that nobody heard",
                    latencies={},
                    created_at=BEGAN + timedelta(seconds=number * 4),
                )
            )


async def project_of(api: Api, call_id: str) -> str:
    async with api.house.database.read() as session:
        return (await session.get_one(CallRow, call_id)).project_id


# ---------------------------------------------------------------- conversations


async def test_a_conversation_shows_the_printed_metrics_and_guesses_none(api: Api) -> None:
    ended = {"status": "completed", "started_at": BEGAN, "ended_at": BEGAN + timedelta(seconds=180)}
    call_id = await called(api, **ended, end_reason="caller_hangup")
    await said(api, call_id, ("", "Hello!", False), ("Hi.", "What can I do?", False), ("Nothing.", None, False))

    shown = ok(await api.client.get(f"{ROOT}/conversations/{call_id}"))

    assert (shown["id"], shown["conversation_id"], shown["call_id"]) == (call_id, call_id, call_id)
    assert (shown["duration_seconds"], shown["turn_count"]) == (180, 1)
    assert (shown["resolution_status"], shown["satisfaction_score"], shown["topics"]) == (None, None, None)
    assert shown["analysis"]["status"] == "not_analysed"
    assert shown["analysis"]["reason"].endswith(".")
    assert (shown["status"], shown["end_reason"], shown["direction"]) == ("completed", "caller_hangup", "outbound")
    assert (shown["caller_id"], shown["recording_available"]) == ("+14155550199", False)
    listed = ok(await api.client.get(f"{ROOT}/conversations", headers={"content-type": "application/json"}))
    assert listed == {"conversations": [shown], "total": 1, "next_cursor": None, "has_more": False}


async def test_a_running_conversation_is_shown_as_it_runs(api: Api) -> None:
    began = datetime.now(UTC) - timedelta(seconds=90)
    call_id = await called(api, status="in-progress", started_at=began)
    for query, count in (({"status": "in_progress"}, 1), ({"status": "completed"}, 0), ({"direction": "inbound"}, 0)):
        listed = ok(await api.client.get(f"{ROOT}/conversations", params=query))
        assert listed["total"] == count
    shown = ok(await api.client.get(f"{ROOT}/conversations/{call_id}"))
    assert 90 <= shown["duration_seconds"] < 120
    assert (shown["status"], shown["ended_at"]) == ("in_progress", None)


async def test_a_transcript_holds_what_was_heard_and_nothing_else(api: Api) -> None:
    call_id = await called(api)
    await said(api, call_id, ("", "Hello!", False), ("I need", "Let me", True), ("Wait.", None, False))

    shown = ok(await api.client.get(f"{ROOT}/conversations/{call_id}/transcript"))

    assert shown["conversation_id"] == call_id
    lines = [(line["role"], line["content"], line["seconds"], line["was_cut"]) for line in shown["transcript"]]
    assert lines == [
        ("agent", "Hello!", 0.0, False),
        ("user", "I need", 4.0, False),
        ("agent", "Let me", 4.0, True),
        ("user", "Wait.", 8.0, False),
    ]
    assert all(line["message"] == line["content"] for line in shown["transcript"])
    assert shown["transcript"][1]["timestamp"] == "2026-01-15T10:30:04.000Z"
    assert "nobody heard" not in str(shown)


async def test_audio_is_a_file_of_its_own_project_alone(api: Api, tmp_path: Path) -> None:
    call_id = await called(api)
    path = f"{ROOT}/conversations/{call_id}/audio"
    assert ok(await api.client.get(path), 404)["code"] == "not_found"
    audio = b"RIFF0123WAVE"
    (tmp_path / "tape").write_bytes(audio)
    key = f"{await project_of(api, call_id)}/{call_id}.wav"
    await api.house.services.recordings._store.put(key, tmp_path / "tape")
    async with api.house.database.transaction() as session:
        stored = update(CallRow).where(CallRow.id == call_id)
        await session.execute(stored.values(recording_key=key, recording_bytes=len(audio)))

    whole = await api.client.get(path)
    part = await api.client.get(path, headers={"range": "bytes=4-7"})

    assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "audio/wav", audio)
    assert (part.status_code, part.content) == (206, b"0123")
    assert ok(await api.client.get(f"{ROOT}/conversations/{call_id}"))["recording_available"] is True
    assert (await api.stranger.get(path)).status_code == 404


async def test_foreign_conversations_are_not_there(api: Api) -> None:
    call_id = await called(api)
    agent_id = ok(await api.client.get(f"/v1/calls/{call_id}"))["agentId"]
    for path in (call_id, f"{call_id}/transcript", f"{call_id}/audio"):
        assert (await api.stranger.get(f"{ROOT}/conversations/{path}")).status_code == 404
    assert (await api.stranger.get(f"{ROOT}/conversations", params={"agent_id": agent_id})).status_code == 404
    assert ok(await api.stranger.get(f"{ROOT}/conversations"))["conversations"] == []


@pytest.mark.parametrize("query", [{"status": "in-progress"}, {"direction": "up"}, {"agent_id": "a b"}])
async def test_a_filter_that_cannot_be_meant_is_named(shared_api: Api, query: Json) -> None:
    refused = ok(await shared_api.client.get(f"{ROOT}/conversations", params=query), 400)
    assert [error["field"] for error in refused["errors"]] == list(query)


# ---------------------------------------------------------------- diagnostics


async def test_health_tells_what_is_missing(api: Api) -> None:
    nothing = ok(await api.client.get(f"{ROOT}/phone-integration/health"))
    assert (nothing["status"], nothing["reasons"][0]["code"]) == ("not_configured", "no_phone_numbers")
    assert nothing["carriers"] == [{"provider": "twilio", "account": "operator", "check": "not_checked"}]
    await called(api)
    complete = ok(await api.client.get(f"{ROOT}/phone-integration/health"))
    # The look in the background may be over by now, and finds that nobody has a model's key here.
    assert {reason["code"] for reason in complete["reasons"]} <= {"provider_no_key"}
    assert (complete["status"] in {"healthy", "degraded"}, complete["phone_numbers"]["connected"]) == (True, 1)


async def test_health_asks_the_carrier_where_calls_go(api: Api) -> None:
    number = ok(await api.client.post("/v1/numbers", json={}), 201)["phoneNumber"]
    owned = api.carrier.stock.find(number)
    assert owned is not None
    owned.hooks["VoiceUrl"] = "https://elsewhere.example/voice"

    found = ok(await api.client.get(f"{ROOT}/phone-integration/health", params={"refresh": "true"}))

    [check] = [each for each in found["checks"] if each["kind"] == "number"]
    assert (check["name"], check["status"], check["code"]) == (number, "failed", "points_elsewhere")
    assert "Import the number again" in check["detail"]
    assert check["since"] == check["checked_at"]
    assert found["carriers"][0]["check"] == "failed"
    assert "number_points_elsewhere" in [reason["code"] for reason in found["reasons"]]


async def test_the_printed_test_call_says_what_is_in_the_way(api: Api) -> None:
    ok(await api.client.post(f"{ROOT}/phone-numbers", json={"phone_number": "+1234567890", "provider": "twilio"}), 201)
    body = {"phone_number": "+1234567890", "test_type": "inbound_routing", "duration_seconds": 30}

    tested = ok(await api.client.post(f"{ROOT}/test-call", json=body))

    assert (tested["status"], tested["call_placed"], tested["call_id"]) == ("failed", True, None)
    assert (tested["id"], tested["duration_seconds"]) == (tested["test_id"], 30)
    failed = [check["name"] for check in tested["checks"] if check["status"] == "failed"]
    assert failed == ["connection", "public_url", "webhook"]  # this application has no socket for anybody to call
    assert ok(await api.client.get(f"{ROOT}/test-call/{tested['id']}")) == tested
    assert (await api.stranger.get(f"{ROOT}/test-call/{tested['id']}")).status_code == 404
    assert (await api.stranger.post(f"{ROOT}/test-call", json=body)).status_code == 404
    assert not [path for verb, path, _ in api.carrier.requests if verb == "POST" and path.endswith("Calls.json")]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json"])
async def test_a_network_test_is_json_whatever_it_is_called(api: Api, content_type: str) -> None:
    body = json.dumps({"target_endpoint": "sip.your-provider.invalid", "test_type": "connectivity"})
    answer = await api.client.post(
        f"{ROOT}/diagnostics/network-test", content=body, headers={"content-type": content_type}
    )
    tested = ok(answer)
    assert (tested["status"], tested["host"], tested["port"]) == ("failed", "sip.your-provider.invalid", 5060)
    assert {check["name"]: check["status"] for check in tested["checks"]} == {
        "dns": "failed",
        "tcp": "not_tested",
        "quality": "not_tested",
    }
    assert ok(await api.client.get(f"{ROOT}/diagnostics/network-test/{tested['id']}")) == tested
    assert (await api.client.get(f"{ROOT}/test-call/{tested['id']}")).status_code == 404
    assert (await api.stranger.get(f"{ROOT}/diagnostics/network-test/{tested['id']}")).status_code == 404


@pytest.mark.parametrize("target", ["169.254.169.254:80", "http://example.com", "", "example.com:99999", "\0", "a b"])
async def test_a_target_that_is_not_tested_is_named(shared_api: Api, target: str) -> None:
    answer = await shared_api.client.post(f"{ROOT}/diagnostics/network-test", json={"target_endpoint": target})
    refused = ok(answer, 400)
    assert [error["field"] for error in refused["errors"]] == ["target_endpoint"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"duration_seconds": 0}, "duration_seconds"),
        ({"duration_seconds": 601}, "duration_seconds"),
        ({"test_type": "x"}, "test_type"),
    ],
)
async def test_a_test_call_that_cannot_be_meant_is_named(shared_api: Api, change: Json, field: str) -> None:
    body = {"phone_number": "+1234567890"} | change
    refused = ok(await shared_api.client.post(f"{ROOT}/test-call", json=body), 400)
    assert [error["field"] for error in refused["errors"]] == [field]
