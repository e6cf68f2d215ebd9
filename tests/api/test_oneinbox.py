"""What a OneInbox client sends, and what it reads."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from parley.storage import calls
from tests.api.conftest import Api

Json = dict[str, Any]
PHONE = "+14155551234"


def ok(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


async def made(api: Api, path: str, **body: Any) -> Json:
    return ok(await api.client.post(path, json=body), 201)


async def an_agent(api: Api, **fields: Any) -> str:
    wanted = {"name": "Desk", "voiceMode": "hosted", "systemPrompt": "Help {{customer_name}}."} | fields
    return str((await made(api, "/v1/agents", **wanted))["id"])


async def a_credential(api: Api, **fields: Any) -> Json:
    """As the guide stores it: an auth token, and no account SID."""
    wanted = {"name": "Production Telephony", "provider": "twilio", "api_key": api.carrier.auth_token} | fields
    return await made(api, "/v1/credentials", **wanted)


async def register(api: Api, agent_id: str, **fields: Any) -> Json:
    wanted = {"phone_number": PHONE, "friendly_name": "Support Line", "provider": "twilio", "agent_id": agent_id}
    return await made(api, "/v1/phone-numbers", **wanted | fields)


TRUNK = {
    "trunk_address": "your-carrier.pstn.example.com",
    "auth_username": "sip-user",
    "auth_password": "sip-password-0042",
}


# ---------------------------------------------------------------- credentials and search


async def test_a_credential_is_spelled_as_it_was_sent(api: Api) -> None:
    credential = await a_credential(api)

    assert credential.items() >= {"name": "Production Telephony", "provider": "twilio", "account_id": None}.items()
    assert credential["masked_key"] == f"…{api.carrier.auth_token[-4:]}"
    assert api.carrier.auth_token not in str(credential)
    listed = await api.client.get("/v1/credentials", params={"provider": "twilio"})
    assert api.carrier.auth_token not in listed.text


async def test_numbers_on_sale_are_searched_at_the_credentials_carrier(api: Api) -> None:
    credential = await a_credential(api)
    query = {"country": "US", "area_code": "415", "limit": 10, "credential_id": credential["id"]}

    found = ok(await api.client.get("/v1/phone-numbers/search", params=query))

    assert found["items"] == found["data"]
    assert found["items"][0]["phone_number"].startswith("+1415")
    assert len(found["items"]) == 10
    ending = ok(await api.client.get("/v1/phone-numbers/search", params=query | {"contains": "0142"}))
    assert [each["phone_number"] for each in ending["items"]] == ["+14155550142"]


async def test_a_carrier_that_cannot_be_searched_says_so(api: Api) -> None:
    tenyx = await a_credential(api, provider="tenyx")

    refused = ok(await api.client.get("/v1/phone-numbers/search", params={"credential_id": tenyx["id"]}), 400)

    assert "tenyx" in refused["detail"]


@pytest.mark.parametrize("query", [{"country": "USA"}, {"limit": "0"}, {"limit": "101"}, {"area_code": "a"}])
async def test_a_search_that_cannot_be_meant_is_refused(shared_api: Api, query: dict[str, str]) -> None:
    refused = ok(await shared_api.client.get("/v1/phone-numbers/search", params=query), 400)
    assert refused["errors"][0]["field"] in query


# ---------------------------------------------------------------- numbers


async def test_a_number_of_the_account_is_connected(api: Api) -> None:
    owned = api.carrier.stock.take(PHONE)
    assert owned is not None
    agent_id, credential = await an_agent(api), await a_credential(api)

    number = await register(api, agent_id, credential_id=credential["id"])

    assert (
        number.items()
        >= {
            "phone_number": PHONE,
            "friendly_name": "Support Line",
            "provider": "twilio",
            "agent_id": agent_id,
            "status": "active",
            "connected": True,
            "connection_note": None,
            "inbound_routing": {"agent_id": agent_id, "voicemail_message": None},
        }.items()
    )
    assert owned.hooks["VoiceUrl"].endswith(f"/numbers/{number['id']}/voice")


async def test_a_number_the_account_does_not_own_is_told_so_and_connected_later(api: Api) -> None:
    agent_id = await an_agent(api)

    number = await register(api, agent_id)
    assert (number["status"], number["connected"]) == ("active", False)
    assert "port it" in number["connection_note"]
    native = ok(await api.client.get(f"/v1/numbers/{number['id']}"))
    assert (native["connected"], native["connectionNote"]) == (False, number["connection_note"])

    api.carrier.stock.take(PHONE)
    again = await register(api, agent_id)
    assert (again["id"], again["connected"]) == (number["id"], True)


async def test_wrong_credentials_are_told_in_the_carriers_words(api: Api) -> None:
    agent_id, credential = await an_agent(api), await a_credential(api, api_key="not-the-token")
    body = {"phone_number": PHONE, "provider": "twilio", "agent_id": agent_id, "credential_id": credential["id"]}

    refused = ok(await api.client.post("/v1/phone-numbers", json=body), 502)

    assert (refused["code"], "Authenticate" in refused["detail"]) == ("carrier_refused", True)
    assert ok(await api.client.get("/v1/phone-numbers"))["total"] == 0


async def test_a_number_is_registered_by_account_and_then_by_trunk(api: Api) -> None:
    agent_id, credential = await an_agent(api), await a_credential(api)
    first = await register(api, agent_id, credential_id=credential["id"])

    answer = await api.client.post(
        "/v1/phone-numbers",
        json={"phone_number": PHONE, "provider": "twilio", "agent_id": agent_id, "provider_config": TRUNK},
    )

    second = ok(answer, 201)
    assert (second["id"], second["friendly_name"], second["connected"]) == (first["id"], "Support Line", False)
    assert "SIP" in second["connection_note"]
    assert "sip-password" not in answer.text
    for path in ("/v1/phone-numbers", f"/v1/phone-numbers/{first['id']}", f"/v1/numbers/{first['id']}"):
        assert "sip-password" not in (await api.client.get(path)).text
    assert ok(await api.client.get("/v1/phone-numbers"))["total"] == 1


@pytest.mark.parametrize("provider", ["tenyx", "telnyx", "my-carrier"])
async def test_any_carrier_may_be_named(api: Api, provider: str) -> None:
    number = await register(api, await an_agent(api), provider=provider, provider_config=TRUNK)
    assert (number["provider"], number["connected"]) == (provider, False)


async def test_another_projects_number_is_a_conflict(api: Api) -> None:
    await register(api, await an_agent(api))
    agent = ok(await api.stranger.post("/v1/agents", json={"name": "Theirs"}), 201)

    body = {"phone_number": PHONE, "provider": "twilio", "agent_id": agent["id"], "provider_config": TRUNK}

    assert ok(await api.stranger.post("/v1/phone-numbers", json=body), 409)["code"] == "conflict"


async def test_a_number_is_listed_reassigned_and_unregistered(api: Api) -> None:
    number = await register(api, await an_agent(api))
    path, other = f"/v1/phone-numbers/{number['id']}", await an_agent(api)

    changed = ok(await api.client.patch(path, json={"agent_id": other}))
    assert (changed["agent_id"], changed["inbound_routing"]) == (
        other,
        {"agent_id": other, "voicemail_message": None},
    )
    renamed = ok(await api.client.patch(path, json={"friendly_name": "Sales"}))
    assert (renamed["friendly_name"], renamed["agent_id"]) == ("Sales", other)
    listed = ok(await api.client.get("/v1/phone-numbers", params={"limit": 5}))
    assert listed["items"] == listed["data"] == [renamed]
    assert (listed["total"], listed["limit"], listed["offset"], listed["has_more"]) == (1, 5, 0, False)
    assert ok(await api.client.get(path)) == renamed

    gone = ok(await api.client.delete(path))
    assert gone == {"success": True, "id": number["id"], "phone_number": PHONE, "status": "inactive"}
    assert (await api.client.delete(path)).status_code == 404
    assert ok(await api.client.get("/v1/phone-numbers"))["items"] == []
    assert ok(await api.client.patch(path, json={"friendly_name": "x"}), 409)["code"] == "conflict"


async def test_an_unregistered_number_stays_in_the_account(api: Api) -> None:
    api.carrier.stock.take(PHONE)
    number = await register(api, await an_agent(api))

    ok(await api.client.delete(f"/v1/phone-numbers/{number['id']}"))

    assert api.carrier.stock.find(PHONE) is not None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"agent_id": None}, "agent_id"),
        ({"phone_number": "hello"}, "phone_number"),
        ({"inbound_routing": {"fallback": {"agent_id": "agent_1"}}}, "inbound_routing.fallback"),
        ({"provider_config": {"trunk_address": 5}}, "provider_config.trunk_address"),
    ],
)
async def test_a_registration_that_cannot_be_kept_is_refused(api: Api, fields: Json, field: str) -> None:
    body = {"phone_number": PHONE, "provider": "twilio", "agent_id": await an_agent(api)} | fields

    refused = ok(await api.client.post("/v1/phone-numbers", json=body), 400)

    assert [error["field"] for error in refused["errors"]] == [field]
    assert ok(await api.client.get("/v1/phone-numbers"))["total"] == 0


async def test_a_number_is_answered_by_one_agent(api: Api) -> None:
    agent_id, other = await an_agent(api), await an_agent(api)
    number = await register(api, agent_id, inbound_routing={"agent_id": agent_id})
    assert number["inbound_routing"] == {"agent_id": agent_id, "voicemail_message": None}

    body = {"phone_number": PHONE, "provider": "twilio", "agent_id": agent_id}
    for routed_to, status in ((other, 400), ("agent_unknown", 404)):
        refused = await api.client.post("/v1/phone-numbers", json=body | {"inbound_routing": {"agent_id": routed_to}})
        assert refused.status_code == status, refused.text


# ---------------------------------------------------------------- calls


async def a_call(api: Api, **fields: Any) -> Json:
    api.carrier.stock.take("+15739693824")
    api.carrier.phone("+919876543210")
    wanted = {"agent_id": await an_agent(api), "to_number": "+919876543210", "from_number": "+15739693824"}
    return await made(api, "/v1/calls", **wanted | fields)


async def test_a_call_is_placed_polled_and_stopped(api: Api) -> None:
    call = await a_call(api, variables={"customer_name": "Sam"}, metadata={"orderId": 7})
    assert (
        call.items()
        >= {
            "status": "initiated",
            "to_number": "+919876543210",
            "from_number": "+15739693824",
            "direction": "outbound",
            "type": "outbound",
            "metadata": {"orderId": 7},
            "end_reason": None,
            "ended_at": None,
        }.items()
    )

    path = f"/v1/calls/{call['id']}"
    polled = ok(await api.client.get(path))
    assert polled["status"] in {"initiated", "in_progress"}
    assert polled["transcript"] == polled["messages"]
    assert ok(await api.client.post(f"{path}/stop")).keys() == polled.keys()
    assert ok(await api.client.post(f"{path}/end")).keys() == polled.keys()


async def test_a_native_call_is_shown_as_it_was_placed(api: Api) -> None:
    agent_id = await an_agent(api)
    api.carrier.stock.take("+15739693824")
    body = {"agentId": agent_id, "toNumber": "+14155550199", "fromNumber": "+15739693824"}
    call = await made(api, "/v1/calls", **body)

    shown = ok(await api.client.get(f"/v1/calls/{call['id']}"))
    assert (shown["agentId"], shown["transcripts"]) == (agent_id, [])
    assert ok(await api.client.post(f"/v1/calls/{call['id']}/end"))["agentId"] == agent_id


@pytest.mark.parametrize("status", ["queued", "initiated", "in_progress"])
async def test_a_status_of_this_dialect_alone_says_whose_list_it_is(api: Api, status: str) -> None:
    call = await a_call(api)
    listed = ok(await api.client.get("/v1/calls", params={"status": status, "limit": 5}))
    assert [each["id"] for each in listed["items"]] == ([call["id"]] if status == "initiated" else [])


async def test_calls_are_listed_by_agent_and_status(api: Api) -> None:
    first, second = await a_call(api), await a_call(api)

    async def found(**query: Any) -> Json:
        return ok(await api.client.get("/v1/calls", params=query))

    mine = await found(agent_id=first["agent_id"])
    assert (mine["items"], mine["total"]) == (mine["data"], 1)
    assert mine["items"][0]["id"] == first["id"]
    assert (await found(agent_id=second["agent_id"], status="queued"))["items"] == []
    assert (await found(agent_id=second["agent_id"], status="completed"))["items"] == []
    refused = await api.client.get("/v1/calls", params={"agent_id": first["agent_id"], "status": "in-progress"})
    assert ok(refused, 400)["errors"][0]["field"] == "status"


async def test_a_call_changes_its_agent_by_overrides(api: Api) -> None:
    call = await a_call(
        api,
        variables={"name": "Sam"},
        overrides={
            "first_message": "Hello {{name}}.",
            "llm": {"system_prompt": "Sell to {{name}}.", "model": "small", "temperature": 0.2},
            "tts": {"voice_id": "tenor", "speed": 1.2},
            "transcriber": {"language": "fr"},
        },
    )

    async with api.house.database.read() as session:
        snapshot = (await calls.get_known(session, call["id"])).snapshot
    assert (snapshot["greeting"], snapshot["system_prompt"]) == ("Hello Sam.", "Sell to Sam.")
    assert (snapshot["model"]["model"], snapshot["model"]["temperature"]) == ("small", 0.2)
    assert (snapshot["voice"]["voice"], snapshot["voice"]["speed"]) == ("tenor", 1.2)
    assert snapshot["listen"]["language"] == "fr"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from_number": None}, "from_number"),
        ({"to_number": "911"}, "to_number"),
        ({"scheduled_at": "2030-01-01T00:00:00Z"}, "scheduled_at"),
        ({"overrides": {"tts": {"stability": 0.4}}}, "overrides.tts.stability"),
        ({"overrides": {"background_sound": "office"}}, "overrides.background_sound"),
        ({"overrides": {"llm": {"temperature": 3}}}, "overrides.llm.temperature"),
        ({"overrides": {"tts": {"voice_id": "alloy"}}, "voice": "nova"}, "overrides.tts.voice_id"),
        ({"overrides": {"first_message": "Hi"}, "initial_greeting": "Hello"}, "overrides.first_message"),
        ({"webhook_url": "ftp://example.com"}, "webhook_url"),
        ({"variables": [1]}, "variables"),
    ],
)
async def test_a_call_that_cannot_be_held_as_asked_is_not_placed(api: Api, fields: Json, field: str) -> None:
    wanted = {"agent_id": await an_agent(api), "to_number": "+919876543210", "from_number": "+15739693824"} | fields

    refused = ok(await api.client.post("/v1/calls", json=wanted), 400)

    assert [error["field"] for error in refused["errors"]] == [field]
    assert ok(await api.client.get("/v1/calls"))["total"] == 0


async def test_the_native_request_may_be_written_in_snake_case(api: Api) -> None:
    agent_id = await an_agent(api)
    number = await made(api, "/v1/numbers", agentId=agent_id)
    body = {"agent_id": agent_id, "to_number": "+14155550199", "system_prompt": "Sell.", "initial_greeting": "Hi."}

    call = await made(api, "/v1/calls", **body)

    assert (call["from_number"], call["status"]) == (number["phoneNumber"], "initiated")


@pytest.mark.parametrize(
    ("credential", "field"),
    [
        ({"account_sid": "AC/../x"}, "account_sid"),
        ({"account_sid": "AC.x"}, "account_sid"),
        ({"metadata": {"account_sid": "AC/../x"}}, "metadata.account_sid"),
        ({"provider_config": {"accountSid": "AC/../x"}}, "provider_config.accountSid"),
        ({"api_key": "AC/../x:token"}, "api_key"),
    ],
)
async def test_what_is_no_account_id_is_refused_when_it_is_sent(api: Api, credential: Json, field: str) -> None:
    wanted = {"name": "k", "provider": "twilio", "api_key": api.carrier.auth_token} | credential
    answer = await api.client.post("/v1/credentials", json=wanted)
    refused = ok(answer, 400)
    assert [error["field"] for error in refused["errors"]] == [field]
    assert "AC" not in answer.text
    assert ok(await api.client.get("/v1/credentials"))["total"] == 0


@pytest.mark.parametrize(
    ("credential", "account"),
    [
        ({"account_sid": "{sid}"}, "own"),
        ({"metadata": {"account_sid": "{sid}"}}, "own"),
        ({"provider_config": {"account_sid": "{sid}"}}, "own"),
        ({"api_key": "{sid}:{token}"}, "own"),
        ({}, "environment"),
    ],
)
async def test_a_carriers_account_id_may_come_in_every_form(api: Api, credential: Json, account: str) -> None:
    carrier = api.carrier

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(inner) for name, inner in value.items()}
        return value.format(sid=carrier.account_sid, token=carrier.auth_token)

    kept = await a_credential(api, **{name: filled(value) for name, value in credential.items()})

    assert kept["account_id"] == (carrier.account_sid if account == "own" else None)
    found = await api.client.get("/v1/phone-numbers/search", params={"credential_id": kept["id"]})
    assert ok(found)["items"]
