"""Recordings from the spool to the store and from there to whoever may listen."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from parley.domain.errors import Conflict, Forbidden, NotFound, RangeNotSatisfiable
from parley.domain.secrets import Secret
from parley.schemas.agents import AgentUpdate
from parley.schemas.projects import ProjectUpdate
from parley.services.recording_intake import RecordingIntake
from parley.storage.recordings import RecordingStore, s3_store
from parley.storage.spool import Spool
from parley.storage.tables import CallRow
from tests.emulators.s3 import ACCESS_KEY, SECRET_KEY, S3Emulator
from tests.services.world import World, ringing

FIRST, SECOND = b"\x01\x02\x03\x04" * 8000, b"\x05\x06\x07\x08" * 8000


class Desk:
    """An intake at work, and its spool."""

    def __init__(self, world: World, folder: Path, store: RecordingStore | None = None) -> None:
        self.spool = Spool(folder / "spool")
        self.intake = RecordingIntake(world.database, store or world.store, self.spool)

    def part(self, call_id: str, offset_ms: int, samples: bytes) -> Path:
        """A complete part that waits in the spool."""
        file = self.spool.new_part(call_id, offset_ms, 8000)
        file.write(samples)
        file.close()
        return file.path

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        working = asyncio.create_task(self.intake.run())
        yield
        working.cancel()
        await asyncio.wait((working,))


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


async def an_ended_call(world: World, project_id: str, **agent: object) -> CallRow:
    row = await world.agent(project_id, **{"recording_enabled": True, **agent})
    number = await world.number(project_id, row.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(f"CA-{row.id}"))
    await world.log.connected(plan.call_id)
    await world.log.finished(plan.call_id, "caller_hangup")
    return await world.calls.get(project_id, plan.call_id)


async def stored(world: World, project_id: str, call_id: str, byte_range: str = "") -> bytes:
    _, chunks = await world.recordings.open(project_id, call_id, byte_range)
    return b"".join([chunk async for chunk in chunks])


def samples_of(wav: bytes) -> bytes:
    with wave.open(io.BytesIO(wav)) as file:
        samples: bytes = file.readframes(file.getnframes())
    return samples


# ---------------------------------------------------------------- in


async def test_a_complete_part_is_stored_noted_and_gone_from_the_spool(world: World, mine: str, desk: Desk) -> None:
    call = await an_ended_call(world, mine)
    assert call.snapshot["is_recorded"] is True
    path = desk.part(call.id, 120, FIRST)
    async with desk.at_work(), asyncio.timeout(60):
        await desk.intake.keep(path)
    call = await world.calls.get(mine, call.id)
    assert (call.recording_available, call.recording_bytes) == (True, 44 + len(FIRST))
    assert samples_of(await stored(world, mine, call.id)) == FIRST
    assert not path.exists()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "the later part first"])
async def test_a_call_that_moved_has_its_parts_joined_in_order(
    world: World, mine: str, tmp_path: Path, order: tuple[int, int]
) -> None:
    """Each replica has a spool of its own."""
    call = await an_ended_call(world, mine)
    desks = [Desk(world, tmp_path / "one"), Desk(world, tmp_path / "two")]
    paths = [desks[0].part(call.id, 500, FIRST), desks[1].part(call.id, 3500, SECOND)]
    for each in order:
        async with desks[each].at_work(), asyncio.timeout(60):
            await desks[each].intake.keep(paths[each])
    assert samples_of(await stored(world, mine, call.id)) == FIRST + bytes(2 * 32_000) + SECOND
    assert [path.exists() for path in paths] == [False, False]
    row = await world.calls.get(mine, call.id)
    assert row.recording_key is not None
    assert await world.store.size(row.recording_key) == row.recording_bytes
    # What came before is not kept beside it.
    with pytest.raises(NotFound):
        await world.store.size(f"{mine}/{call.id}/000000500-{len(FIRST)}.wav")


async def test_two_replicas_that_store_at_once_lose_nothing(world: World, mine: str, tmp_path: Path) -> None:
    call = await an_ended_call(world, mine)
    desks = [Desk(world, tmp_path / str(number)) for number in range(3)]
    paths = [desk.part(call.id, 1000 * number, FIRST) for number, desk in enumerate(desks)]
    async with desks[0].at_work(), desks[1].at_work(), desks[2].at_work(), asyncio.timeout(60):
        await asyncio.gather(*(desk.intake.keep(path) for desk, path in zip(desks, paths, strict=True)))
    assert samples_of(await stored(world, mine, call.id)) == FIRST * 3


async def test_a_part_that_is_stored_already_adds_nothing_twice(world: World, mine: str, desk: Desk) -> None:
    call = await an_ended_call(world, mine)
    for _ in range(2):
        path = desk.part(call.id, 120, FIRST)
        async with desk.at_work(), asyncio.timeout(60):
            await desk.intake.keep(path)
        assert not path.exists()
    assert samples_of(await stored(world, mine, call.id)) == FIRST


async def test_what_a_bucket_did_not_take_waits_and_is_stored_once_it_does(
    world: World, mine: str, tmp_path: Path
) -> None:
    call = await an_ended_call(world, mine)
    async with S3Emulator() as s3:
        store = s3_store(s3.url, endpoint=s3.endpoint, access_key=Secret(ACCESS_KEY), secret_key=Secret(SECRET_KEY))
        desk = Desk(world, tmp_path, store)
        path = desk.part(call.id, 0, FIRST)
        s3.mood = "unavailable"
        async with desk.at_work(), asyncio.timeout(60):
            await desk.intake.keep(path)
            assert path.exists()
            assert not (await world.calls.get(mine, call.id)).recording_available
            s3.mood = "well"
            await desk.intake.sweep()
            await desk.intake.settle(10.0)
        assert not path.exists()
        assert samples_of(s3.objects[f"recordings/{mine}/{call.id}/000000000-{len(FIRST)}.wav"]) == FIRST


async def test_at_start_what_an_earlier_process_left_is_stored(world: World, mine: str, desk: Desk) -> None:
    call = await an_ended_call(world, mine)
    path = desk.part(call.id, 0, FIRST)
    with path.open("ab") as file:
        file.write(b"\x09")
    async with desk.at_work(), asyncio.timeout(60):
        while path.exists():
            await asyncio.sleep(0.01)
    assert samples_of(await stored(world, mine, call.id)) == FIRST


async def test_what_was_deleted_does_not_come_back_and_what_cannot_be_stored_is_set_aside(
    world: World, mine: str, desk: Desk
) -> None:
    call = await an_ended_call(world, mine)
    await world.recordings.delete(mine, call.id)
    paths = [desk.part("call_of_nobody", 0, FIRST), desk.part(call.id, 0, FIRST), desk.part(call.id, 5, b"")]
    odd = desk.spool.folder / "call_1.000000000.wav"
    odd.write_bytes(b"no recording at all, but long enough to be taken for one")
    async with desk.at_work(), asyncio.timeout(60):
        await asyncio.gather(*map(desk.intake.keep, [*paths, odd]))
    left = sorted(path.name for path in desk.spool.folder.iterdir())
    assert left == ["call_1.000000000.unreadable", "call_of_nobody.000000000.unclaimed"]
    with pytest.raises(NotFound):
        await world.recordings.find(mine, call.id)


# ---------------------------------------------------------------- out


async def recorded(world: World, project_id: str, desk: Desk, **agent: object) -> CallRow:
    call = await an_ended_call(world, project_id, **agent)
    async with desk.at_work(), asyncio.timeout(60):
        await desk.intake.keep(desk.part(call.id, 0, FIRST))
    return await world.calls.get(project_id, call.id)


async def test_a_link_opens_for_four_hours_and_only_what_it_was_made_for(world: World, mine: str, desk: Desk) -> None:
    call = await recorded(world, mine, desk)
    other = await recorded(world, mine, desk)
    assert call.recording_url is not None
    link = urlsplit(call.recording_url)
    assert (link.netloc, link.path) == ("parley.example", f"/recordings/{call.id}.wav")
    expires, signature = (parse_qs(link.query)[name][0] for name in ("expires", "signature"))
    world.clock.advance(4 * 3600 - 1)
    found = await world.recordings.find_linked(call.id, expires, signature)
    assert (found.size, found.is_part) == (44 + len(FIRST), False)

    later = str(int(expires) + 3600)
    for wrong in (
        (other.id, expires, signature),
        (call.id, later, signature),
        (call.id, expires, signature[:-1] + "x"),
        (call.id, expires, "\u00e9"),
        (call.id, "", ""),
        (call.id, "soon", signature),
        (call.id, "9" * 500, signature),
    ):
        with pytest.raises(Forbidden, match="not valid"):
            await world.recordings.find_linked(*wrong)
    world.clock.advance(2)
    with pytest.raises(Forbidden, match="expired"):
        await world.recordings.find_linked(call.id, expires, signature)


async def test_a_recording_is_shown_while_its_agents_switch_is_on(world: World, mine: str, desk: Desk) -> None:
    call = await recorded(world, mine, desk, recording_enabled=None)
    assert call.snapshot["is_recorded"] is False

    async def is_shown() -> bool:
        row = await world.calls.get(mine, call.id)
        assert row.recording_available
        return row.recording_url is not None

    assert not await is_shown()
    await world.projects.update(mine, ProjectUpdate(recording_enabled=True))
    assert await is_shown()
    await world.agents.update(mine, str(call.agent_id), AgentUpdate(recording_enabled=False))
    assert not await is_shown()
    await world.agents.update(mine, str(call.agent_id), AgentUpdate(recording_enabled=None))
    assert await is_shown()
    await world.agents.delete(mine, str(call.agent_id))
    assert await is_shown()
    await world.projects.update(mine, ProjectUpdate(recording_enabled=False))
    assert not await is_shown()


async def test_a_part_of_it_may_be_asked_for(world: World, mine: str, desk: Desk) -> None:
    call = await recorded(world, mine, desk)
    whole = await stored(world, mine, call.id)
    assert await stored(world, mine, call.id, "bytes=44-1043") == whole[44:1044]
    assert await stored(world, mine, call.id, "bytes=-100") == whole[-100:]
    with pytest.raises(RangeNotSatisfiable):
        await world.recordings.find(mine, call.id, f"bytes={len(whole)}-")


async def test_another_projects_recording_is_not_there(world: World, mine: str, theirs: str, desk: Desk) -> None:
    call = await recorded(world, mine, desk)
    with pytest.raises(NotFound):
        await world.recordings.find(theirs, call.id)
    with pytest.raises(NotFound):
        await world.recordings.delete(theirs, call.id)
    assert await stored(world, mine, call.id)


# ---------------------------------------------------------------- deleting


async def test_a_deleted_recording_is_gone_for_good(world: World, mine: str, desk: Desk) -> None:
    call = await recorded(world, mine, desk)
    key = str(call.recording_key)
    for _ in range(2):
        await world.recordings.delete(mine, call.id)
    with pytest.raises(NotFound):
        await world.store.size(key)
    with pytest.raises(NotFound):
        await world.recordings.find(mine, call.id)
    row = await world.calls.get(mine, call.id)
    assert (row.recording_url, row.recording_available) == (None, False)
    assert row.transcripts == []


async def test_what_was_never_recorded_cannot_be_deleted_and_a_live_call_not_yet(world: World, mine: str) -> None:
    silent = await an_ended_call(world, mine, recording_enabled=False)
    with pytest.raises(NotFound):
        await world.recordings.delete(mine, silent.id)
    agent = await world.agent(mine, recording_enabled=True)
    number = await world.number(mine, agent.id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing("CA-live"))
    await world.log.connected(plan.call_id)
    with pytest.raises(Conflict):
        await world.recordings.delete(mine, plan.call_id)
