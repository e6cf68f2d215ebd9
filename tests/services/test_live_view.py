"""Watching and steering calls, as far as it is the database's business: whose they are, tickets, and what is over."""

from __future__ import annotations

import asyncio
import gc
from datetime import timedelta

import msgspec
import pytest

from parley.domain.errors import BadInput, Conflict, NotFound, Unauthorized
from parley.domain.live_events import CallState, LiveEvent, SayLine, Steer, TakeOver, Transfer, Whisper
from parley.domain.stages import Announcing, Forwarding, Stage, TakingMessage, Waiting
from parley.schemas.calls import CallCreate
from parley.services.audience import MOST_A_PROJECT, Audience
from parley.services.elsewhere import Elsewhere
from parley.services.live_view import MOST_TOKENS, LiveView, Snapshot
from parley.services.projects import Opened
from parley.services.watchers import MOST_EVENTS, Dropped
from parley.storage.presence import Alone, Command
from parley.storage.relay import NoRelay
from parley.storage.tables import CallRow
from tests.services.world import World


class Holder:
    """Holds calls that do what they are asked, if `takes`; also the audience's stage."""

    def __init__(self) -> None:
        self.takes = True
        self.told: list[Command | Steer] = []
        self.standing: list[CallState] = []

    def take(self, call_id: str, command: Command) -> bool:
        self.told.append(command)
        return self.takes

    def rewatch(self) -> None: ...

    def states(self, project_id: str | None, call_id: str | None) -> list[CallState]:
        return self.standing

    def hear_human(self, call_id: str, by: str, audio: bytes) -> bool:
        return True


class Desk:
    """A live view over a project with an agent, and a call of it."""

    def __init__(self, world: World) -> None:
        self.world, self.holder = world, Holder()
        self.audience = Audience(Elsewhere(NoRelay()))
        self.audience.open(self.holder)
        self.view = LiveView(world.database, self.audience, self.holder, Alone(), world.clock)

    async def open(self, **agent: object) -> str:
        """A live call's id."""
        key, _ = await self.world.projects.create_key("mine")
        self.opened = Opened(key.project_id, key.id)
        made = await self.world.agent(key.project_id, **agent)
        await self.world.number(key.project_id, made.id)
        wanted = CallCreate(agent_id=made.id, to_number="+14155550199")
        call_id: str = (await self.world.calls.create(key.project_id, wanted)).id
        return call_id

    def event(self, call_id: str, seq: int, name: str = "problem") -> LiveEvent:
        now = self.world.clock()
        return LiveEvent(call_id, self.opened.project_id, name, now, seq, {"code": "x"})  # type: ignore[arg-type]


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


async def test_a_stream_begins_with_how_calls_stand_and_ends_with_its_call(desk: Desk) -> None:
    call_id = await desk.open()
    desk.holder.standing = [CallState(call_id, desk.opened.project_id, "listening", 4)]
    watching = await desk.view.watch(desk.opened, call_id)
    desk.audience.tell(desk.event(call_id, 5))
    desk.audience.tell(desk.event(call_id, 6, "call.ended"))
    told = [shown async for shown in watching]
    assert isinstance(told[0], Snapshot)
    [live] = told[0].calls
    assert (live.call.id, live.state) == (call_id, desk.holder.standing[0])
    assert told[1:] == [desk.event(call_id, 5), desk.event(call_id, 6, "call.ended")]
    desk.audience.join(desk.opened.project_id, None)


async def test_the_stream_of_a_call_that_is_over_says_so_and_ends(desk: Desk) -> None:
    call_id = await desk.open()
    await desk.world.log.finished(call_id, "caller_hangup")
    watching = await desk.view.watch(desk.opened, call_id)
    [snapshot] = [shown async for shown in watching]
    assert isinstance(snapshot, Snapshot)
    assert snapshot.calls[0].call.end_reason == "caller_hangup"


async def test_a_projects_stream_shows_its_own_calls_and_no_others(desk: Desk, theirs: str) -> None:
    call_id = await desk.open()
    watching = await desk.view.watch(Opened(theirs, "key_1"))
    first = await anext(watching)
    assert isinstance(first, Snapshot)
    assert first.calls == []
    await watching.aclose()
    with pytest.raises(NotFound):
        await desk.view.watch(Opened(theirs, "key_1"), call_id)
    with pytest.raises(NotFound):
        await desk.view.steer(Opened(theirs, "key_1"), call_id, SayLine("Hi."))


async def test_a_key_that_is_revoked_neither_sees_nor_steers_any_more(desk: Desk) -> None:
    """Also over a stream that was opened before, however much there is to tell."""
    call_id = await desk.open()
    watching = await desk.view.watch(desk.opened)
    await anext(watching)
    await desk.view.require_key(desk.opened)
    await desk.world.projects.revoke_key(desk.opened.key_id)
    with pytest.raises(Unauthorized):
        await desk.view.require_key(desk.opened)
    told = 0
    desk.audience.tell(desk.event(call_id, 0))
    async for _ in watching:
        told += 1
        desk.audience.tell(desk.event(call_id, told))
        desk.world.clock.advance(1)
        assert told < 30
    assert not desk.audience.wants(desk.opened.project_id, call_id)


