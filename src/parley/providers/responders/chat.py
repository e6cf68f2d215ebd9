"""A chat model answers the turn: OpenAI, or any server that speaks its chat completions.

The SDK carries the request (addresses, keys, error types, connections); the stream is read by `chat_stream`, which is
bounded and costs less. Nothing is retried here: the conversation decides, against its own clock, whether to ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import msgspec

from parley.domain.calls import CallPlan
from parley.domain.errors import ProviderError, ProviderUnavailable
from parley.domain.secrets import Secret
from parley.providers.protocols import HangupPart, ReplyPart, TextPart, TransferPart, TurnRequest
from parley.providers.responders.chat_request import END_CALL, TRANSFER_CALL, Refused, messages, settings
from parley.providers.responders.chat_stream import ChatStream, GarbledStream, ToolCall

DEFAULT_MODEL = "gpt-6-luna"
"""OpenAI's named replacement for gpt-4.1-mini, which is switched off on 2027-01-14; the fastest tier, used without
reasoning (https://developers.openai.com/api/docs/deprecations)."""

DEFAULT_BASE_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 1.0
KEEP_ALIVE_S = 120.0
_WARM_FOR_S = 20.0
_DRAIN_S = 0.02
_MAX_ATTEMPTS = 4

_T = TypeVar("_T")


class ChatResponder:
    """Asks the model of the call's agent with the call's own key. One for the whole server: made at start-up, because
    the SDK takes a second to import and 16 ms to build.

    `first_text_timeout_s` and `gap_timeout_s` only keep a dead server from holding a connection; the conversation's
    own deadlines are shorter.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_BASE_URL,
        *,
        default_model: str = DEFAULT_MODEL,
        first_text_timeout_s: float = 15.0,
        gap_timeout_s: float = 6.0,
    ) -> None:
        import httpx2
        import openai

        timeout = httpx2.Timeout(None, connect=CONNECT_TIMEOUT_S, write=5.0, pool=CONNECT_TIMEOUT_S)
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=200, keepalive_expiry=KEEP_ALIVE_S)
        self._http = openai.DefaultAsyncHttpxClient(timeout=timeout, limits=limits)
        self._sdk = openai.AsyncOpenAI(
            api_key="given-with-each-request", base_url=base_url, timeout=timeout, max_retries=0, http_client=self._http
        )
        # The SDK reads these from the environment; they belong to one key, and every project brings its own.
        self._sdk.organization = self._sdk.project = None
        self._base_url = base_url
        self._default_model = default_model
        self._timeouts_s = (first_text_timeout_s, gap_timeout_s)
        self._refused = Refused()
        self._used_at = float("-inf")

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        """Yield text as it streams, then hanging up or transferring if the model asked for it."""
        stream = ChatStream()
        said = False
        async with AsyncExitStack() as stack:
            data = await self._open(turn, stack)
            while not stream.is_done:
                piece = await self._in_time(anext(data, None), self._timeouts_s[said])
                text = self._read(stream, piece)
                if text:
                    said = True
                    yield TextPart(text)
                if piece is None:
                    break
            await _drain(data)
        self._used_at = asyncio.get_running_loop().time()
        parts = _leaving(stream.tool_calls(), said=said)
        if not said and not parts:
            raise _failed("empty", retryable=True)
        for part in parts:
            yield part

    async def warm(self, plan: CallPlan) -> None:
        """Open a connection to the server unless one was used just now; plain http is not worth it."""
        import httpx2

        now = asyncio.get_running_loop().time()
        if plan.webhook is not None or not self._base_url.startswith("https") or now - self._used_at < _WARM_FOR_S:
            return
        self._used_at = now
        try:
            await self._http.head(self._base_url, timeout=2.0)
        except httpx2.HTTPError:
            return

    async def aclose(self) -> None:
        """Close all connections."""
        await self._sdk.close()

    async def _open(self, turn: TurnRequest, stack: AsyncExitStack) -> AsyncIterator[bytes]:
        """Send the request; once more without a setting that the server refuses by name."""
        import openai

        agent = turn.plan.agent
        model = agent.model.model or self._default_model
        is_openai = (urlsplit(self._base_url).hostname or "").endswith("api.openai.com")
        for _ in range(_MAX_ATTEMPTS):
            body = settings(agent, model, is_openai=is_openai, refused=self._refused.of(model))
            request = self._sdk.chat.completions.with_streaming_response.create(
                model=model,
                messages=cast(Any, messages(turn, has_tools="tools" in body)),
                stream=True,
                extra_body=body,
                extra_headers=_authorization(turn.plan.model_key),
            )
            try:
                response = await self._in_time(stack.enter_async_context(request), self._timeouts_s[0])
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not self._refused.learn(model, body, error.message):
                    raise _failed("refused", retryable=False) from error
            else:
                return response.iter_bytes()
        raise _failed("refused", retryable=False)

    def _read(self, stream: ChatStream, piece: bytes | None) -> str:
        try:
            return stream.finish() if piece is None else stream.feed(piece)
        except GarbledStream as error:
            raise _failed("garbled", retryable=True) from error

    async def _in_time(self, step: Awaitable[_T], limit_s: float) -> _T:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(limit_s):
                return await step
        except (TimeoutError, openai.APITimeoutError) as error:
            raise _failed("timeout", retryable=True) from error
        except openai.APIConnectionError as error:
            raise _failed("connect_failed", retryable=True) from error
        except (openai.BadRequestError, openai.UnprocessableEntityError):
            raise
        except openai.APIStatusError as error:
            raise _status_failure(error.status_code, error.code) from error
        except httpx2.HTTPError as error:
            raise _failed("broke_off", retryable=True) from error


async def _drain(data: AsyncIterator[bytes]) -> None:
    """Read to the proper end of the answer, which follows its last event at once, so that the connection is kept."""
    import httpx2

    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in data:
                pass
    except (TimeoutError, httpx2.HTTPError):
        pass


def _authorization(key: Secret) -> dict[str, Any]:
    import openai

    return {"Authorization": f"Bearer {key.reveal()}" if key else openai.Omit()}


def _leaving(calls: list[ToolCall], *, said: bool) -> list[ReplyPart]:
    """The first call that is one of ours, with its words in front if the model said nothing besides."""
    for call in calls:
        if call.name in (END_CALL, TRANSFER_CALL):
            words = "" if said else _words(call.arguments)
            leave = HangupPart() if call.name == END_CALL else TransferPart()
            return [TextPart(words), leave] if words else [leave]
    return []


def _words(arguments: str) -> str:
    try:
        given = msgspec.json.decode(arguments, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
    return next((text.strip() for text in given.values() if isinstance(text, str) and text.strip()), "")


def _status_failure(status: int, code: str | None) -> ProviderError:
    if status in (401, 403):
        return _failed("unauthorized", retryable=False)
    if status == 404:
        return _failed("not_found", retryable=False)
    if status == 429:
        return _failed("rate_limited", retryable=code != "insufficient_quota")
    return _failed("http_status", retryable=status >= 500 or status in (408, 409))


_SENTENCES = {
    "timeout": "The chat model did not answer in time.",
    "connect_failed": "The chat model's server cannot be reached; check OPENAI_BASE_URL.",
    "broke_off": "The chat model's server closed the connection in the middle of an answer.",
    "garbled": "The chat model's server sent something that is no chat completion.",
    "empty": "The chat model answered nothing.",
    "unauthorized": "The chat model's server refused the key; check the project's credential or OPENAI_API_KEY.",
    "not_found": "The chat model's server knows no such model; check the agent's model and OPENAI_BASE_URL.",
    "rate_limited": "The chat model's server is out of capacity or quota for this key.",
    "refused": "The chat model's server refused the request.",
    "http_status": "The chat model's server answered with an error status.",
}


def _failed(reason: str, *, retryable: bool) -> ProviderError:
    kind = ProviderUnavailable if retryable else ProviderError
    return kind("openai", _SENTENCES[reason], retryable=retryable, reason=reason)
