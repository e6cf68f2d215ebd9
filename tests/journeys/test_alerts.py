"""An alert on a call that still goes on: told to a webhook, a mailbox and a subscription, and found by a backtest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from parley.services.alert_watch import AlertWatch
from parley.services.announcements import Announcements
from tests.emulators.smtp_server import SmtpEmulator
from tests.journeys.world import PATIENCE_S, World, whole_world


@pytest.fixture
async def mailbox() -> AsyncIterator[SmtpEmulator]:
    async with SmtpEmulator() as server:
        yield server


@pytest.fixture
async def world(database_url: str, tmp_path: Path, mailbox: SmtpEmulator) -> AsyncIterator[World]:
    async with whole_world(database_url, tmp_path, smtp_url=f"smtp://127.0.0.1:{mailbox.port}") as world:
        yield world


def in_a_while() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=30)


async def written(world: World, path: str, words: str) -> None:
    """Wait until what was said is in the database."""
    async with asyncio.timeout(PATIENCE_S):
        while words not in str((await world.get(path))["data"]):
            await asyncio.sleep(0.1)


async def test_asking_for_a_human_is_told_while_the_caller_is_still_there(world: World, mailbox: SmtpEmulator) -> None:
    await world.set_webhook()
    rule = await world.post(
        "/v1/alerts",
        {
            "name": "Wants a human",
            "condition": {"kind": "escalation", "phrases": ["speak to a human"]},
            "channels": [{"type": "webhook"}, {"type": "email", "to": "desk@example.com"}],
        },
    )
    agent = await world.hosted()
    phone = await world.call(agent)
    await phone.say("I want to speak to a human!")
    await world.until(lambda: "well." in phone.timeline.words_heard)
    [call] = (await world.get("/v1/calls"))["data"]
    await written(world, f"/v1/calls/{call['id']}/transcript", "speak to a human")

    # A second server over the same database, whose clock is already ahead: nobody has to wait for the settled time.
    house = world.server.house
    announcements = Announcements(house.services.webhooks, house.delivery_worker.wake)
    ahead = AlertWatch(house.database, announcements, clock=in_a_while)
    await ahead.look()  # what has fired is told by the world's own server

    [told] = await world.told("alert.fired")
    [firing] = (await world.get(f"/v1/alert-firings?alertId={rule['id']}"))["data"]
    [call] = (await world.get("/v1/calls"))["data"]
    assert call["status"] == "in-progress"
    assert told["data"]["callId"] == firing["callId"] == call["id"]
    [seen] = firing["evidence"]["occurrences"]
    assert seen["detail"] == {"phrase": "speak to a human", "said": "I want to speak to a human!"}
    await world.until(lambda: bool(mailbox.mails))
    assert mailbox.mails[0].message["Subject"] == "[parley] Wants a human"

    await phone.hang_up()
    await world.ended_call()
    test = await world.get(f"/v1/alerts/{rule['id']}/backtest?days=7")
    assert (test["fired"], test["summary"]) == (1, "This rule would have fired 1 time in the last 7 days.")
    assert [(each["firedAt"], each["callId"]) for each in test["firings"]] == [(firing["firedAt"], firing["callId"])]
