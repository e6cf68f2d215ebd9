"""The fields that the documents print as required, and the words they allow, as they stand there.

The tests over the table of operations read both from the schemas, which could not tell that they had changed.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.rows import Belongings

Json = dict[str, Any]
PHONE = "+14155550199"

REQUIRED: list[tuple[str, Json]] = [
    ("/v1/agents", {"name": "Desk"}),
    ("/v1/agents/{agent_id}/numbers", {"numberId": "{number_id}"}),
    ("/v1/calls", {"agentId": "{agent_id}", "toNumber": PHONE}),
    ("/v1/webhooks", {"url": "https://example.com/hook"}),
    ("/v1/agents/{agent_id}/webhook", {"url": "https://example.com/hook"}),
    ("/v1/credentials", {"name": "Mine", "provider": "twilio", "api_key": "a-key"}),
    ("/v1/calls", {"agent_id": "{agent_id}", "to_number": PHONE, "from_number": "+15739693824"}),
    ("/v1/voiceai/phone-numbers", {"phone_number": PHONE}),
    ("/v1/voiceai/sip-trunks", {"name": "Main", "sip_domain": "sip.example.com"}),
    ("/v1/voiceai/webhooks", {"url": "https://example.com/hook", "events": ["call_started"]}),
    ("/v1/voiceai/test-call", {"phone_number": PHONE}),
    ("/v1/voiceai/diagnostics/network-test", {"target_endpoint": "sip.example.com"}),
]


@pytest.mark.parametrize(("path", "body", "field"), [(path, body, field) for path, body in REQUIRED for field in body])
async def test_what_is_required_is_asked_for_in_a_sentence(
    shared_api: Api, mine: Belongings, path: str, body: Json, field: str
) -> None:
    filled = {name: value.format(**mine.ids) if isinstance(value, str) else value for name, value in body.items()}
    # One field of the caller's own, so that the spelling still shows when the only one that tells is left out.
    sent = {name: value for name, value in filled.items() if name != field}
    sent |= {"other_field": 1} if any("_" in name for name in body) else {}
    answer = await shared_api.client.post(path.format(**mine.ids), json=sent)
    assert answer.status_code == 400, answer.text
    assert isinstance(answer.json()["detail"], str)
    assert f"`{field}`" in answer.json()["detail"]


WORDS: list[tuple[str, Json, str, list[Any], list[Any]]] = [
    ("/v1/agents", {"name": "Desk", "systemPrompt": "x"}, "voiceMode", ["webhook", "hosted"], ["Webhook", "ai", "", 1]),
    ("/v1/numbers", {"phoneNumber": "+19995550100"}, "country", ["US", "CA"], ["GB", "USA", ""]),
    ("/v1/numbers", {"phoneNumber": "+19995550100"}, "areaCode", ["415"], ["41", "4155", "abc"]),
]


@pytest.mark.parametrize(("path", "body", "field", "right", "wrong"), WORDS)
async def test_only_the_printed_words_are_taken(
    shared_api: Api, path: str, body: Json, field: str, right: list[Any], wrong: list[Any]
) -> None:
    for value in right:
        answer = await shared_api.client.post(path, json=body | {field: value})
        assert answer.status_code != 400, answer.text
    for value in wrong:
        answer = await shared_api.client.post(path, json=body | {field: value})
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ("status", ["completed", "in-progress", "failed"], ["ended", ""]),
        ("direction", ["inbound", "outbound", "web"], ["in", "INBOUND", ""]),
    ],
)
async def test_calls_are_filtered_by_the_printed_words(
    shared_api: Api, field: str, right: list[str], wrong: list[str]
) -> None:
    for value in right:
        assert (await shared_api.client.get("/v1/calls", params={field: value})).status_code == 200
    for value in wrong:
        assert (await shared_api.client.get("/v1/calls", params={field: value})).status_code == 400
