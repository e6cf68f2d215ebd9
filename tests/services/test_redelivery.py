"""What owners see of their deliveries, and how they have an event sent again."""

from __future__ import annotations

import pytest

from parley.domain.errors import Conflict, NotFound
from parley.domain.events import TurnDelivery
from parley.domain.webhooks import SendResult, verify
from parley.schemas.calls import CallCreate
from parley.schemas.deliveries import DeliveryList
from parley.schemas.subscriptions import SubscriptionCreate, SubscriptionUpdate
from parley.schemas.webhooks import WebhookPut
from parley.storage import outbox
from parley.storage.tables import DeliveryRow
from tests.services.world import World, ringing

HOOK = WebhookPut(url="https://project.example/hook")


async def told(world: World, project_id: str, name: str = "CA-1") -> tuple[str, str]:
    """A call that began and ended; its id and its agent's."""
    agent = await world.agent(project_id)
    number = await world.number(project_id, agent.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(name))
    await world.log.connected(plan.call_id)
    await world.log.finished(plan.call_id, "caller_hangup")
    return plan.call_id, agent.id


async def send_all(world: World) -> None:
    while await world.worker.send_due():
        pass


async def newest_first(world: World, project_id: str) -> list[DeliveryRow]:
    return (await world.deliveries.list(project_id, DeliveryList(limit=100)))[0]


async def test_a_redelivered_event_has_the_same_body_and_id_and_a_delivery_of_its_own(world: World, mine: str) -> None:
    secret = (await world.webhooks.put(mine, None, HOOK)).secret
    await told(world, mine)
    await send_all(world)
    first = (await newest_first(world, mine))[-1]

    again = await world.deliveries.redeliver(mine, first.id)
    await send_all(world)

    (_, headers, body), (_, _, _), (_, headers_again, body_again) = world.sender.sent
    assert body_again == body
    assert headers_again["X-Webhook-ID"] == headers_again["webhook-id"] == headers["X-Webhook-ID"] == first.id
    assert verify(secret, headers_again, body_again, now_s=world.clock.now.timestamp()) == first.id
    kept = await world.deliveries.get(mine, again.id)
    assert (kept.id != first.id, kept.event_id, kept.status, kept.call_id) == (True, first.id, "success", first.call_id)
    thrice = await world.deliveries.redeliver(mine, again.id)
    assert thrice.event_id == first.id


