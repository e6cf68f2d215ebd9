"""Test calls: who may make them, how many at once, and what their reports say of what the caller met."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from parley.domain.call_tests import CallOrder, CallSeen, Contact, SpokenLine
from parley.domain.calls import CallPlan, EndReason
from parley.domain.errors import BadInput, Draining, NotFound, TooManyRequests
from parley.providers.protocols import RingingCall
from parley.schemas.diagnostics import CallTestCreate
from parley.schemas.numbers import NumberImport
from parley.services.accounts import CarrierAccounts
from parley.services.call_tests import CallTests
from parley.services.hooks import Hooks
from parley.services.router import Router
from parley.storage import numbers, projects
from parley.storage.tables import DiagnosticRow
from tests.services.world import CARRIER, World

GOOD = Contact(at_ms=0, took_ms=12, status=200)


class ActingCaller:
    """Rings the calls service as the webhook would, and says it met what `meets` does to its notes."""

    carriers = frozenset({CARRIER})

    def __init__(self, world: World) -> None:
        self._world = world
        self.orders: list[CallOrder] = []
        self.meets: Callable[[CallOrder, CallSeen], Awaitable[None]] = self.whole_call
        self.plans: list[CallPlan | None] = []

    async def call(self, order: CallOrder, plan: Callable[[], Awaitable[CallPlan | None]], seen: CallSeen) -> None:
        self.orders.append(order)
        await self.meets(order, seen)
        self.plans.append(await plan())

    async def whole_call(self, order: CallOrder, seen: CallSeen) -> None:
        plan = await self.ring(order)
        await self._world.log.connected(plan.call_id)
        await self._world.log.finished(plan.call_id, "caller_hangup")
        seen.public, seen.connected_ms, seen.greeting_ms, seen.hang_up = GOOD, 40, 300, GOOD
        seen.lines = [SpokenLine(text=order.script[0], at_ms=2000, reply_ms=700)]
        seen.agent_words, seen.agent_audio_ms, seen.ended_by = ["Very well."], 800, "caller"

    async def ring(self, order: CallOrder) -> CallPlan:
        async with self._world.database.read() as session:
            number = await numbers.active_by_phone(session, order.to_number)
        assert number is not None
        ringing = RingingCall(order.carrier_call_id, order.from_number, order.to_number)
        plan, _ = await self._world.calls.ring_inbound(number.id, ringing)
        return plan


@pytest.fixture
def caller(world: World) -> ActingCaller:
    return ActingCaller(world)


def made(world: World, caller: ActingCaller, accounts: CarrierAccounts | None = None) -> CallTests:
    return CallTests(
        world.database,
        accounts or world.accounts,
        Hooks("https://parley.example"),
        world.plans,
        Router(),
        caller,
        has_public_url=True,
        clock=world.clock,
    )


@pytest.fixture
async def tests(world: World, caller: ActingCaller) -> AsyncIterator[CallTests]:
    checks = made(world, caller)
    running = asyncio.create_task(checks.run())
    await asyncio.sleep(0)
    yield checks
    running.cancel()


def statuses(row: DiagnosticRow) -> dict[str, str]:
    return {check["name"]: check["status"] for check in row.result["checks"]}


def fixes(row: DiagnosticRow) -> dict[str, Any]:
    return {check["name"]: check["what_to_do"] for check in row.result["checks"] if check["status"] == "failed"}


async def numbered(world: World, project_id: str, **agent: Any) -> CallTestCreate:
    number = await world.number(project_id, (await world.agent(project_id, **agent)).id)
    return CallTestCreate(phone_number=number.phone_number)


async def test_the_order_is_what_the_carrier_would_ask(
    world: World, mine: str, tests: CallTests, caller: ActingCaller
) -> None:
    number = await world.number(mine, (await world.agent(mine)).id)
    wanted = CallTestCreate(
        phone_number=number.phone_number, script=["Hi."], from_number="+442079460000", duration_seconds=600
    )

    row = await tests.start(mine, wanted)

    [order] = caller.orders
    assert order.voice_url == f"https://parley.example/carriers/{CARRIER}/numbers/{number.id}/voice"
    assert (order.account.account_id, order.script, order.duration_s) == ("AC-operator", ("Hi.",), 60.0)
    assert order.from_number == "+442079460000"
    assert caller.plans[0] is not None and caller.plans[0].is_test
    assert row.result["call_id"] == caller.plans[0].call_id


async def test_a_test_that_goes_on_is_read_later(
    world: World, mine: str, tests: CallTests, caller: ActingCaller
) -> None:
    go_on = asyncio.Event()

    async def dawdles(order: CallOrder, seen: CallSeen) -> None:
        await go_on.wait()

    caller.meets = dawdles
    wanted = await numbered(world, mine)
    begun = await tests.start(mine, wanted.model_copy(update={"wait_seconds": 0}))
    with pytest.raises(TooManyRequests, match=f"already; read the test {begun.id}"):
        await tests.start(mine, wanted)
    go_on.set()
    async with asyncio.timeout(5):
        while (await tests.get(mine, begun.id)).result["status"] == "running":
            await asyncio.sleep(0.01)

    assert begun.result["status"] == "running"
    assert statuses(begun) == {"connection": "passed", "account": "passed"}


async def test_only_so_many_run_at_once_and_one_left_behind_is_over(
    world: World, mine: str, tests: CallTests, caller: ActingCaller
) -> None:
    async def for_ever(order: CallOrder, seen: CallSeen) -> None:
        await asyncio.Event().wait()

    caller.meets = for_ever
    world.carrier.stock.append("+14155550004")
    asked = [(await numbered(world, mine)).model_copy(update={"wait_seconds": 0}) for _ in range(4)]
    rows = [await tests.start(mine, wanted) for wanted in asked[:3]]
    with pytest.raises(TooManyRequests, match="3 tests"):
        await tests.start(mine, asked[3])

    world.clock.advance(timedelta(minutes=3).total_seconds())
    left = await tests.get(mine, rows[0].id)
    assert (left.result["status"], "stopped" in left.result["call_placed_reason"]) == ("failed", True)
    assert (await tests.start(mine, asked[3])).result["status"] == "running"


async def test_without_an_account_nothing_is_called(world: World, mine: str, caller: ActingCaller) -> None:
    wanted = await numbered(world, mine)
    alone = made(world, caller, CarrierAccounts(world.database, world.credentials, {}))
    with pytest.raises(Draining):
        await alone.start(mine, wanted)
    running = asyncio.create_task(alone.run())
    await asyncio.sleep(0)

    row = await alone.start(mine, wanted)

    running.cancel()
    assert (row.result["status"], list(fixes(row)), caller.orders) == ("failed", ["account"], [])


async def test_a_number_at_a_carrier_nobody_can_imitate_is_not_called(
    world: World, mine: str, tests: CallTests, caller: ActingCaller
) -> None:
    await world.numbers.import_(mine, NumberImport(phone_number="+14155557777", provider="another-carrier"))
    row = await tests.start(mine, CallTestCreate(phone_number="+14155557777"))
    assert (statuses(row), caller.orders) == ({"connection": "failed", "account": "not_tested"}, [])


async def test_only_ones_own_numbers_are_tested_and_read(
    world: World, mine: str, theirs: str, tests: CallTests
) -> None:
    foreign = await numbered(world, theirs)
    for phone in (foreign.phone_number, "+14155550000"):
        with pytest.raises(NotFound):
            await tests.start(mine, CallTestCreate(phone_number=phone))
    row = await tests.start(theirs, foreign)
    with pytest.raises(NotFound):
        await tests.get(mine, row.id)
    with pytest.raises(BadInput):
        await tests.start(theirs, foreign.model_copy(update={"from_number": "nobody"}))


async def test_a_bug_in_the_tester_ends_one_test_alone(
    world: World, mine: str, tests: CallTests, caller: ActingCaller
) -> None:
    async def breaks(order: CallOrder, seen: CallSeen) -> None:
        raise ZeroDivisionError

    caller.meets, whole = breaks, caller.meets
    wanted = await numbered(world, mine)
    broken = await tests.start(mine, wanted)
    caller.meets = whole
    assert "test" in fixes(broken)
    assert (await tests.start(mine, wanted)).result["status"] == "failed"  # nobody recognised the caller's words


async def test_an_agent_that_asks_a_webhook_needs_one(
    world: World, mine: str, tests: CallTests, caller: ActingCaller
) -> None:
    row = await tests.start(mine, await numbered(world, mine, voice_mode="webhook"))
    assert (row.result["answered_by"], fixes(row)["answerer"]) == (
        "webhook",
        "Set a webhook, or make the agent hosted.",
    )


@pytest.mark.parametrize(
    ("action", "end"),
    [({"action": "voicemail"}, "message_taken"), ({"action": "announcement", "text": "Closed."}, "announced")],
)
async def test_where_no_agent_is_reached_none_is_named_nor_looked_at(
    world: World, mine: str, tests: CallTests, caller: ActingCaller, action: dict[str, str], end: EndReason
) -> None:
    wanted = await numbered(world, mine, voice_mode="webhook")
    async with world.database.transaction() as session:
        project = await projects.get(session, mine, lock=True)
        project.routing = {"routing_rules": [{"condition": "always", **action}]}

    async def meets(order: CallOrder, seen: CallSeen) -> None:
        plan = await caller.ring(order)
        await world.log.connected(plan.call_id)
        await world.log.finished(plan.call_id, end)
        seen.public, seen.connected_ms, seen.greeting_ms = GOOD, 40, 100
        seen.lines = [SpokenLine(text=order.script[0], at_ms=2000, reply_ms=6000)]

    caller.meets = meets
    row = await tests.start(mine, wanted)

    assert (row.result["status"], row.result["agent_id"], row.result["answered_by"]) == ("passed", None, None)
    assert "answerer" not in statuses(row)
    assert row.result["said"][0]["reply_ms"] is None
