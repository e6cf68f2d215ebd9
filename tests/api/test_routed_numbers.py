"""Phone numbers, routing and SIP trunks over HTTP, the way clients of the third dialect use them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Api

Json = dict[str, Any]
ROOT = "/v1/voiceai"
PRINTED: Json = {
    "phone_number": "+1234567890",
    "country_code": "US",
    "provider": "twilio",
    "provider_config": {"account_sid": "your_twilio_sid", "auth_token": "your_twilio_token"},
}
HOURS: Json = {
    "enabled": True,
    "timezone": "America/New_York",
    "schedule": {"monday": {"start": "09:00", "end": "17:00"}},
}
TRUNK: Json = {
    "name": "Main SIP Trunk",
    "sip_domain": "sip.example.com",
    "auth_username": "threetone_user",
    "auth_password": "secure_password",
    "registration_required": True,
}


def ok(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


async def agent_of(client: httpx.AsyncClient) -> str:
    return str(ok(await client.post("/v1/agents", json={"name": "Support"}), 201)["id"])


async def owned(api: Api, **more: Any) -> Json:
    """A number that the operator's carrier account owns, imported."""
    api.carrier.stock.take("+14155550123")
    body = {"phone_number": "+14155550123", "provider": "twilio", **more}
    return ok(await api.client.post(f"{ROOT}/phone-numbers", json=body), 201)


def refused_fields(answer: httpx.Response) -> list[str]:
    return [error["field"] for error in ok(answer, 400)["errors"]]


# ---------------------------------------------------------------- numbers


async def test_the_printed_import_is_accepted_and_tells_that_no_call_comes(api: Api) -> None:
    account = {"account_sid": api.carrier.account_sid, "auth_token": api.carrier.auth_token}
    sent = PRINTED | {"provider_config": account}
    number = ok(await api.client.post(f"{ROOT}/phone-numbers", json=sent), 201)
    assert (number["phone_number"], number["country_code"], number["provider"]) == ("+1234567890", "US", "twilio")
    assert (number["status"], number["connected"]) == ("active", False)
    assert number["connection_note"]
    assert api.carrier.auth_token not in str(number)

    again = ok(await api.client.post(f"{ROOT}/phone-numbers", json=sent | {"friendly_name": "Desk"}), 201)
    assert (again["id"], again["friendly_name"]) == (number["id"], "Desk")
    assert ok(await api.client.get(f"{ROOT}/phone-numbers/{number['id']}")) == again
    listed = ok(await api.client.get(f"{ROOT}/phone-numbers"))
    assert listed == {"phone_numbers": [again], "total": 1, "next_cursor": None, "has_more": False}


async def test_an_account_the_carrier_does_not_know_is_refused_in_its_words(api: Api) -> None:
    refused = ok(await api.client.post(f"{ROOT}/phone-numbers", json=PRINTED), 502)
    assert refused["code"] == "carrier_refused"
    assert "your_twilio_token" not in str(refused)
    assert ok(await api.client.get(f"{ROOT}/phone-numbers"))["total"] == 0


async def test_a_number_the_account_owns_is_connected(api: Api) -> None:
    number = await owned(api)
    assert (number["connected"], number["connection_note"]) == (True, None)


async def test_what_is_imported_with_a_number_is_kept(api: Api) -> None:
    agent = await agent_of(api.client)
    rules = [{"condition": "queue_length", "threshold": 5, "action": "overflow_to_voicemail"}]
    number = await owned(
        api, agent_id=agent, routing_rules=rules, call_routing={"mode": "direct", "business_hours": HOURS}
    )
    assert number["agent_id"] == agent
    assert number["routing_rules"][0]["threshold"] == 5
    assert number["call_routing"]["business_hours"]["schedule"]["monday"] == {"start": "09:00", "end": "17:00"}
    assert number["routing_applied"] is True


