import asyncio
import ipaddress
import threading
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx
import pytest

from parley.domain.errors import BadInput, TargetBlocked
from parley.providers.guard import GuardedDialer, Lookups, TargetRules, check_url
from parley.providers.outbound import OutboundHttp

PUBLIC_ONLY = TargetRules()
PUBLIC = "93.184.216.34"
SPECIAL_TEXT = """
    127.0.0.1 [::1] 0.0.0.0 169.254.169.254 [fd00:ec2::254] 10.0.0.1 192.168.1.1 172.16.0.1 172.31.255.255
    100.64.0.1 100.100.100.200 [::ffff:127.0.0.1] [::ffff:a9fe:a9fe] [64:ff9b::7f00:1] [64:ff9b:1::1] [2002:7f00:1::]
    [2001::1] [fec0::1] [fc00::1] [fe80::1] 224.0.0.1 255.255.255.255 240.0.0.1 198.18.0.1 192.0.0.192 192.0.0.1
    192.88.99.1 168.63.129.16 [::] [::127.0.0.1] [ff02::1] [100::1] [3fff::1] [5f00::1] 203.0.113.9
"""
SPECIAL = SPECIAL_TEXT.split()
DISGUISED = ["localhost", "2130706433", "0x7f000001", "127.1", "mixed.test"]
ALWAYS_SHUT = ["169.254.169.254", "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "[fe80::1]", "0.0.0.0", "[::]"]


class RecordingDialer(httpcore.AsyncNetworkBackend):
    """Notes what would be dialled and opens nothing."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.dialled.append(host)
        raise httpcore.ConnectError("recorded, not dialled")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("recorded, not dialled")

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a guarded request never sleeps")


class Names:
    """A resolver that answers from a table; other names are loopback, as the disguises of 127.0.0.1 are."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        self.table = table
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        try:
            return [str(ipaddress.ip_address(host.strip("[]")))]
        except ValueError:
            return self.table.get(host, ["127.0.0.1"])


async def _post(names: Names, url: str, rules: TargetRules = PUBLIC_ONLY) -> list[str]:
    dialer = RecordingDialer()
    http = OutboundHttp(GuardedDialer(rules, names, dialer))
    try:
        with pytest.raises((TargetBlocked, httpx.ConnectError)):
            async with http.post(url, b"{}", {}):
                raise AssertionError("nothing was listening")
    finally:
        await http.aclose()
    return dialer.dialled


@pytest.mark.parametrize("host", SPECIAL + DISGUISED)
async def test_no_special_address_is_ever_dialled(host: str) -> None:
    names = Names({"mixed.test": [PUBLIC, "10.0.0.5"]})
    assert await _post(names, f"http://{host}/") == []


async def test_a_public_address_is_dialled_as_it_was_checked() -> None:
    names = Names({"ok.test": [PUBLIC]})
    assert await _post(names, "https://ok.test/hook") == [PUBLIC]
    assert names.asked == 1


async def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    names = Names({"two.test": ["2606:2800:220:1::1", PUBLIC]})
    assert await _post(names, "https://two.test/hook") == ["2606:2800:220:1::1", PUBLIC]


async def test_a_name_that_changes_its_answer_gains_nothing() -> None:
    names = Names({"rebind.test": [PUBLIC]})
    assert await _post(names, "http://rebind.test/") == [PUBLIC]
    names.table["rebind.test"] = ["127.0.0.1"]
    assert await _post(names, "http://rebind.test/") == []


async def test_only_ports_of_web_servers_are_open_unless_private_targets_are_allowed() -> None:
    names = Names({"ok.test": [PUBLIC]})
    assert await _post(names, "http://ok.test:6379/") == []
    assert await _post(names, "https://ok.test:8443/") == [PUBLIC]
    assert await _post(names, "http://ok.test:6379/", TargetRules(allow_private=True)) == [PUBLIC]


async def test_allowed_private_targets_do_not_open_the_metadata_addresses() -> None:
    rules = TargetRules(allow_private=True)
    for host in ("127.0.0.1", "localhost", "10.0.0.1", "192.168.1.1", "[fd12::1]"):
        assert len(await _post(Names({}), f"http://{host}:3000/", rules)) == 1
    for host in ALWAYS_SHUT:
        assert await _post(Names({}), f"http://{host}/", rules) == []


async def test_a_name_without_an_answer_is_a_failed_connection() -> None:
    assert await _post(Names({"gone.test": []}), "https://gone.test/") == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "http://example.com/hook",
        "ftp://example.com",
        "https://",
        "https://user:pass@example.com/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://exa mple.com/",
        "https://xn--a.example.com/",
        "https://example.com/" + "a" * 2083,
    ],
)
def test_a_url_that_cannot_be_a_webhook_is_refused_when_it_is_set(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_url(url, TargetRules())
    assert [error.field for error in caught.value.errors] == ["url"]


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/",
        "https://printer.local/",
        "https://db.internal./",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://example.com:22/",
    ],
)
def test_a_url_into_the_operators_network_is_refused_when_it_is_set(url: str) -> None:
    with pytest.raises(TargetBlocked):
        check_url(url, TargetRules())


def test_good_urls_pass_and_private_ones_where_allowed() -> None:
    check_url("https://example.com/webhook?x=1", TargetRules())
    check_url("https://example.com:8443/", TargetRules())
    check_url("http://localhost:3000/webhook", TargetRules(allow_private=True))
    with pytest.raises(TargetBlocked):
        check_url("http://169.254.169.254/", TargetRules(allow_private=True))


async def test_names_that_are_never_answered_hold_only_their_own_threads() -> None:
    asked, answer = list[str](), threading.Event()

    def ask_in_vain(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        answer.wait(10)
        return []

    lookups = Lookups(2, ask_in_vain)
    for number in range(20):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await lookups.resolve(f"{number}.example", 443)
    await asyncio.gather(*(asyncio.to_thread(lambda: None) for _ in range(8)))
    answer.set()
    assert await lookups.resolve("last.example", 443) == []
    assert len(asked) == 3  # who gave up before its turn is not asked for
