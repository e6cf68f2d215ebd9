"""Messages that were left: listed, listened to, marked as heard, and deleted for good."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from parley.domain.errors import Forbidden, NotFound, RangeNotSatisfiable, Unavailable
from parley.schemas.voicemails import VoicemailList, VoicemailPage, VoicemailUpdate
from parley.storage.cipher import Cipher
from parley.storage.tables import CallRow
from tests.services.answering_machine import AUDIO, Machine, a_call, bytes_of, listed
from tests.services.world import World


@pytest.fixture
def machine(world: World, cipher: Cipher, tmp_path: Path) -> Machine:
    return Machine(world, cipher, tmp_path)


# ---------------------------------------------------------------- reading


async def test_messages_are_listed_newest_first_and_found_by_what_they_are_about(
    world: World, mine: str, machine: Machine
) -> None:
    found = []
    async with machine.at_work():
        for _ in range(3):
            call = await a_call(world, mine)
            found.append((await machine.keep(call.id), call))
            world.clock.advance(1)
    first, second, third = (voicemail_id for voicemail_id, _ in found)
    assert await listed(machine, mine) == [third, second, first]
    assert await listed(machine, mine, limit=1, offset=1) == [second]
    assert await listed(machine, mine, agent_id=found[0][1].agent_id) == [first]
    assert await listed(machine, mine, number_id=found[2][1].number_id) == [third]

    heard = await machine.voicemails.update(mine, second, VoicemailUpdate(heard=True))
    assert heard.heard_at == world.clock()
    world.clock.advance(60)
    again = await machine.voicemails.update(mine, second, VoicemailUpdate(heard=True))
    assert again.heard_at == heard.heard_at
    assert await listed(machine, mine, unheard=True) == [third, first]
    assert await listed(machine, mine, unheard=False) == [second]
    assert (await machine.voicemails.update(mine, second, VoicemailUpdate(heard=False))).heard is False

    page = await machine.voicemails.list_after(mine, VoicemailPage(limit=2))
    assert ([row.id for row in page.rows], page.total, page.next_id) == ([third, second], 3, second)


async def test_a_test_calls_message_is_listed_and_nobody_has_to_hear_it(
    world: World, mine: str, machine: Machine
) -> None:
    test, true = await a_call(world, mine), await a_call(world, mine)
    async with world.database.transaction() as session:
        (await session.get_one(CallRow, test.id)).is_test = True
    async with machine.at_work():
        of_test, of_caller = await machine.keep(test.id), await machine.keep(true.id)
    assert (await machine.voicemails.get(mine, of_test)).is_test
    assert not (await machine.voicemails.get(mine, of_caller)).is_test
    assert set(await listed(machine, mine)) == {of_test, of_caller}
    assert await listed(machine, mine, unheard=True) == [of_caller]
    assert (await machine.voicemails.list_after(mine, VoicemailPage(unheard=True))).total == 1
    marked = await machine.voicemails.update(mine, of_test, VoicemailUpdate(heard=True))
    assert (marked.heard, marked.is_test) == (True, True)


async def test_another_projects_message_is_not_there(world: World, mine: str, theirs: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id)
    assert await listed(machine, theirs) == []
    for attempt in (
        machine.voicemails.get(theirs, voicemail_id),
        machine.voicemails.open_audio(theirs, voicemail_id),
        machine.voicemails.update(theirs, voicemail_id, VoicemailUpdate(heard=True)),
        machine.voicemails.delete(theirs, voicemail_id),
        machine.voicemails.list(theirs, VoicemailList(agent_id=call.agent_id)),
        machine.voicemails.list_after(theirs, VoicemailPage(number_id=call.number_id)),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await bytes_of(machine, mine, voicemail_id) == AUDIO


async def test_a_link_opens_one_message_for_four_hours(world: World, mine: str, machine: Machine) -> None:
    one, other = await a_call(world, mine), await a_call(world, mine)
    async with machine.at_work():
        voicemail_id, another = await machine.keep(one.id), await machine.keep(other.id)
    link = urlsplit((await machine.voicemails.get(mine, voicemail_id)).audio_url or "")
    expires, signature = (parse_qs(link.query)[name][0] for name in ("expires", "signature"))
    found = await machine.voicemails.find_linked(voicemail_id, expires, signature, "bytes=0-43")
    assert b"".join([chunk async for chunk in await machine.voicemails.read(found)]) == AUDIO[:44]
    with pytest.raises(Forbidden, match="not valid"):
        await machine.voicemails.find_linked(another, expires, signature)
    with pytest.raises(Forbidden, match="not valid"):
        await world.recordings.find_linked(voicemail_id, expires, signature[:-1])
    with pytest.raises(RangeNotSatisfiable):
        await machine.voicemails.find_linked(voicemail_id, expires, signature, f"bytes={len(AUDIO)}-")
    world.clock.advance(4 * 3600 + 1)
    with pytest.raises(Forbidden, match="expired"):
        await machine.voicemails.find_linked(voicemail_id, expires, signature)


# ---------------------------------------------------------------- deleting


async def test_a_deleted_message_is_gone_with_its_audio(world: World, mine: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id)
    key = (await machine.voicemails.get(mine, voicemail_id)).audio_key or ""
    assert await machine.store.size(key) == len(AUDIO)
    await machine.voicemails.delete(mine, voicemail_id)
    with pytest.raises(NotFound):
        await machine.store.size(key)
    assert await listed(machine, mine) == []
    with pytest.raises(NotFound):
        await machine.voicemails.delete(mine, voicemail_id)
    assert (await world.calls.get(mine, call.id)).id == call.id


async def test_deleting_a_calls_recording_leaves_its_message(world: World, mine: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id)
    await world.log.finished(call.id, "message_taken")
    await world.recordings.delete(mine, call.id)
    assert await bytes_of(machine, mine, voicemail_id) == AUDIO


async def test_a_message_is_there_until_its_audio_could_be_deleted(
    world: World, mine: str, cipher: Cipher, tmp_path: Path
) -> None:
    machine = Machine(world, cipher, tmp_path)
    call = await a_call(world, mine)
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id)
    away = Machine(world, cipher, tmp_path / "other")
    (tmp_path / "other").mkdir()
    away.take_store_away()
    with pytest.raises(Unavailable):
        await away.voicemails.delete(mine, voicemail_id)
    assert await listed(machine, mine) == [voicemail_id]
    await machine.voicemails.delete(mine, voicemail_id)
    assert await listed(machine, mine) == []