async def test_assigning_changes_only_what_is_sent(api: Api) -> None:
    agent, number = await agent_of(api.client), await owned(api)
    path = f"{ROOT}/phone-numbers/{number['id']}"
    routing = {"mode": "direct", "business_hours": HOURS}
    ok(await api.client.put(path, json={"agent_id": agent, "call_routing": routing}))
    named = ok(await api.client.put(path, json={"friendly_name": "Desk"}))
    assert (named["agent_id"], named["friendly_name"]) == (agent, "Desk")
    assert named["call_routing"]["business_hours"]["timezone"] == "America/New_York"
    assert named["call_routing"]["business_hours"]["schedule"]["saturday"] is None

    cleared = ok(await api.client.put(path, json={"agent_id": None, "callRouting": None}))
    assert (cleared["agent_id"], cleared["call_routing"], cleared["friendly_name"]) == (None, None, "Desk")
    ok(await api.client.put(path, json={"agent_id": agent}))
    assert ok(await api.client.get(f"/v1/agents/{agent}"))["phoneNumbers"][0]["id"] == number["id"]


async def test_a_removed_number_stays_with_the_carrier(api: Api) -> None:
    number = await owned(api)
    path = f"{ROOT}/phone-numbers/{number['id']}"
    removed = ok(await api.client.delete(path))
    assert (removed["success"], removed["status"]) == (True, "released")
    assert not [verb for verb, _, _ in api.carrier.requests if verb == "DELETE"]
    assert ok(await api.client.get(f"{ROOT}/phone-numbers"))["total"] == 0
    assert (await api.client.delete(path)).status_code == 404
    assert (await api.client.put(path, json={"friendly_name": "x"})).status_code == 409


async def test_numbers_are_read_page_by_page(api: Api) -> None:
    made = []
    for last in range(3):
        phone = f"+1415555012{last}"
        api.carrier.stock.take(phone)
        made.append(ok(await api.client.post(f"{ROOT}/phone-numbers", json={"phone_number": phone}), 201)["id"])
    first = ok(await api.client.get(f"{ROOT}/phone-numbers", params={"limit": 2}))
    assert ([each["id"] for each in first["phone_numbers"]], first["has_more"]) == ([made[2], made[1]], True)
    rest = ok(await api.client.get(f"{ROOT}/phone-numbers", params={"page_size": 2, "cursor": first["next_cursor"]}))
    assert ([each["id"] for each in rest["phone_numbers"]], rest["has_more"]) == ([made[0]], False)
    assert (rest["next_cursor"], rest["total"]) == (None, 3)
    assert ok(await api.stranger.get(f"{ROOT}/phone-numbers", params={"cursor": first["next_cursor"]}))["total"] == 0


@pytest.mark.parametrize(
    ("query", "field"), [({"cursor": "nonsense"}, "cursor"), ({"limit": "1", "page_size": "1"}, "page_size")]
)
async def test_a_query_that_cannot_be_meant_is_refused(shared_api: Api, query: Json, field: str) -> None:
    assert refused_fields(await shared_api.client.get(f"{ROOT}/phone-numbers", params=query)) == [field]


# ---------------------------------------------------------------- routing


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"call_routing": {"mode": "sideways"}}, "call_routing.mode"),
        (
            {"call_routing": {"business_hours": HOURS | {"timezone": "Mars/Base"}}},
            "call_routing.business_hours.timezone",
        ),
        ({"call_routing": {"business_hours": {"enabled": True}}}, "call_routing.business_hours.timezone"),
        (
            {"call_routing": {"business_hours": HOURS | {"schedule": {"monday": {"start": "9am", "end": "17:00"}}}}},
            "call_routing.business_hours.schedule.monday.start",
        ),
        (
            {"call_routing": {"business_hours": HOURS | {"schedule": {"monday": {"start": "09:00", "end": "09:00"}}}}},
            "call_routing.business_hours.schedule.monday.end",
        ),
        ({"routing_config": {"max_queue_time": 3601}}, "routing_config.max_queue_time"),
        ({"routing_config": {"fallback_behavior": "explode"}}, "routing_config.fallback_behavior"),
        (
            {"routing_rules": [{"condition": "time_of_day", "start_time": "18:00", "action": "overflow_to_voicemail"}]},
            "routing_rules.0.end_time",
        ),
        (
            {"routing_rules": [{"condition": "caller_id_matches", "pattern": "1800*", "action": "route_to_agent"}]},
            "routing_rules.0.pattern",
        ),
        (
            {"routing_rules": [{"condition": "caller_id_matches", "pattern": "+1800*", "action": "route_to_agent"}]},
            "routing_rules.0.agent_id",
        ),
        (
            {"routing_rules": [{"condition": "queue_length", "threshold": -1, "action": "route_to_agent"}]},
            "routing_rules.0.threshold",
        ),
        ({"routing_rules": [{"condition": "full_moon", "action": "route_to_agent"}]}, "routing_rules.0.condition"),
        (
            {"routing_rules": [{"condition": "queue_length", "threshold": 5, "action": "overflow_to_voicemail"}] * 101},
            "routing_rules",
        ),
    ],
)
async def test_routing_that_cannot_be_meant_is_refused_at_its_field(api: Api, body: Json, field: str) -> None:
    number = await owned(api)
    path = f"{ROOT}/phone-numbers/{number['id']}"
    assert field in refused_fields(await api.client.put(path, json=body))
    assert ok(await api.client.get(path)) == number


