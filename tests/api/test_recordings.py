"""Recordings over HTTP: by key and by link, whole, in part, and without their body."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.conftest import OWN_URL, Api

SAMPLES = b"\x01\x02\x03\x04" * 8000
SIZE = 44 + len(SAMPLES)

Json = dict[str, Any]


async def recorded_call(api: Api, **agent: Any) -> Json:
    """An ended call, and its recording in the store."""
    api.carrier.phone("+14155550199")
    made = (await api.client.post("/v1/agents", json={"name": "Desk", "recordingEnabled": True, **agent})).json()
    await api.client.post("/v1/numbers", json={"agentId": made["id"]})
    body = {"agentId": made["id"], "toNumber": "+14155550199", "systemPrompt": "Be kind."}
    call: Json = (await api.client.post("/v1/calls", json=body)).json()
    await api.client.post(f"/v1/calls/{call['id']}/end")
    intake = api.house.intake
    part = intake.new_part(call["id"], 0, 8000)
    part.write(SAMPLES)
    part.close()
    await intake.keep(part.path)
    return await read(api, call["id"])


async def read(api: Api, call_id: str) -> Json:
    body: Json = (await api.client.get(f"/v1/calls/{call_id}")).json()
    return body


async def test_a_link_plays_without_a_key(api: Api) -> None:
    call = await recorded_call(api)
    assert call["recordingAvailable"] is True
    link = call["recordingUrl"]
    assert re.fullmatch(rf"{OWN_URL}/recordings/{call['id']}\.wav\?expires=\d+&signature=[0-9a-f]{{64}}", link)
    whole = await api.nobody.get(link)
    assert (whole.status_code, len(whole.content), whole.content[44:]) == (200, SIZE, SAMPLES)
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["content-length"] == str(SIZE)
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["content-disposition"] == f'inline; filename="{call["id"]}.wav"'
    head = await api.nobody.head(link)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(SIZE))


@pytest.mark.parametrize("way", ["link", "key"])
async def test_a_player_may_ask_for_a_part(api: Api, way: str) -> None:
    call = await recorded_call(api)
    link = call["recordingUrl"] if way == "link" else f"/v1/calls/{call['id']}/recording"
    client = api.nobody if way == "link" else api.client
    part = await client.get(link, headers={"range": "bytes=44-143"})
    assert (part.status_code, part.content) == (206, SAMPLES[:100])
    assert part.headers["content-range"] == f"bytes 44-143/{SIZE}"
    assert part.headers["content-length"] == "100"
    beyond = await client.get(link, headers={"range": f"bytes={SIZE}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert beyond.json()["code"] == "range_not_satisfiable"
    head = await client.head(link, headers={"range": "bytes=0-9"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", "10")


async def test_a_link_that_was_touched_opens_nothing(api: Api) -> None:
    call = await recorded_call(api)
    link = call["recordingUrl"]
    path, _, query = link.partition("?")
    for touched in (path, f"{path}?{query[:-1]}g", link.replace("expires=", "expires=9"), f"{path}?expires=1"):
        refused = await api.nobody.get(touched)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert refused.json()["detail"].endswith("fresh one.")
    assert (await api.nobody.get(f"{OWN_URL}/recordings/../etc/passwd.wav?{query}")).status_code in (403, 404)


async def test_a_recording_is_deleted_for_good(api: Api) -> None:
    call = await recorded_call(api)
    path = f"/v1/calls/{call['id']}/recording"
    assert (await api.stranger.delete(path)).status_code == 404
    assert (await api.client.delete(path)).json() == {"success": True}
    assert (await api.client.get(path)).status_code == 404
    assert (await api.nobody.get(call["recordingUrl"])).status_code == 404
    again = await read(api, call["id"])
    assert (again["recordingUrl"], again["recordingAvailable"]) == (None, False)


async def test_the_switches_are_set_and_read(api: Api) -> None:
    project = (await api.client.get("/v1/project")).json()
    assert (project["name"], project["recordingEnabled"]) == ("default", False)
    changed = (await api.client.patch("/v1/project", json={"recording_enabled": True})).json()
    assert changed == project | {"recordingEnabled": True}
    assert (await api.client.patch("/v1/project", json={})).json() == changed
    assert (await api.client.get("/v1/project")).json() == changed
    assert (await api.stranger.get("/v1/project")).json()["recordingEnabled"] is False
    wrongs: list[object] = [None, "yes please", 7, []]
    for wrong in wrongs:
        refused = await api.client.patch("/v1/project", json={"recordingEnabled": wrong})
        assert (refused.status_code, "recordingEnabled" in refused.json()["detail"]) == (400, True)

    agent = (await api.client.post("/v1/agents", json={"name": "Desk"})).json()
    assert agent["recordingEnabled"] is None
    for switch in (True, False, None):
        path = f"/v1/agents/{agent['id']}"
        shown = (await api.client.patch(path, json={"recordingEnabled": switch})).json()
        assert shown["recordingEnabled"] is switch
        assert (await api.client.patch(path, json={"name": "Front"})).json()["recordingEnabled"] is switch
