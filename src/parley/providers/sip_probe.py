"""Sends SIP OPTIONS to an address that was checked, over UDP, TCP or TLS, and measures the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, cast

from parley.domain.network_tests import SipSeen, Transport
from parley.providers.sip_options import Asker, StreamReader, read_answer

APART_S: Final = 0.1
"""Between two requests: far enough that a limit of requests a second does not look like loss."""
LAST_WAIT_S: Final = 1.0
"""How long the last answer may take; RFC 3261 gives a UDP server 500 ms before a client asks again."""


class Tally:
    """Counts one transport's requests and answers; `asker` and the clock tell them apart."""

    def __init__(self, asker: Asker, transport: Transport) -> None:
        self.is_complete = asyncio.Event()
        self._asker = asker
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._sent_at: dict[int, float] = {}
        self._times: dict[int, float] = {}
        self._first: tuple[int, str, str] | None = None
        self._garbled = 0
        self._wanted = 0

    async def send(self, count: int, write: Callable[[bytes], None]) -> SipSeen:
        """Send so many requests and wait for their answers, in all no longer than their number asks for."""
        self._wanted = count
        for number in range(1, count + 1):
            self._sent_at[number] = self._loop.time()
            write(self._asker.request(number))
            if number < count:
                await asyncio.sleep(APART_S)
        try:
            async with asyncio.timeout(LAST_WAIT_S):
                await self.is_complete.wait()
        except TimeoutError:
            pass
        return self.seen()

    def take(self, data: bytes) -> None:
        """Something came."""
        answer = read_answer(data)
        if answer is None or not self._asker.knows(answer) or answer.number not in self._sent_at:
            self._garbled += 1
            return
        if answer.number in self._times or answer.status < 200:
            return  # sent twice, or not final yet
        self._times[answer.number] = (self._loop.time() - self._sent_at[answer.number]) * 1000
        if self._first is None:
            self._first = answer.status, answer.reason, answer.server
        if len(self._times) == self._wanted:
            self.is_complete.set()

    def seen(self) -> SipSeen:
        status, reason, server = self._first or (None, "", "")
        return SipSeen(
            transport=self._transport,
            sent=len(self._sent_at),
            times_ms=tuple(round(self._times[number], 2) for number in sorted(self._times)),
            status=status,
            reason=reason,
            server=server,
            garbled=self._garbled,
        )


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.tally: Tally | None = None

    def datagram_received(self, data: bytes, addr: object) -> None:
        if self.tally is not None:
            self.tally.take(data)

    def error_received(self, exc: Exception) -> None:
        """The host says that nobody listens: there is nothing to wait for."""
        if self.tally is not None:
            self.tally.is_complete.set()


async def over_udp(host: str, address: str, port: int, count: int) -> SipSeen:
    """OPTIONS in datagrams to `address`, from a port of its own. An address that cannot be sent to answers nothing."""
    try:
        made = await asyncio.get_running_loop().create_datagram_endpoint(_Datagrams, remote_addr=(address, port))
    except OSError:
        return SipSeen(transport="udp")
    sending, protocol = made
    try:
        local = cast("tuple[str, int]", sending.get_extra_info("sockname"))
        protocol.tally = Tally(Asker(host, port, "udp", local[1]), "udp")
        return await protocol.tally.send(count, sending.sendto)
    finally:
        sending.close()


async def over_stream(
    host: str, port: int, transport: Transport, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], count: int
) -> SipSeen:
    """OPTIONS over an open connection, which stays open."""
    reader, writer = streams
    local = cast("tuple[str, int]", writer.get_extra_info("sockname"))
    tally = Tally(Asker(host, port, transport, local[1]), transport)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_read(reader, tally))
        seen = await tally.send(count, partial(_write, writer))
        reading.cancel()
    return seen


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """What the other side has closed takes nothing more; the missing answer says so."""
    if not writer.transport.is_closing():
        writer.write(data)


async def _read(reader: asyncio.StreamReader, tally: Tally) -> None:
    messages = StreamReader()
    try:
        while data := await reader.read(4096):
            for each in messages.feed(data):
                tally.take(each)
    except OSError:
        pass
    tally.is_complete.set()  # a closed connection answers nothing more
