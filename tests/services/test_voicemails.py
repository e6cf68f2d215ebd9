"""A caller's message: from the disk to the store, told of once, listened to, and deleted for good."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from parley.domain.errors import Forbidden, NotFound, RangeNotSatisfiable, Unavailable
from parley.domain.ids import new_id
from parley.domain.stages import TakingMessage
from parley.domain.voicemails import TakenMessage
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.voicemails import VoicemailList, VoicemailPage, VoicemailUpdate
from parley.schemas.webhooks import WebhookPut
from parley.services.recording_links import RecordingLinks
from parley.services.voicemail_intake import VoicemailIntake
from parley.services.voicemails import Voicemails
from parley.storage import voicemails
from parley.storage.cipher import Cipher
from parley.storage.message_spool import MessageSpool
from parley.storage.recordings import RecordingStore, local_store
from parley.storage.tables import CallRow, NumberRow, ProjectRow
from tests.services.world import CARRIER, World

WORDS = "please call me back about the invoice"
HOOK, SUBSCRIBER = "https://project.example", "https://subscriber.example"


def a_wav(duration_s: float = 2.0) -> bytes:
    with io.BytesIO() as file:
        with wave.open(file, "wb") as audio:
            audio.setnchannels(1)
            audio.setsampwidth(2)
            audio.setframerate(8000)
            audio.writeframes(b"\x01\x02" * int(8000 * duration_s))
        return file.getvalue()


AUDIO = a_wav()


class Machine:
    """One process that takes messages, with a disk of its own. Its store is away while a file lies in its place."""

    def __init__(self, world: World, cipher: Cipher, folder: Path, store: RecordingStore | None = None) -> None:
        self._world = world
        self.store = store or local_store(folder / "store")
        self._store_folder = folder / "store"
        self.spool = MessageSpool(folder / "spool")
        links = RecordingLinks(
            "https://parley.example", cipher.link_key(), world.clock, folder="voicemails", noun="voicemail"
        )
        self.intake = VoicemailIntake(world.database, self.store, self.spool, world.announcements, links, world.clock)
        self.voicemails = Voicemails(world.database, self.store, links, self.intake, world.clock)

    def take_store_away(self) -> None:
        self._store_folder.write_bytes(b"no folder")

    def bring_store_back(self) -> None:
        self._store_folder.unlink()

    async def asked(self, call_id: str, reason: str = "outside_hours", greeting: str = "") -> TakingMessage:
        async with self._world.database.transaction() as session:
            call = await session.get_one(CallRow, call_id)
            return await self.voicemails.ask(session, call, reason=reason, greeting=greeting)

    async def keep(self, call_id: str, transcript: str = WORDS, audio: bytes = AUDIO, duration_ms: int = 2000) -> str:
        """The caller is asked and says something; returns the message's id."""
        voicemail_id = (await self.asked(call_id)).voicemail_id
        await self.voicemails.keep(call_id, TakenMessage(voicemail_id, audio, duration_ms, transcript, 0.93))
        return voicemail_id

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Leaving it, everything that was lined up has been tried."""
        working = asyncio.create_task(self.intake.run())
        try:
            yield
            await self.intake.sweep()
            await self.intake.settle(20.0)
        finally:
            working.cancel()
            await asyncio.wait((working,))


@pytest.fixture
def machine(world: World, cipher: Cipher, tmp_path: Path) -> Machine:
    return Machine(world, cipher, tmp_path)


async def a_call(world: World, project_id: str, language: str = "en-US", **agent: Any) -> CallRow:
    """A live call on a number of its own."""
    owner = await world.agent(project_id, **agent)
    number = await world.number(project_id, owner.id)
    row = CallRow(
        id=new_id("call"),
        project_id=project_id,
        agent_id=owner.id,
        number_id=number.id,
        carrier=CARRIER,
        direction="inbound",
        status="ringing",
        from_number="+14155559999",
        to_number=number.phone_number,
        snapshot={"id": owner.id, "name": owner.name, "language": language, "is_recorded": True},
        created_at=world.clock(),
    )
    async with world.database.transaction() as session:
        session.add(row)
    await world.log.connected(row.id)
    return row


async def told(world: World) -> list[tuple[str, dict[str, Any]]]:
    """(URL, payload) of what was told of messages so far."""
    while await world.worker.send_due():
        pass
    sent = [(url, json.loads(body)) for url, _, body in world.sender.sent]
    return [(url, body) for url, body in sent if body["event"].startswith("voicemail")]


async def listed(machine: Machine, project_id: str, **query: Any) -> list[str]:
    return [row.id for row in (await machine.voicemails.list(project_id, VoicemailList(**query)))[0]]


async def bytes_of(machine: Machine, project_id: str, voicemail_id: str, byte_range: str = "") -> bytes:
    _, chunks = await machine.voicemails.open_audio(project_id, voicemail_id, byte_range)
    return b"".join([chunk async for chunk in chunks])


# ---------------------------------------------------------------- taking


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
        voicemail_id = await machine.keep(call.id, transcript="")
    assert (await machine.voicemails.get(mine, voicemail_id)).transcript == ""


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
