"""Voicemail over HTTP, in both dialects that have it: listed, played by key and by link, marked, deleted."""

from __future__ import annotations

import re
from typing import Any

import pytest

from parley.domain.voicemails import TakenMessage
from parley.storage.tables import CallRow
from tests.api.conftest import OWN_URL, Api

AUDIO = b"RIFF" + bytes(40) + b"\x01\x02" * 4000
SIZE = len(AUDIO)
WORDS = "Please call me back."

Json = dict[str, Any]


async def left_message(api: Api) -> Json:
    """A call whose caller left a message, as the list shows the message."""
    api.carrier.phone("+14155550199")
    agent = (await api.client.post("/v1/agents", json={"name": "Desk"})).json()["id"]
    await api.client.post("/v1/numbers", json={"agentId": agent})
    placed = {"agentId": agent, "toNumber": "+14155550199", "systemPrompt": "Be kind."}
    call_id = (await api.client.post("/v1/calls", json=placed)).json()["id"]
    await api.client.post(f"/v1/calls/{call_id}/end")
    keeper = api.house.services.voicemails
    async with api.house.database.transaction() as session:
        stage = await keeper.ask(session, await session.get_one(CallRow, call_id), reason="closed")
    await keeper.keep(call_id, TakenMessage(stage.voicemail_id, AUDIO, 500, WORDS, 0.9))
    await api.house.voicemail_intake.settle(20.0)
    listed: Json = (await api.client.get("/v1/voicemails")).json()
    assert listed["total"] == len(listed["data"])
    found: Json = listed["data"][0]
    assert (found["id"], found["callId"]) == (stage.voicemail_id, call_id)
    return found


async def test_a_message_is_read_and_heard_in_both_dialects(api: Api) -> None:
    message = await left_message(api)
    path = f"/v1/voicemails/{message['id']}"
    assert (message["transcript"], message["durationSeconds"], message["reason"]) == (WORDS, 1, "closed")
    assert (message["heard"], message["heardAt"], message["isTest"]) == (False, None, False)
    link = rf"{OWN_URL}/voicemails/{message['id']}\.wav\?expires=\d+&signature=[0-9a-f]{{64}}"
    assert re.fullmatch(link, message["audioUrl"])
    assert (await api.client.get(path)).json()["id"] == message["id"]
    assert (await api.client.get(f"/v1/calls/{message['callId']}")).json()["voicemailId"] == message["id"]

    listed = (await api.client.get("/v1/voiceai/voicemails", params={"unheard": "true"})).json()
    assert [each["call_id"] for each in listed["voicemails"]] == [message["callId"]]
    assert (listed["total"], listed["next_cursor"], listed["has_more"]) == (1, None, False)
    heard = (await api.client.patch(f"/v1/voiceai/voicemails/{message['id']}", json={"heard": True})).json()
    assert (heard["heard"], heard["heard_at"] is not None) == (True, True)
    assert (await api.client.get("/v1/voicemails", params={"unheard": "true"})).json()["data"] == []


@pytest.mark.parametrize("way", ["link", "key", "other dialect"])
async def test_a_player_may_ask_for_all_of_it_or_a_part(api: Api, way: str) -> None:
    message = await left_message(api)
    client = api.nobody if way == "link" else api.client
    prefix = "/v1/voiceai" if way == "other dialect" else "/v1"
    link = message["audioUrl"] if way == "link" else f"{prefix}/voicemails/{message['id']}/audio"
    whole = await client.get(link)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, AUDIO, "audio/wav")
    assert whole.headers["content-disposition"] == f'inline; filename="{message["id"]}.wav"'
    part = await client.get(link, headers={"range": "bytes=44-143"})
    assert (part.status_code, part.content) == (206, AUDIO[44:144])
    assert part.headers["content-range"] == f"bytes 44-143/{SIZE}"
    assert (await client.get(link, headers={"range": f"bytes={SIZE}-"})).status_code == 416
    head = await client.head(link)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(SIZE))


async def test_links_and_ids_of_others_open_nothing(api: Api) -> None:
    message = await left_message(api)
    path = f"/v1/voicemails/{message['id']}"
    for method, where, body in (
        ("GET", path, None),
        ("GET", f"{path}/audio", None),
        ("PATCH", path, {"heard": True}),
        ("DELETE", path, None),
    ):
        refused = await api.stranger.request(method, where, json=body)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), where
    assert (await api.stranger.get("/v1/voicemails")).json()["data"] == []
    assert (await api.nobody.get(path)).status_code == 401
    touched = message["audioUrl"].replace("expires=", "expires=9")
    assert (await api.nobody.get(touched)).status_code == 403
    as_recording = message["audioUrl"].replace("/voicemails/", "/recordings/")
    assert (await api.nobody.get(as_recording)).status_code == 404


async def test_a_deleted_message_is_gone_for_good(api: Api) -> None:
    message = await left_message(api)
    path = f"/v1/voicemails/{message['id']}"
    assert (await api.client.delete(path)).json()["success"] is True
    assert (await api.nobody.get(message["audioUrl"])).status_code == 404
    assert (await api.client.get(f"{path}/audio")).status_code == 404
    assert (await api.client.delete(path)).status_code == 404
    assert (await api.client.get(f"/v1/calls/{message['callId']}")).json()["voicemailId"] is None


async def test_a_registered_number_has_its_own_words_for_those_who_are_asked_for_a_message(api: Api) -> None:
    agent = (await api.client.post("/v1/agents", json={"name": "Desk"})).json()["id"]
    asked = {"agent_id": agent, "voicemail_message": "Leave your order after the tone."}

    async def registered(**routing: Any) -> Json:
        trunk = {"trunk_address": "sip.example.com", "auth_username": "me", "auth_password": "secret"}
        body = {"phone_number": "+15739693824", "provider": "tenyx", "agent_id": agent, "provider_config": trunk}
        answer = await api.client.post("/v1/phone-numbers", json=body | {"inbound_routing": routing})
        assert answer.status_code == 201, answer.text
        shown: Json = answer.json()
        return shown

    number = await registered(**asked)
    assert number["inbound_routing"] == asked
    assert (await api.client.get(f"/v1/phone-numbers/{number['id']}")).json()["inbound_routing"] == asked
    assert (await registered(agent_id=agent))["inbound_routing"] == asked
    assert (await registered(voicemail_message=None))["inbound_routing"]["voicemail_message"] is None
