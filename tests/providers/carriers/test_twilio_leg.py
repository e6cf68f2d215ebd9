"""The leg over a socket in memory: order on the wire, ends, misbehaving peers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from parley.domain.errors import Forbidden
from parley.providers.carriers.twilio.leg import MAX_MESSAGES_BEFORE_START, TwilioLeg
from parley.providers.carriers.twilio.outbound import MAX_QUEUED_BYTES
from parley.providers.protocols import IncomingLeg
from tests.providers.carriers.sockets import Ear, MemorySocket
from tests.providers.carriers.test_twilio_media import START

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
STOP = '{"event":"stop","streamSid":"MZ1","stop":{"callSid":"CA1"}}'


def media(audio: bytes, track: str = "inbound") -> str:
    return json.dumps({"event": "media", "media": {"track": track, "payload": base64.b64encode(audio).decode()}})


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "mark": {"name": name}})


@asynccontextmanager
async def running() -> AsyncIterator[tuple[MemorySocket, IncomingLeg, Ear]]:
    socket, ear = MemorySocket(), Ear()
    leg: IncomingLeg = TwilioLeg(socket)
    socket.incoming.put_nowait(CONNECTED)
    socket.incoming.put_nowait(json.dumps(START))
    assert await leg.handshake() == "secret"
    run = asyncio.create_task(leg.run(ear))
    await settled()
    yield socket, leg, ear
    socket.incoming.put_nowait(None)
    await asyncio.wait_for(run, 60)


async def settled() -> None:
    """Let every task run until all of them wait for something."""
    for _ in range(200):
        await asyncio.sleep(0)


def events_of(socket: MemorySocket) -> list[str]:
    return [json.loads(text)["event"] for text in socket.sent]


async def test_audio_keys_and_marks_are_reported() -> None:
    async with running() as (socket, leg, ear):
        leg.play(b"a" * 160)
        await settled()
        for text in (media(b"\x01" * 160), media(b"\x02" * 160, "outbound"), mark("0:160"), "garbage"):
            socket.incoming.put_nowait(text)
        socket.incoming.put_nowait('{"event":"dtmf","dtmf":{"digit":"5"}}')
        await settled()
        assert (ear.audio, ear.positions, ear.keys) == ([b"\x01" * 160], [160], ["5"])
        assert socket.sent[0].startswith('{"event":"media","streamSid":"MZ1"')


async def test_a_flush_overtakes_what_is_queued_and_disowns_old_marks() -> None:
    async with running() as (socket, leg, ear):
        socket.room.clear()
        leg.play(b"a" * 80_000)
        await settled()
        leg.flush()
        leg.play(b"b" * 80)
        socket.room.set()
        await settled()
        assert events_of(socket) == ["media", "mark", "clear", "media", "mark"]
        socket.incoming.put_nowait(mark("0:800"))
        socket.incoming.put_nowait(mark("1:80"))
        await settled()
        assert ear.positions == [80]


@pytest.mark.parametrize(("last", "reason"), [(STOP, "stopped"), (None, "lost")])
async def test_how_it_ended_is_told_once(last: str | None, reason: str) -> None:
    async with running() as (socket, _leg, ear):
        socket.incoming.put_nowait(last)
        await settled()
        assert ear.closed == [reason]


async def test_closing_ends_the_run_although_the_peer_says_nothing() -> None:
    async with running() as (socket, leg, ear):
        leg.close()
        leg.close()
        leg.play(b"a" * 160)
        await settled()
        assert (ear.closed, socket.closed_with, socket.sent) == (["closed"], 1000, [])


async def test_a_phone_that_takes_nothing_is_lost() -> None:
    async with running() as (socket, leg, ear):
        socket.room.clear()
        leg.play(b"a" * 160)
        await settled()
        leg.play(b"a" * MAX_QUEUED_BYTES)
        leg.play(b"a")
        socket.room.set()
        await settled()
        assert (ear.closed, socket.closed_with) == (["lost"], 1013)


@pytest.mark.parametrize(
    "messages",
    [
        [None],
        [CONNECTED, STOP],
        [CONNECTED, json.dumps({**START, "start": {**START["start"], "customParameters": {}}})],  # type: ignore[dict-item]
        ["noise"] * MAX_MESSAGES_BEFORE_START,
    ],
)
async def test_no_valid_start_is_forbidden(messages: list[str | None]) -> None:
    socket = MemorySocket()
    for message in messages:
        socket.incoming.put_nowait(message)
    with pytest.raises(Forbidden):
        await TwilioLeg(socket).handshake()