async def test_a_redelivered_event_goes_where_its_agents_events_go_now(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    _, agent_id = await told(world, mine)
    await send_all(world)
    first = (await newest_first(world, mine))[-1]
    await world.webhooks.delete(mine, None)

    with pytest.raises(Conflict, match="no active webhook"):
        await world.deliveries.redeliver(mine, first.id)
    await world.webhooks.put(mine, agent_id, WebhookPut(url="https://agent.example"))
    again = await world.deliveries.redeliver(mine, first.id)
    await send_all(world)

    assert (first.target, again.target) == ("project", "agent")
    assert world.sender.sent[-1][0] == "https://agent.example"


async def test_an_event_for_a_calls_own_url_goes_there_again(world: World, mine: str) -> None:
    agent = await world.agent(mine)
    await world.number(mine, agent.id)
    wanted = CallCreate(agent_id=agent.id, to_number="4155559999", webhook_url="https://call.example")
    call = await world.calls.create(mine, wanted)
    await world.log.connected(call.id)
    await send_all(world)
    [row] = await newest_first(world, mine)

    await world.deliveries.redeliver(mine, row.id)
    await send_all(world)

    assert [url for url, _, _ in world.sender.sent] == ["https://call.example"] * 2


async def test_a_subscriptions_event_goes_to_that_subscription_while_it_is_active(world: World, mine: str) -> None:
    wanted = SubscriptionCreate(url="https://s.example", events=["call_ended"], secret="a secret of mine")
    subscription, _ = await world.subscriptions.create(mine, wanted)
    await told(world, mine)
    await send_all(world)
    [row] = await newest_first(world, mine)

    again = await world.deliveries.redeliver(mine, row.id)
    await send_all(world)
    assert (again.target, again.subscription_id, len(world.sender.sent)) == ("subscription", subscription.id, 2)

    await world.subscriptions.update(mine, subscription.id, SubscriptionUpdate(active=False))
    with pytest.raises(Conflict, match="not active"):
        await world.deliveries.redeliver(mine, row.id)


async def test_a_voice_turn_is_not_asked_again(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    agent = await world.agent(mine, voice_mode="webhook", system_prompt=None)
    number = await world.number(mine, agent.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing())
    turn = TurnDelivery(
        delivery_id="evt_turn",
        event_type="agent.message",
        http_status=None,
        error="timeout",
        response_ms=5000,
        sent_at=world.clock.now,
    )
    await world.log.record_turn_delivery(plan, turn)

    row = await world.deliveries.get(mine, "evt_turn")
    assert plan.webhook is not None
    assert (row.target, row.webhook_id) == ("project", plan.webhook.webhook_id)
    with pytest.raises(Conflict, match="voice turn"):
        await world.deliveries.redeliver(mine, "evt_turn")


async def test_what_waits_for_its_next_try_gives_way_to_the_redelivery(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    await told(world, mine)
    world.sender.answer = lambda url: SendResult(status=503, retry_after="3600")
    await world.worker.send_due()
    first = (await newest_first(world, mine))[-1]
    world.sender.answer = lambda url: SendResult(status=200)

    again = await world.deliveries.redeliver(mine, first.id)
    await send_all(world)

    assert [row.status for row in await newest_first(world, mine)] == ["success", "success", "failed"]
    assert (await world.deliveries.get(mine, again.id)).status == "success"


async def test_what_is_being_sent_is_not_sent_twice_at_once(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    await told(world, mine)
    async with world.database.transaction() as session:
        [held] = await outbox.claim(session, world.clock.now, world.worker._lease, 1)

    with pytest.raises(Conflict, match="at this moment"):
        await world.deliveries.redeliver(mine, held.id)


async def test_a_foreign_delivery_is_not_found(world: World, mine: str, theirs: str) -> None:
    await world.webhooks.put(theirs, None, HOOK)
    await told(world, theirs)
    [row, *_] = await newest_first(world, theirs)

    with pytest.raises(NotFound):
        await world.deliveries.get(mine, row.id)
    with pytest.raises(NotFound):
        await world.deliveries.redeliver(mine, row.id)
    assert (await world.deliveries.all_time(mine)).total == 0
    assert (await world.deliveries.stats(mine, 24)).total == 0


async def test_a_list_shows_whose_target_it_was(world: World, mine: str) -> None:
    _, ann = await told(world, mine)
    await world.webhooks.put(mine, None, HOOK)
    await world.webhooks.put(mine, ann, WebhookPut(url="https://agent.example"))
    await world.subscriptions.create(mine, SubscriptionCreate(url="https://s.example", events=["call_ended"]))
    for agent_id, name in ((ann, "CA-2"), ((await world.agent(mine)).id, "CA-3")):
        number = await world.number(mine, agent_id)
        plan, _ = await world.calls.ring_inbound(number.id, ringing(name))
        await world.log.finished(plan.call_id, "caller_hangup")

    rows = await newest_first(world, mine)
    assert sorted(row.target for row in rows) == ["agent", "project", "subscription", "subscription"]
    own, total = await world.deliveries.list(mine, DeliveryList(agent_id=ann), to_agents_own=True)
    assert ([row.target for row in own], total) == (["agent"], 1)
    about_ann, _ = await world.deliveries.list(mine, DeliveryList(agent_id=ann))
    assert sorted(row.target for row in about_ann) == ["agent", "subscription"]
    pending, _ = await world.deliveries.list(mine, DeliveryList(status="pending"))
    assert len(pending) == 4
    assert await world.deliveries.list(mine, DeliveryList(status="failed")) == ([], 0)


async def test_statistics_count_by_type_and_hour(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, HOOK)
    await told(world, mine)
    await send_all(world)
    world.clock.advance(2 * 3600)
    world.sender.answer = lambda url: SendResult(status=410)
    await told(world, mine, "CA-2")
    await send_all(world)

    day = await world.deliveries.stats(mine, 24)
    assert (day.total, day.success, day.failed, day.pending, day.success_rate) == (4, 2, 2, 0, 50.0)
    assert {name: counts.total for name, counts in day.by_event_type.items()} == {"call.ended": 2, "call.started": 2}
    assert len(day.by_hour) == 25
    busy = [(each.hour.hour, each.success, each.failed) for each in day.by_hour if each.total]
    assert busy == [(3, 2, 0), (5, 0, 2)]
    recent = await world.deliveries.stats(mine, 1)
    assert (recent.total, recent.success_rate) == (2, 0.0)
    assert (await world.deliveries.all_time(mine)).success_rate == 50.0


async def test_where_nothing_was_sent_nothing_failed(world: World, mine: str) -> None:
    stats = await world.deliveries.stats(mine, 2)
    assert (stats.total, stats.success_rate, stats.by_event_type, len(stats.by_hour)) == (0, 100.0, {}, 3)