async def test_another_projects_agent_cannot_be_routed_to(api: Api) -> None:
    foreign, number = await agent_of(api.stranger), await owned(api)
    rule = {"condition": "queue_length", "threshold": 5, "action": "route_to_agent", "agent_id": foreign}
    path = f"{ROOT}/phone-numbers/{number['id']}"
    for target in (path, f"{ROOT}/routing"):
        refused = ok(await api.client.put(target, json={"routing_rules": [rule]}), 404)
        assert "`routing_rules.0.agent_id`" in refused["detail"]
        assert foreign not in refused["detail"]
    assert (await api.client.put(path, json={"agent_id": foreign})).status_code == 404
    assert ok(await api.client.get(path)) == number
    phone = {"phone_number": "+14155550124", "routing_config": {"default_agent": foreign}}
    refused = ok(await api.client.post(f"{ROOT}/phone-numbers", json=phone), 404)
    assert "`routing_config.default_agent`" in refused["detail"]
    assert ok(await api.client.get(f"{ROOT}/phone-numbers"))["total"] == 1


async def test_the_printed_routing_holds_for_a_whole_project(api: Api) -> None:
    agent = await agent_of(api.client)
    empty = ok(await api.client.get(f"{ROOT}/routing"))
    assert (empty["routing_config"], empty["routing_rules"], empty["routing_applied"]) == (None, [], True)

    config = {"default_agent": agent, "fallback_behavior": "voicemail", "max_queue_time": 300, "queue_music": "default"}
    rules = [
        {"condition": "caller_id_matches", "pattern": "+1800*", "action": "route_to_agent", "agent_id": agent},
        {
            "condition": "time_of_day",
            "start_time": "18:00",
            "end_time": "09:00",
            "action": "route_to_agent",
            "agent_id": agent,
        },
        {"condition": "queue_length", "threshold": 5, "action": "overflow_to_voicemail"},
    ]
    ok(await api.client.put(f"{ROOT}/routing", json={"routing_config": config}))
    stored = ok(await api.client.put(f"{ROOT}/routing", json={"routing_rules": rules}))
    assert {name: value for name, value in stored["routing_config"].items() if value is not None} == config
    for sent, kept in zip(rules, stored["routing_rules"], strict=True):
        assert {name: value for name, value in kept.items() if value is not None} == sent
    assert ok(await api.client.get(f"{ROOT}/routing")) == stored
    assert ok(await api.stranger.get(f"{ROOT}/routing")) == empty
    cleared = ok(await api.client.put(f"{ROOT}/routing", json={"routing_config": None, "routing_rules": []}))
    assert cleared == empty


# ---------------------------------------------------------------- SIP


