"""Events reach their receiver at least once, in order while it is up, and stop when it is gone for good."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from parley.domain.secrets import Secret
from parley.domain.webhooks import SendResult, verify
from parley.schemas.deliveries import DeliveryList
from parley.schemas.numbers import NumberList
from parley.schemas.webhooks import WebhookPut
from parley.services.defaults import utc_now
from parley.services.delivery_worker import DeliveryWorker
from parley.storage import outbox, webhooks
from parley.storage.tables import DeliveryRow
from tests.services.world import World, ringing


def failed(url: str) -> SendResult:
    return SendResult(status=500, excerpt="oh no")


async def started_call(world: World, project_id: str, name: str = "CA-1") -> str:
    """A call whose `call.started` waits in the outbox."""
    numbers, _ = await world.numbers.list(project_id, NumberList())
    number = numbers[0] if numbers else await world.number(project_id, (await world.agent(project_id)).id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(name))
    await world.log.connected(plan.call_id)
    return plan.call_id


async def rows(world: World, project_id: str) -> list[DeliveryRow]:
    found, _ = await world.deliveries.list(project_id, DeliveryList(limit=100))
    return list(reversed(found))


def sent_events(world: World) -> list[str]:
    return [json.loads(body)["event"] for _, _, body in world.sender.sent]


@pytest.fixture
async def secret(world: World, mine: str) -> Secret:
    """The project's webhook is set; its signing secret."""
    return (await world.webhooks.put(mine, None, WebhookPut(url="https://a.example/hook"))).secret


async def test_a_delivered_event_is_signed_and_done(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)

    assert await world.worker.send_due() == 1
    assert await world.worker.send_due() == 0

    [(url, headers, body)] = world.sender.sent
    [row] = await rows(world, mine)
    assert url == "https://a.example/hook"
    assert verify(secret, headers, body, now_s=world.clock.now.timestamp()) == row.id
    assert headers["X-Webhook-ID"] == row.id
    assert (row.status, row.http_status, row.attempt_count, row.next_retry_at) == ("success", 204, 1, None)


async def test_a_failed_event_is_tried_on_schedule_and_then_given_up(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)
    world.sender.answer = failed
    waits = []

    for _ in range(8):
        assert await world.worker.send_due() == 1
        assert await world.worker.send_due() == 0
        [waiting] = await rows(world, mine)
        if waiting.next_retry_at is not None:
            waits.append((waiting.next_retry_at - world.clock.now).total_seconds())
            world.clock.now = waiting.next_retry_at

    [row] = await rows(world, mine)
    assert (row.status, row.attempt_count, row.http_status, row.response_body) == ("failed", 8, 500, "oh no")
    for wait, planned in zip(waits, (5, 300, 1800, 7200, 18000, 36000, 50400), strict=True):
        assert planned <= wait <= planned * 1.2
    assert len({headers["webhook-id"] for _, headers, _ in world.sender.sent}) == 1


async def test_a_receiver_that_asks_for_time_gets_it(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)
    world.sender.answer = lambda url: SendResult(status=503, retry_after="120")

    await world.worker.send_due()

    [row] = await rows(world, mine)
    assert row.next_retry_at is not None
    assert (row.next_retry_at - world.clock.now).total_seconds() == 120


async def test_gone_disables_the_webhook_and_everything_that_waits_for_it(
    world: World, mine: str, secret: Secret
) -> None:
    call_id = await started_call(world, mine)
    await world.log.finished(call_id, "caller_hangup")
    world.sender.answer = lambda url: SendResult(status=410)

    await world.worker.send_due()

    assert [(row.status, row.error_message) for row in await rows(world, mine)] == [
        ("failed", None),
        ("failed", "webhook_disabled"),
    ]
    assert await world.webhooks.target_for(mine, None) is None
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example/hook"))
    assert await world.webhooks.target_for(mine, None) is not None


