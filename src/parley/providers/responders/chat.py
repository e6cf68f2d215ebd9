"""A chat model answers the turn: OpenAI, or any server that speaks its chat completions.

The stream is read by `chat_stream`, which is bounded and costs less than the SDK. Nothing is retried here: the
conversation decides, against its own clock, whether to ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, cast
from urllib.parse import urlsplit

from parley.domain.calls import CallPlan
from parley.providers.openai_server import DEFAULT_BASE_URL, OpenAIServer, authorization
from parley.providers.protocols import RefusedPart, ReplyPart, TextPart, TurnRequest
from parley.providers.responders.chat_request import Refused, messages, settings
from parley.providers.responders.chat_stream import ChatStream, GarbledStream
from parley.providers.responders.chat_tools import Offer

DEFAULT_MODEL = "gpt-6-luna"
"""OpenAI's named replacement for gpt-4.1-mini, which is switched off on 2027-01-14; the fastest tier, used without
reasoning (https://developers.openai.com/api/docs/deprecations)."""

_DRAIN_S = 0.02
_MAX_ATTEMPTS = 4


class ChatResponder:
    """Asks the model of the call's agent with the call's own key. One for the whole server, made at start-up.

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
        self._server = OpenAIServer(base_url, _SENTENCES)
        self._base_url = base_url
        self._default_model = default_model
        self._timeouts_s = (first_text_timeout_s, gap_timeout_s)
        self._refused = Refused()

    async def respond(self, turn: TurnRequest) -> AsyncGenerator[ReplyPart, None]:
        """Yield text as it streams, then what the model wants done, as far as it may."""
        stream = ChatStream()
        said = False
        async with AsyncExitStack() as stack:
            data, offer = await self._open(turn, stack)
            while not stream.is_done:
                piece = await self._server.in_time(anext(data, None), self._timeouts_s[said])
                text = self._read(stream, piece)
                if text:
                    said = True
                    yield TextPart(text)
                if piece is None:
                    break
            await _drain(data)
        self._server.note_use()
        acts = False
        for part in offer.parts(stream.tool_calls(), said=said):
            acts = acts or not isinstance(part, RefusedPart)
            yield part
        if not said and not acts:
            raise self._server.failure("empty", retryable=True)

    async def warm(self, plan: CallPlan) -> None:
        """Open a connection to the server, if the model is what will answer."""
        if plan.webhook is None:
            await self._server.warm()

    async def withdraw(self, turn: TurnRequest, reason: str, heard: str) -> None:
        """A model is told nothing: the history of its next turn says what was heard."""

    async def aclose(self) -> None:
        """Close all connections."""
        await self._server.aclose()

    async def _open(self, turn: TurnRequest, stack: AsyncExitStack) -> tuple[AsyncIterator[bytes], Offer]:
        """Send the request; once more without a setting that the server refuses by name. Also: what was offered."""
        import openai

        refusals = (openai.BadRequestError, openai.UnprocessableEntityError)
        agent = turn.plan.agent
        model = agent.model.model or self._default_model
        is_openai = (urlsplit(self._base_url).hostname or "").endswith("api.openai.com")
        for _ in range(_MAX_ATTEMPTS):
            body = settings(agent, model, is_openai=is_openai, refused=self._refused.of(model))
            request = self._server.sdk.chat.completions.with_streaming_response.create(
                model=model,
                messages=cast(Any, messages(turn, has_tools="tools" in body)),
                stream=True,
                extra_body=body,
                extra_headers=authorization(turn.plan.model_key),
            )
            try:
                response = await self._server.in_time(stack.enter_async_context(request), self._timeouts_s[0], refusals)
            except refusals as error:
                if not self._refused.learn(model, body, error.message):
                    raise self._server.failure("refused", retryable=False) from error
            else:
                return response.iter_bytes(), Offer(body.get("tools", ()))
        raise self._server.failure("refused", retryable=False)

    def _read(self, stream: ChatStream, piece: bytes | None) -> str:
        try:
            return stream.finish() if piece is None else stream.feed(piece)
        except GarbledStream as error:
            raise self._server.failure("garbled", retryable=True) from error


async def _drain(data: AsyncIterator[bytes]) -> None:
    """Read to the proper end of the answer, which follows its last event at once, so that the connection is kept."""
    import httpx2

    try:
        async with asyncio.timeout(_DRAIN_S):
            async for _ in data:
                pass
    except (TimeoutError, httpx2.HTTPError):
        pass


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
