"""The example a user copies does what its README says."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from examples.front_desk.app import ASK_FOR_MESSAGE, HOURS, FrontDesk, create_app
from parley.domain.webhooks import new_secret, sign

SECRET = new_secret()


class Desk:
    """The running example and a client that signs as parley does."""

    def __init__(self, client: httpx.AsyncClient, rules: FrontDesk, events: list[dict[str, Any]]) -> None:
        self.client = client
        self.rules = rules
        self.events = events

    async def post(self, event: dict[str, Any], *, tamper: bool = False) -> httpx.Response:
        body = json.dumps(event).encode()
        headers = sign(SECRET, "msg_1", int(time.time()), body)
        return await self.client.post("/", content=body + b" " if tamper else body, headers=headers)

    async def say(self, text: str, call_id: str = "call_1") -> list[dict[str, Any]]:
        event = {"event": "agent.message", "channel": "voice", "data": {"callId": call_id, "transcript": text}}
        answer = await self.post(event)
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    rules, events = FrontDesk(), []  # type: FrontDesk, list[dict[str, Any]]
    transport = httpx.ASGITransport(app=create_app(SECRET.reveal(), rules, events.append))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
        yield Desk(client, rules, events)


async def test_opening_hours_come_in_lines_and_only_the_last_closes_the_turn(desk: Desk) -> None:
    lines = await desk.say("When are you open?")
    assert [line["text"] for line in lines[1:]] == list(HOURS)
    assert [line.get("interim", False) for line in lines] == [True, True, True, False]


async def test_a_message_is_what_is_said_after_asking_for_it(desk: Desk) -> None:
    assert await desk.say("I want to leave a message") == [{"text": ASK_FOR_MESSAGE}]
    await desk.say("Are the chairs in?", call_id="call_2")
    assert desk.rules.messages == []
    await desk.say("Please call Maria about the chairs, bye")
    assert desk.rules.messages == ["Please call Maria about the chairs, bye"]


@pytest.mark.parametrize(
    ("said", "field", "value"), [("Goodbye", "hangup", True), ("Give me a human", "action", "transfer")]
)
async def test_the_call_is_ended_or_handed_on_after_a_sentence(
    desk: Desk, said: str, field: str, value: object
) -> None:
    (line,) = await desk.say(said)
    assert line[field] == value
    assert line["text"]


async def test_other_events_are_told_and_answered_empty(desk: Desk) -> None:
    event = {"event": "call.ended", "channel": "voice", "data": {"callId": "call_1"}}
    answer = await desk.post(event)
    assert (answer.status_code, answer.content) == (200, b"")
    assert desk.events == [event]


async def test_what_parley_did_not_sign_is_refused_and_changes_nothing(desk: Desk) -> None:
    event = {"event": "agent.message", "channel": "voice", "data": {"callId": "call_1", "transcript": "a message"}}
    assert (await desk.post(event, tamper=True)).status_code == 401
    assert (await desk.client.post("/", json=event)).status_code == 401
    assert desk.events == []
    assert not desk.rules.awaiting
