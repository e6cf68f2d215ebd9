"""Call routing over HTTP, as both dialects that have it set and explain it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Api
from tests.api.documented import made_documents

Json = dict[str, Any]
PHONE = "+14155550123"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
HOURS: Json = {
    "enabled": True,
    "timezone": "America/New_York",
    "schedule": {day: {"start": "09:00", "end": "17:00"} for day in WEEKDAYS},
    "holidays": [{"date": "12-25", "name": "Christmas"}],
}
MONDAY_EVENING = "2025-01-13T20:00:00-05:00"


def ok(answer: httpx.Response, status: int = 200) -> Json:
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


def refused_fields(answer: httpx.Response) -> list[str]:
    return [error["field"] for error in ok(answer, 400)["errors"]]


async def agent_of(client: httpx.AsyncClient, **fields: Any) -> str:
    return str(ok(await client.post("/v1/agents", json={"name": "Support", **fields}), 201)["id"])


async def owned(api: Api, **more: Any) -> str:
    """The id of a number that rings."""
    api.carrier.stock.take(PHONE)
    body = {"phone_number": PHONE, "provider": "twilio", **more}
    return str(ok(await api.client.post("/v1/voiceai/phone-numbers", json=body), 201)["id"])


def always(action: str, **more: Any) -> Json:
    return {"condition": "always", "action": action, **more}


async def test_a_monday_evening_is_outside_the_printed_hours_and_explained_so(api: Api) -> None:
    agent = await agent_of(api.client)
    number = await owned(api, agent_id=agent, call_routing={"mode": "direct", "business_hours": HOURS})
    ask: Json = {"from": "+18005551234", "to": PHONE, "at": MONDAY_EVENING}
    native = ok(await api.client.post("/v1/routing/explain", json=ask))
    assert (native["action"], native["matched"], native["agentId"]) == ("voicemail", "business_hours", None)
    assert native["why"] == "It is Monday 2025-01-13 20:00 in America/New_York, outside the business hours."
    assert (native["numberId"], native["at"]) == (number, "2025-01-14T01:00:00.000Z")
    assert [(each["name"], each["outcome"]) for each in native["considered"]] == [
        ("business_hours", "matched"),
        ("number_agent", "not_reached"),
        ("default_agent", "does_not_apply"),
        ("fallback", "not_reached"),
    ]
    other = ok(await api.client.post("/v1/voiceai/routing/explain", json=ask))
    assert (other["number_id"], other["why"], other["max_queue_time"]) == (number, native["why"], 300)

    noon = ok(await api.client.post("/v1/routing/explain", json=ask | {"at": "2025-01-13T12:00:00-05:00"}))
    assert (noon["action"], noon["agentId"], noon["matched"]) == ("agent", agent, "number_agent")
    christmas = ok(await api.client.post("/v1/routing/explain", json=ask | {"at": "2025-12-25T12:00:00-05:00"}))
    assert "a holiday (Christmas), outside the business hours" in christmas["why"]


async def test_a_numbers_routing_is_one_in_both_dialects(api: Api) -> None:
    agent, number = await agent_of(api.client), await owned(api)
    path = f"/v1/numbers/{number}/routing"
    empty = ok(await api.client.get(path))
    assert (empty["numberId"], empty["routingRules"], empty["routingApplied"]) == (number, [], True)
    rule = {
        "name": "Important callers after hours",
        "conditions": [
            {"condition": "callerIdMatches", "pattern": "+1415*"},
            {"condition": "business_hours", "state": "closed"},
        ],
        "action": "route_to_number",
        "phoneNumber": "+14155550199",
        "fallback": "voicemail",
    }
    assert refused_fields(await api.client.put(path, json={"routingRules": [rule]})) == [
        "routingRules.0.conditions.0.condition"
    ]
    rule["conditions"][0]["condition"] = "caller_id_matches"  # type: ignore[index]
    hours = {"businessHours": HOURS}
    ok(await api.client.put(path, json={"routingRules": [rule], "callRouting": hours}))
    config = {"defaultAgent": agent, "maxQueueTime": 60}
    stored = ok(await api.client.put(path, json={"routingConfig": config}))
    assert (stored["routingRules"][0]["name"], stored["routingConfig"]["maxQueueTime"]) == (rule["name"], 60)
    same = ok(await api.client.get(f"/v1/voiceai/phone-numbers/{number}"))
    assert same["routing_rules"][0]["phone_number"] == "+14155550199"
    assert same["call_routing"]["business_hours"]["holidays"][0]["name"] == "Christmas"
    evening: Json = {"from": "+14155550100", "to": PHONE, "at": MONDAY_EVENING}
    told = ok(await api.client.post("/v1/routing/explain", json=evening))
    assert (told["action"], told["phoneNumber"]) == ("number", "+14155550199")
    assert (told["considered"][0]["label"], told["considered"][0]["outcome"]) == (rule["name"], "matched")
    ok(await api.client.put(path, json={"routingRules": None, "callRouting": None, "routingConfig": None}))
    assert ok(await api.client.get(path)) == empty


async def test_a_projects_routing_is_one_in_both_dialects(api: Api) -> None:
    agent = await agent_of(api.client)
    stored = ok(await api.client.put("/v1/routing", json={"routingConfig": {"defaultAgent": agent}}))
    assert stored["routingConfig"]["defaultAgent"] == agent
    assert ok(await api.client.get("/v1/voiceai/routing"))["routing_config"]["default_agent"] == agent
    ok(await api.client.put("/v1/voiceai/routing", json={"call_routing": {"business_hours": HOURS}}))
    shown = ok(await api.client.get("/v1/routing"))
    assert shown["callRouting"]["businessHours"]["timezone"] == "America/New_York"
    assert ok(await api.stranger.get("/v1/routing"))["routingConfig"] is None
    await owned(api)
    told = ok(await api.client.post("/v1/routing/explain", json={"from": None, "to": PHONE, "at": MONDAY_EVENING}))
    assert told["matched"] == "business_hours"


async def test_a_proposal_is_explained_before_it_is_set(api: Api) -> None:
    agent = await agent_of(api.client)
    await owned(api, agent_id=agent)
    ask: Json = {"from": "+18005551234", "to": PHONE}
    closed = {"routingRules": [always("announcement", text="We have moved.", name="Moved")]}
    tried = ok(await api.client.post("/v1/routing/explain", json=ask | {"routing": closed}))
    assert (tried["action"], tried["text"], tried["matched"]) == ("announcement", "We have moved.", "number_rule.0")
    projects = ok(await api.client.post("/v1/routing/explain", json=ask | {"projectRouting": closed}))
    assert projects["matched"] == "project_rule.0"
    assert ok(await api.client.post("/v1/routing/explain", json=ask))["agentId"] == agent
    past = ok(await api.client.post("/v1/routing/explain/calls", json={"days": 7, "routing": closed}))
    assert (past["calls"], past["changed"], past["destinations"], past["changes"]) == (0, 0, [], [])


async def test_facts_are_shown_with_what_was_asked(api: Api) -> None:
    agent = await agent_of(api.client)
    await owned(api)
    watched = {"condition": "agent_availability", "agentId": agent, "availability": "available"}
    rules = [
        {"conditions": [watched], "action": "route_to_agent", "agentId": agent},
        {"condition": "language", "language": "fr", "action": "reject"},
        {"condition": "queue_length", "threshold": 1, "action": "voicemail"},
    ]
    ask = {"from": "+3225550100", "to": PHONE, "routing": {"routingRules": rules}}
    told = ok(await api.client.post("/v1/routing/explain", json=ask))
    assert told["facts"] == {
        "waitingForNumber": 0,
        "waitingIn": {},
        "availability": {agent: "offline"},  # it is in webhook mode, and there is no webhook
        "languages": ["nl-BE", "fr-BE", "de-BE"],
        "gone": [],
    }
    assert (told["matched"], told["action"]) == ("number_rule.1", "reject")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"action": "reject"}, "condition"),
        ({"action": "reject", "conditions": []}, "condition"),
        (always("route_to_number"), "phoneNumber"),
        (always("route_to_number", phoneNumber="112"), "phoneNumber"),
        (always("route_to_number", phoneNumber="+1911"), "phoneNumber"),
        (always("route_to_queue"), "queueId"),
        (always("announcement"), "text"),
        (always("announcement", text="  "), "text"),
        (always("reject", priority=101), "priority"),
        (always("reject", fallback="explode"), "fallback"),
        ({"condition": "percentage", "action": "reject"}, "percentage"),
        ({"condition": "percentage", "percentage": 100.5, "action": "reject"}, "percentage"),
        ({"condition": "language", "action": "reject", "language": "french!"}, "language"),
        ({"condition": "agent_availability", "availability": "busy", "action": "reject"}, "agentId"),
        ({"condition": "business_hours", "action": "reject"}, "state"),
        (
            {"condition": "time_of_day", "startTime": "09:00", "endTime": "17:00", "days": [], "action": "reject"},
            "days",
        ),
        (
            {"condition": "time_of_day", "startTime": "09:00", "endTime": "09:00", "action": "reject"},
            "endTime",
        ),
        (
            {"action": "reject", "conditions": [{"condition": "queue_length"}]},
            "conditions.0.threshold",
        ),
        (
            {"action": "reject", "conditions": [{"condition": "always"}] * 11},
            "conditions",
        ),
    ],
)
async def test_a_rule_that_cannot_be_meant_is_refused_at_its_field(shared_api: Api, rule: Json, field: str) -> None:
    refused = await shared_api.client.put("/v1/routing", json={"routingRules": [rule]})
    assert refused_fields(refused) == [f"routingRules.0.{field}"]


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        ({"holidays": [{"date": "2027-02-29"}]}, "holidays.0.date"),
        ({"holidays": [{"date": "24.12."}]}, "holidays.0.date"),
        ({"holidays": [{"date": "12-24", "hours": {"start": "24:00", "end": "09:00"}}]}, "holidays.0.hours.start"),
        ({"holidays": [{"date": "12-24"}] * 101}, "holidays"),
        ({"greeting": " "}, "greeting"),
    ],
)
async def test_hours_that_cannot_be_meant_are_refused_at_their_field(shared_api: Api, hours: Json, field: str) -> None:
    body = {"callRouting": {"businessHours": {"timezone": "UTC"} | hours}}
    refused = await shared_api.client.put("/v1/routing", json=body)
    assert refused_fields(refused) == [f"callRouting.businessHours.{field}"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"at": "2026-01-05T12:00:00"}, "at"),
        ({"at": "2026-02-30T12:00:00Z"}, "at"),
        ({"at": "1999-12-31T12:00:00Z"}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"to": "desk"}, "to"),
        ({"from": "nobody"}, "from"),
        ({"routing": {"routingRules": [{"condition": "always"}]}}, "routing.routingRules.0.action"),
    ],
)
async def test_a_call_that_cannot_be_meant_is_refused_at_its_field(shared_api: Api, change: Json, field: str) -> None:
    body = {"from": "+14155550100", "to": PHONE} | change
    assert refused_fields(await shared_api.client.post("/v1/routing/explain", json=body)) == [field]


async def test_an_agents_own_limit_of_calls_is_set_and_cleared(api: Api) -> None:
    agent = await agent_of(api.client, maxConcurrentCalls=2)
    path = f"/v1/agents/{agent}"
    assert ok(await api.client.get(path))["maxConcurrentCalls"] == 2
    assert ok(await api.client.patch(path, json={"name": "Desk"}))["maxConcurrentCalls"] == 2
    assert ok(await api.client.patch(path, json={"maxConcurrentCalls": None}))["maxConcurrentCalls"] is None
    assert refused_fields(await api.client.patch(path, json={"maxConcurrentCalls": 0})) == ["maxConcurrentCalls"]


@pytest.mark.parametrize(
    ("document", "component", "field"), [("native", "", "startTime"), ("threetone", "threetone.", "start_time")]
)
def test_the_document_says_in_its_own_spelling_what_a_rule_needs(document: str, component: str, field: str) -> None:
    schema = made_documents()[document]["components"]["schemas"][f"{component}RoutingRule"]
    conditions, actions = schema["allOf"]
    by_word = {each["properties"]["condition"].get("const"): each for each in conditions["anyOf"]}
    assert field in by_word["time_of_day"]["required"]
    assert set(by_word["time_of_day"]["required"]) <= set(schema["properties"])
    assert {"always", "holiday"} <= set(by_word[None]["properties"]["condition"]["enum"])
    assert any(set(each.get("required", ())) <= set(schema["properties"]) for each in actions["anyOf"])
