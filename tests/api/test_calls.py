"""Calls and numbers of the native API in the cases its documents describe in prose."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Api

Json = dict[str, Any]
CALLEE = "+14155559999"


def ok(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


async def made(api: Api, path: str, **body: Any) -> Json:
    return ok(await api.client.post(path, json=body), 201)


async def hosted(api: Api, **fields: Any) -> str:
    wanted = {"name": "Desk", "voiceMode": "hosted", "systemPrompt": "Be kind."} | fields
    return str((await made(api, "/v1/agents", **wanted))["id"])


# ---------------------------------------------------------------- placing


async def test_a_number_without_a_country_is_dialled_in_the_united_states(api: Api) -> None:
    agent_id = await hosted(api)
    await made(api, "/v1/numbers", agentId=agent_id)

    call = await made(api, "/v1/calls", agentId=agent_id, toNumber="4155559999")

    [form] = [form for method, path, form in api.carrier.requests if method == "POST" and path.endswith("Calls.json")]
    assert call["toNumber"] == form["To"] == CALLEE


async def test_the_caller_id_is_the_first_number_and_changes_with_it(api: Api) -> None:
    agent_id = await hosted(api)
    first = await made(api, "/v1/numbers", agentId=agent_id)
    second = await made(api, "/v1/numbers", agentId=agent_id)

    async def shown() -> str:
        return str((await made(api, "/v1/calls", agentId=agent_id, toNumber=CALLEE))["fromNumber"])

    assert await shown() == first["phoneNumber"]
    ok(await api.client.delete(f"/v1/agents/{agent_id}/numbers/{first['id']}"))
    assert await shown() == second["phoneNumber"]
    ok(await api.client.post(f"/v1/agents/{agent_id}/numbers", json={"numberId": first["id"]}))
    assert await shown() == second["phoneNumber"]


async def test_a_caller_id_that_nobody_registered_is_the_carriers_to_judge(api: Api) -> None:
    agent_id = await hosted(api)
    body = {"agentId": agent_id, "toNumber": CALLEE, "fromNumber": "+15739693824"}

    refused = ok(await api.client.post("/v1/calls", json=body), 502)
    assert (refused["code"], "not yet verified" in refused["detail"]) == ("carrier_refused", True)

    api.carrier.stock.take("+15739693824")
    call = await made(api, "/v1/calls", **body)
    assert (call["fromNumber"], call["phoneNumberId"]) == ("+15739693824", None)


@pytest.mark.parametrize(
    ("agent", "call", "about"),
    [
        ({"voiceMode": "hosted", "systemPrompt": "x"}, {}, "fromNumber"),
        ({}, {"fromNumber": "+15739693824"}, "systemPrompt"),
        ({}, {"fromNumber": "+15739693824", "systemPrompt": ""}, "systemPrompt"),
    ],
    ids=["no caller ID", "nobody answers", "an empty prompt is none"],
)
async def test_a_call_that_cannot_be_held_is_refused(api: Api, agent: Json, call: Json, about: str) -> None:
    agent_id = (await made(api, "/v1/agents", name="Desk", **agent))["id"]

    refused = ok(await api.client.post("/v1/calls", json={"agentId": agent_id, "toNumber": CALLEE, **call}), 400)

    assert about in refused["detail"]
    assert ok(await api.client.get("/v1/calls"))["total"] == 0


# ---------------------------------------------------------------- listing


async def test_a_list_says_whether_it_goes_on(api: Api) -> None:
    agent_id = await hosted(api)
    number = await made(api, "/v1/numbers", agentId=agent_id)
    placed = [await made(api, "/v1/calls", agentId=agent_id, toNumber="+12125550100") for _ in range(3)]
    newest_first = [call["id"] for call in reversed(placed)]

    for path in ("/v1/calls", f"/v1/numbers/{number['id']}/calls", f"/v1/agents/{agent_id}/calls"):
        pages = [ok(await api.client.get(path, params={"limit": 2, "offset": offset})) for offset in (0, 2, 4)]
        assert [[row["id"] for row in page["data"]] for page in pages] == [newest_first[:2], newest_first[2:], []]
        assert [(page["hasMore"], page["total"]) for page in pages] == [(True, 3), (False, 3), (False, 3)]


# ---------------------------------------------------------------- what stays when agents and numbers go


async def test_an_agents_mode_changes_both_ways_and_its_numbers_stay(api: Api) -> None:
    agent_id = (await made(api, "/v1/agents", name="Desk", systemPrompt="Be kind."))["id"]
    number = await made(api, "/v1/numbers", agentId=agent_id)

    for mode in ("hosted", "webhook", "hosted"):
        changed = ok(await api.client.patch(f"/v1/agents/{agent_id}", json={"voiceMode": mode}))
        assert (changed["voiceMode"], changed["systemPrompt"]) == (mode, "Be kind.")
        assert [each["id"] for each in changed["phoneNumbers"]] == [number["id"]]


async def test_a_deleted_agent_leaves_its_numbers_and_its_calls(api: Api) -> None:
    agent_id = await hosted(api)
    numbers = [(await made(api, "/v1/numbers", agentId=agent_id))["id"] for _ in range(2)]
    call = await made(api, "/v1/calls", agentId=agent_id, toNumber=CALLEE)

    deleted = ok(await api.client.delete(f"/v1/agents/{agent_id}"))

    assert (deleted["success"], deleted["unassignedNumbers"]) == (True, numbers)
    for path in (f"/v1/agents/{agent_id}", f"/v1/agents/{agent_id}/calls"):
        assert (await api.client.get(path)).status_code == 404
    assert [each["agentId"] for each in ok(await api.client.get("/v1/numbers"))["data"]] == [None, None]
    assert ok(await api.client.get(f"/v1/calls/{call['id']}"))["agentId"] is None


async def test_a_released_number_is_gone_and_its_calls_are_not(api: Api) -> None:
    agent_id = await hosted(api)
    number = await made(api, "/v1/numbers", agentId=agent_id)
    call = await made(api, "/v1/calls", agentId=agent_id, toNumber=CALLEE)
    path = f"/v1/numbers/{number['id']}"

    released = ok(await api.client.delete(path))

    assert released == {"success": True, "id": number["id"], "phoneNumber": number["phoneNumber"], "status": "released"}
    assert api.carrier.stock.owned == {}
    assert (await api.client.delete(path)).status_code == 404
    assert ok(await api.client.get("/v1/numbers"))["data"] == []
    assert ok(await api.client.get(path))["connected"] is False
    assert [each["id"] for each in ok(await api.client.get(f"{path}/calls"))["data"]] == [call["id"]]
    assert (await api.client.post("/v1/calls", json={"agentId": agent_id, "toNumber": CALLEE})).status_code == 400


async def test_a_number_is_bought_although_the_first_offers_are_in_use_here(api: Api) -> None:
    first = await made(api, "/v1/numbers", areaCode="415")
    api.carrier.stock.owned.clear()  # another simulated carrier, as after a restart of the demo, offers it again

    second = await made(api, "/v1/numbers", areaCode="415")

    assert second["phoneNumber"] != first["phoneNumber"]
    assert second["phoneNumber"].startswith("+1415")
