"""Who is told of an alert, how often, and when: webhooks, subscriptions, mailboxes, quiet hours."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import select

from parley.domain.errors import ProviderError
from parley.domain.ids import new_id
from parley.schemas.webhooks import WebhookPut
from parley.services.alert_mails import MOST_A_DAY, AlertMails
from parley.storage.tables import AlertFiringRow
from tests.services.alerting import AlertDesk
from tests.services.test_subscriptions import arrived, send_all, wanted
from tests.services.world import World

HOOK = "https://alerts.example/hook"


@pytest.fixture
def desk(world: World, mine: str) -> AlertDesk:
    return AlertDesk(world, mine)


async def test_channels_and_subscriptions_are_told_once_and_signed(desk: AlertDesk) -> None:
    world = desk.world
    await world.webhooks.put(desk.project_id, None, WebhookPut(url="https://project.example/hook"))
    await world.subscriptions.create(desk.project_id, wanted("alert_fired", "system_error", "escalation_triggered"))
    channels = [
        {"type": "webhook", "url": HOOK},
        {"type": "webhook"},
        {"type": "email", "to": "boss@example.com"},
    ]
    await desk.rule("error_rate", condition={"threshold": 0.1}, channels=channels, name="Failing\n calls")
    call = await desk.called(desk.now, lasted_s=1, status="failed", end_reason="carrier_failed")
    await desk.pass_time(30)
    await send_all(world)
    await desk.pass_time(30)
    await send_all(world)

    assert arrived(world, HOOK) == arrived(world, "https://project.example/hook") == ["alert.fired"]
    assert arrived(world) == ["alert_fired", "system_error"]
    [(_, headers, body)] = [each for each in world.sender.sent if each[0] == HOOK]
    assert "X-Webhook-Signature" in headers
    told = json.loads(body)
    assert (told["channel"], told["data"]["callId"], told["data"]["kind"]) == ("alert", call, "error_rate")
    assert told["data"]["message"] == "100% of the calls that ended within 5 minutes failed."
    [(to, subject, text)] = desk.post.mails
    assert (to, subject) == ("boss@example.com", "[parley] Failing calls")
    assert call in text
    [firing] = await desk.fired()
    assert [(each["type"], each["status"]) for each in firing.told] == [
        ("webhook", "sent"),
        ("webhook", "sent"),
        ("email", "sent"),
    ]


async def test_a_sentence_tells_what_a_call_had_and_not_how_many_there_were(desk: AlertDesk) -> None:
    channels = [{"type": "email", "to": "boss@example.com"}]
    await desk.rule("long_duration", condition={"threshold": 60}, least_count=2, channels=channels)
    await desk.called(desk.now)
    await desk.called(desk.now)
    await desk.pass_time(70)
    [(_, _, text)] = desk.post.mails
    assert text.startswith("A call has gone on for 60 seconds. This was so 2 times within 5 minutes.")


async def test_a_mail_is_tried_again_and_then_given_up_with_its_reason(desk: AlertDesk) -> None:
    channels = [{"type": "email", "to": "boss@example.com"}]
    await desk.rule("long_duration", condition={"threshold": 10}, channels=channels)
    desk.post.failure = ProviderError("mail", "The mail server refused the mail: 450 busy", retryable=True)
    await desk.called(desk.now)
    await desk.pass_time(20)
    [firing] = await desk.fired()
    assert [each["status"] for each in firing.told] == ["waiting"]
    await desk.pass_time(4 * 3600, step_s=600)
    [firing] = await desk.fired()
    assert [(each["status"], each["reason"]) for each in firing.told] == [("failed", desk.post.failure.message)]
    assert firing.attempts == 5

    desk.post.failure = ProviderError("mail", "550 nobody", retryable=False)
    await desk.called(desk.now)
    await desk.pass_time(20)
    assert (await desk.fired())[-1].told[0]["status"] == "failed"


async def test_nobody_is_mailed_without_end(desk: AlertDesk) -> None:
    rule = await desk.rule(
        "long_duration", condition={"threshold": 10}, channels=[{"type": "email", "to": "boss@example.com"}]
    )
    sent = {"type": "email", "address": "boss@example.com", "status": "sent", "reason": None}
    await desk.add(
        *(
            AlertFiringRow(
                id=new_id("fire"),
                project_id=desk.project_id,
                rule_id=rule,
                subject=str(number),
                value=1.0,
                evidence={},
                told=[sent, {**sent, "status": "failed"}, sent],
                fired_at=desk.now,
            )
            for number in range(MOST_A_DAY // 2)
        )
    )
    await desk.called(desk.now)
    await desk.pass_time(20)
    assert desk.post.mails == []
    async with desk.world.database.read() as session:
        newest = await session.scalar(select(AlertFiringRow).where(AlertFiringRow.subject == ""))
    assert newest is not None
    assert "200 mails" in newest.told[0]["reason"]


async def test_a_mail_server_that_does_not_answer_holds_up_nothing_else_and_no_mail_goes_twice(desk: AlertDesk) -> None:
    to = [{"type": "email", "to": f"{name}@example.com"} for name in ("ann", "bob")]
    await desk.rule("long_duration", condition={"threshold": 10}, channels=[{"type": "webhook", "url": HOOK}, *to])
    desk.sends_mails = False
    desk.post.answers.clear()
    await desk.called(desk.now)
    await desk.pass_time(20)
    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(desk.mails.send_due())
        await desk.post.is_taken.wait()
        await desk.called(desk.now)
        await desk.pass_time(60)
        await send_all(desk.world)
        assert arrived(desk.world, HOOK) == ["alert.fired"] * 2
        other = AlertMails(desk.world.database, desk.post, desk.world.clock)
        desk.post.answers.set()
        assert await other.send_due()
        assert not await other.send_due()
    assert sending.result()
    assert sorted(to for to, _, _ in desk.post.mails) == ["ann@example.com"] * 2 + ["bob@example.com"] * 2


async def test_a_rule_that_is_deleted_while_its_mail_is_sent_is_gone(desk: AlertDesk) -> None:
    channels = [{"type": "email", "to": "boss@example.com"}] * 2
    rule = await desk.rule("long_duration", condition={"threshold": 10}, channels=channels)
    desk.sends_mails = False
    desk.post.answers.clear()
    await desk.called(desk.now)
    await desk.pass_time(20)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.mails.send_due())
        await desk.post.is_taken.wait()
        await desk.alerts.delete(desk.project_id, rule)
        desk.post.answers.set()
    assert len(desk.post.mails) == 1
    assert not await desk.mails.send_due()


@pytest.mark.parametrize("mode", ["delay", "drop"])
async def test_quiet_hours_delay_or_drop_what_is_told_and_never_what_is_kept(desk: AlertDesk, mode: str) -> None:
    assert (desk.now.hour, desk.now.minute) == (3, 4)
    quiet = {"timezone": "UTC", "start": "22:00", "end": "07:00", "mode": mode}
    channels = [{"type": "email", "to": "boss@example.com"}]
    await desk.rule("long_duration", condition={"threshold": 10}, quiet_hours=quiet, channels=channels)
    await desk.called(desk.now)
    await desk.pass_time(60)
    [firing] = await desk.fired()
    assert desk.post.mails == []
    await desk.pass_time(4 * 3600, step_s=900)
    [firing] = await desk.fired()
    assert [each["status"] for each in firing.told] == ["sent" if mode == "delay" else "dropped"]
    assert len(desk.post.mails) == (mode == "delay")
