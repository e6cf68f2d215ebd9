"""The one HTTP stack under Twilio's SDK, and Twilio's refusals in our error tree.

The SDK's own transports block the loop or bring a second HTTP library; this is the interface it asks for, over httpx.
Errors are raised from here, before the SDK sees them, so that Twilio's own words arrive unadorned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from parley.domain.errors import CarrierRefused, ProviderUnavailable
from parley.providers.protocols import OPTED_OUT

TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)

# Numbers are not for logs and error texts; an E.164 number has at most 15 digits (ITU-T E.164).
_NUMBER: Final = re.compile(r"(?<![\w.])\+?\d{7,15}(?!\w)")


RECIPIENT_OPTED_OUT: Final = 21610
"""Twilio's error for a text to somebody who replied STOP to this number (twilio.com/docs/api/errors/21610)."""


class TwilioRefused(CarrierRefused):
    """`twilio_code` is the number under twilio.com/docs/api/errors, 0 when none was given."""

    def __init__(self, message: str, http_status: int, twilio_code: int) -> None:
        reason = OPTED_OUT if twilio_code == RECIPIENT_OPTED_OUT else "provider_failed"
        super().__init__("twilio", message, retryable=False, reason=reason)
        self.http_status = http_status
        self.twilio_code = twilio_code


class _ErrorBody(msgspec.Struct):
    # Two shapes are in use: `code`/`message`, and the problem details of RFC 9457 with `title`/`detail`.
    code: int = 0
    message: str = ""
    title: str = ""
    detail: str | None = None

    @property
    def words(self) -> str:
        return self.message or self.detail or self.title


class Response:
    """What the SDK reads of an answer."""

    def __init__(self, status_code: int, text: str, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.content = self.text = text
        self.headers = headers
        self.ok = status_code < 400


class SdkTransport:
    """Carries the SDK's requests. `base_url` replaces scheme, host and port of every URL when it is not empty."""

    is_async = True

    def __init__(self, http: httpx.AsyncClient, base_url: str = "") -> None:
        self._http = http
        self._base = httpx.URL(base_url) if base_url else None

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request. Raises TwilioRefused for a refusal and ProviderUnavailable for everything that is no answer."""
        try:
            answer = await self._http.request(
                method,
                self._locate(uri),
                params=params,
                data=data,
                headers=headers,
                auth=auth,
                timeout=TIMEOUT if timeout is None else timeout,
                follow_redirects=allow_redirects,
            )
        except httpx.HTTPError as error:
            raise _unreachable(error, method) from error
        _raise_for(answer)
        return Response(answer.status_code, answer.text, answer.headers)

    def _locate(self, uri: str) -> httpx.URL:
        url = httpx.URL(uri)
        if self._base is None:
            return url
        path = self._base.path.rstrip("/").encode() + url.raw_path
        return self._base.copy_with(raw_path=path)


def _unreachable(error: httpx.HTTPError, method: str) -> ProviderUnavailable:
    # A request that may have arrived must not be sent twice where twice means two phone calls or two numbers.
    never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "could not be reached"
    message = f"Twilio {what} ({type(error).__name__}). Check the network and status.twilio.com."
    return ProviderUnavailable("twilio", message, retryable=never_sent or method == "GET")


def _raise_for(answer: httpx.Response) -> None:
    status = answer.status_code
    if status < 400:
        if status != 204 and not _is_object(answer.content):
            raise ProviderUnavailable("twilio", "Twilio answered with something that is not JSON.", retryable=False)
        return
    try:
        body = msgspec.json.decode(answer.content, type=_ErrorBody)
    except (msgspec.MsgspecError, RecursionError):
        body = _ErrorBody()
    words = _NUMBER.sub("[number]", body.words)[:500]
    said = f'"{words}"' if words else "no reason"
    known = f", error {body.code}" if body.code else ""
    if status >= 500 or status == 429:
        message = f"Twilio cannot take the request now and says {said} (HTTP {status}{known})."
        raise ProviderUnavailable("twilio", message, retryable=True)
    raise TwilioRefused(f"Twilio refused and says {said} (HTTP {status}{known}).", status, body.code)


def _is_object(content: bytes) -> bool:
    try:
        msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