async def test_after_a_loss_calls_are_shown_anew(desk: Desk) -> None:
    call_id = await desk.open()
    watching = await desk.view.watch(desk.opened)
    await anext(watching)
    for seq in range(MOST_EVENTS + 1):
        desk.audience.tell(desk.event(call_id, seq))
    dropped, again, rest = [await anext(watching) for _ in range(3)]
    assert isinstance(dropped, Dropped)
    assert dropped.count == MOST_EVENTS
    assert isinstance(again, Snapshot)
    assert rest == desk.event(call_id, MOST_EVENTS)
    await watching.aclose()


async def test_a_stream_that_is_closed_leaves_no_watcher_behind(desk: Desk) -> None:
    call_id = await desk.open()
    watching = await desk.view.watch(desk.opened, call_id)
    watching.listen(is_on=True)
    assert desk.audience.wants_sound(call_id)
    await watching.aclose()
    assert not desk.audience.wants_sound(call_id)
    assert not desk.audience.wants(desk.opened.project_id, call_id)


async def test_a_stream_that_nobody_reads_to_its_end_makes_room_again(desk: Desk) -> None:
    """As after a HEAD request, or a client that left while it was let in."""
    await desk.open()
    gc.freeze()  # what there is already is not walked again and again
    for _ in range(MOST_A_PROJECT + 1):
        watching = await desk.view.watch(desk.opened)
        del watching
        gc.collect()
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while desk.audience.wants(desk.opened.project_id, "call_1"):
            await asyncio.sleep(0)


# ---------------------------------------------------------------- tickets


async def test_a_token_opens_one_stream_once(desk: Desk) -> None:
    call_id = await desk.open()
    token, expires_at = await desk.view.new_token(desk.opened, call_id)
    assert expires_at - desk.world.clock() == timedelta(seconds=60)
    tried = await asyncio.gather(*(desk.view.redeem(token.reveal(), call_id) for _ in range(4)), return_exceptions=True)
    assert [one for one in tried if not isinstance(one, Unauthorized)] == [desk.opened]
    anything, _ = await desk.view.new_token(desk.opened)
    assert await desk.view.redeem(anything.reveal(), None) == desk.opened


async def test_a_token_opens_nothing_else_and_nothing_late_or_after_its_key(desk: Desk) -> None:
    call_id = await desk.open()
    for_call, _ = await desk.view.new_token(desk.opened, call_id)
    late, _ = await desk.view.new_token(desk.opened)
    with pytest.raises(Unauthorized):
        await desk.view.redeem(for_call.reveal(), None)
    desk.world.clock.now += timedelta(seconds=61)
    with pytest.raises(Unauthorized):
        await desk.view.redeem(late.reveal(), None)
    revoked, _ = await desk.view.new_token(desk.opened)
    await desk.world.projects.revoke_key(desk.opened.key_id)
    with pytest.raises(Unauthorized):
        await desk.view.redeem(revoked.reveal(), None)
    with pytest.raises(Unauthorized):
        await desk.view.redeem("\ud800", None)


async def test_tokens_that_nobody_uses_do_not_pile_up(desk: Desk) -> None:
    await desk.open()
    for _ in range(MOST_TOKENS):
        await desk.view.new_token(desk.opened)
    with pytest.raises(Exception, match="200 unused"):
        await desk.view.new_token(desk.opened)
    desk.world.clock.now += timedelta(seconds=61)
    await desk.view.new_token(desk.opened)


# ---------------------------------------------------------------- steering


async def test_what_nobody_takes_is_a_conflict(desk: Desk) -> None:
    call_id = await desk.open()
    await desk.view.steer(desk.opened, call_id, SayLine("Hello."))
    assert desk.holder.told == [SayLine("Hello.")]
    desk.holder.takes = False
    with pytest.raises(Conflict):
        await desk.view.steer(desk.opened, call_id, SayLine("Hello."))
    await desk.world.log.finished(call_id, "caller_hangup")
    with pytest.raises(Conflict, match="over"):
        await desk.view.steer(desk.opened, call_id, SayLine("Hello."))


@pytest.mark.parametrize(
    ("stage", "where"),
    [
        (Waiting("wait_1"), "waits for an agent"),
        (TakingMessage("vm_1"), "leaving a message"),
        (Announcing("Closed."), "announcement"),
        (Forwarding("+14155550199"), "human"),
    ],
)
async def test_who_cannot_steer_is_told_where_the_call_is(desk: Desk, stage: Stage, where: str) -> None:
    call_id = await desk.open()
    async with desk.world.database.transaction() as session:
        (await session.get_one(CallRow, call_id)).stage = msgspec.to_builtins(stage)
    desk.holder.takes = False
    for command in (SayLine("Hello."), Whisper("Be brief."), TakeOver("Sam", 10.0)):
        with pytest.raises(Conflict, match=where):
            await desk.view.steer(desk.opened, call_id, command)


async def test_a_transfer_goes_to_the_agents_number_unless_another_is_named(desk: Desk) -> None:
    call_id = await desk.open(transfer_number="+14155550123")
    await desk.view.transfer(desk.opened, call_id, None, "One moment.")
    await desk.view.transfer(desk.opened, call_id, "(415) 555-0124", "")
    assert desk.holder.told == [Transfer("+14155550123", "One moment."), Transfer("+14155550124")]
    with pytest.raises(BadInput, match="emergency"):
        await desk.view.transfer(desk.opened, call_id, "+1911", "")


async def test_without_any_number_there_is_no_transfer(desk: Desk) -> None:
    call_id = await desk.open()
    with pytest.raises(Conflict, match="transferNumber"):
        await desk.view.transfer(desk.opened, call_id, None, "")
