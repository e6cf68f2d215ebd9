"""A chat model judges: OpenAI, or any server that speaks its chat completions.

It is asked for structured output (`response_format` with a strict `json_schema`,
https://platform.openai.com/docs/guides/structured-outputs). Servers that know less of it say so in their refusal; they
are asked for any JSON object instead, then for plain text, each with the schema in the instructions. What a model's
server refused is remembered, so that the next call costs one request.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from parley.domain.analysis import Question
from parley.domain.secrets import Secret
from parley.providers.judging import Answered
from parley.providers.openai_server import DEFAULT_BASE_URL, OpenAIServer, authorization
from parley.providers.responders.chat import DEFAULT_MODEL

MAX_ANSWER_BYTES: Final = 1024 * 1024
MAX_ANSWER_TOKENS: Final = 8000
_FORMATS: Final = ("json_schema", "json_object", "text")
_SAYS_FORMAT: Final = ("response_format", "json_schema", "json_object", "structured", "schema", "strict")
_SAYS_LIMIT: Final = ("max_completion_tokens", "max_tokens")
_MAX_ATTEMPTS: Final = 4
_MAX_MODELS: Final = 1000


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    model: str = ""


_decoder = msgspec.json.Decoder(_Completion)


class _Manner(msgspec.Struct):
    """How a model's server takes to be asked."""

    place: int = 0
    has_limit: bool = True


class ChatJudge:
    """One for the whole server, made at start-up. `timeout_s` bounds one whole answer."""

    def __init__(
        self, base_url: str = DEFAULT_BASE_URL, *, default_model: str = DEFAULT_MODEL, timeout_s: float = 60.0
    ) -> None:
        self._server = OpenAIServer(base_url, _SENTENCES)
        self._is_openai = (urlsplit(base_url).hostname or "").endswith("api.openai.com")
        self._default_model = default_model
        self._timeout_s = timeout_s
        self._manners: dict[str, _Manner] = {}

    async def judge(self, question: Question, model: str, key: Secret) -> Answered:
        """Ask once; again at once only in the form that the server's refusal leaves."""
        import openai

        refusals = (openai.BadRequestError, openai.UnprocessableEntityError)
        model = model or self._default_model
        manner = self._manners.get(model, _Manner())
        for _ in range(_MAX_ATTEMPTS):
            try:
                body = await self._server.in_time(self._ask(question, model, key, manner), self._timeout_s, refusals)
            except refusals as error:
                if not _learn(manner, error.message.lower()):
                    raise self._server.failure("refused", retryable=False) from error
                if len(self._manners) < _MAX_MODELS:
                    self._manners[model] = manner
            else:
                self._server.note_use()
                return self._read(body, model)
        raise self._server.failure("refused", retryable=False)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._server.aclose()

    async def _ask(self, question: Question, model: str, key: Secret, manner: _Manner) -> bytes:
        limit = {"max_completion_tokens" if self._is_openai else "max_tokens": MAX_ANSWER_TOKENS}
        request = self._server.sdk.chat.completions.with_streaming_response.create(
            model=model,
            messages=cast(Any, _messages(question, _FORMATS[manner.place])),
            extra_body={**_format(question, _FORMATS[manner.place]), **(limit if manner.has_limit else {})},
            extra_headers=authorization(key),
        )
        async with request as response:
            return await self._whole(response.iter_bytes())

    async def _whole(self, pieces: AsyncIterator[bytes]) -> bytes:
        body = bytearray()
        async for piece in pieces:
            body += piece
            if len(body) > MAX_ANSWER_BYTES:
                raise self._server.failure("garbled", retryable=True)
        return bytes(body)

    def _read(self, body: bytes, model: str) -> Answered:
        try:
            completion = _decoder.decode(body)
            choice = completion.choices[0]
        except (msgspec.DecodeError, IndexError, RecursionError, UnicodeDecodeError) as error:
            raise self._server.failure("garbled", retryable=True) from error
        if choice.message.refusal:
            raise self._server.failure("declined", retryable=False)
        if choice.finish_reason == "length":
            raise self._server.failure("too_long", retryable=True)
        try:
            document = json.loads(_unfenced(choice.message.content or ""))
        except (ValueError, RecursionError) as error:
            raise self._server.failure("no_json", retryable=True) from error
        return Answered(document, completion.model[:200] or model)


def _learn(manner: _Manner, refusal: str) -> bool:
    """Whether the refusal names something that can be left out, so that asking again makes sense."""
    if manner.has_limit and any(word in refusal for word in _SAYS_LIMIT):
        manner.has_limit = False
        return True
    if manner.place + 1 < len(_FORMATS) and any(word in refusal for word in _SAYS_FORMAT):
        manner.place += 1
        return True
    return False


def _messages(question: Question, form: str) -> list[dict[str, str]]:
    instructions = question.instructions
    if form != "json_schema":
        schema = json.dumps(question.schema, ensure_ascii=False)
        instructions += f"\nAnswer with one JSON object and nothing else. It has to fit this JSON Schema:\n{schema}"
    return [{"role": "system", "content": instructions}, {"role": "user", "content": question.material}]


def _format(question: Question, form: str) -> dict[str, Any]:
    if form == "text":
        return {}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    schema = {"name": "call_review", "strict": True, "schema": question.schema}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _unfenced(content: str) -> str:
    """Without the code fence that models put around JSON when nothing forbids it."""
    text = content.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text[3:-3].removeprefix("json")
    return text


_SENTENCES: Mapping[str, str] = {
    "timeout": "The model that judges calls did not answer in time.",
    "connect_failed": "The server of the model that judges calls cannot be reached; check OPENAI_BASE_URL.",
    "broke_off": "The server of the model that judges calls closed the connection in the middle of an answer.",
    "garbled": "The server of the model that judges calls sent something that is no chat completion.",
    "too_long": "The model that judges calls did not come to the end of its answer.",
    "no_json": "The model that judges calls answered with something that is no JSON.",
    "declined": "The model declined to judge this conversation.",
    "unauthorized": "The model's server refused the key; check the project's credential or OPENAI_API_KEY.",
    "not_found": "The model's server knows no such model; check the agent's `analysis.model` and OPENAI_BASE_URL.",
    "rate_limited": "The model's server is out of capacity or quota for this key.",
    "refused": "The model's server refused the request to judge this conversation.",
    "http_status": "The model's server answered with an error status.",
}
