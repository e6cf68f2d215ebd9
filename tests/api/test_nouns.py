"""Each noun over HTTP, the way clients of the native dialect use it."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api

Json = dict[str, Any]
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def ok(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


async def made(api: Api, path: str, **body: Any) -> Json:
    return ok(await api.client.post(path, json=body), 201)


# ---------------------------------------------------------------- agents


async def test_an_agent_is_made_read_changed_and_deleted(api: Api) -> None:
    agent = await made(api, "/v1/agents", name="Support", description="Helps", beginMessage="Hi!")
    assert agent["id"].startswith("agent_")
    assert (agent["voiceMode"], agent["systemPrompt"], agent["phoneNumbers"]) == ("webhook", None, [])
    assert STAMP.fullmatch(agent["createdAt"])

    path = f"/v1/agents/{agent['id']}"
    changed = ok(await api.client.patch(path, json={"voice_mode": "hosted", "system_prompt": "Be kind."}))
    assert (changed["voiceMode"], changed["systemPrompt"]) == ("hosted", "Be kind.")
    assert (changed["name"], changed["beginMessage"]) == ("Support", "Hi!")
    assert ok(await api.client.get(path)) == changed

    assert ok(await api.client.delete(path)) == {
        "success": True,
        "id": agent["id"],
        "message": "Agent deleted",
        "unassignedNumbers": [],
    }
    assert (await api.client.get(path)).status_code == 404


async def test_a_hosted_agent_needs_a_prompt(api: Api) -> None:
    refused = ok(await api.client.post("/v1/agents", json={"name": "x", "voiceMode": "hosted"}), 400)
    assert "systemPrompt" in refused["detail"]


async def test_agents_are_listed_page_by_page(api: Api) -> None:
    for name in "abc":
        await made(api, "/v1/agents", name=name)
    first = ok(await api.client.get("/v1/agents", params={"limit": 2}))
    second = ok(await api.client.get("/v1/agents", params={"limit": 2, "offset": 2}))
    assert ([each["name"] for each in first["data"]], first["total"], first["hasMore"]) == (["c", "b"], 3, True)
    assert ([each["name"] for each in second["data"]], second["total"], second["hasMore"]) == (["a"], 3, False)
    assert ok(await api.stranger.get("/v1/agents")) == {"data": [], "total": 0, "hasMore": False}


async def test_an_agent_gains_and_loses_numbers(api: Api) -> None:
    agent = await made(api, "/v1/agents", name="Support")
    number = await made(api, "/v1/numbers", areaCode="415")
    path = f"/v1/agents/{agent['id']}/numbers"
    attached = ok(await api.client.post(path, json={"numberId": number["id"]}))
    assert (attached["agentId"], attached["number"]["phoneNumber"]) == (agent["id"], number["phoneNumber"])
    shown = ok(await api.client.get(f"/v1/agents/{agent['id']}"))
    assert shown["phoneNumbers"] == shown["numbers"] == [attached["number"]]

    assert ok(await api.client.delete(f"{path}/{number['id']}")) == {"success": True}
    assert (await api.client.delete(f"{path}/{number['id']}")).status_code == 404
    ok(await api.client.post(path, json={"number_id": number["id"]}))
    deleted = ok(await api.client.delete(f"/v1/agents/{agent['id']}"))
    assert deleted["unassignedNumbers"] == [number["id"]]
    assert ok(await api.client.get(f"/v1/numbers/{number['id']}"))["agentId"] is None


# ---------------------------------------------------------------- numbers


async def test_a_number_is_searched_bought_listed_and_released(api: Api) -> None:
    found = ok(await api.client.get("/v1/numbers/search", params={"country": "US", "areaCode": "415"}))
    assert found.keys() == {"data"}
    assert found["data"][0]["phoneNumber"].startswith("+1415")

    number = await made(api, "/v1/numbers", country="US", areaCode="415")
    assert (number["country"], number["status"], number["agentId"]) == ("US", "active", None)
    [path] = [form for method, path, form in api.carrier.requests if method == "POST" and "IncomingPhone" in path]
    assert path["VoiceUrl"] == f"http://parley.test/carriers/twilio/numbers/{number['id']}/voice"

    listed = ok(await api.client.get("/v1/numbers"))
    assert (listed["total"], [each["id"] for each in listed["data"]]) == (1, [number["id"]])
    released = ok(await api.client.delete(f"/v1/numbers/{number['id']}"))
    assert (released["success"], released["status"]) == (True, "released")
    assert (await api.client.delete(f"/v1/numbers/{number['id']}")).status_code == 404
    assert ok(await api.client.get("/v1/numbers"))["data"] == []


async def test_a_number_that_is_owned_is_imported_once_however_often(api: Api) -> None:
    api.carrier.stock.take("+14155550123")
    first = await made(api, "/v1/numbers/import", phoneNumber="(415) 555-0123")
    again = await made(api, "/v1/numbers/import", phone_number="+14155550123", friendlyName="Desk")
    assert (first["id"], first["phoneNumber"]) == (again["id"], "+14155550123")
    refused = await api.stranger.post("/v1/numbers/import", json={"phoneNumber": "+14155550123"})
    assert ok(refused, 409)["code"] == "conflict"


async def test_what_the_carrier_refuses_is_quoted(api: Api) -> None:
    wrong = await made(api, "/v1/credentials", name="Old", provider="twilio", apiKey="not-the-token-any-more")
    body = {"phoneNumber": "+14155559876", "credentialId": wrong["id"]}
    refused = ok(await api.client.post("/v1/numbers/import", json=body), 502)
    assert (refused["code"], "Authenticate" in refused["detail"]) == ("carrier_refused", True)
    assert "+14155559876" not in refused["detail"]


# ---------------------------------------------------------------- calls


async def test_a_call_is_placed_listed_read_and_ended(api: Api) -> None:
    api.carrier.phone("+14155550199")
    agent = await made(api, "/v1/agents", name="Sales", voiceMode="hosted", systemPrompt="Sell.")
    number = await made(api, "/v1/numbers", agentId=agent["id"])
    call = await made(api, "/v1/calls", agentId=agent["id"], toNumber="4155550199", metadata={"order_id": 7})
    assert (call["direction"], call["fromNumber"], call["toNumber"]) == (
        "outbound",
        number["phoneNumber"],
        "+14155550199",
    )
    assert call["metadata"] == {"order_id": 7}

    for path in ("/v1/calls", f"/v1/agents/{agent['id']}/calls", f"/v1/numbers/{number['id']}/calls"):
        listed = ok(await api.client.get(path))
        assert (listed["total"], listed["hasMore"], listed["data"][0]["id"]) == (1, False, call["id"])
    assert ok(await api.client.get("/v1/calls", params={"search": "5550199"}))["total"] == 1
    assert ok(await api.client.get("/v1/calls", params={"search": "5550198"}))["total"] == 0
    assert ok(await api.client.get("/v1/calls", params={"direction": "inbound"}))["total"] == 0
    detail = ok(await api.client.get(f"/v1/calls/{call['id']}"))
    assert (detail["id"], detail["transcripts"]) == (call["id"], [])
    assert ok(await api.client.get(f"/v1/calls/{call['id']}/transcript")) == {"data": []}
    assert ok(await api.client.post(f"/v1/calls/{call['id']}/end"))["id"] == call["id"]


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({"toNumber": "+14155550199"}, "number"),
        ({"toNumber": "nobody"}, "toNumber"),
        ({"toNumber": "911"}, ""),
    ],
)
async def test_a_call_that_cannot_be_placed_says_why(api: Api, body: Json, about: str) -> None:
    agent = await made(api, "/v1/agents", name="Sales", voiceMode="hosted", systemPrompt="Sell.")
    refused = ok(await api.client.post("/v1/calls", json={"agentId": agent["id"], **body}), 400)
    assert about in refused["detail"]


# ---------------------------------------------------------------- webhooks and credentials


async def test_a_webhook_is_set_read_and_deleted_for_project_and_agent(api: Api) -> None:
    agent = await made(api, "/v1/agents", name="Support")
    for path in ("/v1/webhooks", f"/v1/agents/{agent['id']}/webhook"):
        assert (await api.client.get(path)).json() is None
        webhook = await made(api, path, url="https://example.com/hook", contextLimit=5)
        assert webhook["secret"].startswith("whsec_")
        assert (webhook["status"], webhook["contextLimit"], webhook["timeout"]) == ("active", 5, 30)
        assert ok(await api.client.get(path)) == webhook
        again = await made(api, path, url="https://example.com/other")
        assert again["secret"] != webhook["secret"]
        assert ok(await api.client.delete(path)) == {"success": True}
        assert (await api.client.delete(path)).status_code == 404


async def test_deliveries_to_an_agents_own_webhook_are_a_plain_array(api: Api) -> None:
    agent = await made(api, "/v1/agents", name="Front desk")
    path = f"/v1/agents/{agent['id']}/webhook"
    await made(api, path, url="http://127.0.0.1:9/hook")
    tested = ok(await api.client.post(f"{path}/test"))

    listed: list[dict[str, Any]] = (await api.client.get(f"{path}/deliveries")).json()

    assert [row["id"] for row in listed] == [tested["deliveryId"]]


async def test_deliveries_are_listed_under_both_names(api: Api) -> None:
    assert ok(await api.client.get("/v1/webhooks/deliveries", params={"limit": 10, "hours": 24})) == {
        "data": [],
        "items": [],
        "total": 0,
        "hasMore": False,
        "limit": 10,
        "offset": 0,
    }


async def test_a_credentials_secret_never_comes_out(api: Api) -> None:
    credential = await made(api, "/v1/credentials", name="Mine", provider="deepgram", api_key="a-very-secret-key-0042")
    listed = await api.client.get("/v1/credentials")
    for text in (str(credential), listed.text):
        assert "very-secret" not in text
        assert "…0042" in text
    assert ok(await api.client.delete(f"/v1/credentials/{credential['id']}")) == {"success": True}
    assert ok(await api.client.get("/v1/credentials"))["total"] == 0
