"""The carrier tells of texts by signed webhooks alone; whoever is not the carrier changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.test_carriers import answered_number, post

TEXT = {
    "MessageSid": "SM" + "1" * 32,
    "From": "+15550100001",
    "To": "+14155550100",
    "Body": "Are you open?",
    "NumMedia": "0",
}


@pytest.fixture
async def number(api: Api) -> dict[str, Any]:
    return await answered_number(api)


@pytest.fixture(scope="session")
async def shared_number(shared_api: Api) -> dict[str, Any]:
    return await answered_number(shared_api)


def message_path(number: dict[str, Any]) -> str:
    return f"/carriers/twilio/numbers/{number['id']}/message"


async def texts_of(api: Api, number: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await api.client.get(f"/v1/numbers/{number['id']}/messages")).json()["data"]
    return listed


async def test_a_text_is_kept_and_answered_with_nothing(api: Api, number: dict[str, Any]) -> None:
    for _ in range(2):
        answer = await post(api, message_path(number), TEXT)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        assert answer.text.endswith("<Response></Response>")
    [text] = await texts_of(api, number)
    assert (text["body"], text["from"], text["agentId"]) == (TEXT["Body"], TEXT["From"], number["agentId"])


@pytest.mark.parametrize(
    "spoiled",
    [
        {"x-twilio-signature": ""},
        {"x-twilio-signature": "bm90IGEgc2lnbmF0dXJl"},
        {"token": "another account's token"},
        {"token": ""},
        {"body": "MessageSid=SM1&From=%2B1555&To=%2B1415&Body=forged"},
        {"body": ""},
        {"body": "%ff=%00&&&;;"},
        {"body": "Body=" + "x" * 70_000},
    ],
)
async def test_a_forged_text_is_refused_and_changes_nothing(
    shared_api: Api, shared_number: dict[str, Any], spoiled: dict[str, str]
) -> None:
    answer = await post(shared_api, message_path(shared_number), TEXT, **spoiled)
    assert (answer.status_code, await texts_of(shared_api, shared_number)) == (403, [])


@pytest.mark.parametrize("missing", ["MessageSid", "From", "To"])
async def test_a_signed_text_that_tells_nothing_is_refused(
    shared_api: Api, shared_number: dict[str, Any], missing: str
) -> None:
    form = {name: value for name, value in TEXT.items() if name != missing}
    answer = await post(shared_api, message_path(shared_number), form)
    assert (answer.status_code, await texts_of(shared_api, shared_number)) == (403, [])


@pytest.mark.parametrize(
    "path",
    [
        "/carriers/twilio/numbers/num_of_nobody/message",
        "/carriers/twilio/numbers/%00/message",
        "/carriers/nobody/numbers/{number_id}/message",
        "/carriers/twilio/messages/msg_of_nobody/status",
        "/carriers/twilio/messages/{number_id}/status",
    ],
)
async def test_what_nobody_owns_is_refused_like_a_forgery(
    shared_api: Api, shared_number: dict[str, Any], path: str
) -> None:
    told = TEXT | {"MessageStatus": "delivered"}
    assert (await post(shared_api, path.format(number_id=shared_number["id"]), told)).status_code == 403


async def test_a_released_number_takes_no_texts_and_keeps_those_it_had(api: Api, number: dict[str, Any]) -> None:
    assert (await post(api, message_path(number), TEXT)).status_code == 200
    await api.client.delete(f"/v1/numbers/{number['id']}")
    assert (await post(api, message_path(number), TEXT | {"MessageSid": "SM" + "2" * 32})).status_code == 403
    assert [text["body"] for text in await texts_of(api, number)] == [TEXT["Body"]]
    [conversation] = (await api.client.get("/v1/conversations")).json()["data"]
    shown = (await api.client.get(f"/v1/conversations/{conversation['id']}")).json()
    assert (shown["phoneNumber"], shown["messages"][0]["body"]) == (number["phoneNumber"], TEXT["Body"])


async def test_only_the_messages_own_report_counts(api: Api, number: dict[str, Any]) -> None:
    sent = {"numberId": number["id"], "toNumber": "+15550100001", "body": "Hello"}
    message = (await api.client.post("/v1/messages", json=sent)).json()
    path = f"/carriers/twilio/messages/{message['id']}/status"
    own = next(iter(api.carrier.centre.texts))
    for sid, status, code in [(own, "delivered", 204), (own, "sent", 204), ("SM9", "failed", 403), (own, "lost", 403)]:
        answer = await post(api, path, {"MessageSid": sid, "MessageStatus": status})
        assert answer.status_code == code
    forged = await post(api, path, {"MessageSid": own, "MessageStatus": "failed"}, token="another")
    assert forged.status_code == 403
    assert (await api.client.get(f"/v1/messages/{message['id']}")).json()["status"] == "delivered"
