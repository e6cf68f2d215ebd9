"""Whether a provider is there and takes a key: one harmless request that costs nothing.

Sources: developers.deepgram.com/reference/manage/projects/list, elevenlabs.io/docs/api-reference/voices,
platform.openai.com/docs/api-reference/models/list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import httpx
import msgspec

from parley.domain.health import KeyState
from parley.domain.secrets import Secret

TIMEOUT_S: Final = 5.0
_LONGEST_BODY: Final = 4096
# A key that is restricted to speaking is told so (elevenlabs.io/docs/api-reference/authentication).
_KNOWN_BUT_LIMITED: Final = "missing_permissions"
_STATES: Final[Mapping[int, KeyState]] = {
    401: "unauthorized",
    402: "no_credit",
    403: "limited",
    404: "not_there",
    429: "rate_limited",
}


class HttpKeyCheck(msgspec.Struct, frozen=True):
    """GET `url` with the key in the headers that `headers` makes of it.

    The vendor itself, `needs_key`, is not asked without one: a stand-in for it may do without.
    """

    http: httpx.AsyncClient
    url: str
    headers: Callable[[str], Mapping[str, str]]
    needs_key: bool = False

    async def check(self, key: Secret) -> KeyState:
        """What the provider said; never raises for what it does."""
        if self.needs_key and not key:
            return "unauthorized"
        headers = dict(self.headers(key.reveal())) if key else {}
        try:
            answer = await self.http.get(self.url, headers=headers, timeout=TIMEOUT_S)
        except (httpx.HTTPError, httpx.InvalidURL):
            return "unreachable"
        if answer.status_code == 401 and _KNOWN_BUT_LIMITED in answer.text[:_LONGEST_BODY]:
            return "limited"
        if answer.status_code >= 500:
            return "failing"
        return _STATES.get(answer.status_code, "ok")


def deepgram(http: httpx.AsyncClient, base_url: str, *, needs_key: bool = False) -> HttpKeyCheck:
    url = f"{base_url.rstrip('/')}/v1/projects"
    return HttpKeyCheck(http, url, lambda key: {"authorization": f"Token {key}"}, needs_key)


def elevenlabs(http: httpx.AsyncClient, base_url: str, *, needs_key: bool = False) -> HttpKeyCheck:
    return HttpKeyCheck(http, f"{base_url.rstrip('/')}/v1/voices", lambda key: {"xi-api-key": key}, needs_key)


def openai(http: httpx.AsyncClient, base_url: str, *, needs_key: bool = False) -> HttpKeyCheck:
    """`base_url` ends with the version, as the SDK has it."""
    url = f"{base_url.rstrip('/')}/models"
    return HttpKeyCheck(http, url, lambda key: {"authorization": f"Bearer {key}"}, needs_key)
