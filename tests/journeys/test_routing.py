"""Calls go where rules lead them, and why is told before, afterwards, and of what other rules would have done."""

from __future__ import annotations

from functools import partial

from parley.simulation import SimulatedPhone
from tests.journeys.world import Json, World


async def test_a_call_goes_where_it_was_explained_to_go_and_stays_explained(world: World) -> None:
    desk = await world.hosted(beginMessage="Front desk, hello.")
    ann = await world.post("/v1/agents", {"name": "Ann", "voiceMode": "hosted", "systemPrompt": "x"})
    await world.api.patch(f"/v1/agents/{ann['id']}", json={"beginMessage": "Ann speaking."})
    vip, other = world.phone(), world.phone()
    rule = {
        "name": "Regulars in the daytime",
        "conditions": [
            {"condition": "caller_id_matches", "pattern": vip.number},
            {"condition": "time_of_day", "startTime": "00:00", "endTime": "24:00", "timezone": "Europe/Paris"},
        ],
        "action": "route_to_agent",
        "agentId": ann["id"],
    }
    assert (await world.api.put("/v1/routing", json={"routingRules": [rule]})).status_code == 200

    for phone, agent, greeting in ((vip, ann, "Ann speaking."), (other, desk, "Front desk, hello.")):
        told = await world.post("/v1/routing/explain", {"from": phone.number, "to": desk["number"]})
        await world.carrier.call_in(phone, desk["number"])
        await world.until(partial(hears, phone, greeting))
        await phone.hang_up()
        call = await world.ended_call()
        kept = await world.get(f"/v1/calls/{call['id']}/routing")
        assert (call["agentId"], told["agentId"], kept["agentId"]) == (agent["id"], agent["id"], agent["id"])
        assert (outcomes(kept), kept["matched"]) == (outcomes(told), told["matched"])

    moved = {"condition": "always", "action": "announcement", "text": "We have moved."}
    proposal = {"routingRules": [rule, moved]}
    tried = await world.post("/v1/routing/explain/calls", {"days": 1, "routing": proposal})
    assert (tried["calls"], tried["changed"]) == (2, 1)
    [change] = tried["changes"]
    assert (change["fromNumber"], change["then"]["agentId"]) == (other.number, desk["id"])
    assert (change["now"]["action"], change["now"]["matched"]) == ("announcement", "project_rule.1")

    assert (await world.api.put("/v1/voiceai/routing", json=proposal)).status_code == 200
    late = world.phone()
    await world.carrier.call_in(late, desk["number"])
    await late.wait_until_over()
    assert " ".join(late.timeline.words_heard) == "We have moved."
    first = (await world.get("/v1/calls"))["data"][-1]
    assert (await world.get(f"/v1/calls/{first['id']}/routing"))["agentId"] == ann["id"]


def hears(phone: SimulatedPhone, words: str) -> bool:
    return words in " ".join(phone.timeline.words_heard)


def outcomes(explained: Json) -> list[tuple[str, str]]:
    return [(each["name"], each["outcome"]) for each in explained["considered"]]
