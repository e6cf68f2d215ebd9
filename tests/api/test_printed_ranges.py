"""The ranges that the documents print, as figures: the schemas could not tell that they had changed themselves."""

from __future__ import annotations

from typing import Any

import pytest

from parley.api.table import TABLE
from parley.schemas.dialects import NATIVE
from tests.api.conftest import Api
from tests.api.rows import Belongings

LARGEST_OFFSET = 2_147_483_647

QUERIES = [
    # path, parameter, least, most, default
    ("/agents", "limit", 1, 100, 20),
    ("/agents/{agent_id}/calls", "limit", 1, 100, 20),
    ("/agents/{agent_id}/conversations", "limit", 1, 100, 20),
    ("/numbers", "limit", 1, 100, 20),
    ("/numbers/{number_id}/calls", "limit", 1, 100, 20),
    ("/numbers/{number_id}/messages", "limit", 1, 200, 50),
    ("/calls", "limit", 1, 100, 20),
    ("/conversations", "limit", 1, 100, 20),
    ("/conversations/{conversation_id}", "message_limit", 1, 100, 50),
    ("/conversations/{conversation_id}/messages", "limit", 1, 200, 50),
    ("/webhooks/deliveries", "limit", 1, 100, 50),
    ("/webhooks/deliveries", "hours", 1, 168, None),
    ("/webhooks/deliveries/stats", "hours", 1, 168, 24),
    ("/usage/daily", "days", 1, 365, 30),
    ("/usage/monthly", "months", 1, 24, 6),
    *[
        (path, "offset", 0, LARGEST_OFFSET, 0)
        for path in ("/agents", "/numbers", "/numbers/{number_id}/messages", "/calls", "/conversations")
    ],
]


@pytest.mark.parametrize(("path", "name", "low", "high", "default"), QUERIES)
async def test_a_query_takes_its_printed_range(
    shared_api: Api, mine: Belongings, path: str, name: str, low: int, high: int, default: int | None
) -> None:
    [query] = [each.query for each in TABLE[NATIVE] if (each.method, each.path) == ("GET", path)]
    assert query is not None
    assert query.model_fields[name].default == default
    asked = f"/v1{path}".format(**mine.ids)
    for value in (low, high):
        answer = await shared_api.client.get(asked, params={name: value})
        assert answer.status_code == 200, answer.text
    for value in (low - 1, high + 1):
        answer = await shared_api.client.get(asked, params={name: value})
        assert answer.status_code == 400
        assert f"between {low} and {high}" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/webhooks", "/v1/agents/{agent_id}/webhook"])
@pytest.mark.parametrize(("name", "low", "high", "default"), [("contextLimit", 0, 50, 10), ("timeout", 5, 120, 30)])
async def test_a_webhook_takes_its_printed_range(
    shared_api: Api, mine: Belongings, path: str, name: str, low: int, high: int, default: int
) -> None:
    async def put(**fields: Any) -> tuple[int, dict[str, Any]]:
        body = {"url": "https://example.com/hook", **fields}
        answer = await shared_api.client.post(path.format(**mine.ids), json=body)
        return answer.status_code, answer.json()

    for sent, kept in ((low, low), (high, high), (None, default)):
        status, shown = await put(**({} if sent is None else {name: sent}))
        assert (status, shown[name]) == (201, kept)
    for value in (low - 1, high + 1):
        status, refused = await put(**{name: value})
        assert status == 400
        assert f"between {low} and {high}" in refused["detail"]
