"""Webhook handlers as the documents teach them hold a conversation and take text messages, unchanged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.journeys.handlers import FILLER, Started
from tests.journeys.handlers.express_wire import express_wire
from tests.journeys.handlers.fastapi_handler import fastapi_handler
from tests.journeys.handlers.flask_handler import flask_handler
from tests.journeys.world import Json, World, rows, words

HANDLERS: list[Callable[[], Started]] = [fastapi_handler, flask_handler, express_wire]
each_shape = pytest.mark.parametrize("started", HANDLERS, ids=["fastapi", "flask", "express"])

CLOSING = "You said Is my table booked? after 2 lines."


async def handled_agent(world: World, url: str) -> Json:
    agent = await world._agent({"beginMessage": "Hello."})
    await world.post("/v1/webhooks", {"url": url})
    return agent


@each_shape
async def test_a_voice_turn_is_spoken_as_it_streams(world: World, started: Callable[[], Started]) -> None:
    async with started() as handler:
        handler.is_thinking = True
        agent = await handled_agent(world, handler.url)
        phone = await world.call(agent)
        await phone.wait_until_agent_silent()
        await phone.say("Is my table booked?")
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent(for_ms=500)
        assert phone.timeline.words_heard == words(f"Hello. {FILLER}"), "the filler is heard while the handler thinks"
        handler.is_thinking = False
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.say("Thank you.")
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.hang_up()
        call = await world.ended_call()
        # They answer every voice event with lines to speak; nobody heard those of an event that was no turn.
        await world.until(lambda: {"call.started", "agent.message"} <= {event["event"] for event in handler.events})
    assert rows(call) == [
        ("Hello.", None),
        ("Is my table booked?", f"{FILLER} {CLOSING}"),
        ("Thank you.", f"{FILLER} You said Thank you. after 4 lines."),
    ]
    assert call["problems"] == []
    assert phone.timeline.words_heard.count("look.") == 2


@each_shape
async def test_a_text_message_is_taken_with_a_bare_200(world: World, started: Callable[[], Started]) -> None:
    async with started() as handler:
        agent = await handled_agent(world, handler.url)
        phone = world.phone()
        await phone.text(agent["number"], "Are you open on Sunday?")
        await world.until(lambda: {"agent.message", "message.received"} <= {event["event"] for event in handler.events})
        assert {event["channel"] for event in handler.events} == {"sms"}
        deliveries = await world.delivered(2)
    assert {(one["status"], one["httpStatus"]) for one in deliveries} == {("success", 200)}
    assert phone.inbox.texts == [], "the body of a 200 is no reply"
