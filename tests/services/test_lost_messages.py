"""Texts whose sending nobody finished, and failures that the carrier's reports prove wrong."""

from __future__ import annotations

import asyncio

import pytest

from parley.domain.errors import ProviderUnavailable
from parley.domain.messages import MessageStatus
from parley.providers.protocols import MessageReport
from parley.schemas.messages import MessageList
from parley.services.messages import LOST_AFTER
from parley.storage.tables import MessageRow
from tests.services.test_messages import events, number_of, send
from tests.services.world import CARRIER, World


async def cut_off(world: World, project_id: str) -> MessageRow:
    """A text whose process died while the carrier was asked."""
    number, asked = await number_of(world, project_id), asyncio.Event()

    async def never_answer(named: str) -> None:
        asked.set()
        await asyncio.Event().wait()

    world.carrier.while_sending = never_answer
    sending = asyncio.create_task(send(world, project_id, number))
    await asked.wait()
    sending.cancel()
    await asyncio.wait([sending])
    [row], _ = await world.messages.list_for_number(project_id, number.id, MessageList())
    return row


async def names(world: World, project_id: str) -> list[str]:
    return [name for name, _ in await events(world, project_id)]


async def test_a_text_nobody_is_sending_any_more_has_failed_and_is_told_once(world: World, mine: str) -> None:
    lost = await cut_off(world, mine)
    world.clock.advance(LOST_AFTER.total_seconds())
    assert await world.messages.fail_lost() == 0
    world.clock.advance(1)
    assert sorted(await asyncio.gather(world.messages.fail_lost(), world.messages.fail_lost())) == [0, 1]

    row = await world.messages.get(mine, lost.id)
    assert (row.status, "not known" in (row.error_message or "")) == ("failed", True)
    assert await names(world, mine) == ["message.failed"]
    assert [what for what, *_ in world.carrier.asked].count("send") == 1


async def test_what_the_carrier_named_is_not_lost(world: World, mine: str) -> None:
    sent = await send(world, mine, await number_of(world, mine))
    world.clock.advance(LOST_AFTER.total_seconds() + 1)
    assert await world.messages.fail_lost() == 0
    assert (await world.messages.get(mine, sent.id)).status == "queued"


async def test_a_later_report_corrects_a_lost_text(world: World, mine: str) -> None:
    lost = await cut_off(world, mine)
    world.clock.advance(LOST_AFTER.total_seconds() + 1)
    await world.messages.fail_lost()

    await world.messages.report(lost.id, MessageReport("SM1", "sent"))
    row = await world.messages.get(mine, lost.id)
    assert (row.status, row.error_message) == ("sent", None)
    await world.messages.report(lost.id, MessageReport("SM1", "delivered"))
    await world.messages.report(lost.id, MessageReport("SM1", "failed"))

    assert (await world.messages.get(mine, lost.id)).status == "delivered"
    assert await names(world, mine) == ["message.failed", "message.sent"]


@pytest.mark.parametrize(("reported", "told"), [("delivered", ["message.sent"]), ("failed", [])])
async def test_a_report_is_right_about_what_a_5xx_left_open(
    world: World, mine: str, reported: MessageStatus, told: list[str]
) -> None:
    number = await number_of(world, mine)
    world.carrier.refusal = ProviderUnavailable(CARRIER, "Not now (HTTP 503).", retryable=True)
    with pytest.raises(ProviderUnavailable):
        await send(world, mine, number)
    [row], _ = await world.messages.list_for_number(mine, number.id, MessageList())
    assert row.status == "failed"

    await world.messages.report(row.id, MessageReport("SM1", reported))
    await world.messages.report(row.id, MessageReport("SM1", reported))

    assert (await world.messages.get(mine, row.id)).status == reported
    assert await names(world, mine) == ["message.failed", *told]


async def test_a_5xx_after_a_report_does_not_undo_it(world: World, mine: str) -> None:
    number = await number_of(world, mine)

    async def report_and_break(named: str) -> None:
        message_id = world.carrier.asked[-1][-1].split("/")[-2]
        await world.messages.report(message_id, MessageReport(named, "sent"))
        raise ProviderUnavailable(CARRIER, "Not now (HTTP 503).", retryable=True)

    world.carrier.while_sending = report_and_break
    with pytest.raises(ProviderUnavailable):
        await send(world, mine, number)
    [row], _ = await world.messages.list_for_number(mine, number.id, MessageList())
    assert row.status == "sent"
    assert await names(world, mine) == []
