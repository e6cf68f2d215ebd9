"""A caller's message: onto the disk, from there to the store, and told of once."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from parley.domain.errors import NotFound, Unavailable
from parley.domain.voicemails import TakenMessage
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.storage import voicemails
from parley.storage.cipher import Cipher
from parley.storage.tables import NumberRow, ProjectRow
from tests.services.answering_machine import (
    AUDIO,
    HOOK,
    SUBSCRIBER,
    WORDS,
    Machine,
    a_call,
    a_wav,
    bytes_of,
    listed,
    told,
)
from tests.services.world import World


@pytest.fixture
def machine(world: World, cipher: Cipher, tmp_path: Path) -> Machine:
    return Machine(world, cipher, tmp_path)


async def test_a_message_is_stored_and_told_of_once(world: World, mine: str, machine: Machine) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    await world.subscriptions.create(
        mine, SubscriptionCreate(url=SUBSCRIBER, events=["voicemail_received"], secret="s" * 24)
    )
    call = await a_call(world, mine)
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id)
        assert await machine.keep(call.id) == voicemail_id
    async with machine.at_work():
        assert await machine.keep(call.id) == voicemail_id

    row = await machine.voicemails.get(mine, voicemail_id)
    assert (row.call_id, row.agent_id, row.number_id, row.reason) == (
        call.id,
        call.agent_id,
        call.number_id,
        "outside_hours",
    )
    assert (row.transcript, row.confidence, row.duration_seconds, row.heard) == (WORDS, 0.93, 2, False)
    assert await bytes_of(machine, mine, voicemail_id) == AUDIO
    assert list(machine.spool.paths()) == []

    events = dict(await told(world))
    assert len(await told(world)) == 2
    data = events[HOOK]["data"]
    assert (events[HOOK]["event"], events[HOOK]["channel"]) == ("voicemail.received", "voice")
    assert (data["voicemailId"], data["callId"], data["transcript"]) == (voicemail_id, call.id, WORDS)
    assert (data["from"], data["to"]) == (call.from_number, call.to_number)
    assert (data["durationSeconds"], data["reason"]) == (2, "outside_hours")
    assert urlsplit(data["audioUrl"]).path == f"/voicemails/{voicemail_id}.wav"
    flat = events[SUBSCRIBER]
    assert (flat["event"], flat["voicemail_id"], flat["transcript"]) == ("voicemail_received", voicemail_id, WORDS)
    assert (flat["caller_id"], flat["phone_number"]) == (call.from_number, call.to_number)


async def test_somebody_who_hung_up_at_the_beep_left_no_message(world: World, mine: str, machine: Machine) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    silent, brief = await a_call(world, mine), await a_call(world, mine)
    async with machine.at_work():
        nothing = await machine.keep(silent.id, transcript=" ", audio=a_wav(0.3), duration_ms=300)
        said = await machine.keep(brief.id, transcript="no", audio=a_wav(0.3), duration_ms=300)
    assert await listed(machine, mine) == [said]
    with pytest.raises(NotFound):
        await machine.voicemails.get(mine, nothing)
    assert [body["data"]["voicemailId"] for _, body in await told(world)] == [said]
    assert (await machine.voicemails.get(mine, said)).duration_seconds == 1


async def test_a_murmur_without_words_is_a_message(world: World, mine: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id, transcript=" ")
    row = await machine.voicemails.get(mine, voicemail_id)
    assert (row.transcript, row.confidence) == (None, None)


async def test_while_the_store_is_away_the_message_waits_on_the_disk(
    world: World, mine: str, machine: Machine, cipher: Cipher, tmp_path: Path
) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    call = await a_call(world, mine)
    machine.take_store_away()
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id)
    assert await listed(machine, mine) == []
    assert await told(world) == []
    machine.bring_store_back()
    async with Machine(world, cipher, tmp_path).at_work():
        """Another process finds what the first one left."""
    assert await listed(machine, mine) == [voicemail_id]
    assert await bytes_of(machine, mine, voicemail_id) == AUDIO
    assert [body["data"]["transcript"] for _, body in await told(world)] == [WORDS]


async def test_two_processes_over_one_disk_tell_of_a_message_once(
    world: World, mine: str, machine: Machine, cipher: Cipher, tmp_path: Path
) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url=HOOK))
    call = await a_call(world, mine)
    await machine.keep(call.id)
    async with machine.at_work(), Machine(world, cipher, tmp_path).at_work():
        """Both sweep the same folder."""
    assert len(await told(world)) == 1


async def test_a_disk_that_takes_nothing_is_passed_by(world: World, mine: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    machine.spool.folder.write_bytes(b"no folder")
    voicemail_id = await machine.keep(call.id)
    assert await bytes_of(machine, mine, voicemail_id) == AUDIO

    other = await a_call(world, mine)
    await machine.store.delete(f"{mine}/voicemails/{voicemail_id}.wav")
    asked = (await machine.asked(other.id)).voicemail_id
    async with world.database.transaction() as session:
        await voicemails.remove(session, mine, asked)
    with pytest.raises(NotFound):
        await machine.voicemails.keep(other.id, TakenMessage(asked, AUDIO, 2000, WORDS, 0.9))


async def test_what_can_be_kept_nowhere_is_the_callers_to_try_again(world: World, mine: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    machine.spool.folder.write_bytes(b"no folder")
    machine.take_store_away()
    with pytest.raises(Unavailable):
        await machine.keep(call.id)
    machine.bring_store_back()
    assert await listed(machine, mine) == []
    assert await machine.keep(call.id) == (await listed(machine, mine))[0]


async def test_what_nobody_knows_of_any_more_is_set_aside(world: World, mine: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    voicemail_id = await machine.keep(call.id)
    async with world.database.transaction() as session:
        await voicemails.remove(session, mine, voicemail_id)
    (machine.spool.folder / "vm_odd.message").write_bytes(b"no message at all")
    async with machine.at_work():
        """Both are found."""
    left = sorted(path.name for path in machine.spool.folder.iterdir())
    assert left == [f"{voicemail_id}.unclaimed", "vm_odd.unreadable"]


async def test_what_a_recogniser_says_can_always_be_kept(world: World, mine: str, machine: Machine) -> None:
    call = await a_call(world, mine)
    async with machine.at_work():
        voicemail_id = await machine.keep(call.id, transcript="call\x00 me\ud800 back")
    assert (await machine.voicemails.get(mine, voicemail_id)).transcript == "call me back"


# ---------------------------------------------------------------- greeting


async def test_the_words_a_caller_is_asked_with(world: World, mine: str, machine: Machine) -> None:
    """The rule's own words, else the number's, else the project's, else a default in the agent's language."""
    call = await a_call(world, mine, language="de-DE")
    assert (await machine.asked(call.id)).greeting.startswith("Guten Tag")
    async with world.database.transaction() as session:
        project = await session.get_one(ProjectRow, mine)
        project.routing = {"routing_config": {"voicemail_greeting": "We are all at lunch."}}
    assert (await machine.asked(call.id)).greeting == "We are all at lunch."
    async with world.database.transaction() as session:
        number = await session.get_one(NumberRow, call.number_id)
        number.routing = {"voicemail_message": "Nobody is in."}
    assert (await machine.asked(call.id)).greeting == "Nobody is in."
    async with world.database.transaction() as session:
        number = await session.get_one(NumberRow, call.number_id)
        number.routing = {"routing_config": {"voicemail_greeting": "The shop is closed."}}
    assert (await machine.asked(call.id)).greeting == "The shop is closed."
    assert (await machine.asked(call.id, greeting=" It is Sunday. ")).greeting == "It is Sunday."
