"""A process that takes callers' messages, for the tests of what becomes of them."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from parley.domain.ids import new_id
from parley.domain.stages import TakingMessage
from parley.domain.voicemails import TakenMessage
from parley.schemas.voicemails import VoicemailList
from parley.services.recording_links import RecordingLinks
from parley.services.voicemail_intake import VoicemailIntake
from parley.services.voicemails import Voicemails
from parley.storage.cipher import Cipher
from parley.storage.message_spool import MessageSpool
from parley.storage.recordings import RecordingStore, local_store
from parley.storage.tables import CallRow
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
