"""A call's transcript as it is told to somebody who follows it. Time passes when the test says so."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.domain.errors import Draining, NotFound, TooManyRequests
from parley.schemas.calls import CallCreate
from parley.services.transcripts import Connected, Ended, Heartbeat, News, Transcripts, TurnNews
from tests.services.world import World


class Waiting:
    """A clock and a sleep: each sleep lasts until `pass_by` lets it end, which returns when the next one begins."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleeping: asyncio.Future[None] | None = None
        self._fell_asleep = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._sleeping = asyncio.get_running_loop().create_future()
        self._fell_asleep.set()
        await self._sleeping
        self.now += seconds

    async def pass_by(self, times: int = 1) -> None:
        for _ in range(times):
            await self._fell_asleep.wait()
            self._fell_asleep.clear()
            assert self._sleeping is not None
            self._sleeping.set_result(None)
        await self._fell_asleep.wait()


@pytest.fixture
def time() -> Waiting:
    return Waiting()


@pytest.fixture
async def transcripts(world: World, time: Waiting) -> AsyncIterator[Transcripts]:
    made = Transcripts(world.database, time.sleep, time, most_followers=3)
    looking = asyncio.create_task(made.run())
    yield made
    looking.cancel()
    await asyncio.wait([looking])


@pytest.fixture
async def call(world: World, mine: str) -> str:
    agent = await world.agent(mine)
    await world.number(mine, agent.id)
    return (await world.calls.create(mine, CallCreate(agent_id=agent.id, to_number="4155559999"))).id


async def note(world: World, call_id: str, row: int, caller: str, agent: str | None = None) -> None:
    turn = NoteTurn(row, float(row), caller, agent, False, 1.0, agent or "", TurnLatencies())
    await world.log.note_turn(call_id, turn)


async def all_of(news: AsyncGenerator[News, None]) -> list[News]:
    return [each async for each in news]


def said(news: list[News]) -> list[tuple[str, str | None]]:
    return [(each.row.transcript, each.row.response) for each in news if isinstance(each, TurnNews)]


async def test_a_call_that_is_over_is_told_wholly_and_at_once(
    world: World, transcripts: Transcripts, mine: str, call: str
) -> None:
    await note(world, call, 1, "", "Hello.")
    await note(world, call, 2, "Are you open?", "Yes.")
    await world.log.finished(call, "caller_hangup")

    news = await all_of(await transcripts.follow(mine, call))

    assert [type(each) for each in news] == [Connected, TurnNews, TurnNews, Ended]
    assert said(news) == [("Hello.", None), ("Are you open?", "Yes.")]
    assert isinstance(news[-1], Ended)
    assert news[-1].call.end_reason == "caller_hangup"


async def test_rows_are_told_as_they_appear_and_change(
    world: World, transcripts: Transcripts, time: Waiting, mine: str, call: str
) -> None:
    await note(world, call, 1, "", "Hello.")
    following = asyncio.create_task(all_of(await transcripts.follow(mine, call)))
    await time.pass_by(2)
    await note(world, call, 2, "Are you open?")
    await time.pass_by(2)
    await note(world, call, 2, "Are you open?", "Yes.")
    await time.pass_by(2)
    await world.log.finished(call, "caller_hangup")
    await time.pass_by()

    news = await following
    assert said(news) == [("Hello.", None), ("Are you open?", None), ("Are you open?", "Yes.")]
    ids = [each.row.id for each in news if isinstance(each, TurnNews)]
    assert ids[1] == ids[2] != ids[0]


async def test_nothing_happening_is_a_heartbeat_every_15_seconds(
    world: World, transcripts: Transcripts, time: Waiting, mine: str, call: str
) -> None:
    following = asyncio.create_task(all_of(await transcripts.follow(mine, call)))
    await time.pass_by(90)
    await world.log.finished(call, "caller_hangup")
    await time.pass_by()
    assert [type(each) for each in await following] == [Connected, Heartbeat, Heartbeat, Heartbeat, Ended]


