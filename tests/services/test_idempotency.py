"""Who is first with a key, who waits, and what is known of a first one that broke off."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from parley.domain.errors import KeyInUse, KeyReused, OutcomeUnknown, Unavailable
from parley.services.idempotency import KEPT_FOR, LEASE, FirstRun, Idempotency, Kept
from parley.storage.cipher import Cipher
from parley.storage.database import Database
from parley.storage.tables import IdempotencyRow
from tests.services.world import World, Wristwatch

ANSWER = Kept(201, b'{"secret": "whsec_do-not-tell"}')


@pytest.fixture
def clock() -> Wristwatch:
    return Wristwatch()


@pytest.fixture
def here(world: World, clock: Wristwatch) -> Idempotency:
    return Idempotency(world.database, world.cipher, clock)


@pytest.fixture
def hasty(world: World, clock: Wristwatch) -> Idempotency:
    """Another process, that waits for nobody."""
    return Idempotency(world.database, world.cipher, clock, wait_s=0.0)


async def first(service: Idempotency, project_id: str, fingerprint: str = "f") -> FirstRun:
    run = await service.begin(project_id, "k", fingerprint)
    assert isinstance(run, FirstRun)
    return run


async def test_the_first_runs_and_the_others_get_its_answer(here: Idempotency, mine: str) -> None:
    run = await first(here, mine)
    others = [asyncio.create_task(here.begin(mine, "k", "f")) for _ in range(5)]
    await asyncio.sleep(0)
    async with run:
        await run.keep(ANSWER.status, ANSWER.body)
    assert await asyncio.gather(*others) == [ANSWER] * 5
    assert await here.begin(mine, "k", "f") == ANSWER


async def test_another_process_finds_the_answer_too(here: Idempotency, world: World, mine: str) -> None:
    run = await first(here, mine)
    elsewhere = asyncio.create_task(Idempotency(world.database, world.cipher, world.clock).begin(mine, "k", "f"))
    await run.keep(ANSWER.status, ANSWER.body)
    assert await elsewhere == ANSWER


async def test_a_key_belongs_to_one_project(here: Idempotency, mine: str, theirs: str) -> None:
    await (await first(here, mine)).keep(200, b"{}")
    await first(here, theirs)


async def test_a_key_stands_for_one_request(here: Idempotency, mine: str) -> None:
    run = await first(here, mine)
    with pytest.raises(KeyReused, match="new key"):
        await here.begin(mine, "k", "another")
    await run.keep(200, b"{}")
    with pytest.raises(KeyReused):
        await here.begin(mine, "k", "another")


async def test_a_freed_key_goes_to_one_of_those_who_wait(here: Idempotency, mine: str) -> None:
    run = await first(here, mine)
    others = [asyncio.create_task(here.begin(mine, "k", "f")) for _ in range(4)]
    await asyncio.sleep(0)
    await run.free()
    done, waiting = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
    (second,) = done
    await _first_of(second).keep(200, b"{}")
    assert await asyncio.gather(*waiting) == [Kept(200, b"{}")] * 3


def _first_of(task: asyncio.Task[Kept | FirstRun]) -> FirstRun:
    run = task.result()
    assert isinstance(run, FirstRun)
    return run


async def test_whoever_has_waited_long_enough_is_told_to_come_again(
    here: Idempotency, hasty: Idempotency, mine: str
) -> None:
    run = await first(here, mine)
    with pytest.raises(KeyInUse, match="same key") as still_running:
        await hasty.begin(mine, "k", "f")
    assert still_running.value.retry_after_s >= 1
    await run.keep(200, b"{}")
    assert await hasty.begin(mine, "k", "f") == Kept(200, b"{}")


async def test_only_so_many_wait(world: World, clock: Wristwatch, mine: str) -> None:
    """Whoever got a place keeps it, however often it looks, so that exactly the places are taken."""
    here = Idempotency(world.database, world.cipher, clock, wait_s=600, most_waiting=3)
    run = await first(here, mine)
    waiting = {asyncio.create_task(here.begin(mine, "k", "f")) for _ in range(5)}
    refused: set[asyncio.Task[Kept | FirstRun]] = set()
    while len(refused) < 2:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        refused |= done
    assert {type(each.exception()) for each in refused} == {KeyInUse}
    await run.keep(200, b"{}")
    assert await asyncio.gather(*waiting) == [Kept(200, b"{}")] * 3


async def test_a_process_that_died_leaves_its_outcome_unknown(
    here: Idempotency, hasty: Idempotency, clock: Wristwatch, mine: str
) -> None:
    await first(here, mine)
    clock.advance(LEASE.total_seconds())
    with pytest.raises(KeyInUse):
        await hasty.begin(mine, "k", "f")
    clock.advance(1)
    with pytest.raises(OutcomeUnknown, match="new key"):
        await hasty.begin(mine, "k", "f")
    with pytest.raises(KeyReused):
        await hasty.begin(mine, "k", "another")


async def test_a_slow_request_of_this_process_is_not_taken_for_a_dead_one(
    world: World, clock: Wristwatch, mine: str
) -> None:
    here = Idempotency(world.database, world.cipher, clock, wait_s=0.0)
    run = await first(here, mine)
    clock.advance(LEASE.total_seconds() * 2)
    with pytest.raises(KeyInUse):
        await here.begin(mine, "k", "f")
    await run.keep(200, b"{}")


async def test_a_request_that_broke_off_is_unknown_at_once(here: Idempotency, mine: str) -> None:
    with pytest.raises(RuntimeError):
        async with await first(here, mine):
            raise RuntimeError("a bug")
    with pytest.raises(OutcomeUnknown):
        await here.begin(mine, "k", "f")


async def test_a_cancelled_request_is_unknown_too(here: Idempotency, mine: str) -> None:
    entered = asyncio.Event()

    async def work() -> None:
        async with await first(here, mine):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(OutcomeUnknown):
        await here.begin(mine, "k", "f")


async def test_after_a_day_a_key_is_new_again(here: Idempotency, clock: Wristwatch, mine: str) -> None:
    await (await first(here, mine)).keep(200, b"{}")
    clock.advance(KEPT_FOR.total_seconds())
    assert await here.begin(mine, "k", "f") == Kept(200, b"{}")
    clock.advance(1)
    await (await first(here, mine, "another")).keep(201, b"[]")
    assert await here.begin(mine, "k", "another") == Kept(201, b"[]")


async def test_answer_and_fingerprint_are_sealed(here: Idempotency, world: World, mine: str) -> None:
    await (await first(here, mine, "fingerprint")).keep(ANSWER.status, ANSWER.body)
    async with world.database.read() as session:
        row = (await session.scalars(select(IdempotencyRow))).one()
    assert b"do-not-tell" not in (row.sealed_body or b"")
    assert b"fingerprint" not in row.fingerprint


async def test_a_database_that_is_away_changes_no_answer(cipher: Cipher) -> None:
    """The work is done when its answer cannot be kept; before it began, nothing is run."""
    away = Idempotency(Database("postgresql://nobody@127.0.0.1:9/none"), cipher)
    await FirstRun(away, "p", "k").keep(200, b"{}")
    with pytest.raises(Unavailable):
        await away.begin("p", "k", "f")
