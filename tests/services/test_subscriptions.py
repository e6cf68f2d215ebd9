"""Subscriptions are told the events they name, besides the webhook, each in its own time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import pytest
from sqlalchemy import delete

from parley.domain.errors import BadInput, Conflict, Draining, NotFound
from parley.domain.secrets import Secret
from parley.domain.webhooks import SendResult, verify
from parley.providers.protocols import ForwardOutcome
from parley.schemas.base import parse
from parley.schemas.calls import CallCreate
from parley.schemas.deliveries import DeliveryList
from parley.schemas.pages import CursorQuery
from parley.schemas.subscriptions import SubscriptionCreate, SubscriptionCreated, SubscriptionUpdate
from parley.schemas.webhooks import WebhookPut
from parley.storage.tables import SubscriptionRow
from tests.services.world import World, ringing

OWN = "your_webhook_secret"


def wanted(*events: str, url: str = "https://s.example", **more: object) -> SubscriptionCreate:
    return parse(SubscriptionCreate, {"url": url, "events": list(events), "secret": OWN, **more})


async def ring(world: World, project_id: str, name: str = "CA-1", **agent: object) -> str:
    """An inbound call's id."""
    number = await world.number(project_id, (await world.agent(project_id, **agent)).id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(name))
    return plan.call_id


async def send_all(world: World) -> None:
    while await world.worker.send_due():
        pass


def arrived(world: World, url: str = "https://s.example") -> list[str]:
    return [json.loads(body)["event"] for to, _, body in world.sender.sent if to == url]


# ---------------------------------------------------------------- the resource


async def test_a_secret_goes_in_and_never_comes_out(world: World, mine: str) -> None:
    row, made = await world.subscriptions.create(mine, wanted("call_started", "call_started", "call_ended"))

    shown = SubscriptionCreated.of(row, made.reveal() if made else None)
    assert (shown.secret, shown.masked_secret, shown.events) == (None, "…cret", ["call_started", "call_ended"])
    assert OWN not in shown.model_dump_json()
    assert OWN.encode() not in row.sealed_secret
    assert world.subscriptions.open(row).reveal() == OWN


async def test_a_secret_that_was_made_here_is_shown_once(world: World, mine: str) -> None:
    row, made = await world.subscriptions.create(mine, SubscriptionCreate(url="https://s.example", events=["*"]))

    assert made is not None
    assert made.reveal().startswith("whsec_")
    assert (await world.subscriptions.get(mine, row.id)).masked_secret == made.hint


async def test_an_unknown_event_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(BadInput, match="call_transferred") as refused:
        wanted("call_started", "call_vanished")
    assert [field for field, _ in refused.value.errors] == ["events.1"]


@pytest.mark.parametrize(
    "config", [{"max_retries": 11}, {"max_retries": -1}, {"retry_delay": 0}, {"retry_delay": 3601}]
)
async def test_retries_have_bounds(config: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="between"):
        wanted("*", retry_config=config)


async def test_only_urls_that_may_be_called_are_kept(world: World, mine: str) -> None:
    with pytest.raises(BadInput, match="url"):
        await world.subscriptions.create(mine, wanted("*", url="https://127.0.0.1/hook"))
    row, _ = await world.subscriptions.create(mine, wanted("*"))
    with pytest.raises(BadInput, match="url"):
        await world.subscriptions.update(mine, row.id, SubscriptionUpdate(url="https://localhost"))


async def test_what_is_not_sent_stays(world: World, mine: str) -> None:
    row, _ = await world.subscriptions.create(mine, wanted("call_ended", retry_config={"max_retries": 2}))

    moved = await world.subscriptions.update(mine, row.id, SubscriptionUpdate(url="https://t.example"))
    assert (moved.url, moved.events, moved.active, moved.masked_secret) == (
        "https://t.example",
        ["call_ended"],
        True,
        "…cret",
    )
    assert moved.retry_config == {"max_retries": 2, "retry_delay": 5}
    reset = parse(SubscriptionUpdate, {"retry_config": None, "secret": "another secret"})
    changed = await world.subscriptions.update(mine, row.id, reset)
    assert changed.retry_config is None
    assert world.subscriptions.open(changed).reveal() == "another secret"


async def test_a_project_has_a_bound(world: World, mine: str) -> None:
    await asyncio.gather(*(world.subscriptions.create(mine, wanted("*")) for _ in range(99)))

    attempts = [world.subscriptions.create(mine, wanted("*")) for _ in range(8)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)

    refused = [each for each in outcomes if isinstance(each, Conflict)]
    assert ["100" in error.message for error in refused] == [True] * 7
    assert (await world.subscriptions.list(mine, CursorQuery())).total == 100


async def test_pages_go_on_where_the_last_one_ended(world: World, mine: str) -> None:
    made = [(await world.subscriptions.create(mine, wanted("*")))[0].id for _ in range(3)]

    first = await world.subscriptions.list(mine, CursorQuery(limit=2))
    assert ([row.id for row in first.rows], first.total) == (made[:0:-1], 3)
    assert first.next_id == made[1]


