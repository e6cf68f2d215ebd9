"""The HTTP client for everything that leaves for a customer's server: voice turns and event deliveries.

One client a use, made at start-up (an SSL context costs 16 ms of the loop). Connections are kept, and can be opened
before they are needed, because a handshake on the way to the first reply is heard as silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from parley.domain.errors import TargetBlocked
from parley.domain.webhooks import SendResult
from parley.providers.guard import GuardedDialer, SocketOptions, TargetRules
from parley.providers.tls import http_trust

CONNECT_TIMEOUT_S = 3.0
WRITE_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 4.0
"""Less than the five seconds after which common servers drop an idle connection: a request that meets the closing is
lost, and a voice turn is never sent twice."""
WARM_S = 30.0
MAX_WARM = 256
EXCERPT_BYTES = 2000
_BODY_WAIT_S = 2.0
_TICKET_WAIT_S = 0.3
_USER_AGENT = "parley-webhooks/1"


class OutboundHttp:
    """A guarded, pooled HTTP client. Requests raise httpx errors, or TargetBlocked before anything is dialled.

    `context` replaces the system's trusted authorities (which SSL_CERT_FILE extends).
    """

    def __init__(
        self,
        dialer: httpcore.AsyncNetworkBackend,
        *,
        max_connections: int = 1000,
        context: SSLContext | None = None,
    ) -> None:
        context = context or http_trust()
        context.set_alpn_protocols(["http/1.1"])
        self._warmer = _WarmDialer(dialer, context)
        transport = _GuardedTransport(self._warmer, context, max_connections)
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S, write=WRITE_TIMEOUT_S, pool=CONNECT_TIMEOUT_S),
            headers={"user-agent": _USER_AGENT, "accept-encoding": "identity"},
        )

    @classmethod
    def guarded(cls, rules: TargetRules, *, max_connections: int = 1000) -> OutboundHttp:
        return cls(GuardedDialer(rules), max_connections=max_connections)

    @asynccontextmanager
    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> AsyncGenerator[httpx.Response, None]:
        """POST and stream the answer. Reading has no timeout of its own: the caller keeps its deadline."""
        async with self._client.stream("POST", _read(url), content=body, headers=dict(headers)) as response:
            yield response

    async def warm(self, url: str, holder: str) -> None:
        """Open a connection for the next request to this host, at most one a `holder`, handshake included.

        Only for https: that is where the handshake costs, and a plain server that takes one connection at a time would
        be blocked by a silent one. Failing is silent, because the request itself will tell.
        """
        try:
            target = _read(url)
        except httpx.InvalidURL:
            return
        await self._warmer.open_ahead(target, holder)

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._warmer.aclose()


class Sender:
    """Delivers events: one POST, one answer. Retrying is the outbox's; a receiver's fault is a result, not an error."""

    def __init__(self, http: OutboundHttp) -> None:
        self._http = http

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> SendResult:
        """POST a JSON body. `timeout_s` limits everything up to the status; the body of the answer is only sampled."""
        loop = asyncio.get_running_loop()
        began = answered = loop.time()
        try:
            async with asyncio.timeout(timeout_s) as limit:
                async with self._http.post(url, body, {"content-type": "application/json", **headers}) as response:
                    answered = loop.time()
                    limit.reschedule(answered + _BODY_WAIT_S + 1)
                    excerpt = await _excerpt(response)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, TargetBlocked) as error:
            return SendResult(status=None, error=failure_code(error), response_ms=_ms(loop.time() - began))
        return SendResult(
            status=response.status_code,
            excerpt=excerpt,
            retry_after=response.headers.get("retry-after"),
            response_ms=_ms(answered - began),
        )


def _read(url: str) -> httpx.URL:
    """Raises InvalidURL, also for an international name that cannot be decoded, which httpx tells otherwise."""
    target = httpx.URL(url)
    try:
        _ = target.host
    except UnicodeError as error:
        raise httpx.InvalidURL("The host name cannot be decoded.") from error
    return target


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def failure_code(error: Exception) -> str:
    """The stable word for a request that got no answer."""
    match error:
        case TargetBlocked():
            return "target_blocked"
        case httpx.ConnectError() | httpx.ConnectTimeout():
            return "connect_failed"
        case TimeoutError() | httpx.TimeoutException():
            return "timeout"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "bad_url"
        case _:
            return "broke_off"


async def _excerpt(response: httpx.Response) -> str:
    """The beginning of the answer as text. The status is known, so a body that stalls or breaks off is no error."""
    seen = bytearray()
    try:
        async with asyncio.timeout(_BODY_WAIT_S):
            async for chunk in response.aiter_raw():
                seen += chunk
                if len(seen) > EXCERPT_BYTES:
                    break
    except (TimeoutError, httpx.HTTPError):
        pass
    # NUL is valid UTF-8 but not valid in a Postgres text.
    return bytes(seen[:EXCERPT_BYTES]).decode(errors="replace").replace("\0", "")


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a pool that dials through our backend, which httpx offers no argument for."""

    def __init__(self, dialer: httpcore.AsyncNetworkBackend, context: SSLContext, max_connections: int) -> None:
        # The parent's __init__ is left out on purpose: all it does is build a pool that dials by itself.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=dialer,
        )