async def test_what_waits_for_a_deleted_webhook_fails(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)

    await world.webhooks.delete(mine, None)

    assert await world.worker.send_due() == 0
    assert [row.error_message for row in await rows(world, mine)] == ["webhook_deleted"]


async def test_deleting_a_webhook_rewrites_nothing_that_was_sent(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)
    await world.worker.send_due()
    [sent] = await rows(world, mine)

    await world.webhooks.delete(mine, None)

    [kept] = await rows(world, mine)
    assert kept.webhook_id is not None
    assert (kept.webhook_id, kept.status) == (sent.webhook_id, "success")


async def test_what_is_due_longest_goes_first(world: World, mine: str, secret: Secret) -> None:
    older = await started_call(world, mine, "CA-1")
    world.sender.answer = failed
    await world.worker.send_due()
    newer = await started_call(world, mine, "CA-2")
    world.clock.advance(60)

    taken = []
    for _ in range(2):
        async with world.database.transaction() as session:
            [row] = await outbox.claim(session, world.clock(), timedelta(seconds=20), 1)
            taken.append(row.call_id)

    assert taken == [newer, older]


async def test_a_changed_webhook_gets_what_waited_for_the_old_one(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)
    moved = await world.webhooks.put(mine, None, WebhookPut(url="https://b.example"))

    await world.worker.send_due()

    [(url, headers, body)] = world.sender.sent
    assert url == "https://b.example"
    assert verify(moved.secret, headers, body, now_s=world.clock.now.timestamp())


async def test_events_of_one_call_arrive_in_order(world: World, mine: str, secret: Secret) -> None:
    call_id = await started_call(world, mine)
    await world.log.finished(call_id, "caller_hangup")

    while await world.worker.send_due():
        pass

    assert sent_events(world) == ["call.started", "call.ended"]


async def test_a_short_failure_keeps_the_order(world: World, mine: str, secret: Secret) -> None:
    call_id = await started_call(world, mine)
    await world.log.finished(call_id, "caller_hangup")
    world.sender.answer = failed
    await world.worker.send_due()
    assert await world.worker.send_due() == 0

    world.sender.answer = lambda url: SendResult(status=200)
    world.clock.advance(7)
    while await world.worker.send_due():
        pass

    assert sent_events(world) == ["call.started", "call.started", "call.ended"]


async def test_a_receiver_that_stays_down_holds_nothing_back(world: World, mine: str, secret: Secret) -> None:
    call_id = await started_call(world, mine)
    await world.log.finished(call_id, "caller_hangup")
    world.sender.answer = failed
    await world.worker.send_due()
    world.clock.advance(7)
    await world.worker.send_due()

    await world.worker.send_due()

    assert sent_events(world) == ["call.started", "call.started", "call.ended"]


async def test_one_calls_trouble_does_not_hold_up_another(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine, "CA-1")
    world.sender.answer = failed
    await world.worker.send_due()
    world.sender.answer = lambda url: SendResult(status=200)

    await started_call(world, mine, "CA-2")

    assert await world.worker.send_due() == 1


async def test_an_unreadable_secret_is_one_rows_trouble(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)
    async with world.database.transaction() as session:
        row = await webhooks.get(session, mine, None)
        assert row is not None
        row.sealed_secret = b"\x01broken"

    await world.worker.send_due()

    assert [(row.status, row.error_message) for row in await rows(world, mine)] == [("pending", "secret_unreadable")]


# ---------------------------------------------------------------- several workers


class Receiver:
    """Counts what arrived."""

    def __init__(self) -> None:
        self.arrived: Counter[str] = Counter()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> SendResult:
        self.arrived[headers["webhook-id"]] += 1
        await asyncio.sleep(0)
        return SendResult(status=200)


