"""Usage over HTTP: every printed key, integers throughout, and a row for every day and month."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api

Json = dict[str, Any]


async def read(client: httpx.AsyncClient, path: str = "", **query: Any) -> Json:
    answer = await client.get(f"/v1/usage{path}", params=query)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def used(api: Api) -> tuple[Json, Json]:
    """An agent with a number that has tried one call."""
    hosted = {"name": "Desk", "voiceMode": "hosted", "systemPrompt": "Be kind."}
    agent = (await api.client.post("/v1/agents", json=hosted)).json()
    number = (await api.client.post("/v1/numbers", json={"agentId": agent["id"]})).json()
    call = await api.client.post("/v1/calls", json={"agentId": agent["id"], "toNumber": "+14155550199"})
    assert call.status_code == 201
    return agent, number


async def test_a_new_project_has_used_nothing_and_has_large_limits(api: Api) -> None:
    body = await read(api.client)
    assert body["plan"] == {
        "name": "self-hosted",
        "numberLimit": 1_000_000,
        "limits": {
            "numbers": 1_000_000,
            "messagesPerMonth": 1_000_000,
            "voiceMinutesPerMonth": 1_000_000,
            "maxCallDurationMinutes": 60,
            "concurrentCalls": 1_000_000,
        },
    }
    assert body["numbers"] == {"used": 0, "limit": 1_000_000, "remaining": 1_000_000}
    assert body["stats"] == {
        "messagesLast24h": 0,
        "messagesLast7d": 0,
        "messagesLast30d": 0,
        "callsLast24h": 0,
        "callsLast7d": 0,
        "callsLast30d": 0,
        "minutesLast30d": 0,
        "totalMessages": 0,
        "totalCalls": 0,
        "totalWebhookDeliveries": 0,
        "successfulWebhookDeliveries": 0,
        "failedWebhookDeliveries": 0,
    }
    begin, end = (datetime.fromisoformat(body[name]) for name in ("periodStart", "periodEnd"))
    assert end - begin == timedelta(days=30)


async def test_what_is_used_is_counted_for_its_own_project_alone(api: Api) -> None:
    agent, number = await used(api)
    mine, theirs = await read(api.client), await read(api.stranger)
    assert (mine["numbers"]["used"], mine["numbers"]["remaining"]) == (1, 999_999)
    assert [mine["stats"][name] for name in ("totalCalls", "callsLast24h", "callsLast7d", "callsLast30d")] == [1] * 4
    assert (theirs["numbers"]["used"], theirs["stats"]["totalCalls"]) == (0, 0)
    row = {"messages": 0, "calls": 1, "minutes": 0}
    assert await read(api.client, "/by-number") == {
        "data": [{"numberId": number["id"], "phoneNumber": number["phoneNumber"], **row}],
        "period": "month",
        "total": 1,
        "hasMore": False,
    }
    assert await read(api.client, "/by-agent", period="year") == {
        "data": [{"agentId": agent["id"], "agentName": "Desk", **row}],
        "period": "year",
        "total": 1,
        "hasMore": False,
    }
    assert (await read(api.stranger, "/by-number"))["total"] == 0


async def test_days_and_months_have_a_row_each(api: Api) -> None:
    await used(api)
    today = datetime.now(UTC).date()
    daily = await read(api.client, "/daily", days=7)
    assert (daily["days"], daily["total"]) == (7, 7)
    assert [row["date"] for row in daily["data"]] == [str(today - timedelta(days=back)) for back in range(6, -1, -1)]
    assert daily["data"][-1] == {"date": str(today), "messages": 0, "calls": 1, "minutes": 0, "webhooks": 0}
    assert {row["calls"] for row in daily["data"][:-1]} == {0}
    monthly = await read(api.client, "/monthly", months=3)
    assert (monthly["months"], monthly["total"]) == (3, 3)
    assert [row["month"] for row in monthly["data"]][-1] == today.strftime("%Y-%m")
    assert monthly["data"][-1]["calls"] == 1
    assert (len((await read(api.client, "/daily"))["data"]), len((await read(api.client, "/monthly"))["data"])) == (
        30,
        6,
    )
    for row in daily["data"]:
        date.fromisoformat(row["date"])


@pytest.mark.parametrize(("path", "query"), [("/daily", "days"), ("/monthly", "months")])
async def test_a_span_beyond_its_range_is_told_the_range(api: Api, path: str, query: str) -> None:
    for value in (0, 366, -1):
        refused = await api.client.get(f"/v1/usage{path}", params={query: value})
        assert refused.status_code == 400
        assert "between 1 and" in refused.json()["detail"]
    refused = await api.client.get("/v1/usage/by-agent", params={"period": "decade"})
    assert refused.status_code == 400