class _WarmDialer(httpcore.AsyncNetworkBackend):
    """A dialer with a small stock of connections opened ahead, handshake included."""

    def __init__(self, dialer: httpcore.AsyncNetworkBackend, context: SSLContext) -> None:
        self._dialer = dialer
        self._context = context
        self._stock: list[_WarmStream] = []

    async def open_ahead(self, url: httpx.URL, holder: str) -> None:
        await self._drop_stale()
        if url.scheme != "https" or len(self._stock) >= MAX_WARM or any(warm.holder == holder for warm in self._stock):
            return
        host, port = url.raw_host.decode("ascii"), url.port or 443
        try:
            stream = await self._dialer.connect_tcp(host, port, timeout=CONNECT_TIMEOUT_S)
            stream = await stream.start_tls(self._context, server_hostname=host, timeout=CONNECT_TIMEOUT_S)
        except (httpcore.NetworkError, httpcore.TimeoutException, TargetBlocked):
            return
        if await _is_quiet(stream):
            opened_at = asyncio.get_running_loop().time()
            self._stock.append(_WarmStream(stream, (host, port), holder, opened_at))
        else:
            await stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore.AsyncNetworkStream:
        await self._drop_stale()
        for warm in self._stock:
            if warm.target == (host, port):
                self._stock.remove(warm)
                return warm
        return await self._dialer.connect_tcp(host, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: SocketOptions = None
    ) -> httpcore.AsyncNetworkStream:
        return await self._dialer.connect_unix_socket(path, timeout, socket_options)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def aclose(self) -> None:
        stock, self._stock = self._stock, []
        for warm in stock:
            await warm.aclose()

    async def _drop_stale(self) -> None:
        oldest = asyncio.get_running_loop().time() - WARM_S
        stale = [warm for warm in self._stock if warm.is_stale(oldest)]
        self._stock = [warm for warm in self._stock if warm not in stale]
        for warm in stale:
            await warm.aclose()


async def _is_quiet(stream: httpcore.AsyncNetworkStream) -> bool:
    """Take in the session tickets that TLS 1.3 sends unasked, so that later "readable" can only mean "closing"."""
    try:
        await stream.read(1, timeout=_TICKET_WAIT_S)
    except httpcore.ReadTimeout:
        return True
    except httpcore.NetworkError:
        return False
    return False


class _WarmStream(httpcore.AsyncNetworkStream):
    """A connection opened ahead, its handshake over, so that asking for the handshake again gives it as it is."""

    def __init__(
        self, stream: httpcore.AsyncNetworkStream, target: tuple[str, int], holder: str, opened_at: float
    ) -> None:
        self._stream = stream
        self._opened_at = opened_at
        self.target = target
        self.holder = holder

    def is_stale(self, oldest: float) -> bool:
        return self._opened_at < oldest or bool(self._stream.get_extra_info("is_readable"))

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return self._stream

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