# Another server: it takes everything, says what it would send, and never hears an answer.
DOOMED = """
import asyncio, sys
from parley.domain.secrets import Secret
from parley.services.defaults import utc_now
from parley.services.delivery_worker import DeliveryWorker
from parley.services.destinations import Destinations
from parley.services.subscriptions import Subscriptions
from parley.services.webhooks import Webhooks
from parley.storage.cipher import Cipher
from parley.storage.database import Database

class Hanging:
    async def send(self, url, headers, body, timeout_s):
        print(headers["webhook-id"], flush=True)
        await asyncio.Event().wait()

database = Database(sys.argv[1])
cipher = Cipher([Secret("a key for tests alone")])
webhooks = Webhooks(database, cipher)
destinations = Destinations(webhooks, Subscriptions(database, cipher, webhooks), "X-Body-Signature")
asyncio.run(DeliveryWorker(database, destinations, Hanging()).run())
"""


@asynccontextmanager
async def working(*workers: DeliveryWorker) -> AsyncIterator[None]:
    """They run while the block does; then they are cut off wherever they are."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(worker.run()) for worker in workers]
        yield
        for task in running:
            task.cancel()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.02)


def worker(world: World, receiver: Receiver) -> DeliveryWorker:
    return DeliveryWorker(world.database, world.destinations, receiver, world.clock, poll_s=0.02)


async def test_two_workers_send_everything_once(world: World, mine: str, secret: Secret) -> None:
    for index in range(30):
        call_id = await started_call(world, mine, f"CA-{index}")
        await world.log.finished(call_id, "caller_hangup")
    receiver = Receiver()

    async def all_done() -> bool:
        return {row.status for row in await rows(world, mine)} == {"success"}

    async with working(worker(world, receiver), worker(world, receiver)):
        await until(all_done)

    assert (len(receiver.arrived), receiver.arrived.total()) == (60, 60)


async def test_what_a_killed_server_held_is_sent_by_another(
    world: World, mine: str, secret: Secret, database_url: str
) -> None:
    for index in range(4):
        await started_call(world, mine, f"CA-{index}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DOOMED, database_url, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert doomed.stdout is not None
    taken = {(await doomed.stdout.readline()).decode().strip() for _ in range(4)}
    doomed.kill()
    await doomed.wait()
    assert {row.id for row in await rows(world, mine)} == taken
    assert {row.status for row in await rows(world, mine)} == {"pending"}

    world.clock.now = utc_now()
    assert await world.worker.send_due() == 0
    world.clock.advance(60)
    receiver = Receiver()

    async def all_done() -> bool:
        return {row.status for row in await rows(world, mine)} == {"success"}

    async with working(worker(world, receiver)):
        await until(all_done)
    assert set(receiver.arrived) == taken


async def test_a_worker_that_lost_its_lease_cannot_undo_a_success(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)
    async with world.database.transaction() as session:
        [slow] = await outbox.claim(session, world.clock.now, lease=timedelta(0), limit=1)
    world.clock.advance(1)
    await world.worker.send_due()

    async with world.database.transaction() as session:
        await outbox.settle(session, slow, status="failed", error_message="timeout")

    assert [row.status for row in await rows(world, mine)] == ["success"]


async def test_an_event_wakes_the_worker_at_once(world: World, mine: str, secret: Secret) -> None:
    receiver = Receiver()
    sleepy = DeliveryWorker(world.database, world.destinations, receiver, world.clock, poll_s=60)

    async def arrived() -> bool:
        return bool(receiver.arrived)

    async with working(sleepy):
        await asyncio.sleep(0.1)
        await started_call(world, mine)
        sleepy.wake()
        await until(arrived)


async def test_a_bug_in_one_delivery_is_that_rows_trouble(world: World, mine: str, secret: Secret) -> None:
    await started_call(world, mine)

    def broken(url: str) -> SendResult:
        raise RuntimeError("a bug")

    world.sender.answer = broken
    assert await world.worker.send_due() == 1
    assert [(row.status, row.error_message) for row in await rows(world, mine)] == [("pending", "internal_error")]
