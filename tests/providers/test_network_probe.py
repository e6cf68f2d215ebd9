"""The way to a server: what is tried, what is never tried, and what each failure is called."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from parley.domain.errors import TargetBlocked, TooManyRequests
from parley.domain.network_tests import Target
from parley.providers.guard import TargetRules
from parley.providers.network_probe import NetworkProbe

PUBLIC = "93.184.216.34"
OTHER = "2606:2800:220:1:248:1893:25c8:1946"


def plain(host: str, port: int) -> Target:
    """A target of which only the connection is looked at."""
    return Target(host=host, port=port)


class Network:
    """Names lead to `addresses`; connecting to one does what `doors` says, and is noted."""

    def __init__(self, addresses: list[str], doors: dict[str, OSError] | None = None) -> None:
        self.addresses, self.doors = addresses, doors or {}
        self.dialled: list[tuple[str, int]] = []

    async def resolve(self, host: str, port: int) -> list[str]:
        return self.addresses

    async def connect(self, address: str, port: int) -> None:
        """A connection that is not spoken over."""
        self.dialled.append((address, port))
        if address in self.doors:
            raise self.doors[address]

    def probe(self, rules: TargetRules | None = None) -> NetworkProbe:
        return NetworkProbe(rules or TargetRules(), self.resolve, self.connect)


async def never(*_: object) -> None:
    await asyncio.Event().wait()


def fails(error: Exception) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(host: str, port: int) -> list[str]:
        raise error

    return resolve


async def test_the_first_address_that_opens_is_told() -> None:
    network = Network([PUBLIC, OTHER], {PUBLIC: ConnectionRefusedError()})
    seen = await network.probe().look(plain("sip.example.com", 5060), 1)
    assert (seen.addresses, seen.connected_to, seen.failure) == ((PUBLIC, OTHER), OTHER, None)
    assert network.dialled == [(PUBLIC, 5060), (OTHER, 5060)]
    assert seen.resolved_ms is not None and seen.connected_ms is not None


@pytest.mark.parametrize(
    ("error", "failure"),
    [(ConnectionRefusedError(), "refused"), (TimeoutError(), "timeout"), (OSError(113, "no route"), "unreachable")],
)
async def test_why_no_connection_was_made_is_told(error: OSError, failure: str) -> None:
    seen = await Network([PUBLIC], {PUBLIC: error}).probe().look(plain("sip.example.com", 5060), 1)
    assert (seen.failure, seen.connected_to, seen.connected_ms, seen.addresses) == (failure, None, None, (PUBLIC,))


async def test_of_several_failures_the_nearest_to_a_connection_is_told() -> None:
    doors = {PUBLIC: ConnectionRefusedError(), OTHER: OSError(101, "no network")}
    assert (await Network([PUBLIC, OTHER], doors).probe().look(plain("sip.example.com", 5060), 1)).failure == "refused"


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
async def test_a_name_without_an_address_is_told(error: Exception) -> None:
    probe = NetworkProbe(TargetRules(), fails(error), never)
    seen = await probe.look(plain("nobody.invalid", 5060), 1)
    assert (seen.failure, seen.addresses, seen.resolved_ms) == ("unresolved", (), None)


async def test_silence_ends_at_the_deadline() -> None:
    silent_names = NetworkProbe(TargetRules(), never, never, deadline_s=0.05)  # type: ignore[arg-type]  # never returns
    assert (await silent_names.look(plain("sip.example.com", 5060), 1)).failure == "name_server_timeout"
    silent_host = NetworkProbe(TargetRules(), Network([PUBLIC, OTHER]).resolve, never, deadline_s=0.05)
    assert (await silent_host.look(plain("sip.example.com", 5060), 1)).failure == "timeout"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254", "::ffff:10.0.0.1"]
)
async def test_no_private_address_is_ever_dialled(address: str) -> None:
    network = Network([PUBLIC, address])
    with pytest.raises(TargetBlocked):
        await network.probe().look(plain("mixed.example.com", 5060), 1)
    assert network.dialled == []


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 65_535])
async def test_other_servers_ports_are_not_tried(port: int) -> None:
    network = Network([PUBLIC])
    with pytest.raises(TargetBlocked, match="5060"):
        await network.probe().look(plain("sip.example.com", port), 1)
    assert network.dialled == []


async def test_metadata_stays_shut_where_private_targets_are_allowed() -> None:
    network = Network(["169.254.169.254"])
    with pytest.raises(TargetBlocked):
        await network.probe(TargetRules(allow_private=True)).look(plain("metadata.internal", 80), 1)
    assert network.dialled == []


async def test_only_so_many_run_at_once_and_the_place_is_given_back() -> None:
    probe = NetworkProbe(TargetRules(), Network([PUBLIC]).resolve, never)
    running = [asyncio.create_task(probe.look(plain("sip.example.com", 5060), 1)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        await probe.look(plain("sip.example.com", 5060), 1)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    probe_again = asyncio.create_task(probe.look(plain("sip.example.com", 5060), 1))
    await asyncio.sleep(0)
    assert not probe_again.done()
    probe_again.cancel()
    await asyncio.gather(probe_again, return_exceptions=True)


async def test_a_true_socket_is_opened_and_dropped() -> None:
    met = asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        met.set()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    probe = NetworkProbe(TargetRules(allow_private=True))
    async with server:
        seen = await probe.look(plain("localhost", port), 1)
        assert (seen.connected_to, seen.failure) == ("127.0.0.1", None)
        await asyncio.wait_for(met.wait(), 60)
    assert (await probe.look(plain("127.0.0.1", port), 1)).failure == "refused"