async def test_foreign_subscriptions_are_not_found(world: World, mine: str, theirs: str) -> None:
    row, _ = await world.subscriptions.create(theirs, wanted("*"))

    for knock in (
        world.subscriptions.get(mine, row.id),
        world.subscriptions.update(mine, row.id, SubscriptionUpdate(active=False)),
        world.subscriptions.delete(mine, row.id),
    ):
        with pytest.raises(NotFound):
            await knock
    assert (await world.subscriptions.list(mine, CursorQuery())).rows == []
    assert (await world.subscriptions.get(theirs, row.id)).active


# ---------------------------------------------------------------- what it is told


async def test_a_call_is_told_in_order_flat_and_signed(world: World, mine: str) -> None:
    await world.subscriptions.create(mine, wanted("*"))
    call_id = await ring(world, mine)
    await world.log.connected(call_id)
    await world.log.finished(call_id, "caller_hangup")

    await send_all(world)

    assert arrived(world) == ["call_started", "conversation_started", "call_ended", "conversation_ended"]
    for _, headers, body in world.sender.sent:
        expected = hmac.new(OWN.encode(), body, hashlib.sha256).hexdigest()
        assert headers["X-Body-Signature"] == f"sha256={expected}"
        assert verify(Secret(OWN), headers, body, now_s=world.clock.now.timestamp())
        assert "X-Webhook-Signature" not in headers
        assert json.loads(body)["call_id"] == call_id


async def test_only_the_events_that_are_wanted_are_told(world: World, mine: str, theirs: str) -> None:
    await world.subscriptions.create(mine, wanted("call_ended", "escalation_triggered"))
    await world.subscriptions.create(mine, wanted("call_started", url="https://off.example", active=False))
    await world.subscriptions.create(theirs, wanted("*", url="https://foreign.example"))
    call_id = await ring(world, mine)
    await world.log.connected(call_id)
    await world.log.finished(call_id, "caller_hangup")

    await send_all(world)

    assert [(url, json.loads(body)["event"]) for url, _, body in world.sender.sent] == [
        ("https://s.example", "call_ended")
    ]


async def test_a_transfer_is_told_before_the_end(world: World, mine: str) -> None:
    await world.subscriptions.create(mine, wanted("call_transferred", "call_ended"))
    call_id = await ring(world, mine, transfer_number="+14155550199")
    await world.log.connected(call_id)
    assert await world.desk.transfer(call_id, "+14155550199")
    await world.log.forwarded(call_id, ForwardOutcome(talked_s=7))

    await send_all(world)

    assert arrived(world) == ["call_transferred", "call_ended"]
    assert json.loads(world.sender.sent[0][2])["transfer_number"] == "+14155550199"


