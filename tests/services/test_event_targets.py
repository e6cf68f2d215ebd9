"""Which target gets which events: the call's own URL, else the agent's webhook, else the project's; in order."""

from __future__ import annotations

import json

from parley.domain.secrets import Secret
from parley.domain.webhooks import SendResult, verify
from parley.schemas.calls import CallCreate
from parley.schemas.deliveries import DeliveryList
from parley.schemas.webhooks import WebhookPut
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from tests.services.world import World, ringing, text

PROJECT, AGENT, CALL = "https://project.example", "https://agent.example", "https://call.example"


async def hold(world: World, agent_id: str, number_id: str, name: str) -> None:
    """A whole call to the agent, and everything about it sent."""
    plan, _ = await world.calls.ring_inbound(number_id, ringing(name))
    assert plan.agent.id == agent_id
    await world.log.connected(plan.call_id)
    await world.log.finished(plan.call_id, "caller_hangup")
    await send_all(world)


async def send_all(world: World) -> None:
    while await world.worker.send_due():
        pass


def told(world: World) -> list[tuple[str, str]]:
    """(URL, event) of what was sent since the last time."""
    sent = [(url, json.loads(body)["event"]) for url, _, body in world.sender.sent]
    world.sender.sent.clear()
    return sent


async def test_an_agents_own_webhook_stands_in_for_the_projects_until_it_is_deleted(world: World, mine: str) -> None:
    ann, bob = [(await world.agent(mine)).id for _ in range(2)]
    anns, bobs = (await world.number(mine, ann)).id, (await world.number(mine, bob)).id
    await world.webhooks.put(mine, None, WebhookPut(url=PROJECT))
    await world.webhooks.put(mine, ann, WebhookPut(url=AGENT))

    await hold(world, ann, anns, "CA-1")
    assert told(world) == [(AGENT, "call.started"), (AGENT, "call.ended")]
    await hold(world, bob, bobs, "CA-2")
    assert told(world) == [(PROJECT, "call.started"), (PROJECT, "call.ended")]

    await world.webhooks.delete(mine, ann)
    await hold(world, ann, anns, "CA-3")
    assert told(world) == [(PROJECT, "call.started"), (PROJECT, "call.ended")]


async def test_without_the_projects_webhook_agents_keep_their_own(world: World, mine: str) -> None:
    ann, bob = [(await world.agent(mine)).id for _ in range(2)]
    anns, bobs = (await world.number(mine, ann)).id, (await world.number(mine, bob)).id
    await world.webhooks.put(mine, None, WebhookPut(url=PROJECT))
    await world.webhooks.put(mine, ann, WebhookPut(url=AGENT))
    await world.webhooks.delete(mine, None)

    await hold(world, bob, bobs, "CA-1")
    await hold(world, ann, anns, "CA-2")

    assert told(world) == [(AGENT, "call.started"), (AGENT, "call.ended")]


async def test_a_calls_own_url_keeps_the_limits_of_the_webhook_it_stands_in_for(world: World, mine: str) -> None:
    ann = (await world.agent(mine)).id
    assert (bare := await world.webhooks.target_for(mine, ann, CALL)) is not None
    assert (bare.url, bare.context_limit, bare.timeout_s, bare.webhook_id) == (CALL, 10, 30.0, "")

    _, secret = await world.webhooks.put(mine, None, WebhookPut(url=PROJECT, context_limit=3, timeout=7))

    assert (target := await world.webhooks.target_for(mine, ann, CALL)) is not None
    assert (target.url, target.context_limit, target.timeout_s, target.webhook_id) == (CALL, 3, 7.0, "")
    assert target.secret.reveal() == secret.reveal()
    async with world.database.read() as session:
        address = await world.webhooks.address_in(session, mine, ann, CALL)
    assert address is not None
    assert (address.url, address.context_limit, address.webhook_id) == (CALL, 3, None)


