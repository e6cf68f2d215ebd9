import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from parley.domain.secrets import Secret
from parley.domain.webhooks import sign
from parley.providers.guard import GuardedDialer, TargetRules
from parley.providers.outbound import OutboundHttp, Sender
from tests.emulators.http_server import Answer, HttpServer, Request
from tests.emulators.webhook import DEAD, SILENT, WebhookEmulator

LOCAL = TargetRules(allow_private=True)


@pytest.fixture
async def http() -> AsyncIterator[OutboundHttp]:
    client = OutboundHttp.guarded(LOCAL)
    yield client
    await client.aclose()


async def _send(http: OutboundHttp, answer: Answer, timeout_s: float = 2.0) -> tuple[int | None, str | None, str]:
    async def handle(_: Request) -> Answer:
        return answer

    async with HttpServer(handle) as server:
        result = await Sender(http).send(server.url, {}, b"{}", timeout_s)
        return result.status, result.error, result.excerpt


async def test_an_event_arrives_signed_and_as_json(http: OutboundHttp) -> None:
    async with WebhookEmulator(lambda event: {}) as webhook:
        body = b'{"event":"call.ended","channel":"voice"}'
        headers = sign(webhook.secret, "dlv_1", int(datetime.now(UTC).timestamp()), body)
        result = await Sender(http).send(webhook.url, headers, body, 2.0)
        assert (result.status, result.error) == (200, None)
        received = webhook.received[0]
        assert received.is_signed
        assert received.message_id == "dlv_1"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["user-agent"].startswith("parley")


async def test_a_wrong_secret_is_answered_401(http: OutboundHttp) -> None:
    async with WebhookEmulator(lambda event: {}) as webhook:
        headers = sign(Secret("whsec_c2VjcmV0"), "dlv_1", int(datetime.now(UTC).timestamp()), b"{}")
        assert (await Sender(http).send(webhook.url, headers, b"{}", 60.0)).status == 401


async def test_failures_are_results_with_a_stable_word(http: OutboundHttp) -> None:
    assert await _send(http, SILENT, timeout_s=0.1) == (None, "timeout", "")
    assert await _send(http, DEAD) == (None, "broke_off", "")
    assert (await Sender(http).send("http://127.0.0.1:9/", {}, b"{}", 2.0)).error == "connect_failed"
    assert (await Sender(http).send("http://169.254.169.254/", {}, b"{}", 2.0)).error == "target_blocked"
    assert (await Sender(http).send("http://nowhere.invalid/", {}, b"{}", 5.0)).error == "connect_failed"
    assert (await Sender(http).send("https://xn--a/", {}, b"{}", 5.0)).error == "bad_url"


async def test_the_status_counts_even_if_the_body_never_ends(http: OutboundHttp) -> None:
    status, error, excerpt = await _send(http, Answer([b"x" * 1500, 0.01, b"y" * 100_000], status=500, ending="hang"))
    assert (status, error, len(excerpt)) == (500, None, 2000)
    assert await _send(http, Answer([b"a\x00b\xff"], ending="cut")) == (200, None, "ab\ufffd")


async def test_retry_after_is_handed_on(http: OutboundHttp) -> None:
    async def handle(_: Request) -> Answer:
        return Answer(status=429, headers={"retry-after": "120"})

    async with HttpServer(handle) as server:
        assert (await Sender(http).send(server.url, {}, b"{}", 2.0)).retry_after == "120"


async def test_redirects_are_not_followed(http: OutboundHttp) -> None:
    status, _, _ = await _send(http, Answer(status=302, headers={"location": "http://169.254.169.254/"}))
    assert status == 302


async def test_connections_are_used_again(http: OutboundHttp) -> None:
    async with WebhookEmulator(lambda event: {}) as webhook:
        for number in range(3):
            headers = sign(webhook.secret, f"dlv_{number}", int(datetime.now(UTC).timestamp()), b"{}")
            await Sender(http).send(webhook.url, headers, b"{}", 60.0)
        assert webhook.server.connections == 1


def _certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's TLS context that trust each other over 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "loopback.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


async def test_a_connection_opened_ahead_is_the_one_the_request_uses(tmp_path: Path) -> None:
    server_tls, client_tls = _certificate(tmp_path)
    http = OutboundHttp(GuardedDialer(LOCAL), context=client_tls)
    async with WebhookEmulator(lambda event: {}, tls=server_tls) as webhook:
        await asyncio.gather(http.warm(webhook.url, "call_1"), http.warm(webhook.url, "call_2"))
        await http.warm(webhook.url, "call_1")
        assert webhook.server.connections == 2
        assert (await Sender(http).send(webhook.url, {}, b"{}", 2.0)).status == 401
        assert webhook.server.connections == 2
        await webhook.server.drop_all()
        assert (await Sender(http).send(webhook.url, {}, b"{}", 2.0)).status == 401
        assert webhook.server.connections == 3
        await http.aclose()


async def test_nothing_is_opened_ahead_for_plain_http_or_where_it_fails(http: OutboundHttp) -> None:
    async with WebhookEmulator(lambda event: {}) as webhook:
        await http.warm(webhook.url, "call_1")
        await http.warm("https://127.0.0.1:9/", "call_1")
        await http.warm("https://169.254.169.254/", "call_1")
        await http.warm("https://xn--a/", "call_1")
        assert webhook.server.connections == 0