async def test_subscriptions_are_told_besides_the_one_webhook_or_the_calls_own_url(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://project.example"))
    await world.subscriptions.create(mine, wanted("call_started"))
    agent = await world.agent(mine)
    await world.number(mine, agent.id)
    dial = CallCreate(agent_id=agent.id, to_number="4155559999")
    plain = await world.calls.create(mine, dial)
    own = await world.calls.create(mine, dial.model_copy(update={"webhook_url": "https://call.example"}))
    for call in (plain, own):
        await world.log.connected(call.id)

    await send_all(world)

    told = {(url, json.loads(body)["event"]) for url, _, body in world.sender.sent}
    assert len(world.sender.sent) == 4
    assert told == {
        ("https://project.example", "call.started"),
        ("https://call.example", "call.started"),
        ("https://s.example", "call_started"),
    }


# ---------------------------------------------------------------- nobody answers


async def test_a_number_that_nobody_answers_is_told(world: World, mine: str) -> None:
    await world.subscriptions.create(mine, wanted("agent_unavailable"))
    number = await world.number(mine)

    with pytest.raises(Conflict):
        await world.calls.ring_inbound(number.id, ringing())
    await send_all(world)

    [(_, _, body)] = world.sender.sent
    event = json.loads(body)
    assert (event["event"], event["reason"], event["phone_number"], event["caller_id"], event["call_id"]) == (
        "agent_unavailable",
        "no_agent",
        number.phone_number,
        "+14155559999",
        None,
    )


async def test_a_server_that_stops_leaves_callers_without_an_agent(world: World, mine: str) -> None:
    await world.subscriptions.create(mine, wanted("agent_unavailable", "call_ended"))
    await world.log.connected(await ring(world, mine))
    number = (await world.number(mine, (await world.agent(mine)).id)).id
    world.switchboard.is_draining = True

    with pytest.raises(Draining):
        await world.calls.ring_inbound(number, ringing("CA-2"))
    await send_all(world)

    assert arrived(world) == ["agent_unavailable", "call_ended"]
    assert json.loads(world.sender.sent[0][2])["reason"] == "draining"


async def test_a_late_word_about_a_call_that_is_over_is_no_unanswered_call(world: World, mine: str) -> None:
    await world.subscriptions.create(mine, wanted("agent_unavailable"))
    number = await world.number(mine, (await world.agent(mine)).id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing())
    await world.log.finished(plan.call_id, "caller_hangup")

    with pytest.raises(Conflict, match="over"):
        await world.calls.ring_inbound(number.id, ringing())

    assert await world.worker.send_due() == 0


# ---------------------------------------------------------------- receivers that fail


async def test_its_own_schedule_bounds_the_tries(world: World, mine: str) -> None:
    await world.subscriptions.create(mine, wanted("call_ended", retry_config={"max_retries": 2, "retry_delay": 60}))
    await world.log.finished(await ring(world, mine), "caller_hangup")
    world.sender.answer = lambda url: SendResult(status=500)
    waits = []

    for _ in range(3):
        assert await world.worker.send_due() == 1
        [row] = (await world.deliveries.list(mine, DeliveryList()))[0]
        if row.next_retry_at is not None:
            waits.append((row.next_retry_at - world.clock.now).total_seconds())
            world.clock.now = row.next_retry_at

    [given_up] = (await world.deliveries.list(mine, DeliveryList()))[0]
    assert (given_up.status, given_up.attempt_count) == ("failed", 3)
    for wait, planned in zip(waits, (60, 120), strict=True):
        assert planned <= wait <= planned * 1.2


async def test_each_subscriptions_trouble_is_its_own(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://project.example"))
    await world.subscriptions.create(mine, wanted("call_started", "call_ended"))
    await world.subscriptions.create(mine, wanted("call_started", "call_ended", url="https://down.example"))
    call_id = await ring(world, mine)
    await world.log.connected(call_id)
    await world.log.finished(call_id, "caller_hangup")
    world.sender.answer = lambda url: SendResult(status=500 if url == "https://down.example" else 200)

    await send_all(world)

    assert arrived(world) == ["call_started", "call_ended"]
    assert arrived(world, "https://project.example") == ["call.started", "call.ended"]
    assert arrived(world, "https://down.example") == ["call_started"]


async def test_gone_ends_the_subscription_and_nothing_else(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://project.example"))
    row, _ = await world.subscriptions.create(mine, wanted("call_started", "call_ended"))
    call_id = await ring(world, mine)
    await world.log.connected(call_id)
    await world.log.finished(call_id, "caller_hangup")
    world.sender.answer = lambda url: SendResult(status=410 if url == "https://s.example" else 200)

    await send_all(world)

    assert not (await world.subscriptions.get(mine, row.id)).active
    assert await world.webhooks.target_for(mine, None) is not None
    rows, _ = await world.deliveries.list(mine, DeliveryList(status="failed"))
    assert [(each.event_type, each.error_message) for each in reversed(rows)] == [
        ("call_started", None),
        ("call_ended", "subscription_inactive"),
    ]


async def test_what_waits_for_a_deleted_or_switched_off_subscription_fails(world: World, mine: str) -> None:
    first, _ = await world.subscriptions.create(mine, wanted("call_started"))
    second, _ = await world.subscriptions.create(mine, wanted("call_started"))
    await world.log.connected(await ring(world, mine))

    await world.subscriptions.delete(mine, first.id)
    await world.subscriptions.update(mine, second.id, SubscriptionUpdate(active=False))

    assert await world.worker.send_due() == 0
    rows, _ = await world.deliveries.list(mine, DeliveryList())
    assert {row.error_message for row in rows} == {"subscription_deleted", "subscription_inactive"}
    assert {row.target for row in rows} == {"subscription"}


async def test_what_is_left_of_a_subscription_that_vanished_is_sent_nowhere(world: World, mine: str) -> None:
    row, _ = await world.subscriptions.create(mine, wanted("call_started"))
    await world.log.connected(await ring(world, mine))
    async with world.database.transaction() as session:
        await session.execute(delete(SubscriptionRow).where(SubscriptionRow.id == row.id))

    assert await world.worker.send_due() == 1

    assert world.sender.sent == []
    [left] = (await world.deliveries.list(mine, DeliveryList()))[0]
    assert (left.status, left.error_message) == ("failed", "subscription_deleted")


async def test_what_waits_goes_to_the_new_url_with_the_new_secret(world: World, mine: str) -> None:
    row, _ = await world.subscriptions.create(mine, wanted("call_started"))
    await world.log.connected(await ring(world, mine))
    moved = SubscriptionUpdate(url="https://t.example", secret="another secret")
    await world.subscriptions.update(mine, row.id, moved)

    await send_all(world)

    [(url, headers, body)] = world.sender.sent
    assert url == "https://t.example"
    assert verify(Secret("another secret"), headers, body, now_s=world.clock.now.timestamp())
    [kept] = (await world.deliveries.list(mine, DeliveryList()))[0]
    assert kept.url == "https://t.example"