async def test_who_comes_back_is_told_only_what_is_new(
    world: World, transcripts: Transcripts, time: Waiting, mine: str, call: str
) -> None:
    await note(world, call, 1, "", "Hello.")
    await note(world, call, 2, "Are you open?", "Yes.")
    async with aclosing(await transcripts.follow(mine, call)) as first:
        places = [each.place for each in [await anext(first) for _ in range(3)] if isinstance(each, TurnNews)]
    await note(world, call, 3, "Until when?", "Until six.")
    await world.log.finished(call, "caller_hangup")

    for place, rest in ((places[0], 2), (places[1], 1), ("tr_unknown.0", 3), ("", 3), ("\x00.\ud800", 3)):
        assert len(said(await all_of(await transcripts.follow(mine, call, place)))) == rest


async def test_who_comes_back_after_a_seen_row_has_changed_is_told_of_it(
    world: World, transcripts: Transcripts, mine: str, call: str
) -> None:
    await note(world, call, 1, "Are you open?")
    await note(world, call, 2, "Hello?")
    async with aclosing(await transcripts.follow(mine, call)) as first:
        seen = [await anext(first) for _ in range(3)]
    assert isinstance(seen[-1], TurnNews)
    await note(world, call, 1, "Are you open?", "Yes.")
    await world.log.finished(call, "caller_hangup")

    news = await all_of(await transcripts.follow(mine, call, seen[-1].place))
    assert said(news) == [("Are you open?", "Yes."), ("Hello?", None)]


async def test_a_place_that_was_told_live_is_known_when_the_follower_comes_back(
    world: World, transcripts: Transcripts, time: Waiting, mine: str, call: str
) -> None:
    await note(world, call, 1, "Are you open?")
    await note(world, call, 2, "Hello?")
    async with aclosing(await transcripts.follow(mine, call)) as first:
        for _ in range(3):
            await anext(first)
        await note(world, call, 1, "Are you open?", "Yes.")  # an earlier row changes, and is told after a later one
        await time.pass_by()
        changed = await anext(first)
    assert isinstance(changed, TurnNews)
    assert changed.row.response == "Yes."
    await world.log.finished(call, "caller_hangup")

    assert said(await all_of(await transcripts.follow(mine, call, changed.place))) == []


async def test_a_foreign_call_is_not_found(world: World, transcripts: Transcripts, call: str) -> None:
    other = await world.project("other")
    with pytest.raises(NotFound):
        await transcripts.follow(other, call)


async def test_so_many_follow_at_once_and_each_one_that_leaves_makes_room(
    world: World, transcripts: Transcripts, mine: str, call: str
) -> None:
    open_ones = [await transcripts.follow(mine, call) for _ in range(3)]
    with pytest.raises(TooManyRequests) as caught:
        await transcripts.follow(mine, call)
    assert caught.value.retry_after_s > 0
    await anext(open_ones[0])
    await open_ones.pop(0).aclose()
    open_ones.append(await transcripts.follow(mine, call))

    open_ones.pop()  # this one was never read: its client left before the answer began
    gc.collect()
    for _ in range(5):  # the event loop closes what was collected
        await asyncio.sleep(0)
    open_ones.append(await transcripts.follow(mine, call))
    for each in open_ones:
        await anext(each)
        await each.aclose()


async def test_those_who_were_refused_do_not_count(
    world: World, transcripts: Transcripts, mine: str, call: str
) -> None:
    for _ in range(5):
        with pytest.raises(NotFound):
            await transcripts.follow(mine, "call_unknown")
    await (await transcripts.follow(mine, call)).aclose()


async def test_a_stopping_server_lets_everybody_go_and_takes_nobody(
    world: World, transcripts: Transcripts, time: Waiting, mine: str, call: str
) -> None:
    await note(world, call, 1, "", "Hello.")
    following = asyncio.create_task(all_of(await transcripts.follow(mine, call)))
    await time.pass_by()
    transcripts.end_all()
    await time.pass_by()
    assert [type(each) for each in await following] == [Connected, TurnNews]
    with pytest.raises(Draining):
        await transcripts.follow(mine, call)
