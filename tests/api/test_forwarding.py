"""A call to a human's number over the carrier's signed webhooks: the document, what is told, and what comes next."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.api.conftest import OWN_URL, Api
from tests.api.test_carriers import RINGING, inbound_calls_of, post

HUMAN = "+15105550177"
IN_PROGRESS = RINGING | {"CallStatus": "in-progress"}


@pytest.fixture
async def rung(api: Api) -> tuple[dict[str, Any], ElementTree.Element]:
    """A call whose caller is put through to a human, and the verb that says so."""
    number = (await api.client.post("/v1/numbers", json={})).json()
    return await ring(api, number["id"])


async def ring(api: Api, number_id: str, **fields: str) -> tuple[dict[str, Any], ElementTree.Element]:
    rule = {"condition": "always", "action": "route_to_number", "phone_number": HUMAN}
    routed = await api.client.put(f"/v1/voiceai/phone-numbers/{number_id}", json={"routing_rules": [rule]})
    assert routed.status_code == 200, routed.text
    answer = await post(api, f"/carriers/twilio/numbers/{number_id}/voice", RINGING | fields)
    [call] = await inbound_calls_of(api)
    return call, verb(answer)


def verb(answer: httpx.Response) -> ElementTree.Element:
    assert answer.status_code == 200, answer.text
    return ElementTree.fromstring(answer.content)[0]


async def read(api: Api, call: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await api.client.get(f"/v1/calls/{call['id']}")).json()
    return found


async def test_the_carrier_is_told_whom_to_ring_and_whom_to_tell(
    api: Api, rung: tuple[dict[str, Any], ElementTree.Element]
) -> None:
    call, dial = rung
    root = f"{OWN_URL}/carriers/twilio/calls/{call['id']}"
    assert (dial.tag, dial[0].text, dial.get("callerId")) == ("Dial", HUMAN, RINGING["From"])
    assert (dial.get("action"), dial[0].get("statusCallback")) == (f"{root}/after", f"{root}/forwarded")

    told, asked = f"/carriers/twilio/calls/{call['id']}/forwarded", f"/carriers/twilio/calls/{call['id']}/after"
    leg = {"CallSid": "CA" + "2" * 32, "ParentCallSid": RINGING["CallSid"], "CallStatus": "in-progress"}
    assert (await post(api, told, leg, token="another")).status_code == 403
    assert (await read(api, call))["endedAt"] is None
    assert (await post(api, told, leg)).status_code == 204
    ended = {"DialCallStatus": "completed", "DialCallDuration": "0"}
    assert (await post(api, asked, IN_PROGRESS | ended, token="another")).status_code == 403
    assert verb(await post(api, asked, IN_PROGRESS | ended)).tag == "Hangup"
    over = await read(api, call)
    assert (over["status"], over["endReason"]) == ("completed", "transferred")


async def test_a_human_who_does_not_answer_leads_to_a_stream_that_takes_a_message(
    api: Api, rung: tuple[dict[str, Any], ElementTree.Element]
) -> None:
    call, _ = rung
    path = f"/carriers/twilio/calls/{call['id']}/after"
    assert (await post(api, path, IN_PROGRESS | {"DialCallStatus": "lost"})).status_code == 403
    next_verb = verb(await post(api, path, IN_PROGRESS | {"DialCallStatus": "no-answer"}))
    assert (next_verb.tag, next_verb[0].tag) == ("Connect", "Stream")
    assert (await read(api, call))["endedAt"] is None


async def test_a_withheld_number_is_not_shown_to_the_human(api: Api) -> None:
    number = (await api.client.post("/v1/numbers", json={})).json()
    call, dial = await ring(api, number["id"], From="anonymous")
    assert call["fromNumber"] == ""
    assert dial.get("callerId") == number["phoneNumber"]