async def test_a_calls_own_url_gets_exactly_that_calls_events(world: World, mine: str) -> None:
    ann = (await world.agent(mine)).id
    await world.number(mine, ann)
    secret = (await world.webhooks.put(mine, ann, WebhookPut(url=AGENT))).secret
    dial = CallCreate(agent_id=ann, to_number="4155559999")
    own = await world.calls.create(mine, dial.model_copy(update={"webhook_url": CALL}))
    other = await world.calls.create(mine, dial)

    for call in (own, other):
        await world.log.connected(call.id)
        await world.log.finished(call.id, "caller_hangup")
    await send_all(world)

    calls = {(url, json.loads(body)["data"]["callId"]) for url, _, body in world.sender.sent}
    assert calls == {(CALL, own.id), (AGENT, other.id)}
    for _, headers, body in world.sender.sent:
        assert verify(secret, headers, body, now_s=world.clock.now.timestamp())
    rows, _ = await world.deliveries.list(mine, DeliveryList())
    assert sorted((row.target, row.url) for row in rows) == [("agent", AGENT)] * 2 + [("call", CALL)] * 2


async def test_a_calls_own_url_is_told_the_facts_at_the_top_too(world: World, mine: str) -> None:
    ann = (await world.agent(mine)).id
    number = await world.number(mine, ann)
    wanted = CallCreate(agent_id=ann, to_number="4155559999", webhook_url=CALL)
    call = await world.calls.create(mine, wanted)
    await world.log.connected(call.id)
    world.clock.advance(61)
    await world.log.finished(call.id, "caller_hangup")
    await send_all(world)

    began, ended = [json.loads(body) for _, _, body in world.sender.sent]
    flat = {
        "call_id": call.id,
        "agent_id": ann,
        "from_number": number.phone_number,
        "to_number": "+14155559999",
        "created_at": began["timestamp"],
    }
    assert flat.items() <= began.items()
    assert began["data"]["callId"] == call.id
    over = {"status": "completed", "duration_seconds": 61, "end_reason": "caller_hangup"}
    assert (flat | over | {"created_at": ended["timestamp"]}).items() <= ended.items()


async def test_without_a_webhook_a_calls_own_url_is_signed_with_a_secret_of_the_project(
    world: World, mine: str, theirs: str
) -> None:
    ann = (await world.agent(mine)).id
    await world.number(mine, ann)
    wanted = CallCreate(agent_id=ann, to_number="4155559999", webhook_url=CALL)
    await world.log.connected((await world.calls.create(mine, wanted)).id)
    await send_all(world)

    ((_, headers, body),) = world.sender.sent
    assert verify(world.webhooks.spare_secret(mine), headers, body, now_s=world.clock.now.timestamp())
    assert world.webhooks.spare_secret(mine).reveal() != world.webhooks.spare_secret(theirs).reveal()


async def test_events_of_one_conversation_arrive_in_order(world: World, mine: str) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    await world.webhooks.put(mine, None, WebhookPut(url=PROJECT))
    await world.messages.receive(number.id, text("Are you open?"))
    world.sender.answer = lambda url: SendResult(status=500)

    await world.worker.send_due()
    assert told(world) == [(PROJECT, "message.received")]
    assert await world.worker.send_due() == 0

    world.sender.answer = lambda url: SendResult(status=200)
    world.clock.advance(7)
    await send_all(world)
    assert told(world) == [(PROJECT, "message.received"), (PROJECT, "agent.message")]


async def test_a_secret_that_nobody_can_open_keeps_no_call_from_its_end(
    world: World, mine: str, database: Database
) -> None:
    ann = (await world.agent(mine)).id
    await world.number(mine, ann)
    await world.webhooks.put(mine, None, WebhookPut(url=PROJECT))
    called = [
        await world.calls.create(mine, CallCreate(agent_id=ann, to_number="4155559999", webhook_url=own))
        for own in (None, CALL)
    ]
    restarted = World(database, Cipher([Secret("another-operator-key")]))

    for call in called:
        await restarted.log.connected(call.id)
        await restarted.log.finished(call.id, "caller_hangup")
    await send_all(restarted)

    for call in called:
        assert (await restarted.calls.get(mine, call.id)).status == "completed"
    waiting, _ = await restarted.deliveries.list(mine, DeliveryList(status="pending"))
    assert sorted((row.event_type, row.error_message or "") for row in waiting) == [
        *[("call.ended", "")] * 2,
        *[("call.started", "secret_unreadable")] * 2,
    ]
    assert restarted.sender.sent == []
