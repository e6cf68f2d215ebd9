"""A server that speaks OpenAI's API: its SDK and its connections, and what its failures mean to a call.

The SDK carries the requests (addresses, keys, error types, connections). Nothing is retried here: whoever asked
decides, against a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from parley.domain.errors import ProviderError, ProviderUnavailable
from parley.domain.secrets import Secret
from parley.providers.tls import http_trust

DEFAULT_BASE_URL = "https://api.openai.com/v1"

_CONNECT_TIMEOUT_S = 1.0
_KEEP_ALIVE_S = 120.0
_WARM_FOR_S = 20.0
_WARM_TIMEOUT_S = 2.0

_T = TypeVar("_T")


class OpenAIServer:
    """One for each part of a call it serves, made at start-up: the SDK takes a second to import and 16 ms to build.

    `sentences` say what each reason of a failure means for that part: timeout, connect_failed, broke_off, unauthorized,
    not_found, rate_limited, http_status, and whatever else `failure` is asked for.
    """

    def __init__(self, base_url: str, sentences: Mapping[str, str]) -> None:
        import httpx2
        import openai

        timeout = httpx2.Timeout(None, connect=_CONNECT_TIMEOUT_S, write=5.0, pool=_CONNECT_TIMEOUT_S)
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=200, keepalive_expiry=_KEEP_ALIVE_S)
        self._http = openai.DefaultAsyncHttpxClient(timeout=timeout, limits=limits, verify=http_trust())
        self.sdk = openai.AsyncOpenAI(
            api_key="given-with-each-request", base_url=base_url, timeout=timeout, max_retries=0, http_client=self._http
        )
        # The SDK reads these from the environment; they belong to one key, and every project brings its own.
        self.sdk.organization = self.sdk.project = None
        self._base_url = base_url
        self._sentences = sentences
        self._used_at = float("-inf")

    async def warm(self) -> None:
        """Open a connection to the server unless one was used just now; plain http is not worth it."""
        import httpx2

        now = asyncio.get_running_loop().time()
        if not self._base_url.startswith("https") or now - self._used_at < _WARM_FOR_S:
            return
        self._used_at = now
        try:
            await self._http.head(self._base_url, timeout=_WARM_TIMEOUT_S)
        except httpx2.HTTPError:
            return

    def note_use(self) -> None:
        """An answer was read to its end, so its connection is open and warm."""
        self._used_at = asyncio.get_running_loop().time()

    async def in_time(self, step: Awaitable[_T], limit_s: float, passing: tuple[type[Exception], ...] = ()) -> _T:
        """Await one step of a request. Raises ProviderError for what goes wrong, except what is `passing`."""
        import httpx2
        import openai

        try:
            async with asyncio.timeout(limit_s):
                return await step
        except passing:
            raise
        except (TimeoutError, openai.APITimeoutError) as error:
            raise self.failure("timeout", retryable=True) from error
        except openai.APIConnectionError as error:
            raise self.failure("connect_failed", retryable=True) from error
        except openai.APIStatusError as error:
            raise self._status_failure(error.status_code, error.code) from error
        except httpx2.HTTPError as error:
            raise self.failure("broke_off", retryable=True) from error

    def failure(self, reason: str, *, retryable: bool) -> ProviderError:
        """The error to raise, with the sentence for its reason."""
        kind = ProviderUnavailable if retryable else ProviderError
        return kind("openai", self._sentences[reason], retryable=retryable, reason=reason)

    async def aclose(self) -> None:
        """Close all connections."""
        await self.sdk.close()

    def _status_failure(self, status: int, code: str | None) -> ProviderError:
        if status in (401, 403):
            return self.failure("unauthorized", retryable=False)
        if status in (404, 405, 410, 501):
            return self.failure("not_found", retryable=False)
        if status == 429:
            return self.failure("rate_limited", retryable=code != "insufficient_quota")
        return self.failure("http_status", retryable=status >= 500 or status in (408, 409))


def authorization(key: Secret) -> dict[str, Any]:
    """The header for a tenant's own key; without one, none at all, not even the SDK's own."""
    import openai

    return {"Authorization": f"Bearer {key.reveal()}" if key else openai.Omit()}