async def test_a_numbers_sip_password_goes_in_and_never_comes_out(api: Api) -> None:
    config = {
        "sip_domain": "sip.your-provider.com",
        "username": "your_sip_username",
        "password": "your_sip_password",
        "proxy": "proxy.your-provider.com",
        "port": 5060,
        "transport": "UDP",
        "codec_preferences": ["G.711", "G.722", "G.729"],
    }
    body = {"phone_number": "+14155550177", "provider": "my-provider", "sip_config": config}
    number = ok(await api.client.post(f"{ROOT}/phone-numbers", json=body), 201)
    shown = {name: value for name, value in config.items() if name != "password"} | {"password_set": True}
    assert (number["sip_config"], number["connected"]) == (shown, False)
    assert "SIP" in number["connection_note"]

    path = f"{ROOT}/phone-numbers/{number['id']}"
    moved = ok(await api.client.put(path, json={"sip_config": {"sip_domain": "sip2.example.com", "transport": "tls"}}))
    assert moved["sip_config"] == {
        "sip_domain": "sip2.example.com",
        "username": None,
        "proxy": None,
        "port": 5061,
        "transport": "TLS",
        "codec_preferences": [],
        "password_set": True,
    }
    open_ = ok(await api.client.put(path, json={"sip_config": {"sip_domain": "sip2.example.com", "password": None}}))
    assert open_["sip_config"]["password_set"] is False
    assert ok(await api.client.put(path, json={"sip_config": None}))["sip_config"] is None


async def test_a_trunk_is_added_read_changed_and_deleted(api: Api) -> None:
    trunk = ok(await api.client.post(f"{ROOT}/sip-trunks", json=TRUNK), 201)
    assert (trunk["name"], trunk["auth_username"], trunk["password_set"]) == ("Main SIP Trunk", "threetone_user", True)
    assert (trunk["port"], trunk["transport"], trunk["registration"]) == (5060, "UDP", "not_connected")
    assert trunk["registration_note"].endswith(".")
    assert "secure_password" not in str(trunk)

    path = f"{ROOT}/sip-trunks/{trunk['id']}"
    changed = ok(await api.client.put(path, json={"proxy": "proxy.example.com:5070", "port": 5062}))
    assert (changed["proxy"], changed["port"], changed["password_set"]) == ("proxy.example.com:5070", 5062, True)
    assert changed["name"] == "Main SIP Trunk"
    assert ok(await api.client.get(path)) == changed
    listed = ok(await api.client.get(f"{ROOT}/sip-trunks"))
    assert (listed["sip_trunks"], listed["total"], listed["has_more"]) == ([changed], 1, False)
    assert ok(await api.stranger.get(f"{ROOT}/sip-trunks"))["sip_trunks"] == []

    assert ok(await api.client.delete(path)) == {"success": True}
    assert (await api.client.get(path)).status_code == 404


async def test_a_trunk_is_spelled_either_way_but_not_both(api: Api) -> None:
    other = {"name": "t", "sip_domain": "sip.example.com", "username": "u", "password": "p", "transport": "tls"}
    trunk = ok(await api.client.post(f"{ROOT}/sip-trunks", json=other), 201)
    assert (trunk["auth_username"], trunk["password_set"], trunk["port"]) == ("u", True, 5061)
    both = await api.client.post(f"{ROOT}/sip-trunks", json=TRUNK | {"password": "p"})
    assert refused_fields(both) == ["password"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"auth_username": None}, "auth_username"),
        ({"auth_password": None}, "auth_password"),
        ({"sip_domain": "https://sip.example.com"}, "sip_domain"),
        ({"sip_domain": "127.1"}, "sip_domain"),
        ({"port": 0}, "port"),
        ({"port": 65_536}, "port"),
        ({"transport": "pigeon"}, "transport"),
        ({"proxy": "not a host"}, "proxy"),
        ({"codec_preferences": ["\n"]}, "codec_preferences.0"),
        ({"codec_preferences": ["G.711"] * 21}, "codec_preferences"),
    ],
)
async def test_a_trunk_that_cannot_be_meant_is_refused_at_its_field(shared_api: Api, change: Json, field: str) -> None:
    assert refused_fields(await shared_api.client.post(f"{ROOT}/sip-trunks", json=TRUNK | change)) == [field]


async def test_a_change_that_leaves_a_trunk_without_a_password_it_needs_changes_nothing(api: Api) -> None:
    trunk = ok(await api.client.post(f"{ROOT}/sip-trunks", json=TRUNK), 201)
    path = f"{ROOT}/sip-trunks/{trunk['id']}"
    assert refused_fields(await api.client.put(path, json={"auth_password": None})) == ["auth_password"]
    assert refused_fields(await api.client.put(path, json={"sip_domain": None})) == ["sip_domain"]
    assert ok(await api.client.get(path)) == trunk
